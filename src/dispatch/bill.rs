//! What an interval costs as it came to pass, by the same elements that planned it: whoever decided.

use super::elements::{BatchTerms, Converter, Element, Owed, Run, Sink, Source, Start, Stay, Terms};
use super::flow::Flow;
use super::known::Known;
use super::mapping::elements;
use super::values::worth;
use super::{Inputs, Plan};
use crate::site::kinds::Tier;
use crate::site::{AssetIx, BusIx, Carrier, Kind};

/// A balance open by less is the solver's tolerance, kW.
const CLOSED: f64 = 0.02;

/// Money in the site's currency, energy in kWh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bill {
    /// Import less export.
    pub energy: f64,
    /// Gas and other supplies.
    pub fuel: f64,
    /// Priced emissions.
    pub co2: f64,
    /// Starts of machines.
    pub starts: f64,
    /// Wear of stores and machines.
    pub wear: f64,
    /// What was not delivered as wanted (shed, not served, dimmed), surplus, and what exceeded a contract. Delayed
    /// charging is not in it: what was delayed before is known to the caller alone.
    pub slack: f64,
    /// Emitted, kg.
    pub co2_kg: f64,
    /// Not served or shed, by tier: critical, normal, sheddable.
    pub unserved_kwh: [f64; 3],
    /// What sources could have given and did not.
    pub curtailed_kwh: f64,
    /// Machines started.
    pub started: u32,
}

/// The bill of the plan's first interval under `input`, whose first interval holds what really was.
#[must_use]
pub fn bill(input: &Inputs<'_>, plan: &Plan) -> Bill {
    let known = Known { bare: true, ..Known::of(input) };
    let worth = worth(input, &known);
    let mut ledger = Ledger { input, known: &known, plan, bill: Bill::default(), sheddable: Vec::new() };
    for ix in (0..input.site.assets.len()).map(AssetIx) {
        for element in elements(input, &known, &worth, ix) {
            ledger.element(ix, &element);
        }
        let weather = matches!(input.site.assets[ix.0].kind, Kind::Pv(_) | Kind::Wind(_));
        if let Some(could) = plan.assets.get(ix.0).and_then(|a| a.potential_kw.first()).filter(|_| weather) {
            ledger.bill.curtailed_kwh += (could - ledger.power(ix, 0)).max(0.0) * ledger.hours();
        }
    }
    for bus in 0..input.site.buses.len() {
        ledger.close(BusIx(bus));
    }
    ledger.bill
}

/// Consumption that can be missing from a bus's balance.
struct Missable {
    bus: BusIx,
    lost: f64,
    kw: f64,
    tier: Tier,
}

struct Ledger<'a> {
    input: &'a Inputs<'a>,
    known: &'a Known,
    plan: &'a Plan,
    bill: Bill,
    sheddable: Vec<Missable>,
}

