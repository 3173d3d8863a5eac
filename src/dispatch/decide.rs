//! One plan from one state: solve, or shift the last plan, or rules. There is always a plan.

use super::formulate::formulate;
use super::known::Known;
use super::values::worth;
use super::{
    AssetPlan, BusPlan, Fallback, Inputs, Plan, PlanStatus, Problem, Request, Solve, SolveError, readout, rules,
};

/// A plan may be followed this long, seconds.
pub(super) const VALID_S: f64 = 900.0;

/// How far and how near one solve goes. The default is the daemon's; tools that compare with a proven optimum or want a
/// bound ask for other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Commitment is whole for intervals that begin within so many hours; beyond it is relaxed. Infinite: whole to the
    /// end; 0: a linear programme, whose optimum is a bound.
    pub whole_h: f64,
    /// Proven this near to the optimum is near enough.
    pub relative_gap: f64,
    /// Branch-and-bound nodes (`None`: no limit); a count, not a time, so that a replay decides the same.
    pub node_limit: Option<u32>,
}

impl Default for Effort {
    fn default() -> Self {
        // A relaxed tail costs some hundredths of a percent and saves nine tenths of the time; forecasts err by far
        // more than the gap.
        Self { whole_h: 4.0, relative_gap: 0.005, node_limit: Some(200) }
    }
}

/// Makes a plan; `solve_ms` is left 0 for the caller who has a clock. Never fails: without a solution the last plan
/// is shifted while it is valid, and after that the house's rules decide.
pub fn plan(input: &Inputs<'_>, solve: &mut dyn Solve) -> Plan {
    plan_with(input, &Effort::default(), solve)
}

/// As [`plan`], with another effort.
pub fn plan_with(input: &Inputs<'_>, effort: &Effort, solve: &mut dyn Solve) -> Plan {
    let known = Known::of(input);
    let formulation = formulate(input, &known, effort.whole_h);
    let request = Request {
        problem: &formulation.problem,
        start: formulation.start.as_deref(),
        relative_gap: effort.relative_gap,
        node_limit: effort.node_limit,
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
    formulate(input, &Known::of(input), Effort::default().whole_h).problem
}

/// What a stored kWh is worth at the end of the horizon, per asset; 0 for all but stores. A plan's cost counts what
/// stores gain or lose at these values.
#[must_use]
pub fn end_values(input: &Inputs<'_>) -> Vec<f64> {
    worth(input, &Known::of(input)).stored
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
