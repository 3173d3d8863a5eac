//! What takes energy.

use super::super::Inputs;
use super::super::calendar::spans;
use super::super::elements::{BatchTerms, Element, Owed, Run, Sink, Terms};
use super::super::known::Known;
use super::batches::runs;
use super::commands;
use super::stays::{drawable, stays};
use crate::forecast::QUARTER_S;
use crate::site::kinds::{Batch, Co2Hub, EvCharger, HydrogenOfftake, Load, Tier};
use crate::site::{Asset, AssetIx, Point, WHOLE_DAY};
use crate::units::Park;

fn sink(want: Vec<f64>, floor: Vec<f64>, terms: Terms) -> Element {
    Element::Sink(Sink { port: 0, want, floor, terms })
}

pub(super) fn load(input: &Inputs<'_>, asset: &Asset, available: bool, k: &Load, want: &[f64]) -> Element {
    let lost = input.site.values.lost(input.site.buses[asset.ports[0].bus.0].carrier, k.tier);
    let shed = available && k.tier == Tier::Sheddable && commands(input, asset, &[Point::On]);
    let terms = if shed { Terms::Withheld { cost: lost, alarm: true } } else { Terms::Unserved(lost) };
    sink(want.to_vec(), vec![0.0; want.len()], terms)
}

/// With what is known of the vehicles' stays an energy for each, without it the wish that is forecast, delayed.
pub(super) fn ev_charger(input: &Inputs<'_>, known: &Known, ix: AssetIx, k: &EvCharger, free: bool) -> Element {
    let signal = &known.signal[ix.0];
    let lost = if known.open_end { 0.0 } else { input.site.values.lost_load_sheddable_per_kwh };
    if !free {
        return sink(signal.clone(), signal.clone(), Terms::Withheld { cost: 0.0, alarm: false });
    }
    if k.session.is_empty() {
        let rated = input.site.assets[ix.0].kind.rated().kw();
        let terms = Terms::Delayed { cost: k.delay_per_kwh, rated, lost };
        return sink(signal.clone(), vec![0.0; signal.len()], terms);
    }
    let mut stays = stays(input, known, ix, k);
    for stay in stays.iter_mut().filter(|s| known.open_start && s.most.first().is_some_and(|kw| *kw > 0.0)) {
        stay.need = 0.0;
    }
    let want = drawable(input, ix, &stays, known.len());
    sink(want, vec![0.0; known.len()], Terms::Stays { stays, lost })
}

/// `beyond` is what a kWh after the horizon's end is taken to cost. One that cannot be steered runs as early as it may;
/// one whose device is lost goes on if it has begun, and nobody can begin another.
pub(super) fn batch(
    input: &Inputs<'_>,
    known: &Known,
    ix: AssetIx,
    k: &Batch,
    available: bool,
    beyond: f64,
) -> Element {
    let asset = &input.site.assets[ix.0];
    let steered = commands(input, asset, &[Point::On]);
    let runs = runs(input, known, ix, k);
    let lost = input.site.values.lost(input.site.buses[asset.ports[0].bus.0].carrier, Tier::Normal);
    let zero = vec![0.0; known.len()];
    match (steered, available) {
        (false, _) => sink(known.signal[ix.0].clone(), zero, Terms::Unserved(lost)),
        (true, false) => sink(runs.running, zero, Terms::Unserved(lost)),
        (true, true) => {
            let open = |r: &Run| known.open_start && r.starts.iter().any(|s| s.at_h < 1e-6);
            let due = runs.due.into_iter().filter(|r| !open(r)).collect();
            let beyond = if known.open_end { 0.0 } else { beyond };
            let terms = BatchTerms { rated: k.rated_kw, due, skipped: k.skipped_cost, beyond };
            sink(known.signal[ix.0].clone(), runs.running, Terms::Batch(terms))
        }
    }
}

/// A day that ends beyond the horizon owes within it only what could not be delivered afterwards.
pub(super) fn hydrogen_offtake(input: &Inputs<'_>, known: &Known, ix: AssetIx, k: &HydrogenOfftake) -> Element {
    let end_h: f64 = known.hours.iter().sum();
    let delivered = input.state.assets[ix.0].today.energy.kwh();
    let days = if k.kwh_per_day > 0.0 { spans(input, &WHOLE_DAY) } else { Vec::new() };
    let owed = days.into_iter().map(|day| {
        let today = if day.from_h <= 0.0 { delivered } else { 0.0 };
        let kwh = k.kwh_per_day - today - k.max_kw * (day.to_h - end_h).max(0.0);
        Owed { share: day.shares(known), kwh, shortfall: k.shortfall_per_kwh }
    });
    let open = |o: &Owed| known.open_start && o.share.first().is_some_and(|s| *s > 0.0);
    let owed = owed.filter(|o| o.kwh > 0.0 && !open(o)).collect();
    let n = known.len();
    sink(vec![k.max_kw; n], vec![0.0; n], Terms::Contract { price: k.price_per_kwh, owed })
}

/// The nomination by the local hour; while wall time is not synchronised none is known.
pub(super) fn co2_hub(input: &Inputs<'_>, k: &Co2Hub) -> Element {
    let zone = &input.site.zone;
    let hour = |quarter: i64| Park::from_unix(quarter * QUARTER_S).0.to_zoned_datetime(zone.clone()).hour();
    let nominated = |quarter: i64| {
        let hour = hour(quarter);
        let holds = |h: &[[i8; 2]]| h.is_empty() || h.iter().any(|[from, to]| *from <= hour && hour < *to);
        k.nomination.iter().find(|n| input.state.now.synchronised && holds(&n.hours)).map(|n| n.kg_per_h)
    };
    let ends = |quarter: i64| match nominated(quarter) {
        Some(flow) => (flow * (1.0 - k.tolerance), (flow * (1.0 + k.tolerance)).min(k.max_kg_per_h)),
        None => (0.0, k.max_kg_per_h),
    };
    let mean = |quarters: Vec<(i64, f64)>| {
        quarters
            .into_iter()
            .map(|(q, share)| (ends(q), share))
            .fold((0.0, 0.0), |(low, high), ((l, h), share)| (low + share * l, high + share * h))
    };
    let band: Vec<(f64, f64)> = input.horizon.grid.intervals.iter().map(|i| mean(i.quarters())).collect();
    let n = band.len();
    let terms = Terms::Nominated { price: k.price_per_kg, band, deviation: k.deviation_per_kg };
    sink(vec![k.max_kg_per_h; n], vec![0.0; n], terms)
}
