//! A second opinion on a plan: physics, limits and money from the site file's numbers, written apart from the
//! formulation and sharing nothing with it.
//!
//! What may give way at a price is priced here too, so that the sum must be the plan's cost; and it must be named.

mod balance;
mod calendar;
mod commitment;
mod consumers;
mod gases;
mod machines;
mod stores;
mod supplies;

use std::collections::BTreeMap;

use hexad::dispatch::{Inputs, Plan};
use hexad::site::{Kind, Point};
use hexad::state::Availability;

/// What two computations of one power may differ by.
const KW: f64 = 0.05;

/// What was found: faults in words, and money by cause.
#[derive(Debug, Default)]
pub struct Audit {
    pub faults: Vec<String>,
    pub cost: BTreeMap<&'static str, f64>,
}

impl Audit {
    pub fn total(&self) -> f64 {
        self.cost.values().sum()
    }
}

/// Everything that is wrong with a plan, in words.
pub fn faults(input: &Inputs<'_>, plan: &Plan, whole_h: f64) -> Vec<String> {
    audit(input, plan, whole_h, &vec![0.0; input.site.assets.len()]).faults
}

/// The whole of it. Commitment is whole for intervals that begin within `whole_h`; the money is complete only
/// where all are. `end_values`: what a kWh left in each store is worth.
pub fn audit(input: &Inputs<'_>, plan: &Plan, whole_h: f64, end_values: &[f64]) -> Audit {
    let mut desk = Desk::new(input, plan, whole_h, end_values);
    if desk.shape() {
        for ix in 0..input.site.assets.len() {
            desk.asset(ix);
        }
        desk.balances();
        desk.audit.faults.extend(crate::checker_machines::faults(input, plan, whole_h));
        desk.audit.faults.extend(crate::checker_stores::faults(input, plan));
    }
    desk.audit
}

struct Desk<'a> {
    input: &'a Inputs<'a>,
    plan: &'a Plan,
    n: usize,
    hours: Vec<f64>,
    /// Beginning of each interval, hours from now.
    begin: Vec<f64>,
    /// So many intervals have a whole commitment.
    whole: usize,
    end_values: &'a [f64],
    audit: Audit,
}

