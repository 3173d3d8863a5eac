//! Survival reserve: at whatever interval the grid fails, the critical load is carried for some hours.
//!
//! The rule, for a failure at the end of each interval that has the grid:
//! - The critical electric load follows its forecast; beyond the horizon it is that of 24 hours before. All else is shed.
//! - Engines of what is available (`chp`, `genset`) start anew, each after its `start_s`, whether they ran or not: loss of mains
//!   trips a running engine too. From then on each carries up to its rating; minimum times do not hold in an emergency,
//!   and a minimum load is met by connecting lower tiers. Gas is taken to flow on, up to its connection, unless the
//!   `gas_supply` is out; an engine with a tank of its own always has fuel.
//! - What engines do not carry, stores do: batteries above the floor of their window, and hydrogen through fuel cells, each
//!   within its power. Sun and wind are counted for nothing.
//!
//! So a failure in the midst of an interval is covered as well: stored energy lies between that at its ends.

use super::formulate::Build;
use super::model::{Col, Expr};
use crate::site::kinds::Tier;
use crate::site::{AssetIx, BusIx, Carrier, Kind};
use crate::state::Availability;

/// Steps that the hours after a failure are looked at in, hours.
const STEP_H: f64 = 1.0 / 12.0;

/// What answers a failure out of a store: its power and the energy that it can bring to the bus.
struct Stored {
    power_kw: f64,
    efficiency: f64,
    energy: Vec<(AssetIx, f64)>,
}

pub(super) fn build(b: &mut Build<'_>) {
    let Some(rules) = b.input.site.survival.as_ref() else { return };
    let critical = critical(b);
    let engines = engines(b);
    let stores = stores(b);
    let most: f64 = stores.iter().map(|s| s.power_kw).sum();
    for t in (0..b.len()).filter(|t| b.known.grid[*t]) {
        let left = left_over(b, &critical, &engines, b.known.begin[t] + b.known.hours[t], rules.hours);
        let need: f64 = left.iter().map(|(kw, h)| kw * h).sum();
        if need <= 0.0 {
            continue;
        }
        let what = || format!("survival reserve: too little energy to carry critical load for {} h", rules.hours);
        let short = b.relief(t, rules.shortfall_per_kwh, what);
        let mut sum = Expr { constant: -need, terms: vec![(short, 1.0)] };
        for store in &stores {
            // No bound from below: a store under its floor owes what it lacks, and there is always an answer.
            let most: f64 = left.iter().map(|(kw, h)| kw.min(store.power_kw) * h).sum();
            let brought = b.model.col(0.0, f64::NEG_INFINITY, most);
            let mut held = Expr { constant: 0.0, terms: vec![(brought, -1.0 / store.efficiency)] };
            for (ix, floor) in &store.energy {
                held.constant -= floor;
                held.terms.extend(b.places[ix.0].energy.get(t).map(|col: &Col| (*col, 1.0)));
            }
            b.model.at_least(&held, 0.0);
            sum.terms.push((brought, 1.0));
        }
        b.model.at_least(&sum, 0.0);
        let peak = left.iter().map(|(kw, _)| *kw).fold(0.0, f64::max);
        if peak > most {
            let what = || "survival reserve: too little power to carry critical load".to_owned();
            let short = b.relief(t, rules.shortfall_per_kwh, what);
            b.model.row(peak - most, f64::INFINITY, &[(short, 1.0)]);
        }
    }
}

/// Critical electric load along the grid, kW.
fn critical(b: &Build<'_>) -> Vec<f64> {
    let site = b.input.site;
    let is = |ix: &usize| {
        let a = &site.assets[*ix];
        let carrier = a.ports.first().map(|p| site.buses[p.bus.0].carrier);
        matches!(&a.kind, Kind::Load(k) if k.tier == Tier::Critical) && carrier == Some(Carrier::Electricity)
    };
    let loads: Vec<usize> = (0..site.assets.len()).filter(is).collect();
    (0..b.len()).map(|t| loads.iter().filter_map(|ix| b.known.signal[*ix].get(t)).sum()).collect()
}

/// An engine that would start.
struct Engine {
    start_h: f64,
    rated_kw: f64,
    /// Bus and draw of its gas, kW; `None` with a tank of its own.
    gas: Option<(BusIx, f64)>,
}

