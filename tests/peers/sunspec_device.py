"""A SunSpec device made of the models of pysunspec2: it alone says where a point stands and what its registers mean.

Orders: "models" with [[id, {point: value}], ...] builds the device anew, in this order; "set" with [model, nth, {point: value}]
gives raw values (null = not implemented); "cset" scaled ones; "get" and "cget" with [model, nth, point] likewise; "base" moves
the map; "definitions" with [ids] tells the library's own definitions.
"""

import asyncio

import sunspec2.device as sunspec
from served import Unit, serve


class Device(Unit):
    def __init__(self):
        super().__init__()
        self.base, self.models = 40000, []

    def registers(self):
        """All of the device: marker, models, end mark."""
        out = bytearray(b"SunS")
        for model in self.models:
            out += model.get_mb()
        return bytes(out) + b"\xff\xff\x00\x00"

    def read(self, table, address, count):
        start, held = 2 * (address - self.base), self.registers()
        if table != "holding" or start < 0 or start + 2 * count > len(held):
            return None
        cut = held[start : start + 2 * count]
        return [int.from_bytes(cut[n : n + 2], "big") for n in range(0, len(cut), 2)]

    def write(self, table, address, values):
        if self.read(table, address, len(values)) is None:
            return 2
        held = bytearray(self.registers())
        start = 2 * (address - self.base)
        held[start : start + 2 * len(values)] = b"".join(v.to_bytes(2, "big") for v in values)
        at = 4
        for model in self.models:
            length = len(model.get_mb())
            model.set_mb(bytes(held[at : at + length]))
            at += length
        return 0

    def model(self, number, nth):
        return [m for m in self.models if m.model_id == number][nth - 1]

    def order(self, name, argument):
        if name == "models":
            self.models = []
            for number, values in argument:
                model = sunspec.Model(model_id=number)
                if model.error_info:
                    raise ValueError(model.error_info)
                model.points["ID"].value = number
                model.points["L"].value = len(model.get_mb()) // 2 - 2
                self.models.append(model)
                for point, value in values.items():
                    model.points[point].value = value
        elif name in ("set", "cset"):
            number, nth, values = argument
            for point, value in values.items():
                setattr(self.model(number, nth).points[point], "value" if name == "set" else "cvalue", value)
        elif name in ("get", "cget"):
            number, nth, point = argument
            return getattr(self.model(number, nth).points[point], "value" if name == "get" else "cvalue")
        elif name == "base":
            self.base = argument
        elif name == "definitions":
            return [definition(number) for number in argument]
        else:
            return super().order(name, argument)
        return True


def definition(number):
    """Every point of a model: name, offset, size, type, scale factor, units, numbers of its symbols."""
    out, at = [], 0
    for p in sunspec.get_model_def(number)["group"]["points"]:
        symbols = {s["name"]: s["value"] for s in p.get("symbols", [])}
        out.append([p["name"], at, p["size"], p["type"], p.get("sf"), p.get("units"), symbols])
        at += p["size"]
    return [number, out]


asyncio.run(serve({1: Device()}))
