//! Stores: energy carried from interval to interval, with losses, a window, wear and a value at the end.

use super::elements::Store;
use super::formulate::Build;
use super::model::Col;
use crate::site::AssetIx;

pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Store) {
    let mut before: Option<Col> = None;
    for t in 0..b.len() {
        let h = b.hours(t);
        let flow = power(b, asset, e, t);
        let energy = energy(b, asset, e, t);
        let keep = (1.0 - e.loss_per_h).max(0.0).powf(h);
        // energy - keep * before - h * (what the flow adds) = 0
        let mut row = vec![(energy, 1.0)];
        row.extend(flow.iter().map(|(col, gain)| (*col, -gain * h)));
        let carried = match before {
            Some(col) => {
                row.push((col, -keep));
                0.0
            }
            None => keep * e.energy,
        };
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

/// Columns of power with what a kW of each adds to the store, per hour.
fn power(b: &mut Build<'_>, asset: AssetIx, e: &Store, t: usize) -> Vec<(Col, f64)> {
    let lossless = e.charge_efficiency >= 1.0 && e.discharge_efficiency >= 1.0 && e.wear <= 0.0;
    if lossless {
        // One column for both directions: there is nothing to gain or lose by doing both at once.
        let net = b.model.col(0.0, -e.charge[t], e.discharge[t]);
        b.inject(asset, e.port, t, &[(net, 1.0)], 0.0);
        return vec![(net, -1.0)];
    }
    let charge = b.model.col(0.0, 0.0, e.charge[t]);
    let discharge = b.model.col(e.wear * b.hours(t), 0.0, e.discharge[t]);
    b.inject(asset, e.port, t, &[(charge, -1.0), (discharge, 1.0)], 0.0);
    // With a positive price the losses and the wear of doing both at once are a pure cost. Elsewhere a binary forbids
    // it near now, and its relaxation (a convex mix of the two) far ahead.
    if e.exclusive[t] {
        let charging = b.binary(t);
        b.model.row(f64::NEG_INFINITY, 0.0, &[(charge, 1.0), (charging, -e.charge[t])]);
        b.model.row(f64::NEG_INFINITY, e.discharge[t], &[(discharge, 1.0), (charging, e.discharge[t])]);
    }
    vec![(charge, e.charge_efficiency), (discharge, -1.0 / e.discharge_efficiency)]
}

/// The energy at the end of an interval, within its window; softly where the measured state is already outside.
fn energy(b: &mut Build<'_>, asset: AssetIx, e: &Store, t: usize) -> Col {
    let (below, above) = (e.energy < e.low - 1e-6, e.energy > e.high + 1e-6);
    let low = if below { e.energy.min(0.0) } else { e.low };
    let high = if above { e.energy } else { e.high };
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
