//! What an interval costs as it came to pass, by the same elements that planned it: whoever decided.

use super::elements::{Element, Sink, Source, Terms, elements};
use super::known::Known;
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
        if let Some(could) = plan.assets.get(ix.0).and_then(|a| a.potential_kw.first()).filter(|kw| **kw > 0.0) {
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
            Element::Store(e) => self.bill.wear += e.wear * self.power(ix, e.port).max(0.0) * h,
            Element::Converter(e) => {
                let power = self.power(ix, 0);
                self.bill.wear += e.wear * power.max(0.0) * h;
                let on = self.plan.assets.get(ix.0).and_then(|a| a.on.first()).copied().unwrap_or_default();
                if let Some(c) = e.commitment.as_ref().filter(|c| on && c.was_on == Some(false)) {
                    self.bill.starts += c.start_cost;
                    self.bill.started += 1;
                }
            }
        }
    }

    fn source(&mut self, ix: AssetIx, e: &Source) {
        let energy = self.power(ix, e.port).max(0.0) * self.hours();
        let money = e.cost.first().map_or(0.0, |c| c * energy);
        let kg = self.emission(ix) * energy;
        let co2 = kg * self.input.site.values.co2_per_kg;
        self.bill.co2_kg += kg;
        self.bill.co2 += co2;
        *(if e.demand { &mut self.bill.energy } else { &mut self.bill.fuel }) += money - co2;
        if let (Some((price, _)), Some(cap)) = (&e.over, e.cap.first()) {
            self.bill.slack += price * (energy - cap * self.hours()).max(0.0);
        }
    }

    /// kg per kWh that the source injects; its money is in the source's price already.
    fn emission(&self, ix: AssetIx) -> f64 {
        match &self.input.site.assets[ix.0].kind {
            Kind::Grid(_) => self.known.co2_factor.first().copied().unwrap_or_default(),
            Kind::GasSupply(k) => k.co2_kg_per_kwh,
            _ => 0.0,
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
        if net > CLOSED {
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
        let lost = match site.buses[bus.0].carrier {
            Carrier::Heat => site.values.lost_heat_per_kwh,
            Carrier::Cooling => site.values.lost_cooling_per_kwh,
            Carrier::Electricity | Carrier::Gas => site.values.lost_load_critical_per_kwh,
        };
        self.bill.slack += lost * short * h;
        self.bill.unserved_kwh[Tier::Normal as usize] += short * h;
    }
}
