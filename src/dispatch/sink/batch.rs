//! A batch: once in its window, without a break. One binary for each time it may begin, of which at most one is taken:
//! the tightest way to write it, so all of them are whole.

use super::super::elements::{BatchTerms, Run, Sink};
use super::super::formulate::Build;
use super::super::model::Col;
use crate::site::AssetIx;

pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Sink, terms: &BatchTerms) {
    let n = b.len();
    let mut drawn: Vec<Vec<(Col, f64)>> = vec![Vec::new(); n];
    let mut on: Vec<Vec<(Col, f64)>> = vec![Vec::new(); n];
    for run in &terms.due {
        let chosen = choice(b, asset, run, terms);
        for (start, col) in run.starts.iter().zip(chosen) {
            for t in 0..n {
                if start.share[t] > 0.0 {
                    drawn[t].push((col, -terms.rated * start.share[t]));
                }
                // Closed from its beginning on, not from the beginning of the interval that it falls into.
                if start.at_h <= b.known.begin[t] + 1e-6 && b.known.begin[t] < start.at_h + run.hours - 1e-6 {
                    on[t].push((col, 1.0));
                }
            }
        }
    }
    for t in 0..n {
        // One after the other: what runs already, and runs of several days.
        let room = terms.rated - e.floor[t];
        if !drawn[t].is_empty() && (terms.due.len() > 1 || e.floor[t] > 0.0) {
            let row: Vec<(Col, f64)> = drawn[t].iter().map(|(col, kw)| (*col, -kw)).collect();
            b.model.row(f64::NEG_INFINITY, room.max(0.0), &row);
        }
        b.inject(asset, e.port, t, &drawn[t], -e.floor[t]);
        let runs = if e.floor[t] > 0.0 { 1.0 } else { 0.0 };
        let col = b.model.col(0.0, runs, 1.0);
        if runs < 1.0 {
            let mut row = vec![(col, -1.0)];
            row.extend(&on[t]);
            b.model.row(0.0, 0.0, &row);
        }
        b.places[asset.0].on.push(col);
    }
}

/// One of the starts, later than the horizon where the window reaches beyond it, or skipped.
fn choice(b: &mut Build<'_>, asset: AssetIx, run: &Run, terms: &BatchTerms) -> Vec<Col> {
    let energy = terms.rated * run.hours;
    let planned = last_start(b, asset);
    let nearest = planned.and_then(|at| {
        let near = |s: &&super::super::elements::Start| (s.at_h - at).abs();
        run.starts.iter().filter(|s| near(s) < 0.3).min_by(|x, y| near(x).total_cmp(&near(y))).map(|s| s.at_h)
    });
    let mut columns = Vec::with_capacity(run.starts.len());
    let mut row = Vec::with_capacity(run.starts.len() + 2);
    for start in &run.starts {
        let col = b.model.binary(terms.rated * start.beyond_h * terms.beyond, b.whole_h > 0.0);
        if nearest.is_some() {
            b.hints.insert(col.0, if nearest == Some(start.at_h) { 1.0 } else { 0.0 });
        }
        row.push((col, energy));
        columns.push(col);
    }
    if run.later {
        row.push((b.model.col(energy * terms.beyond, 0.0, 1.0), energy));
    }
    let last = (0..b.len()).rev().find(|t| run.starts.iter().any(|s| s.share[*t] > 0.0)).unwrap_or_default();
    let what = format!("{}: skipped", b.id(asset));
    row.push((b.relief_for(1.0, last, terms.skipped / energy.max(1e-9), || what), 1.0));
    b.model.row(energy, energy, &row);
    columns
}

/// When the last plan would have begun, hours from now.
fn last_start(b: &Build<'_>, asset: AssetIx) -> Option<f64> {
    let last = b.input.last?;
    let at = last.assets.get(asset.0)?.on.iter().position(|on| *on)?;
    let now = b.input.horizon.grid.intervals.first()?.start;
    Some(last.grid.intervals.get(at)?.start.seconds_since(now) / 3600.0)
}
