//! The house's own rules, for when there is neither a solution nor a plan to shift: heat-led machines, thermostats on
//! the tanks, the battery on self-consumption. No foresight; each interval is closed bus by bus, cold before
//! heat, low heat before high, electricity and then gas last, because each may draw on the next.

mod machines;
mod order;

use super::known::Known;
use super::mapping::{potential, rooms};
use super::pcc::{Crossing, limits, narrowest};
use super::plan::group;
use super::values::{Worth, bounded, worth};
use super::{AssetPlan, BusPlan, Fallback, Inputs, Plan, PlanStatus, Slack, VALID_S};
use crate::site::kinds::{ColdTank, HeatTank, Room, Tier};
use crate::site::{Asset, AssetIx, BusIx, Carrier, Kind};
use crate::state::Availability;

/// A tank below this share calls its machines, even for less than their minimum load.
const TANK_LOW: f64 = 0.3;
/// A room is held at this share of its band, counted from where it is empty.
const ROOM_HELD: f64 = 0.2;
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
    /// Stored energy per asset at the beginning, kWh.
    energy: &'a mut [Option<f64>],
    /// Per asset: a machine that has been told to run or rest.
    decided: Vec<bool>,
}

/// A store in one interval, kWh.
struct Held {
    energy: f64,
    low: f64,
    high: f64,
    charge_efficiency: f64,
    discharge_efficiency: f64,
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
        bound: None,
        solve_ms: 0.0,
        assets: empty(input, known, &worth),
        buses: prices(input, known, &worth),
        slacks: Vec::new(),
        conflicts: Vec::new(),
        binding: Vec::new(),
        limits: Vec::new(),
        co2: None,
        note: String::new(),
    };
    let mut energy: Vec<Option<f64>> =
        input.state.assets.iter().map(|a| a.energy.and_then(Result::ok).filter(|e| e.is_finite())).collect();
    let order = order::closing(input.site);
    for t in 0..n {
        let mut step = Step {
            input,
            known,
            t,
            net: vec![0.0; input.site.buses.len()],
            plan: &mut plan,
            energy: &mut energy,
            decided: vec![false; input.site.assets.len()],
        };
        step.fixed();
        for bus in &order {
            step.close(*bus);
        }
        for bus in &order {
            step.settle(*bus);
        }
        step.keep();
    }
    plan.conflicts = group(&plan.slacks, &known.hours);
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
            stored_value: match (a.kind.capacity(), a.ports.first()) {
                (Some(_), Some(port)) => vec![bounded(input, port.bus, worth.stored[i]); n],
                _ => Vec::new(),
            },
        })
        .collect()
}

