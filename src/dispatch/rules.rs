//! The house's own rules, for when there is neither a solution nor a plan to shift: heat-led machines, thermostats on
//! the tanks, the battery on self-consumption. No foresight; each interval is closed bus by bus, cold before
//! heat, low heat before high, electricity and then gas last, because each may draw on the next.

use super::known::Known;
use super::mapping::{affine, potential};
use super::pcc::{Crossing, limits, narrowest};
use super::values::{Worth, worth};
use super::{AssetPlan, BusPlan, Fallback, Inputs, Plan, PlanStatus, Slack, VALID_S};
use crate::site::kinds::{ColdTank, HeatTank};
use crate::site::{AssetIx, BusIx, Carrier, Kind};
use crate::state::Availability;

/// A tank below this share calls its machines, even for less than their minimum load.
const TANK_LOW: f64 = 0.3;
/// What remains of a balance below this is rounding, kW.
const CLOSED: f64 = 1e-6;

/// One interval in the making.
struct Step<'a> {
    input: &'a Inputs<'a>,
    known: &'a Known,
    t: usize,
    /// Sum of injections per bus, kW.
    net: Vec<f64>,
    plan: &'a mut Plan,
    /// Stored energy per asset, kWh.
    energy: &'a mut [Option<f64>],
}

pub(super) fn plan(input: &Inputs<'_>, known: &Known) -> Plan {
    let n = known.len();
    let worth = worth(input, known);
    let made_at = input.state.now.park;
    let mut plan = Plan {
        id: input.id,
        made_at,
        valid_until: made_at.plus_s(VALID_S),
        grid: input.horizon.grid.clone(),
        status: PlanStatus::Fallback(Fallback::Rules),
        gap: None,
        cost: None,
        solve_ms: 0.0,
        assets: empty(input, known, &worth),
        buses: prices(input, known, &worth),
        slacks: Vec::new(),
        limits: Vec::new(),
        co2: None,
        note: String::new(),
    };
    let mut energy: Vec<Option<f64>> =
        input.state.assets.iter().map(|a| a.energy.and_then(Result::ok).filter(|e| e.is_finite())).collect();
    for t in 0..n {
        let mut step =
            Step { input, known, t, net: vec![0.0; input.site.buses.len()], plan: &mut plan, energy: &mut energy };
        step.fixed();
        for bus in closing_order(input) {
            step.close(bus);
        }
    }
    plan
}

fn empty(input: &Inputs<'_>, known: &Known, worth: &Worth) -> Vec<AssetPlan> {
    let n = known.len();
    let assets = input.site.assets.iter().enumerate();
    assets
        .map(|(i, a)| AssetPlan {
            power_kw: vec![vec![0.0; n]; a.ports.len()],
            potential_kw: potential(input, known, AssetIx(i)),
            on: match a.kind.commitment() {
                Some(_) if input.state.assets[i].availability == Availability::Available => vec![false; n],
                _ => Vec::new(),
            },
            energy_kwh: Vec::new(),
            stored_value: a.kind.capacity().map(|_| vec![worth.stored[i]; n]).unwrap_or_default(),
        })
        .collect()
}

fn prices(input: &Inputs<'_>, known: &Known, worth: &Worth) -> Vec<BusPlan> {
    let price = |bus: usize| match input.site.buses[bus].carrier {
        Carrier::Electricity => known.import_price.clone(),
        _ => vec![worth.bus[bus]; known.len()],
    };
    (0..input.site.buses.len()).map(|b| BusPlan { price: price(b) }).collect()
}

/// Cold, then heat from the lowest level up, hydrogen and CO2, electricity, gas.
fn closing_order(input: &Inputs<'_>) -> Vec<BusIx> {
    let rank = |b: &usize| {
        let bus = &input.site.buses[*b];
        let class = match bus.carrier {
            Carrier::Cooling => 0,
            Carrier::Heat => 1,
            Carrier::Hydrogen | Carrier::Co2 => 2,
            Carrier::Electricity => 3,
            Carrier::Gas => 4,
        };
        (class, bus.supply_c.map_or(0, |c| (c * 10.0) as i64))
    };
    let mut order: Vec<usize> = (0..input.site.buses.len()).collect();
    order.sort_by_key(rank);
    order.into_iter().map(BusIx).collect()
}

