//! Stores: energy carried from interval to interval, with losses, a window, wear and a value at the end.

use super::elements::Store;
use super::formulate::Build;
use super::model::Col;
use crate::site::AssetIx;

/// Where energy is free for a while, doing both at once must not come for nothing: far below any price, per kWh.
const NO_TIE: f64 = 1e-5;

/// How the power of an interval is written.
struct Flow {
    /// Columns with what a kW of each adds to the store, per hour.
    gains: Vec<(Col, f64)>,
    /// The column of charging and of discharging, with the sign in which it is positive.
    charge: (Col, f64),
    discharge: (Col, f64),
}

pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Store) {
    let mut before: Option<Col> = None;
    for t in 0..b.len() {
        let flow = power(b, asset, e, t);
        let energy = energy(b, asset, e, t);
        curves(b, e, &flow, before, energy);
        let keep = (1.0 - e.loss_per_h).max(0.0).powf(b.hours(t));
        // energy - keep * before - hours * (what the flow adds) = what flows in by itself
        let mut row = vec![(energy, 1.0)];
        row.extend(flow.gains.iter().map(|(col, gain)| (*col, -gain * e.effect_h[t])));
        let mut carried = e.drift.get(t).map_or(0.0, |kw| kw * e.effect_h[t]);
        match before {
            Some(col) => row.push((col, -keep)),
            None => carried += keep * e.energy,
        }
        let state = b.model.row(carried, carried, &row);
        b.places[asset.0].energy.push(energy);
        b.places[asset.0].state.push(state);
        before = Some(energy);
    }
    if let Some(last) = before {
        b.model.add_cost(last, -e.end_value);
        b.offset += e.end_value * e.energy;
    }
}

/// Power within its curves at both ends of the interval: of a concave curve, between them it then is too.
fn curves(b: &mut Build<'_>, e: &Store, flow: &Flow, before: Option<Col>, after: Col) {
    for (cuts, (col, sign)) in [(&e.charge_cuts, flow.charge), (&e.discharge_cuts, flow.discharge)] {
        for (slope, offset) in cuts {
            // Where the measured energy lies beyond the end of the curve, rest must remain possible.
            let now = slope * e.energy + offset;
            let offset = offset - now.min(0.0);
            b.model.row(f64::NEG_INFINITY, offset, &[(col, sign), (after, -slope)]);
            match before {
                Some(before) => b.model.row(f64::NEG_INFINITY, offset, &[(col, sign), (before, -slope)]),
                None => b.model.row(f64::NEG_INFINITY, now.max(0.0), &[(col, sign)]),
            };
        }
    }
}

/// Power within its limits.
fn power(b: &mut Build<'_>, asset: AssetIx, e: &Store, t: usize) -> Flow {
    let lossless = e.charge_efficiency >= 1.0 && e.discharge_efficiency >= 1.0 && e.wear <= 0.0;
    if lossless {
        // One column for both directions: there is nothing to gain or lose by doing both at once.
        let net = b.model.col(0.0, -e.charge[t], e.discharge[t]);
        b.inject(asset, e.port, t, &[(net, 1.0)], 0.0);
        return Flow { gains: vec![(net, -1.0)], charge: (net, -1.0), discharge: (net, 1.0) };
    }
    let charge = b.model.col(0.0, 0.0, e.charge[t]);
    let tie = if b.known.bare { 0.0 } else { NO_TIE };
    let discharge = b.model.col(e.wear.max(tie) * b.hours(t), 0.0, e.discharge[t]);
    b.inject(asset, e.port, t, &[(charge, -1.0), (discharge, 1.0)], 0.0);
    // With a positive price the losses and the wear of doing both at once are a pure cost. Elsewhere a binary forbids
    // it near now, and its relaxation (a convex mix of the two) far ahead.
    if e.exclusive[t] {
        let charging = b.binary(t);
        b.model.row(f64::NEG_INFINITY, 0.0, &[(charge, 1.0), (charging, -e.charge[t])]);
        b.model.row(f64::NEG_INFINITY, e.discharge[t], &[(discharge, 1.0), (charging, e.discharge[t])]);
    }
    let gains = vec![(charge, e.charge_efficiency), (discharge, -1.0 / e.discharge_efficiency)];
    Flow { gains, charge: (charge, 1.0), discharge: (discharge, 1.0) }
}

/// The energy at the end of an interval, within its window; softly where the measured state is already outside.
fn energy(b: &mut Build<'_>, asset: AssetIx, e: &Store, t: usize) -> Col {
    let (below, above) = (e.exposed || e.energy < e.low - 1e-6, e.exposed || e.energy > e.high + 1e-6);
    let (mut low, mut high) = (if below { e.energy.min(0.0) } else { e.low }, if above { e.energy } else { e.high });
    if e.exposed {
        (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    }
    let col = b.model.col(0.0, low, high);
    if below {
        let what = format!("{}: stored energy below its window", b.id(asset));
        let slack = b.relief(t, e.outside, || what);
        b.model.row(e.low, f64::INFINITY, &[(col, 1.0), (slack, 1.0)]);
    }
    if above {
        let what = format!("{}: stored energy above its window", b.id(asset));
        let slack = b.relief(t, e.outside, || what);
        b.model.row(f64::NEG_INFINITY, e.high, &[(col, 1.0), (slack, -1.0)]);
    }
    let (reserve, price) = e.reserve;
    if price > 0.0 && reserve > low {
        // Dipping into the reserve is what it is for: paid for, and no conflict of limits.
        let short = b.model.col(price * b.hours(t), 0.0, reserve);
        b.model.row(reserve, f64::INFINITY, &[(col, 1.0), (short, 1.0)]);
    }
    col
}