impl<'a> Desk<'a> {
    fn new(input: &'a Inputs<'a>, plan: &'a Plan, whole_h: f64, end_values: &'a [f64]) -> Self {
        let now = input.state.now.park;
        let intervals = &plan.grid.intervals;
        let begin: Vec<f64> = intervals.iter().map(|i| i.start.seconds_since(now) / 3600.0).collect();
        let whole = begin.iter().take_while(|b| **b < whole_h).count();
        let hours = intervals.iter().map(|i| i.hours).collect();
        Self { input, plan, n: intervals.len(), hours, begin, whole, end_values, audit: Audit::default() }
    }
    fn fault(&mut self, text: String) {
        self.audit.faults.push(text);
    }
    fn pay(&mut self, what: &'static str, money: f64) {
        *self.audit.cost.entry(what).or_default() += money;
    }
    fn id(&self, ix: usize) -> &'a str {
        &self.input.site.assets[ix].id
    }
    fn power(&self, ix: usize, port: usize, t: usize) -> f64 {
        self.plan.assets[ix].power_kw[port][t]
    }
    fn available(&self, ix: usize) -> bool {
        self.input.state.assets[ix].availability == Availability::Available
    }
    fn commands(&self, ix: usize, points: &[Point]) -> bool {
        let site = self.input.site;
        site.assets[ix].device.is_some_and(|d| points.iter().any(|p| site.point(d, *p).is_some()))
    }
    fn steered(&self, ix: usize, points: &[Point]) -> bool {
        self.available(ix) && self.commands(ix, points)
    }
    /// What a generator can give or a consumer wants, not negative; its worst case where not told.
    fn signal(&self, ix: usize, generator: bool) -> Vec<f64> {
        let rated = self.input.site.assets[ix].kind.rated().kw();
        let told = |t: usize| self.input.horizon.assets.get(ix).and_then(|f| f.get(t)).filter(|v| v.is_finite());
        let value = |t: usize| match told(t) {
            Some(v) if generator => *v,
            Some(v) => -v,
            None if generator => 0.0,
            None => rated,
        };
        (0..self.n).map(|t| value(t).clamp(0.0, rated)).collect()
    }
    /// A limit that gives way by `amount` at `price` per kWh: paid for, and named by one of `who`.
    fn gives_way(&mut self, what: &'static str, who: &[&str], t: usize, amount: f64, price: f64) {
        self.pay(what, amount * price * self.hours[t]);
        let named = self.plan.slacks.iter().any(|s| s.interval == t && who.iter().any(|w| s.what.contains(w)));
        if amount > 2.0 * KW && self.plan.gap.is_some() && !named {
            self.fault(format!("{} {t}: {what} of {amount:.2} kW is not named", who[0]));
        }
    }

    /// The same for what is counted over a day or a stay, at `price` a unit.
    fn gives_way_once(&mut self, what: &'static str, who: &str, amount: f64, price: f64) {
        self.pay(what, amount * price);
        let named = self.plan.slacks.iter().any(|s| s.what.contains(who));
        if amount > 0.2 && self.plan.gap.is_some() && !named {
            self.fault(format!("{who}: {what} of {amount:.2} is not named"));
        }
    }

    /// Every list is as long as the grid, and every number is one.
    fn shape(&mut self) -> bool {
        let (plan, input, n) = (self.plan, self.input, self.n);
        let lists = |a: &hexad::dispatch::AssetPlan, ports: usize| {
            a.power_kw.len() == ports
                && a.power_kw.iter().all(|v| v.len() == n)
                && [&a.energy_kwh, &a.stored_value, &a.potential_kw].iter().all(|v| v.is_empty() || v.len() == n)
                && (a.on.is_empty() || a.on.len() == n)
        };
        let numbers = |a: &hexad::dispatch::AssetPlan| {
            let all = a.power_kw.iter().flatten().chain(&a.energy_kwh).chain(&a.stored_value).chain(&a.potential_kw);
            all.copied().all(f64::is_finite)
        };
        let mut bad = Vec::new();
        if plan.assets.len() != input.site.assets.len() || plan.buses.len() != input.site.buses.len() {
            bad.push("assets or buses are missing".to_owned());
        }
        for (asset, a) in input.site.assets.iter().zip(&plan.assets) {
            if !lists(a, asset.ports.len()) {
                bad.push(format!("{}: wrong shape", asset.id));
            } else if !numbers(a) {
                bad.push(format!("{}: not finite", asset.id));
            }
        }
        for (bus, b) in input.site.buses.iter().zip(&plan.buses) {
            if b.price.len() != n || b.price.iter().any(|v| !v.is_finite()) {
                bad.push(format!("{}: prices", bus.id));
            }
        }
        if plan.slacks.iter().any(|s| s.interval >= n || !s.amount.is_finite() || s.amount < 0.0) {
            bad.push("slacks".to_owned());
        }
        if plan.gap.is_some_and(|g| !(0.0..).contains(&g)) || plan.cost.is_some_and(|c| !c.is_finite()) {
            bad.push("gap or cost".to_owned());
        }
        if plan.grid != input.horizon.grid {
            bad.push("another grid than the horizon's".to_owned());
        }
        let ok = bad.is_empty();
        self.audit.faults.extend(bad);
        ok
    }

    fn asset(&mut self, ix: usize) {
        let input = self.input;
        let asset = &input.site.assets[ix];
        self.nameplate(ix);
        match &asset.kind {
            Kind::Grid(k) => self.grid(ix, k),
            Kind::GasSupply(k) => self.supply(ix, k.max_kw, k.price_per_kwh, k.co2_kg_per_kwh, "gas"),
            Kind::HeatSupply(k) => self.supply(ix, k.max_kw, k.price_per_kwh, k.co2_kg_per_kwh, "heat"),
            Kind::Pv(_) | Kind::Wind(_) => self.weather(ix),
            Kind::Battery(_) | Kind::HeatTank(_) | Kind::ColdTank(_) | Kind::HydrogenTank(_) | Kind::Co2Buffer(_) => {
                self.store(ix)
            }
            Kind::Load(k) => self.load(ix, k),
            Kind::FlexibleLoad(k) => self.flexible(ix, k),
            Kind::EvCharger(k) => self.charger(ix, k),
            Kind::DumpCooler(_) => {}
            Kind::Batch(k) => self.batch(ix, k),
            Kind::Room(k) => self.room(ix, k),
            Kind::WasteHeat(k) => self.waste_heat(ix, k),
            Kind::HydrogenOfftake(k) => self.offtake(ix, k),
            Kind::Co2Hub(k) => self.hub(ix, k),
            Kind::CarbonCapture(k) => self.capture(ix, k),
            _ => self.machine(ix),
        }
    }

    /// No port beyond its nameplate, but where the plan says that a limit gives way or the machine was measured there.
    fn nameplate(&mut self, ix: usize) {
        let input = self.input;
        let asset = &input.site.assets[ix];
        for (i, port) in asset.ports.iter().enumerate() {
            let measured = input.state.assets[ix].ports[i].measured.unwrap_or(0.0);
            let (mut low, mut high) = (port.min.kw(), port.max.kw());
            if !self.available(ix) {
                (low, high) = (low.min(measured), high.max(measured));
            }
            for t in 0..self.n {
                let v = self.power(ix, i, t);
                let named = matches!(asset.kind, Kind::Grid(_))
                    && self.plan.slacks.iter().any(|s| s.interval == t && s.what.contains(&asset.id));
                if v < low - KW || (v > high + KW && !named) {
                    self.fault(format!("{} {t}: port {i} at {v} outside [{low}, {high}]", asset.id));
                }
            }
        }
    }
}

/// Between the points of a curve straight, beyond them level.
fn along(curve: &[[f64; 2]], x: f64) -> f64 {
    let (first, last) = (curve[0], curve[curve.len() - 1]);
    if x <= first[0] {
        return first[1];
    }
    for w in curve.windows(2) {
        if x <= w[1][0] {
            return w[0][1] + (x - w[0][0]) / (w[1][0] - w[0][0]) * (w[1][1] - w[0][1]);
        }
    }
    last[1]
}
