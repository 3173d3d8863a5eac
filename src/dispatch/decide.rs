//! One plan from one state: solve, or shift the last plan, or rules. There is always a plan.

use super::formulate::formulate;
use super::known::Known;
use super::plan::group;
use super::sound::Sound;
use super::values::worth;
use super::{
    AssetPlan, BusPlan, Fallback, Inputs, Plan, PlanStatus, Problem, Request, Slack, Solve, SolveError, answer,
    elastic, pcc, readout, rules,
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
/// is shifted while it is valid, and after that the house's rules decide. It asks the session at most twice.
pub fn plan(input: &Inputs<'_>, solve: &mut dyn Solve) -> Plan {
    plan_with(input, &Effort::default(), solve)
}

/// As [`plan`], with another effort.
pub fn plan_with(input: &Inputs<'_>, effort: &Effort, solve: &mut dyn Solve) -> Plan {
    let sound = Sound::of(input);
    let input = &sound.inputs(input);
    let mut known = Known::of(input);
    known.notes.splice(0..0, sound.notes.iter().cloned());
    let formulation = formulate(input, &known, effort.whole_h);
    let request = Request {
        problem: &formulation.problem,
        start: formulation.start.as_deref(),
        relative_gap: effort.relative_gap,
        node_limit: effort.node_limit,
        time_limit_s: None,
    };
    let in_force = |plan: Plan| Plan { limits: pcc::in_force(input, &known.grid, &plan), ..plan };
    let answer = solve.solve(&request).and_then(|s| answer::check(&formulation.problem, s));
    let why = match answer {
        Ok(solution) => return in_force(readout::read(input, &known, &formulation, &solution)),
        // Every bound that may be violated already has its slack; should one have been forgotten, it gives way by name.
        Err(SolveError::Infeasible) => match elastic::solve(&formulation, &request, solve) {
            Ok((solution, slacks)) => {
                known.notes.push(format!(
                    "solver: {}; its limits were relaxed{}",
                    SolveError::Infeasible,
                    elastic::names(&slacks)
                ));
                return in_force(readout::read_with(input, &known, &formulation, &solution, slacks));
            }
            Err(e) => e,
        },
        Err(e) => e,
    };
    let (mut plan, what) = match shifted(input) {
        Some(plan) => (plan, "; the last plan is shifted to now, prices and all"),
        None => (rules::plan(input, &known), ""),
    };
    let notes = std::iter::once(format!("solver: {why}{what}")).chain(known.notes.iter().cloned());
    plan.note = notes.collect::<Vec<_>>().join("; ");
    in_force(plan)
}

/// The programme that [`plan`] would solve, for tools and cross-checks.
#[must_use]
pub fn problem(input: &Inputs<'_>) -> Problem {
    let sound = Sound::of(input);
    let input = &sound.inputs(input);
    formulate(input, &Known::of(input), Effort::default().whole_h).problem
}

/// What a stored kWh is worth at the end of the horizon, per asset; 0 for all but stores. A plan's cost counts what
/// stores gain or lose at these values.
#[must_use]
pub fn end_values(input: &Inputs<'_>) -> Vec<f64> {
    let sound = Sound::of(input);
    let input = &sound.inputs(input);
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
    // What gives way in the last plan gives way still.
    let still = |(t, i): (usize, &usize)| {
        let there = last.slacks.iter().filter(|s| s.interval == *i);
        there.map(|s| Slack { interval: t, ..s.clone() }).collect::<Vec<_>>()
    };
    let slacks: Vec<Slack> = from.iter().enumerate().flat_map(still).collect();
    let hours: Vec<f64> = input.horizon.grid.intervals.iter().map(|i| i.hours).collect();
    Some(Plan {
        id: input.id,
        grid: input.horizon.grid.clone(),
        status: PlanStatus::Fallback(Fallback::Shifted),
        gap: None,
        cost: None,
        bound: None,
        solve_ms: 0.0,
        assets: assets.collect(),
        buses: last.buses.iter().map(|b| BusPlan { price: pick(&b.price) }).collect(),
        conflicts: group(&slacks, &hours),
        slacks,
        binding: Vec::new(),
        limits: Vec::new(),
        co2: None,
        note: String::new(),
        made_at: last.made_at,
        valid_until: last.valid_until,
    })
}
