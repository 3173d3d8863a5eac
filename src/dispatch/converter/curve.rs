//! Part load along a curve: segments filled from the lowest load up.
//!
//! A segment that gives more for the same load than the next is filled first by its price alone. Where the next gives
//! more, the programme would take it first and have energy for nothing: there a binary says that the one before is full.

use super::last;
use crate::dispatch::formulate::Build;
use crate::dispatch::model::Col;
use crate::site::AssetIx;

/// Principal power and what the curve's port injects, as sums over columns.
pub(super) struct Part {
    pub power: Vec<(Col, f64)>,
    pub injected: Vec<(Col, f64)>,
}

/// `run` is the machine's on/off at `t`; `exact` asks for the order of every segment, for where it could pay to waste.
pub(super) fn part(b: &mut Build<'_>, asset: AssetIx, t: usize, points: &[[f64; 2]], run: Col, exact: bool) -> Part {
    let lowest = points[0];
    let mut part = Part { power: vec![(run, lowest[0])], injected: vec![(run, lowest[1])] };
    // What opens the segments at hand, and those that must be full before the next may open.
    let (mut opened, mut before): (Col, Vec<(Col, f64)>) = (run, Vec::new());
    let mut steepest = f64::INFINITY;
    for pair in points.windows(2) {
        let (width, slope) = (pair[1][0] - pair[0][0], (pair[1][1] - pair[0][1]) / (pair[1][0] - pair[0][0]));
        if steepest.is_finite() && (exact || slope > steepest + 1e-9) {
            let full = b.binary(t);
            for (col, width) in before.drain(..) {
                b.model.row(0.0, f64::INFINITY, &[(col, 1.0), (full, -width)]);
            }
            if let Some(was) = last(b, asset, t) {
                b.hints.insert(full.0, if was.kw >= pair[0][0] - 1e-6 { 1.0 } else { 0.0 });
            }
            opened = full;
        }
        steepest = slope;
        let filled = b.model.col(0.0, 0.0, width);
        b.model.row(f64::NEG_INFINITY, 0.0, &[(filled, 1.0), (opened, -width)]);
        before.push((filled, width));
        part.power.push((filled, 1.0));
        part.injected.push((filled, slope));
    }
    part
}
