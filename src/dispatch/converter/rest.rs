//! What a start costs by the length of the rest before it: hot, warm, cold.
//!
//! A start is charged as the coldest. It is given a part back where the machine ran not too long ago.

use super::commitment::Switched;
use crate::dispatch::elements::Commit;
use crate::dispatch::formulate::Build;
use crate::dispatch::model::Col;

pub(super) fn build(b: &mut Build<'_>, c: &Commit, s: &Switched) {
    let Some((_, coldest)) = c.long_rest.last().copied() else { return };
    // Costs of a start after a rest shorter than the hours beside them.
    let hotter =
        std::iter::once(c.start_cost).chain(c.long_rest.iter().map(|r| r.1)).zip(c.long_rest.iter().map(|r| r.0));
    let classes: Vec<(f64, f64)> = hotter.filter(|(cost, _)| *cost < coldest).collect();
    for t in 0..b.len() {
        b.model.add_cost(s.start[t], coldest - c.start_cost);
        let mut given: Vec<(Col, f64)> = vec![(s.start[t], -1.0)];
        for (cost, within_h) in &classes {
            let Some(ran) = ran(b, c, &s.on, t, *within_h) else { continue };
            let back = b.model.col(cost - coldest, 0.0, 1.0);
            given.push((back, 1.0));
            if let Ran::Perhaps(mut row) = ran {
                row.push((back, -1.0));
                b.model.row(0.0, f64::INFINITY, &row);
            }
        }
        if given.len() > 1 {
            b.model.row(f64::NEG_INFINITY, 0.0, &given);
        }
    }
}

enum Ran {
    /// Before this plan, and so late.
    Surely,
    /// If it is on in one of these.
    Perhaps(Vec<(Col, f64)>),
}

/// Whether the machine ran less than `within_h` before `t`; `None` where it cannot have.
fn ran(b: &Build<'_>, c: &Commit, on: &[Col], t: usize, within_h: f64) -> Option<Ran> {
    let begin = |w: usize| b.known.begin[w];
    let short = |rest_h: f64| rest_h < within_h - 1e-6;
    // What runs now, or is not known, has not rested before this plan.
    let rested_h = if c.was_on == Some(false) { c.rested_h } else { 0.0 };
    if short(begin(t) + rested_h) {
        return Some(Ran::Surely);
    }
    let row: Vec<(Col, f64)> =
        (0..t).filter(|w| short(begin(t) - begin(*w) - b.hours(*w))).map(|w| (on[w], 1.0)).collect();
    (!row.is_empty()).then_some(Ran::Perhaps(row))
}
