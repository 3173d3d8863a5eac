//! Ramps between the means of neighbouring intervals, where a whole range cannot be crossed in the time.
//!
//! A machine that moves at its ramp from the middle of one interval to the middle of the next changes its mean by ramp
//! times that time. It begins and ends at its lowest load.

use crate::dispatch::elements::Converter;
use crate::dispatch::formulate::Build;
use crate::dispatch::model::Col;
use crate::site::AssetIx;

/// What binds the mean of one interval to the one before.
struct Bound {
    /// Largest change while running, kW.
    ramp: f64,
    /// Largest mean of an interval it starts or stops in, kW.
    edge: f64,
}

pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Converter, power: &[Vec<(Col, f64)>], run: &[Col]) {
    let Some(per_h) = e.ramp_kw_per_h.filter(|_| e.steps.is_empty()) else { return };
    from_now(b, asset, e, per_h, &power[0], run[0]);
    for t in 1..b.len() {
        let (before_h, h) = (b.hours(t - 1), b.hours(t));
        let ramp = per_h * (before_h + h) / 2.0;
        let up = Bound { ramp, edge: e.min + per_h * h / 2.0 };
        let down = Bound { ramp, edge: e.min + per_h * before_h / 2.0 };
        change(b, e, &power[t], &power[t - 1], run[t - 1], &up);
        change(b, e, &power[t - 1], &power[t], run[t], &down);
    }
}

/// `high - low` is at most the ramp while the machine runs at `low`, and at most the edge while it rests there.
fn change(b: &mut Build<'_>, e: &Converter, high: &[(Col, f64)], low: &[(Col, f64)], runs: Col, bound: &Bound) {
    if bound.ramp >= e.max - e.min && bound.edge >= e.max {
        return;
    }
    let mut row: Vec<(Col, f64)> = high.to_vec();
    row.extend(low.iter().map(|(col, f)| (*col, -f)));
    row.push((runs, bound.edge - bound.ramp));
    b.model.row(f64::NEG_INFINITY, bound.edge, &row);
}

/// From the power at this moment, which knows nothing of our bounds: softly, at more than any load is worth.
fn from_now(b: &mut Build<'_>, asset: AssetIx, e: &Converter, per_h: f64, power: &[(Col, f64)], run: Col) {
    let Some(now) = e.now_kw else { return };
    let half = per_h * b.hours(0) / 2.0;
    let edge = e.min + half;
    // A machine below its lowest load is on its way there.
    let high = if now > 0.0 { now.max(e.min) + half } else { edge };
    let low = now - half;
    let what = format!("{}: faster than its ramp from its power now", b.id(asset));
    let price = super::BEYOND_PHYSICS * b.input.site.values.lost_load_critical_per_kwh;
    if high < e.max {
        let over = b.relief(0, price, || what.clone());
        let mut row = power.to_vec();
        row.push((over, -1.0));
        b.model.row(f64::NEG_INFINITY, high, &row);
    }
    if low > e.min || now > edge {
        let under = b.relief(0, price, || what);
        let mut row = power.to_vec();
        row.extend([(under, 1.0), (run, half - edge)]);
        b.model.row(now - edge, f64::INFINITY, &row);
    }
}