/// Engines that would start: (hours until they carry load, kW).
fn engines(b: &Build<'_>) -> Vec<(f64, f64)> {
    let site = b.input.site;
    let mut list: Vec<Engine> = Vec::new();
    for (a, state) in site.assets.iter().zip(&b.input.state.assets) {
        if state.availability != Availability::Available {
            continue;
        }
        match &a.kind {
            Kind::Chp(k) => {
                let gas = a.ports.get(2).map(|p| (p.bus, k.rated_kw / k.electric_efficiency));
                list.push(Engine { start_h: k.start_s / 3600.0, rated_kw: k.rated_kw, gas });
            }
            Kind::Genset(k) => {
                let gas = k.gas_bus.as_ref().and(a.ports.get(1)).map(|p| (p.bus, k.rated_kw / k.efficiency));
                list.push(Engine { start_h: k.start_s / 3600.0, rated_kw: k.rated_kw, gas });
            }
            _ => {}
        }
    }
    let drawn = |bus: BusIx| list.iter().filter_map(|e| e.gas).filter(|g| g.0 == bus).map(|g| g.1).sum::<f64>();
    let share = |gas: Option<(BusIx, f64)>| gas.map_or(1.0, |(bus, _)| (gas_kw(b, bus) / drawn(bus)).min(1.0));
    list.iter().map(|e| (e.start_h, e.rated_kw * share(e.gas))).collect()
}

/// What the supplies of a gas bus can give, kW.
fn gas_kw(b: &Build<'_>, bus: BusIx) -> f64 {
    let supplies = b.input.site.assets.iter().zip(&b.input.state.assets).filter_map(|(a, state)| match &a.kind {
        Kind::GasSupply(k) if state.availability == Availability::Available && a.ports[0].bus == bus => Some(k.max_kw),
        _ => None,
    });
    supplies.sum()
}

/// Batteries, and fuel cells with the tanks of their bus.
fn stores(b: &Build<'_>) -> Vec<Stored> {
    let site = b.input.site;
    let mut list: Vec<Stored> = Vec::new();
    let mut used: Vec<BusIx> = Vec::new();
    for (i, a) in site.assets.iter().enumerate() {
        match &a.kind {
            Kind::Battery(k) if !b.places[i].energy.is_empty() => list.push(Stored {
                power_kw: k.discharge_max_kw,
                efficiency: k.discharge_efficiency,
                energy: vec![(AssetIx(i), k.soc_min * k.capacity_kwh)],
            }),
            Kind::FuelCell(_) => {
                let bus = a.ports[1].bus;
                if used.contains(&bus) {
                    continue;
                }
                used.push(bus);
                list.extend(hydrogen(b, bus));
            }
            _ => {}
        }
    }
    list
}

/// All fuel cells and tanks of one hydrogen bus, at the efficiency of the worst cell.
fn hydrogen(b: &Build<'_>, bus: BusIx) -> Option<Stored> {
    let site = b.input.site;
    let mut all = Stored { power_kw: 0.0, efficiency: 1.0, energy: Vec::new() };
    for (i, a) in site.assets.iter().enumerate() {
        let available = b.input.state.assets[i].availability == Availability::Available;
        match &a.kind {
            Kind::FuelCell(k) if available && a.ports[1].bus == bus => {
                all.power_kw += k.rated_kw;
                all.efficiency = all.efficiency.min(k.efficiency);
            }
            Kind::HydrogenTank(_) if a.ports[0].bus == bus && !b.places[i].energy.is_empty() => {
                all.energy.push((AssetIx(i), 0.0));
            }
            _ => {}
        }
    }
    (all.power_kw > 0.0 && !all.energy.is_empty()).then_some(all)
}

/// What engines leave to the stores after a failure `from` hours from now, in steps of (kW, hours).
fn left_over(b: &Build<'_>, critical: &[f64], engines: &[(f64, f64)], from: f64, hours: f64) -> Vec<(f64, f64)> {
    let mut cuts: Vec<f64> = engines.iter().map(|e| e.0).filter(|h| *h < hours).collect();
    cuts.extend((0..).map(|i| f64::from(i) * STEP_H).take_while(|h| *h < hours));
    cuts.push(hours);
    cuts.sort_by(f64::total_cmp);
    let mut list: Vec<(f64, f64)> = Vec::new();
    for pair in cuts.windows(2) {
        let (begin, end) = (pair[0], pair[1]);
        if end - begin < 1e-6 {
            continue;
        }
        let carried: f64 = engines.iter().filter(|e| e.0 <= begin + 1e-9).map(|e| e.1).sum();
        let wanted = at(b, critical, from + f64::midpoint(begin, end));
        let kw = (wanted - carried).max(0.0);
        match list.last_mut() {
            Some((last, h)) if (*last - kw).abs() < 1e-9_f64 => *h += end - begin,
            _ => list.push((kw, end - begin)),
        }
    }
    list
}

/// The load `hours` from now; beyond the horizon that of the day before.
fn at(b: &Build<'_>, load: &[f64], hours: f64) -> f64 {
    let end = b.known.begin.last().zip(b.known.hours.last()).map_or(0.0, |(t, h)| t + h);
    let mut hours = hours;
    while hours >= end && hours >= 24.0 {
        hours -= 24.0;
    }
    let t = b.known.begin.iter().rposition(|begin| *begin <= hours);
    t.and_then(|t| load.get(t)).copied().unwrap_or_default()
}