impl Step<'_> {
    fn inject(&mut self, asset: AssetIx, port: usize, kw: f64) {
        let bus = self.input.site.assets[asset.0].ports[port].bus;
        self.net[bus.0] += kw;
        self.plan.assets[asset.0].power_kw[port][self.t] += kw;
    }

    fn available(&self, asset: AssetIx) -> bool {
        self.input.state.assets[asset.0].availability == Availability::Available
    }

    /// What is not decided here: weather, wishes, and machines that run on without us.
    fn fixed(&mut self) {
        for ix in (0..self.input.site.assets.len()).map(AssetIx) {
            let signal = self.known.signal[ix.0].get(self.t).copied();
            match (&self.input.site.assets[ix.0].kind, signal) {
                (Kind::Pv(_) | Kind::Wind(_), Some(kw)) => self.inject(ix, 0, kw),
                (_, Some(kw)) => self.inject(ix, 0, -kw),
                (kind, None) if kind.commitment().is_some() && !self.available(ix) => self.held(ix),
                _ => {}
            }
        }
    }

    fn held(&mut self, asset: AssetIx) {
        let ports = &self.input.state.assets[asset.0].ports;
        let measured: Vec<f64> = ports.iter().map_while(|p| p.measured.ok()).collect();
        if measured.len() == ports.len() {
            for (port, kw) in measured.into_iter().enumerate() {
                self.inject(asset, port, kw);
            }
        }
    }

    fn close(&mut self, bus: BusIx) {
        let on_bus: Vec<AssetIx> = (0..self.input.site.assets.len())
            .filter(|i| self.input.site.assets[*i].ports.first().is_some_and(|p| p.bus == bus))
            .map(AssetIx)
            .collect();
        let tank_low = on_bus.iter().any(|a| self.share(*a).is_some_and(|s| s < TANK_LOW));
        let (mut machines, mut rest): (Vec<AssetIx>, Vec<AssetIx>) =
            on_bus.into_iter().partition(|a| affine(&self.input.site.assets[a.0].kind).len() > 1);
        // The machines that bring along something of use come first; stores before supplies before coolers.
        machines.sort_by_key(|a| match self.input.site.assets[a.0].kind {
            Kind::HeatPump(_) | Kind::Chiller(_) => 0,
            Kind::HeatExchanger(_) | Kind::Boiler(_) => 1,
            _ => 2,
        });
        for machine in machines {
            self.run(machine, bus, tank_low);
        }
        if self.input.site.buses[bus.0].carrier == Carrier::Heat {
            self.engines(bus, tank_low);
        }
        rest.sort_by_key(|a| match self.input.site.assets[a.0].kind {
            Kind::Battery(_) | Kind::HeatTank(_) | Kind::ColdTank(_) => 0,
            Kind::Grid(_) | Kind::GasSupply(_) => 1,
            _ => 2,
        });
        for asset in rest {
            self.balance(asset, bus);
        }
        self.admit(bus);
    }

    fn share(&self, asset: AssetIx) -> Option<f64> {
        let capacity = self.input.site.assets[asset.0].kind.capacity()?.kwh();
        self.energy[asset.0].map(|e| e / capacity.max(1e-9))
    }

    /// Whether the machine must be on or off for its minimum times, if it must.
    fn held_state(&self, asset: AssetIx) -> Option<bool> {
        let c = self.input.site.assets[asset.0].kind.commitment()?;
        let r = self.input.state.assets[asset.0].running?;
        let minutes = if r.on { c.min_up_min } else { c.min_down_min };
        let passed_h = self.input.state.now.park.seconds_since(r.since) / 3600.0 + self.known.begin[self.t];
        (passed_h < f64::from(minutes) / 60.0 - 1e-6).then_some(r.on)
    }

    /// Serves the need of the principal port's bus with this machine.
    fn run(&mut self, asset: AssetIx, bus: BusIx, tank_low: bool) {
        let kind = &self.input.site.assets[asset.0].kind;
        if matches!(kind, Kind::Chp(_)) || !(self.available(asset) || matches!(kind, Kind::HeatExchanger(_))) {
            return;
        }
        self.at(asset, -self.net[bus.0], tank_low);
    }

    /// Engines whose heat goes onto this bus, heat-led.
    fn engines(&mut self, bus: BusIx, tank_low: bool) {
        for ix in (0..self.input.site.assets.len()).map(AssetIx) {
            let asset = &self.input.site.assets[ix.0];
            if matches!(asset.kind, Kind::Chp(_)) && asset.ports[1].bus == bus && self.available(ix) {
                let (slope, offset) = affine(&asset.kind)[1];
                self.at(ix, (-self.net[bus.0] - offset) / slope, tank_low);
            }
        }
    }

    /// Runs the machine for `wanted` kW of its principal port, within its range and its minimum times.
    fn at(&mut self, asset: AssetIx, wanted: f64, tank_low: bool) {
        let kind = &self.input.site.assets[asset.0].kind;
        let max = kind.rated().kw();
        let min = kind.commitment().map_or(0.0, |c| c.min_load * max);
        let called = wanted > CLOSED && (wanted >= min || tank_low);
        if !self.held_state(asset).unwrap_or(called) {
            return;
        }
        let power = wanted.clamp(min, max.max(min));
        for (port, (slope, offset)) in affine(kind).into_iter().enumerate() {
            self.inject(asset, port, slope * power + offset);
        }
        if let Some(on) = self.plan.assets[asset.0].on.get_mut(self.t) {
            *on = true;
        }
    }

    /// Takes or gives what is left on the bus, as far as this asset can.
    fn balance(&mut self, asset: AssetIx, bus: BusIx) {
        let t = self.t;
        let left = -self.net[bus.0];
        let kw = match &self.input.site.assets[asset.0].kind {
            Kind::Grid(k) if self.known.grid[t] => {
                let (all, at) = (limits(self.input, k), self.input.horizon.grid.intervals[t].start);
                let limit = |crossing| narrowest(&all, crossing, at).map_or(0.0, |i| all[i].kw);
                left.clamp(-limit(Crossing::Export), limit(Crossing::Import))
            }
            Kind::GasSupply(k) => left.clamp(0.0, k.max_kw),
            Kind::DumpCooler(k) if self.available(asset) => left.clamp(-k.rated_kw, 0.0),
            Kind::Battery(k) => {
                let (low, high) = (k.soc_min * k.capacity_kwh, k.soc_max * k.capacity_kwh);
                self.store(asset, left, (low, high), (k.charge_efficiency, k.discharge_efficiency), 1.0)
            }
            Kind::HeatTank(HeatTank { loss_per_h, .. }) | Kind::ColdTank(ColdTank { loss_per_h, .. }) => {
                let capacity = self.input.site.assets[asset.0].kind.capacity().map_or(0.0, |e| e.kwh());
                self.store(
                    asset,
                    left,
                    (0.0, capacity),
                    (1.0, 1.0),
                    (1.0 - loss_per_h).max(0.0).powf(self.known.hours[t]),
                )
            }
            _ => return,
        };
        self.inject(asset, 0, kw);
    }

    /// `keep` is the share of the energy that standing losses leave over the interval.
    fn store(&mut self, asset: AssetIx, left: f64, window: (f64, f64), efficiency: (f64, f64), keep: f64) -> f64 {
        let hours = self.known.hours[self.t];
        let port = &self.input.site.assets[asset.0].ports[0];
        let Some(energy) = self.energy[asset.0].filter(|_| self.available(asset)).map(|e| e * keep) else { return 0.0 };
        let most = ((energy - window.0).max(0.0) * efficiency.1 / hours).min(port.max.kw());
        let least = -((window.1 - energy).max(0.0) / efficiency.0 / hours).min(-port.min.kw());
        let kw = left.clamp(least.min(0.0), most.max(0.0));
        let after = energy - hours * if kw > 0.0 { kw / efficiency.1 } else { kw * efficiency.0 };
        self.energy[asset.0] = Some(after);
        self.plan.assets[asset.0].energy_kwh.push(after);
        kw
    }

    /// Names what could not be closed.
    fn admit(&mut self, bus: BusIx) {
        let (left, values) = (self.net[bus.0], &self.input.site.values);
        if left.abs() <= 0.01 {
            return;
        }
        let id = &self.input.site.buses[bus.0].id;
        let (what, price) = if left < 0.0 {
            (format!("bus {id}: more is taken than can be served"), values.lost_load_normal_per_kwh)
        } else {
            (format!("bus {id}: more is injected than taken"), values.surplus_per_kwh)
        };
        self.plan.slacks.push(Slack { what, interval: self.t, amount: left.abs(), price });
    }
}
