//! What turns energy of one bus into energy of another.

use super::super::Inputs;
use super::super::elements::{Commit, Converter};
use crate::site::kinds::{Chp, Commitment};
use crate::site::{Asset, Kind};
use crate::state::AssetState;

/// Port powers of a machine as affine functions of its principal port: (per kW, while on).
pub(in crate::dispatch) fn affine(kind: &Kind) -> Vec<(f64, f64)> {
    let proportional = |factors: &[f64]| {
        let mut list = vec![(1.0, 0.0)];
        list.extend(factors.iter().map(|f| (*f, 0.0)));
        list
    };
    match kind {
        Kind::Chp(k) => engine(k),
        Kind::Boiler(k) => proportional(&[-1.0 / k.efficiency]),
        Kind::HeatPump(k) => proportional(&[-1.0 / k.cop]),
        Kind::Chiller(k) => proportional(&[-1.0 / k.eer]),
        Kind::AbsorptionChiller(k) => proportional(&[-1.0 / k.cop, -k.auxiliary_kw_per_kw]),
        Kind::HeatExchanger(k) => proportional(&[-1.0 / k.efficiency]),
        _ => vec![(1.0, 0.0)],
    }
}

/// Heat and fuel through the two points the site file gives: minimum load and rating.
fn engine(k: &Chp) -> Vec<(f64, f64)> {
    let low = k.commitment.min_load * k.rated_kw;
    let through = |at_low: f64, at_rated: f64| {
        let span = k.rated_kw - low;
        if span < 1e-6 * k.rated_kw || low <= 0.0 {
            return (at_rated / k.rated_kw, 0.0);
        }
        let slope = (at_rated - at_low) / span;
        (slope, at_rated - slope * k.rated_kw)
    };
    let fuel = through(low / k.electric_efficiency_min_load, k.rated_kw / k.electric_efficiency);
    vec![(1.0, 0.0), through(k.heat_kw_min_load, k.heat_kw), (-fuel.0, -fuel.1)]
}

pub(super) fn converter(asset: &Asset, state: &AssetState, input: &Inputs<'_>) -> Converter {
    let commitment = asset.kind.commitment();
    let max = asset.kind.rated().kw();
    Converter {
        ports: affine(&asset.kind),
        min: commitment.map_or(0.0, |c| c.min_load * max),
        max,
        wear: if let Kind::Chp(k) = &asset.kind { k.wear_per_kwh } else { 0.0 },
        commitment: commitment.map(|c| commit(c, state, input)),
    }
}

fn commit(c: &Commitment, state: &AssetState, input: &Inputs<'_>) -> Commit {
    let (min_up_h, min_down_h) = (f64::from(c.min_up_min) / 60.0, f64::from(c.min_down_min) / 60.0);
    let held_h = state.running.map_or(0.0, |r| {
        let passed = (input.state.now.park.seconds_since(r.since) / 3600.0).max(0.0);
        if r.on { min_up_h - passed } else { min_down_h - passed }
    });
    Commit { start_cost: c.start_cost, min_up_h, min_down_h, was_on: state.running.map(|r| r.on), held_h }
}
