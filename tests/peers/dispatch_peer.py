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
        for kind in set(self.site) - {"site", "values", "tariff", "bus", "device", "member"}:
            for asset in self.site[kind]:
                getattr(self, kind)(asset)

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
        self.source(a["id"], a["bus"], maximum=self.case["series"][a["id"]], nominal_capacity=1)

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
