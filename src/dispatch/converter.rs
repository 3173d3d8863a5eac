//! Converters: every port affine in the principal one, with commitment.

use super::elements::{Commit, Converter};
use super::formulate::{Build, CHURN, CHURN_H};
use super::model::Col;
use crate::site::AssetIx;

pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Converter) {
    let on = e.commitment.as_ref().map(|c| commitment(b, asset, c));
    for t in 0..b.len() {
        let power = b.model.col(e.wear * b.hours(t), 0.0, e.max);
        if let Some(on) = &on {
            b.model.row(f64::NEG_INFINITY, 0.0, &[(power, 1.0), (on[t], -e.max)]);
            if e.min > 0.0 {
                b.model.row(0.0, f64::INFINITY, &[(power, 1.0), (on[t], -e.min)]);
            }
        }
        for (port, (slope, offset)) in e.ports.iter().enumerate() {
            let mut terms = vec![(power, *slope)];
            if let Some(on) = on.as_ref().filter(|_| *offset != 0.0) {
                terms.push((on[t], *offset));
            }
            b.inject(asset, port, t, &terms, 0.0);
        }
    }
    b.places[asset.0].on = on.unwrap_or_default();
}

/// On/off columns with starts, minimum times and the state carried in.
fn commitment(b: &mut Build<'_>, asset: AssetIx, c: &Commit) -> Vec<Col> {
    let mut on: Vec<Col> = Vec::with_capacity(b.len());
    let mut start: Vec<Col> = Vec::with_capacity(b.len());
    for t in 0..b.len() {
        let now = b.binary(t);
        let starts = b.model.col(c.start_cost, 0.0, 1.0);
        match on.last() {
            Some(before) => {
                b.model.row(0.0, f64::INFINITY, &[(starts, 1.0), (now, -1.0), (*before, 1.0)]);
            }
            None => {
                // A machine whose state is unknown is not charged for a start it may not need.
                let was = if c.was_on == Some(false) { 0.0 } else { 1.0 };
                b.model.row(-was, f64::INFINITY, &[(starts, 1.0), (now, -1.0)]);
            }
        }
        if let Some(was) = c.was_on.filter(|_| b.known.begin[t] < c.held_h - 1e-6) {
            b.model.fix(now, if was { 1.0 } else { 0.0 });
        }
        on.push(now);
        start.push(starts);
    }
    minimum_times(b, c, &on, &start);
    last_plan(b, asset, &on);
    on
}

/// Who started within the minimum up time still runs; who ran before the minimum down time has not started since.
fn minimum_times(b: &mut Build<'_>, c: &Commit, on: &[Col], start: &[Col]) {
    for t in 0..b.len() {
        let since = |hours: f64| (0..=t).find(|w| b.known.begin[t] - b.known.begin[*w] < hours - 1e-6).unwrap_or(t);
        let (up, down) = (since(c.min_up_h), since(c.min_down_h));
        let mut row: Vec<(Col, f64)> = start[up..=t].iter().map(|s| (*s, 1.0)).collect();
        row.push((on[t], -1.0));
        b.model.row(f64::NEG_INFINITY, 0.0, &row);
        let mut row: Vec<(Col, f64)> = start[down..=t].iter().map(|s| (*s, 1.0)).collect();
        if down > 0 {
            row.push((on[down - 1], 1.0));
            b.model.row(f64::NEG_INFINITY, 1.0, &row);
        } else if c.was_on == Some(true) {
            b.model.row(f64::NEG_INFINITY, 0.0, &row);
        }
    }
}

/// The last plan as a start for the solver, and a small price on leaving it at once.
fn last_plan(b: &mut Build<'_>, asset: AssetIx, on: &[Col]) {
    let Some(last) = b.input.last else { return };
    let Some(last_on) = last.assets.get(asset.0).map(|a| &a.on).filter(|l| !l.is_empty()) else { return };
    for (t, col) in on.iter().enumerate() {
        let at = last.interval_at(b.input.horizon.grid.intervals[t].start);
        let Some(was) = at.and_then(|i| last_on.get(i)).copied() else { continue };
        b.hints.insert(col.0, if was { 1.0 } else { 0.0 });
        if b.known.begin[t] < CHURN_H {
            b.model.add_cost(*col, if was { -CHURN } else { CHURN });
            b.offset += if was { CHURN } else { 0.0 };
        }
    }
}
