//! Machines that run at given loads only.

use super::last;
use crate::dispatch::formulate::Build;
use crate::dispatch::model::Col;
use crate::site::AssetIx;

/// Principal power as a sum over the loads, one of which is taken while the machine runs.
pub(super) fn power(b: &mut Build<'_>, asset: AssetIx, t: usize, steps: &[f64], run: Col) -> Vec<(Col, f64)> {
    if let [only] = steps {
        return vec![(run, *only)];
    }
    let was = last(b, asset, t);
    let mut one = vec![(run, -1.0)];
    let mut power = Vec::with_capacity(steps.len());
    for kw in steps {
        let taken = b.binary(t);
        if let Some(was) = was {
            b.hints.insert(taken.0, if was.on && (was.kw - kw).abs() < 1e-3 { 1.0 } else { 0.0 });
        }
        one.push((taken, 1.0));
        power.push((taken, *kw));
    }
    b.model.row(0.0, 0.0, &one);
    power
}
