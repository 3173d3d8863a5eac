//! What a run adds up to.

use serde::Serialize;

use super::meter::Meter;
use super::plant::{Plant, window};
use crate::dispatch::{Bill, Plan, PlanStatus};
use crate::site::{Carrier, Site};

/// What a run cost and how it went. Money in the site's currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// All of it: the sum of the parts that follow.
    pub cost_total: f64,
    /// Import less export.
    pub cost_energy: f64,
    /// Gas and other supplies.
    pub cost_fuel: f64,
    /// Each billing month's highest window mean; a part of a month owes its part.
    pub cost_demand: f64,
    /// Starts of machines.
    pub cost_starts: f64,
    /// Wear of stores and machines.
    pub cost_wear: f64,
    /// Priced emissions.
    pub cost_co2: f64,
    /// What was not delivered as wanted (not served, shed, dimmed, delayed) at its value, and surplus.
    pub cost_slack: f64,
    /// Energy taken out of the stores since the beginning, at one price per store whoever decides.
    pub cost_stored: f64,
    /// Proven lower bound of `cost_total` for any policy; `null` where none was asked for or proven.
    pub bound: Option<f64>,
    /// Not served or shed.
    pub unserved_kwh: f64,
    /// Of it, critical.
    pub unserved_critical_kwh: f64,
    /// Of it, normal.
    pub unserved_normal_kwh: f64,
    /// Of it, sheddable.
    pub unserved_sheddable_kwh: f64,
    /// What PV and wind could have given and did not.
    pub curtailed_kwh: f64,
    /// Starts of machines.
    pub starts: u32,
    /// Energy taken out of the batteries, in windows of theirs.
    pub equivalent_full_cycles: f64,
    /// Highest settlement window's mean import.
    pub peak_kw: f64,
    /// Emitted.
    pub co2_kg: f64,
    /// Time to decide a step: median, milliseconds.
    pub solve_ms_p50: f64,
    /// One step in a hundred took longer.
    pub solve_ms_p99: f64,
    /// The longest.
    pub solve_ms_max: f64,
    /// Plans that came from a fallback.
    pub fallbacks: u32,
    /// Steps walked.
    pub steps: usize,
}

/// The sums so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    sum: Bill,
    discharged_kwh: f64,
    fallbacks: u32,
    steps: usize,
    pub solve_ms: Vec<f64>,
}

impl Account {
    pub fn planned(&mut self, plan: &Plan) {
        self.fallbacks += u32::from(matches!(plan.status, PlanStatus::Fallback(_)));
    }

    /// A step: its bill, and the plant as it was before.
    pub fn take(&mut self, site: &Site, bill: &Bill, plan: &Plan, before: &Plant) {
        self.steps += 1;
        let s = &mut self.sum;
        s.energy += bill.energy;
        s.fuel += bill.fuel;
        s.co2 += bill.co2;
        s.starts += bill.starts;
        s.wear += bill.wear;
        s.slack += bill.slack;
        s.co2_kg += bill.co2_kg;
        s.curtailed_kwh += bill.curtailed_kwh;
        s.started += bill.started;
        s.unserved_kwh.iter_mut().zip(bill.unserved_kwh).for_each(|(sum, kwh)| *sum += kwh);
        for ix in electric_stores(site) {
            if let (Some(was), Some(is)) = (before.energy[ix], plan.assets.get(ix).and_then(|a| a.energy_kwh.first())) {
                self.discharged_kwh += (was - is).max(0.0);
            }
        }
    }

    /// `stored`: cost of what left the stores; `owed`: cost of what was delayed and never delivered.
    pub fn report(mut self, meter: &Meter, site: &Site, stored: f64, owed: f64) -> Report {
        let s = &self.sum;
        let demand = meter.charge(site);
        let slack = s.slack + owed;
        let windows: f64 =
            electric_stores(site).filter_map(|ix| window(&site.assets[ix].kind)).map(|w| w.1 - w.0).sum();
        self.solve_ms.sort_by(f64::total_cmp);
        let quantile = |q: f64| {
            let last = self.solve_ms.len().checked_sub(1)?;
            self.solve_ms.get((q * last as f64).ceil() as usize).copied()
        };
        let ms = |q: f64| (quantile(q).unwrap_or_default() * 1e3).round() / 1e3;
        Report {
            cost_total: s.energy + s.fuel + demand + s.starts + s.wear + s.co2 + slack + stored,
            cost_energy: s.energy,
            cost_fuel: s.fuel,
            cost_demand: demand,
            cost_starts: s.starts,
            cost_wear: s.wear,
            cost_co2: s.co2,
            cost_slack: slack,
            cost_stored: stored,
            bound: None,
            unserved_kwh: s.unserved_kwh.iter().sum(),
            unserved_critical_kwh: s.unserved_kwh[0],
            unserved_normal_kwh: s.unserved_kwh[1],
            unserved_sheddable_kwh: s.unserved_kwh[2],
            curtailed_kwh: s.curtailed_kwh,
            starts: s.started,
            equivalent_full_cycles: if windows > 0.0 { self.discharged_kwh / windows } else { 0.0 },
            peak_kw: meter.peak_kw(),
            co2_kg: s.co2_kg,
            solve_ms_p50: ms(0.5),
            solve_ms_p99: ms(0.99),
            solve_ms_max: ms(1.0),
            fallbacks: self.fallbacks,
            steps: self.steps,
        }
    }
}

fn electric_stores(site: &Site) -> impl Iterator<Item = usize> + '_ {
    let electric = |ix: &usize| {
        let a = &site.assets[*ix];
        a.kind.capacity().is_some()
            && a.ports.first().is_some_and(|p| site.buses[p.bus.0].carrier == Carrier::Electricity)
    };
    (0..site.assets.len()).filter(electric)
}
