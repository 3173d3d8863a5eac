//! One plan from one state: solve, or shift the last plan, or rules. There is always a plan.

use super::formulate::formulate;
use super::known::Known;
use super::{
    AssetPlan, BusPlan, Fallback, Inputs, Plan, PlanStatus, Problem, Request, Solve, SolveError, readout, rules,
};

/// A plan may be followed this long, seconds.
pub(super) const VALID_S: f64 = 900.0;
/// Proven this near to the optimum is near enough: forecasts err by far more.
pub(super) const RELATIVE_GAP: f64 = 0.005;
/// Branch-and-bound nodes; a count, not a time, so that a replay decides the same.
pub(super) const NODE_LIMIT: u32 = 200;

/// Makes a plan; `solve_ms` is left 0 for the caller who has a clock. Never fails: without a solution the last plan
/// is shifted while it is valid, and after that the house's rules decide.
pub fn plan(input: &Inputs<'_>, solve: &mut dyn Solve) -> Plan {
    let known = Known::of(input);
    let formulation = formulate(input, &known);
    let request = Request {
        problem: &formulation.problem,
        start: formulation.start.as_deref(),
        relative_gap: RELATIVE_GAP,
        node_limit: Some(NODE_LIMIT),
        time_limit_s: None,
    };
    let shape = |s: &super::Solution| {
        s.x.len() == formulation.problem.columns.len() && s.duals.len() == formulation.problem.rows.len()
    };
    let why = match solve.solve(&request) {
        Ok(solution) if shape(&solution) => return readout::read(input, &known, &formulation, &solution),
        Ok(_) => SolveError::Failed("answer to another programme".to_owned()),
        Err(e) => e,
    };
    let mut plan = shifted(input).unwrap_or_else(|| rules::plan(input, &known));
    let notes = std::iter::once(format!("solver: {why}")).chain(known.notes.iter().cloned());
    plan.note = notes.collect::<Vec<_>>().join("; ");
    plan
}

/// The programme that [`plan`] would solve, for tools and cross-checks.
#[must_use]
pub fn problem(input: &Inputs<'_>) -> Problem {
    formulate(input, &Known::of(input)).problem
}

/// The last plan on the new grid, as long as it is valid; its age and its end stay what they were.
fn shifted(input: &Inputs<'_>) -> Option<Plan> {
    let now = input.state.now.park;
    let last = input.last.filter(|l| now < l.valid_until && now >= l.made_at)?;
    if last.assets.len() != input.site.assets.len() || last.buses.len() != input.site.buses.len() {
        return None;
    }
    let end = last.grid.intervals.len().checked_sub(1)?;
    let from: Vec<usize> =
        input.horizon.grid.intervals.iter().map(|i| last.interval_at(i.start).unwrap_or(end)).collect();
    let pick = |list: &Vec<f64>| from.iter().filter_map(|i| list.get(*i).copied()).collect::<Vec<f64>>();
    let assets = last.assets.iter().map(|a| AssetPlan {
        power_kw: a.power_kw.iter().map(&pick).collect(),
        potential_kw: pick(&a.potential_kw),
        on: from.iter().filter_map(|i| a.on.get(*i).copied()).collect(),
        energy_kwh: pick(&a.energy_kwh),
        stored_value: pick(&a.stored_value),
    });
    Some(Plan {
        id: input.id,
        grid: input.horizon.grid.clone(),
        status: PlanStatus::Fallback(Fallback::Shifted),
        gap: None,
        cost: None,
        solve_ms: 0.0,
        assets: assets.collect(),
        buses: last.buses.iter().map(|b| BusPlan { price: pick(&b.price) }).collect(),
        slacks: Vec::new(),
        note: String::new(),
        ..last.clone()
    })
}