/// What each bus is closed by: electricity by the tariff, the others by their cheapest machine. Where a bus does not close,
/// [`Step::admit`] puts the value of what is missing or too much in its place.
pub(super) fn prices(input: &Inputs<'_>, known: &Known, worth: &Worth) -> Vec<BusPlan> {
    let price = |bus: usize| match input.site.buses[bus].carrier {
        Carrier::Electricity => known.import_price.clone(),
        _ => vec![worth.bus[bus]; known.len()],
    };
    let known = |b: usize| price(b).into_iter().map(|p| bounded(input, BusIx(b), p)).collect();
    (0..input.site.buses.len()).map(|b| BusPlan { price: known(b) }).collect()
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
                // Taken when its bus is closed, as far as it is wanted.
                (Kind::WasteHeat(_), _) => {}
                (Kind::Room(k), _) => self.room(ix, k),
                (Kind::Batch(_), Some(kw)) => {
                    self.inject(ix, 0, -kw);
                    self.plan.assets[ix.0].on.push(kw > 0.0);
                }
                (_, Some(kw)) => self.inject(ix, 0, -kw),
                (Kind::CarbonCapture(_), None) if !self.available(ix) => self.held(ix),
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

    /// A thermostat within the band of comfort; what is not known goes on as it is measured.
    fn room(&mut self, asset: AssetIx, k: &Room) {
        let drift = rooms::drift(self.input, self.known, asset, k).and_then(|d| d.get(self.t).copied());
        let (Some(energy), Some(drift), true) = (self.energy[asset.0], drift, self.available(asset)) else {
            return self.held(asset);
        };
        let hours = self.known.hours[self.t];
        let (loss_per_h, effect_h) = rooms::decay(k, hours);
        let alone = energy * (1.0 - loss_per_h).powf(hours) + drift * effect_h;
        let wanted = ROOM_HELD * k.kwh_per_k * (k.comfort_c[1] - k.comfort_c[0]);
        let kw = ((wanted - alone) / effect_h).clamp(0.0, k.rated_kw);
        self.energy[asset.0] = Some(alone + kw * effect_h);
        self.plan.assets[asset.0].energy_kwh.push(alone + kw * effect_h);
        self.inject(asset, 0, -kw);
    }

    fn close(&mut self, bus: BusIx) {
        let on_bus: Vec<AssetIx> = (0..self.input.site.assets.len())
            .filter(|i| self.input.site.assets[*i].ports.first().is_some_and(|p| p.bus == bus))
            .map(AssetIx)
            .collect();
        // A room has a thermostat of its own.
        let tank = |a: &&AssetIx| !matches!(self.site_asset(**a).kind, Kind::Room(_));
        let tank_low = on_bus.iter().filter(tank).any(|a| self.share(*a).is_some_and(|s| s < TANK_LOW));
        let mut machines: Vec<AssetIx> =
            on_bus.into_iter().filter(|a| order::serves(&self.site_asset(*a).kind)).collect();
        // The machines that bring along something of use come first.
        machines.sort_by_key(|a| match self.site_asset(*a).kind {
            Kind::HeatPump(_) | Kind::Chiller(_) => 0,
            Kind::HeatExchanger(_) | Kind::Boiler(_) => 1,
            _ => 2,
        });
        for asset in self.rest(bus) {
            if matches!(self.site_asset(asset).kind, Kind::WasteHeat(_)) {
                self.balance(asset);
            }
        }
        for machine in machines {
            self.run(machine, bus, tank_low);
        }
        if self.input.site.buses[bus.0].carrier == Carrier::Heat {
            self.engines(bus, tank_low);
        }
        let (stores, others): (Vec<AssetIx>, Vec<AssetIx>) =
            self.rest(bus).into_iter().partition(|a| self.site_asset(*a).kind.capacity().is_some());
        for store in stores {
            self.balance(store);
        }
        self.surplus(bus);
        for asset in others {
            self.balance(asset);
        }
        self.shortage(bus);
    }

    /// What closes a bus: stores before supplies before coolers.
    fn rest(&self, bus: BusIx) -> Vec<AssetIx> {
        let mut rest: Vec<AssetIx> = (0..self.input.site.assets.len())
            .map(AssetIx)
            .filter(|a| self.site_asset(*a).ports.first().is_some_and(|p| p.bus == bus))
            .collect();
        rest.sort_by_key(|a| match self.site_asset(*a).kind {
            Kind::Battery(_) | Kind::HeatTank(_) | Kind::ColdTank(_) | Kind::HydrogenTank(_) | Kind::Co2Buffer(_) => 0,
            Kind::Grid(_) | Kind::GasSupply(_) | Kind::HeatSupply(_) => 1,
            _ => 2,
        });
        rest
    }

    /// Takes up what came onto the bus after it was closed, and names what is left.
    fn settle(&mut self, bus: BusIx) {
        if self.net[bus.0].abs() > CLOSED {
            for asset in self.rest(bus) {
                self.balance(asset);
            }
        }
        self.admit(bus);
    }

    fn site_asset(&self, asset: AssetIx) -> &Asset {
        &self.input.site.assets[asset.0]
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

    /// Takes or gives what is left on the asset's bus, beside what it does already, as far as it can.
    fn balance(&mut self, asset: AssetIx) {
        let (t, bus) = (self.t, self.site_asset(asset).ports[0].bus);
        let now = self.plan.assets[asset.0].power_kw[0][t];
        let want = now - self.net[bus.0];
        let kw = match &self.site_asset(asset).kind {
            Kind::Grid(k) if self.known.grid[t] => {
                let (all, at) = (limits(self.input, k), self.input.horizon.grid.intervals[t].start);
                let limit = |crossing| narrowest(&all, crossing, at).map_or(0.0, |i| all[i].kw);
                want.clamp(-limit(Crossing::Export), limit(Crossing::Import))
            }
            Kind::GasSupply(k) => want.clamp(0.0, k.max_kw),
            Kind::HeatSupply(k) => want.clamp(0.0, k.max_kw),
            Kind::WasteHeat(_) => want.clamp(0.0, self.known.signal[asset.0][t]),
            Kind::HydrogenOfftake(k) if self.available(asset) => {
                // What is sold as renewable is what the account holds now; rules do not look into the hours to come.
                let held = if t == 0 { self.input.state.assets[asset.0].today.matched.kwh().max(0.0) } else { 0.0 };
                let most = if k.hourly_matching { held / self.known.hours[t] } else { k.max_kw };
                want.clamp(-k.max_kw.min(most), 0.0)
            }
            Kind::Co2Hub(k) if self.available(asset) => want.clamp(-k.max_kg_per_h, 0.0),
            Kind::DumpCooler(k) if self.available(asset) => want.clamp(-k.rated_kw, 0.0),
            Kind::Battery(_) | Kind::HeatTank(_) | Kind::ColdTank(_) | Kind::HydrogenTank(_) | Kind::Co2Buffer(_) => {
                self.store(asset, want)
            }
            _ => return,
        };
        self.inject(asset, 0, kw - now);
    }

    /// What a store can do of `want` from the energy it has at the beginning of the interval.
    fn store(&self, asset: AssetIx, want: f64) -> f64 {
        let (Some(held), hours) = (self.stored(asset), self.known.hours[self.t]) else { return 0.0 };
        let port = &self.site_asset(asset).ports[0];
        let most = ((held.energy - held.low).max(0.0) * held.discharge_efficiency / hours).min(port.max.kw());
        let least = -((held.high - held.energy).max(0.0) / held.charge_efficiency / hours).min(-port.min.kw());
        want.clamp(least.min(0.0), most.max(0.0))
    }

    /// A store that takes part, with what standing losses leave of its energy over the interval.
    fn stored(&self, asset: AssetIx) -> Option<Held> {
        let energy = self.energy[asset.0].filter(|_| self.available(asset))?;
        let kind = &self.site_asset(asset).kind;
        let capacity = kind.capacity()?.kwh();
        let whole = Held { energy, low: 0.0, high: capacity, charge_efficiency: 1.0, discharge_efficiency: 1.0 };
        match kind {
            Kind::Battery(k) => Some(Held {
                low: k.soc_min * k.capacity_kwh,
                high: k.soc_max * k.capacity_kwh,
                charge_efficiency: k.charge_efficiency,
                discharge_efficiency: k.discharge_efficiency,
                ..whole
            }),
            Kind::HeatTank(HeatTank { loss_per_h, .. }) | Kind::ColdTank(ColdTank { loss_per_h, .. }) => {
                let keep = (1.0 - loss_per_h).max(0.0).powf(self.known.hours[self.t]);
                Some(Held { energy: energy * keep, ..whole })
            }
            Kind::HydrogenTank(_) | Kind::Co2Buffer(_) => Some(whole),
            _ => None,
        }
    }

    /// Carries the stores' energy to the next interval.
    fn keep(&mut self) {
        let hours = self.known.hours[self.t];
        for asset in (0..self.input.site.assets.len()).map(AssetIx) {
            let Some(held) = self.stored(asset) else { continue };
            let kw = self.plan.assets[asset.0].power_kw[0][self.t];
            let flow = if kw > 0.0 { kw / held.discharge_efficiency } else { kw * held.charge_efficiency };
            self.energy[asset.0] = Some(held.energy - hours * flow);
            self.plan.assets[asset.0].energy_kwh.extend(self.energy[asset.0]);
        }
    }

    /// Names what could not be closed.
    fn admit(&mut self, bus: BusIx) {
        let (left, values) = (self.net[bus.0], &self.input.site.values);
        if left.abs() <= 0.01 {
            return;
        }
        let id = &self.input.site.buses[bus.0].id;
        let carrier = self.input.site.buses[bus.0].carrier;
        let lost = values.lost(carrier, Tier::Normal);
        let (what, price, marginal) = if left > 0.0 && carrier == Carrier::Co2 {
            (format!("bus {id}: CO2 is vented"), values.co2_per_kg, -values.co2_per_kg)
        } else if left < 0.0 {
            (format!("bus {id}: more is taken than can be served"), lost, lost)
        } else {
            (format!("bus {id}: more is injected than taken"), values.surplus_per_kwh, -values.surplus_per_kwh)
        };
        if let Some(at) = self.plan.buses.get_mut(bus.0).and_then(|b| b.price.get_mut(self.t)) {
            *at = marginal;
        }
        self.plan.slacks.push(Slack { what, interval: self.t, amount: left.abs(), price });
    }
}
