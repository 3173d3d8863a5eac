//! Hourly matching: hydrogen that is sold as renewable must have been made in hours of as much renewable generation.
//!
//! An account of such hydrogen per bus, apart from the tank where all of it is mixed: it grows by what the electrolysers
//! make, at most by what the park's own PV and wind of the same interval (an hour at most) could have made, and falls by
//! what the offtakes take that ask for it. What it holds now is remembered by the state.

use super::formulate::Build;
use super::model::Col;
use crate::site::{Asset, BusIx, Kind};

pub(super) fn build(b: &mut Build<'_>) {
    // What the account held before a cut is not known.
    if b.known.open_start {
        return;
    }
    for bus in (0..b.input.site.buses.len()).map(BusIx) {
        if b.input.site.assets.iter().any(|a| matched(a, bus)) {
            account(b, bus);
        }
    }
}

fn matched(asset: &Asset, bus: BusIx) -> bool {
    matches!(&asset.kind, Kind::HydrogenOfftake(k) if k.hourly_matching)
        && asset.ports.first().is_some_and(|p| p.bus == bus)
}

/// The injection of `port` of all assets that `pick` names, at interval `t`: (terms, constant).
fn sum(b: &Build<'_>, t: usize, port: usize, pick: impl Fn(&Asset) -> bool) -> (Vec<(Col, f64)>, f64) {
    let (mut terms, mut constant) = (Vec::new(), 0.0);
    for (_, place) in b.input.site.assets.iter().zip(&b.places).filter(|(a, _)| pick(a)) {
        if let Some(expr) = place.ports.get(port).and_then(|p| p.get(t)) {
            terms.extend_from_slice(&expr.terms);
            constant += expr.constant;
        }
    }
    (terms, constant)
}

fn account(b: &mut Build<'_>, bus: BusIx) {
    let makes = |a: &Asset| matches!(a.kind, Kind::Electrolyser(_)) && a.ports.get(1).is_some_and(|p| p.bus == bus);
    let assets = &b.input.site.assets;
    let least = assets.iter().filter(|a| makes(a)).filter_map(|a| match &a.kind {
        Kind::Electrolyser(k) => Some(k.least_efficiency()),
        _ => None,
    });
    // Without an electrolyser nothing is made: any efficiency will do.
    let efficiency = least.reduce(f64::min).unwrap_or(1.0);
    let held = assets.iter().zip(&b.input.state.assets).find(|(a, _)| matched(a, bus));
    let held = held.map(|(_, own)| own.today.matched.kwh()).filter(|kwh| kwh.is_finite());
    let held = held.map_or(0.0, |kwh| kwh.max(0.0));
    let mut before: Option<Col> = None;
    for t in 0..b.len() {
        let h = b.hours(t);
        let made = b.model.col(0.0, 0.0, f64::INFINITY);
        let renewable = sum(b, t, 0, |a| matches!(a.kind, Kind::Pv(_) | Kind::Wind(_)));
        for (factor, (terms, constant)) in [(1.0, sum(b, t, 1, makes)), (efficiency, renewable)] {
            let mut row = vec![(made, 1.0)];
            row.extend(terms.iter().map(|(c, k)| (*c, -k * factor)));
            b.model.row(f64::NEG_INFINITY, (factor * constant).max(0.0), &row);
        }
        let holds = b.model.col(0.0, 0.0, f64::INFINITY);
        let (sold, fixed) = sum(b, t, 0, |a| matched(a, bus));
        // holds - before - h * made - h * sold = 0, where what is sold counts negative.
        let mut row = vec![(holds, 1.0), (made, -h)];
        row.extend(sold.iter().map(|(c, k)| (*c, -k * h)));
        row.extend(before.map(|col| (col, -1.0)));
        let carried = if t == 0 { held } else { 0.0 } + fixed * h;
        if fixed < 0.0 {
            // An offtake that runs on without us may take what is not there.
            let what = format!("bus {}: hydrogen sold as renewable that is not", b.input.site.buses[bus.0].id);
            let short = b.relief_for(1.0, t, b.input.site.values.lost_hydrogen_per_kwh, || what);
            row.push((short, -1.0));
        }
        b.model.row(carried, carried, &row);
        before = Some(holds);
    }
}
