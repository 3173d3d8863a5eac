"""The dispatch's programmes once more, by oemof.solph: cases as JSON on standard input, answers as JSON on standard output.

A case has the site file's own tables and what is known of the hours to come. What a kind of asset is in terms of the
library's components is decided here, from the words of the site file, and nowhere else. Every sum of money is over the
horizon, with stores' energy valued at its end as the case says.
"""

import calendar
import json
import logging
import sys
import warnings
from datetime import datetime

import pandas as pd
from oemof import solph
from oemof.solph import NonConvex, components
from oemof.solph.flows import Flow
from pyomo.contrib.appsi.solvers import Highs

logging.disable(logging.WARNING)
warnings.filterwarnings("ignore")


class Park:
    """One case as an energy system."""

    def __init__(self, case):
        self.case, self.site, self.steps = case, case["site"], len(case["import_price"])
        index = pd.date_range(case["start"], periods=self.steps + 1, freq="h")
        self.system = solph.EnergySystem(timeindex=index, infer_last_interval=False)
        self.per_kg = self.site["values"]["co2_per_kg"]
        self.bus = {bus["id"]: solph.buses.Bus(label=bus["id"]) for bus in self.site["bus"]}
        self.system.add(*self.bus.values())
        # What stores hold at the start is worth something: a constant of the objective.
        self.decided, self.machines, self.stores = 0.0, {}, {}
        self.matching = any(a.get("hourly_matching") for a in self.site.get("hydrogen_offtake", []))
        if self.matching:
            self.matched()
        for kind in self.site:
            if kind not in ("values", "tariff", "bus"):
                for asset in self.site[kind]:
                    getattr(self, kind)(asset)

    def matched(self):
        """Where some hydrogen must come from hours of as much sun: an account of it, beside the tank.

        What enters it is made, and there is leave for it: each of both may be more than the other.
        """
        made_by = self.site["electrolyser"]
        curves = [[p[1] for p in e.get("efficiency_curve", [])] or [e["efficiency"]] for e in made_by]
        self.worst = min(sum(curves, []))
        self.leave, self.made, self.account = map(self.extra_bus, ("leave", "made", "account"))
        for bus in (self.leave, self.made):
            self.system.add(components.Sink(label=f"{bus.label} unused", inputs={bus: Flow()}))
        self.convert("stamp", {self.leave: 1, self.made: 1}, {self.account: 1})
        book = components.GenericStorage(
            label="book",
            inputs={self.account: Flow()},
            outputs={self.account: Flow()},
            nominal_capacity=1e6,
            initial_storage_level=0,
            balanced=False,
        )
        self.system.add(book)

    def extra_bus(self, name):
        bus = solph.buses.Bus(label=name)
        self.system.add(bus)
        return bus

    def convert(self, name, feeds, gives):
        flows = {"inputs": {bus: Flow() for bus in feeds}, "outputs": {bus: Flow() for bus in gives}}
        self.system.add(components.Converter(label=name, **flows, conversion_factors={**feeds, **gives}))

    def source(self, name, bus, **flow):
        self.system.add(components.Source(label=name, outputs={self.bus[bus]: Flow(**flow)}))

    def sink(self, name, bus, **flow):
        self.system.add(components.Sink(label=name, inputs={self.bus[bus]: Flow(**flow)}))

    def grid(self, a):
        co2 = a.get("co2_kg_per_kwh", 0.0) * self.per_kg
        monthly, bought = self.site["tariff"].get("demand_per_kw_month", 0.0), {}
        if monthly > 0:
            # Every kW above the month's peak so far is bought for the days that are left, today included.
            day = datetime.fromisoformat(self.case["start"])
            left = calendar.monthrange(day.year, day.month)[1] - day.day + 1
            peak = solph.Investment(ep_costs=monthly / left, existing=self.case["peak_kw"])
            bought = {"nominal_capacity": peak}
        self.source(f"{a['id']} in", a["bus"], variable_costs=[p + co2 for p in self.case["import_price"]], **bought)
        self.sink(f"{a['id']} out", a["bus"], variable_costs=[-p for p in self.case["export_price"]])

    def gas_supply(self, a):
        price = a["price_per_kwh"] + a.get("co2_kg_per_kwh", 0.0) * self.per_kg
        self.source(a["id"], a["bus"], variable_costs=price, nominal_capacity=a["max_kw"])

    def load(self, a):
        self.sink(a["id"], a["bus"], fix=self.case["series"][a["id"]], nominal_capacity=1)

    def pv(self, a):
        sun = {"maximum": self.case["series"][a["id"]], "nominal_capacity": 1}
        if not self.matching:
            self.source(a["id"], a["bus"], **sun)
            return
        # Beside its power it gives leave to sell as much hydrogen as that could make.
        given = self.extra_bus(f"{a['id']} given")
        self.system.add(components.Source(label=a["id"], outputs={given: Flow(**sun)}))
        out = {self.bus[a["bus"]]: 1, self.leave: self.worst}
        self.convert(f"{a['id']} and leave", {given: 1}, out)

    wind = pv

    def store(self, a, bus, low, high, charging, discharging, loss, wear):
        held = self.case["stores"][a["id"]]
        capacity, worth = held["capacity_kwh"], held["end_value"]
        self.decided += worth * held["energy_kwh"]
        bus = self.bus[bus]
        store = components.GenericStorage(
            label=a["id"],
            inputs={bus: Flow(nominal_capacity=a["charge_max_kw"])},
            outputs={bus: Flow(nominal_capacity=a["discharge_max_kw"], variable_costs=wear)},
            nominal_capacity=capacity,
            initial_storage_level=held["energy_kwh"] / capacity,
            min_storage_level=low,
            max_storage_level=high,
            balanced=False,
            inflow_conversion_factor=charging,
            outflow_conversion_factor=discharging,
            loss_rate=loss,
            storage_costs=[0.0] * (self.steps - 1) + [-worth],
        )
        self.system.add(store)
        self.stores[a["id"]] = store

    def battery(self, a):
        efficiencies = a["charge_efficiency"], a["discharge_efficiency"]
        self.store(a, a["bus"], a["soc_min"], a["soc_max"], *efficiencies, 0.0, a["wear_per_kwh"])

    def heat_tank(self, a):
        assert a["reserve"] == 0, "a reserve is not a word of this library"
        self.store(a, a["bus"], 0, 1, 1, 1, a["loss_per_h"], 0)

    cold_tank = heat_tank

    def hydrogen_tank(self, a):
        self.store(a, a["bus"], 0, 1, 1, 1, 0, 0)

    def committed(self, a, **flow):
        """The principal flow of a machine that rests at the start, since this moment."""
        c = a["commitment"]
        # What lasts beyond the horizon lasts to its end.
        times = lambda minutes: [min(minutes // 60, self.steps - t) for t in range(self.steps)]
        whole = NonConvex(
            startup_costs=c["start_cost"],
            minimum_uptime=times(c["min_up_min"]),
            minimum_downtime=times(c["min_down_min"]),
            initial_status=0,
        )
        return Flow(nominal_capacity=a["rated_kw"], minimum=c["min_load"], nonconvex=whole, **flow)

    def machine(self, a, out, feeds):
        """A machine whose inputs are shares of its one output."""
        out = self.bus[out]
        flow = self.committed(a) if "commitment" in a else Flow(nominal_capacity=a["rated_kw"])
        feeds = {self.bus[bus]: share for bus, share in feeds.items()}
        node = components.Converter(
            label=a["id"], inputs={bus: Flow() for bus in feeds}, outputs={out: flow}, conversion_factors=feeds
        )
        self.system.add(node)
        self.machines[a["id"]] = (node, out)

    def boiler(self, a):
        self.machine(a, a["heat_bus"], {a["gas_bus"]: 1 / a["efficiency"]})

    def heat_pump(self, a):
        self.machine(a, a["heat_bus"], {a["electric_bus"]: 1 / a["cop"]})

    def chiller(self, a):
        self.machine(a, a["cool_bus"], {a["electric_bus"]: 1 / a["eer"]})

    def absorption_chiller(self, a):
        self.machine(
            a, a["cool_bus"], {a["heat_bus"]: 1 / a["cop"], a["electric_bus"]: a["auxiliary_kw_per_kw"]}
        )

    def chp(self, a):
        power, heat, gas = (self.bus[a[key]] for key in ("electric_bus", "heat_bus", "gas_bus"))
        low = a["commitment"]["min_load"]
        line = components.slope_offset_from_nonconvex_output
        ratios = {
            gas: line(1, low, a["electric_efficiency"], a["electric_efficiency_min_load"]),
            heat: line(1, low, a["rated_kw"] / a["heat_kw"], low * a["rated_kw"] / a["heat_kw_min_load"]),
        }
        node = components.OffsetConverter(
            label=a["id"],
            inputs={gas: Flow()},
            outputs={power: self.committed(a, variable_costs=a["wear_per_kwh"]), heat: Flow()},
            conversion_factors={bus: slope for bus, (slope, _) in ratios.items()},
            normed_offsets={bus: offset for bus, (_, offset) in ratios.items()},
        )
        self.system.add(node)
        self.machines[a["id"]] = (node, power)

    def electrolyser(self, a):
        power, hydrogen = self.bus[a["electric_bus"]], self.bus[a["hydrogen_bus"]]
        curve = a.get("efficiency_curve") or [[0, a["efficiency"]], [1, a["efficiency"]]]
        assert len(curve) == 2 and not a.get("standby_kw"), "one straight line, no standby"
        low = a["commitment"]["min_load"]
        at = lambda share: curve[0][1] + (curve[1][1] - curve[0][1]) * (share - curve[0][0]) / (curve[1][0] - curve[0][0])
        slope, offset = components.slope_offset_from_nonconvex_input(1, low, at(1), at(low))
        slopes, offsets = {hydrogen: slope}, {hydrogen: offset}
        if self.matching:
            slopes[self.made], offsets[self.made] = slope, offset
        if "heat_bus" in a:
            heat = self.bus[a["heat_bus"]]
            slopes[heat], offsets[heat] = a["heat_share"], 0
        node = components.OffsetConverter(
            label=a["id"],
            inputs={power: self.committed(a, variable_costs=a["wear_per_kwh"])},
            outputs={bus: Flow() for bus in slopes},
            conversion_factors=slopes,
            normed_offsets=offsets,
        )
        self.system.add(node)
        self.machines[a["id"]] = (power, node)

    def hydrogen_offtake(self, a):
        """A buyer with a contract for the day, which is the horizon: what is short of it is bought elsewhere, unpaid."""
        sold, delivered = self.extra_bus(f"{a['id']} sold"), self.extra_bus(f"{a['id']} delivered")
        feeds = {self.bus[a["bus"]]: 1} | ({self.account: 1} if a.get("hourly_matching") else {})
        self.convert(f"{a['id']} sells", feeds, {sold: 1})
        pay = Flow(variable_costs=-a["price_per_kwh"])
        paid = components.Converter(label=f"{a['id']} paid", inputs={sold: pay}, outputs={delivered: Flow()})
        self.system.add(paid)
        self.machines[a["id"]] = (sold, paid)
        owed = a.get("kwh_per_day", 0.0)
        if owed > 0:
            short = Flow(variable_costs=a["shortfall_per_kwh"])
            self.system.add(components.Source(label=f"{a['id']} short", outputs={delivered: short}))
        buyer = Flow(nominal_capacity=a["max_kw"], full_load_time_min=owed / a["max_kw"])
        self.system.add(components.Sink(label=a["id"], inputs={delivered: buyer}))

    def dump_cooler(self, a):
        self.sink(a["id"], a["heat_bus"], nominal_capacity=a["rated_kw"])

    def solve(self):
        model = solph.Model(self.system)
        solver = Highs()
        solver.config.load_solution = True
        solver.highs_options = {"threads": 1, "mip_rel_gap": self.case["gap"], "random_seed": 0}
        found = solver.solve(model)
        assert found.termination_condition.name == "optimal", found.termination_condition
        flow = lambda a, b: [model.flow[a, b, t].value for t in model.TIMESTEPS]
        states = lambda a, b: [round(model.NonConvexFlowBlock.status[a, b, t].value) for t in model.TIMESTEPS]
        starts = lambda on: sum(now > before for before, now in zip([0, *on], on))
        committed = {name: edge for name, edge in self.machines.items() if model.flows[edge].nonconvex}
        energy = {name: sum(flow(*edge)) for name, edge in self.machines.items()}
        content = lambda store: [model.GenericStorageBlock.storage_content[store, t + 1].value for t in model.TIMESTEPS]
        return {
            "objective": found.best_feasible_objective + self.decided,
            "bound": found.best_objective_bound + self.decided,
            "energy_kwh": energy,
            "stored_kwh": {name: sum(content(store)) / self.steps for name, store in self.stores.items()},
            "starts": {name: starts(states(*edge)) for name, edge in committed.items()},
        }


if __name__ == "__main__":
    json.dump([Park(case).solve() for case in json.load(sys.stdin)], sys.stdout)
