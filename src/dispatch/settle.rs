//! What happens within a step once its loads and its weather are seen.
//!
//! Between two plans the daemon re-plans every few seconds with what the meters show while its machines stay as they
//! were committed. A tool that walks in longer steps does the same once a step: the very programme of the plan over
//! the plan's own horizon, the first interval as it really is, the commitments of the first hours held. So what
//! deviates from the plan is shared out by the plan's prices and by the whole value of stored energy, not by its
//! slope at one point.

use super::decide::{self, Effort};
use super::formulate::{Formulation, formulate};
use super::known::Known;
use super::{Inputs, Plan, Request, Solve, readout, rules};

/// The plan `held` carried out under `input`, whose first interval holds what really is. Where that leaves a limit
/// broken now, the dispatch is free again at once, as for any event.
pub fn settle(input: &Inputs<'_>, held: &Plan, solve: &mut dyn Solve) -> Plan {
    let again = Inputs { last: Some(held), ..*input };
    let apart = Inputs { last: None, ..*input };
    let known = Known::of(&apart);
    let effort = Effort::default();
    let mut formulation = formulate(&apart, &known, effort.whole_h);
    if !hold(&mut formulation, &apart, held) {
        return decide::plan(&again, solve);
    }
    let request = Request {
        problem: &formulation.problem,
        start: None,
        relative_gap: effort.relative_gap,
        node_limit: effort.node_limit,
        time_limit_s: None,
    };
    match solve.solve(&request) {
        Ok(s) if s.x.len() == formulation.problem.columns.len() && s.duals.len() == formulation.problem.rows.len() => {
            let plan = readout::read(&apart, &known, &formulation, &s);
            if plan.slacks.iter().any(|s| s.interval == 0) { decide::plan(&again, solve) } else { plan }
        }
        _ => decide::plan(&again, solve),
    }
}

/// What the house's rules, without any foresight, would do.
#[must_use]
pub fn by_rules(input: &Inputs<'_>) -> Plan {
    rules::plan(input, &Known::of(input))
}

/// Fixes the whole commitments to those of the plan; false where it tells none of a machine that has one.
fn hold(f: &mut Formulation, input: &Inputs<'_>, held: &Plan) -> bool {
    for (place, planned) in f.places.iter().zip(&held.assets) {
        for (col, interval) in place.on.iter().zip(&input.horizon.grid.intervals) {
            let Some(column) = f.problem.columns.get_mut(col.0).filter(|c| c.integer) else { continue };
            let Some(on) = held.interval_at(interval.start).and_then(|t| planned.on.get(t)) else { return false };
            let on = if *on { 1.0_f64 } else { 0.0 };
            // A minimum time that began after the plan was made is held already.
            let value = on.clamp(column.lower, column.upper);
            (column.lower, column.upper, column.integer) = (value, value, false);
        }
    }
    true
}