impl Ledger<'_> {
    fn hours(&self) -> f64 {
        self.known.hours.first().copied().unwrap_or_default()
    }

    fn power(&self, ix: AssetIx, port: usize) -> f64 {
        let at = self.plan.assets.get(ix.0).and_then(|a| a.power_kw.get(port)).and_then(|p| p.first());
        at.copied().unwrap_or_default()
    }

    fn element(&mut self, ix: AssetIx, element: &Element) {
        let h = self.hours();
        match element {
            Element::Source(e) => self.source(ix, e),
            Element::Sink(e) => self.sink(ix, e),
            Element::Store(e) => {
                self.bill.wear += e.wear * self.power(ix, e.port).max(0.0) * h;
                let kwh = self.plan.assets.get(ix.0).and_then(|a| a.energy_kwh.first());
                if let Some(kwh) = kwh.filter(|_| e.exposed) {
                    self.bill.slack += e.outside * ((e.low - kwh).max(0.0) + (kwh - e.high).max(0.0)) * h;
                }
            }
            Element::Converter(e) => self.converter(ix, e),
            // Taken out of what the supplies have emitted.
            Element::Capture(_) => self.emit(-self.power(ix, 1) * h),
        }
    }

    fn converter(&mut self, ix: AssetIx, e: &Converter) {
        let (h, power) = (self.hours(), self.power(ix, 0).abs());
        let plan = self.plan.assets.get(ix.0).and_then(|a| a.on.first()).copied();
        let on = plan.unwrap_or(power > CLOSED);
        let running = on && power > CLOSED.max(e.standby_kw * 1.01);
        let mut spent = (e.cost.0 * power + if running { e.cost.1 } else { 0.0 }) * h;
        if let (Some((Flow::Line(slope, offset), kg)), true) = (&e.fuel, running) {
            let kwh = (slope * power + offset).max(0.0) * h;
            let price =
                if let Kind::Genset(k) = &self.input.site.assets[ix.0].kind { k.fuel_price_per_kwh } else { 0.0 };
            self.bill.fuel += price * kwh;
            spent -= price * kwh;
            self.emit(kwh * kg);
        }
        self.bill.wear += spent;
        if let Some(c) = e.commitment.as_ref().filter(|c| on && c.was_on == Some(false)) {
            let rested = c.long_rest.iter().rev().find(|(after_h, _)| c.rested_h >= *after_h - 1e-6);
            self.bill.starts += rested.map_or(c.start_cost, |(_, cost)| *cost);
            self.bill.started += 1;
        }
    }

    fn emit(&mut self, kg: f64) {
        self.bill.co2_kg += kg;
        self.bill.co2 += kg * self.input.site.values.co2_per_kg;
    }

    fn source(&mut self, ix: AssetIx, e: &Source) {
        let energy = self.power(ix, e.port).max(0.0) * self.hours();
        let money = e.cost.first().map_or(0.0, |c| c * energy);
        self.emit(e.co2.first().map_or(0.0, |kg| kg * energy));
        *(if e.import { &mut self.bill.energy } else { &mut self.bill.fuel }) += money;
        if let (Some((price, _)), Some(cap)) = (&e.over, e.cap.first()) {
            self.bill.slack += price * (energy - cap * self.hours()).max(0.0);
        }
    }

    fn sink(&mut self, ix: AssetIx, e: &Sink) {
        let h = self.hours();
        let taken = (-self.power(ix, e.port)).max(0.0);
        let want = e.want.first().copied().unwrap_or_default();
        let (bus, short) = (self.input.site.assets[ix.0].ports[e.port].bus, (want - taken).max(0.0));
        let tier = self.input.site.assets[ix.0].kind.tier();
        match &e.terms {
            Terms::Earns(price) => self.bill.energy -= price.first().map_or(0.0, |p| p * taken * h),
            Terms::Withheld { cost, .. } => {
                self.bill.slack += cost * short * h;
                if let Some(tier) = tier {
                    self.bill.unserved_kwh[tier as usize] += short * h;
                    self.sheddable.push(Missable { bus, lost: *cost, kw: taken, tier });
                }
            }
            Terms::Delayed { .. } => {}
            Terms::Stays { stays, lost } => self.bill.slack += lost * left_without(stays, taken * h),
            Terms::Batch(terms) => self.bill.slack += skipped(terms, taken, h),
            Terms::Contract { price, owed } => {
                self.bill.energy -= price * taken * h;
                self.bill.slack += short_of(owed, taken * h);
            }
            Terms::Nominated { price, band, deviation } => {
                self.bill.energy -= price * taken * h;
                let (low, high) = band.first().copied().unwrap_or((0.0, f64::INFINITY));
                self.bill.slack += deviation * ((low - taken).max(0.0) + (taken - high).max(0.0)) * h;
            }
            Terms::Unserved(lost) => {
                self.sheddable.push(Missable { bus, lost: *lost, kw: taken, tier: tier.unwrap_or_default() });
            }
        }
    }

    /// What a bus's balance leaves open was taken from its consumers, the cheapest first, or is surplus.
    fn close(&mut self, bus: BusIx) {
        let (site, h) = (self.input.site, self.hours());
        let ports = site.assets.iter().enumerate().flat_map(|(ix, a)| (0..a.ports.len()).map(move |p| (ix, p)));
        let on_bus = ports.filter(|(ix, port)| site.assets[*ix].ports[*port].bus == bus);
        let net: f64 = on_bus.map(|(ix, port)| self.power(AssetIx(ix), port)).sum();
        if net > CLOSED && site.buses[bus.0].carrier == Carrier::Co2 {
            self.emit(net * h);
        } else if net > CLOSED {
            self.bill.slack += site.values.surplus_per_kwh * net * h;
        }
        let mut short = if net < -CLOSED { -net } else { 0.0 };
        let mut here: Vec<&Missable> = self.sheddable.iter().filter(|m| m.bus == bus).collect();
        here.sort_by(|a, b| a.lost.total_cmp(&b.lost));
        for m in here {
            let kw = short.min(m.kw);
            self.bill.slack += m.lost * kw * h;
            self.bill.unserved_kwh[m.tier as usize] += kw * h;
            short -= kw;
        }
        let lost = site.values.lost(site.buses[bus.0].carrier, Tier::Critical);
        self.bill.slack += lost * short * h;
        self.bill.unserved_kwh[Tier::Normal as usize] += short * h;
    }
}

/// Nothing of it comes after the first interval.
fn ends_now(share: &[f64]) -> bool {
    share.first().is_some_and(|s| *s > 0.0) && share.iter().skip(1).all(|s| *s <= 0.0)
}

/// What vehicles that leave now have not got, kWh; what was drawn is theirs first.
fn left_without(stays: &[Stay], mut drawn: f64) -> f64 {
    let leaving = stays.iter().filter(|s| ends_now(&s.most));
    leaving.fold(0.0, |missing, stay| {
        let got = stay.need.min(drawn);
        drawn -= got;
        missing + stay.need - got
    })
}

/// The cost of a run whose last chance to begin has passed.
fn skipped(terms: &BatchTerms, taken: f64, hours: f64) -> f64 {
    let last = |run: &&Run| !run.later && run.starts.iter().all(|s| s.at_h < hours - 1e-6);
    let share = |s: &Start| s.share.first().copied().filter(|share| *share > 0.0);
    let begun = |run: &&Run| run.starts.iter().filter_map(share).any(|s| taken > 0.5 * terms.rated * s);
    terms.due.iter().filter(last).filter(|run| !begun(run)).count() as f64 * terms.skipped
}

/// What a day that ends now is short of its contract, in money.
fn short_of(owed: &[Owed], delivered: f64) -> f64 {
    let ending = owed.iter().filter(|d| ends_now(&d.share));
    ending.map(|d| d.shortfall * (d.kwh - delivered).max(0.0)).sum()
}
