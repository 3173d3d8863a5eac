"""A Modbus TCP server of pymodbus on a free loopback port, told what to do in lines of JSON on standard input.

It prints its port first, answers each order with one line, and ends when standard input closes.
"""

import asyncio
import json
import sys

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

TABLES = {1: "coil", 5: "coil", 15: "coil", 2: "discrete", 3: "holding", 6: "holding", 16: "holding", 4: "input"}


class Unit:
    """What one unit answers. A subclass says what stands where."""

    def __init__(self):
        self.refuse = None  # an exception code for every request of one function
        self.requests = []  # function, address, count or values

    def read(self, table, address, count):
        """Registers, or None where there are none."""
        raise NotImplementedError

    def write(self, table, address, values):
        """Take `values`, or return an exception code."""
        raise NotImplementedError

    async def action(self, function, start, address, count, registers, values):
        table = TABLES[function]
        writes = values is not None
        if writes or function < 5:  # the server itself reads back what it has written
            self.requests.append([function, address, [int(v) for v in values] if writes else count])
        if self.refuse and self.refuse[0] == function:
            return ExcCodes(self.refuse[1])
        if writes and (code := self.write(table, address, values)):
            return ExcCodes(code)
        held = self.read(table, address, count)
        if held is None:
            return ExcCodes.ILLEGAL_ADDRESS
        registers[address - start : address - start + count] = held
        return None

    def order(self, name, argument):
        """One order of the test; what it returns is the answer."""
        if name == "refuse":
            self.refuse = argument
        elif name == "requests":
            seen, self.requests = self.requests, []
            return seen
        elif name == "writes":
            return [r for r in self.requests if r[0] in (5, 6, 15, 16)]
        else:
            raise ValueError(f"no order {name}")
        return True


def _everything(kind):
    return [SimData(0, count=65536, values=0, datatype=kind)]


async def serve(units):
    """Serve {unit id: Unit} until standard input closes."""
    words = DataType.REGISTERS
    devices = [SimDevice(n, _everything(words), action=unit.action) for n, unit in units.items()]
    server = ModbusTcpServer(devices, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    print(server.transport.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            order = json.loads(line)
            if order["do"] == "hang up":
                for connection in list(server.active_connections.values()):
                    connection.close()
                answer = True
            else:
                answer = units[order.get("unit", 1)].order(order["do"], order.get("with"))
            print(json.dumps({"answer": answer}), flush=True)
        except Exception as e:  # the test must hear of it, whatever it is
            print(json.dumps({"error": f"{type(e).__name__}: {e}"}), flush=True)
    await server.shutdown()
