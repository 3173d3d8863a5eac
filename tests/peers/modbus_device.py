"""Devices of holding and input registers: {"do": "set", "with": [table, address, type, value, word order]}, and "get" likewise."""

import asyncio

from pymodbus.client.mixin import ModbusClientMixin as Codec
from served import Unit, serve


class Registers(Unit):
    def __init__(self):
        super().__init__()
        self.held = {}

    def read(self, table, address, count):
        wanted = [(table, n) for n in range(address, address + count)]
        return [self.held[n] for n in wanted] if all(n in self.held for n in wanted) else None

    def write(self, table, address, values):
        if self.read(table, address, len(values)) is None:
            return 2
        for n, value in enumerate(values):
            self.held[table, address + n] = value
        return 0

    def order(self, name, argument):
        if name == "set":
            table, address, kind, value, order = argument
            for n, word in enumerate(Codec.convert_to_registers(value, Codec.DATATYPE[kind], word_order=order)):
                self.held[table, address + n] = word
        elif name == "get":
            table, address, kind, order = argument
            words = self.read(table, address, Codec.DATATYPE[kind].value[1])
            return Codec.convert_from_registers(words, Codec.DATATYPE[kind], word_order=order)
        else:
            return super().order(name, argument)
        return True


asyncio.run(serve({1: Registers(), 2: Registers()}))
