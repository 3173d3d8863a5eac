//! Solves to the proven optimum, with commitments fixed, or not at all.

use std::time::Instant;

use hexad::dispatch::{Effort, Plan, Problem, Request, Solution, Solve, SolveError, end_values, plan, plan_with};
use hexad::solver::InProcess;

use super::case::Case;
use super::dice::Dice;
use super::soak::Seen;

/// What counts as proven.
pub const PROVEN: f64 = 1e-6;
const NODES: u32 = 3000;

const WHOLE: Effort = Effort { whole_h: f64::INFINITY, relative_gap: PROVEN / 2.0, node_limit: Some(NODES) };

/// Keeps what it was asked and what it answered.
#[derive(Default)]
struct Recorder {
    problem: Problem,
    solution: Option<Solution>,
}

impl Solve for Recorder {
    fn solve(&mut self, request: &Request<'_>) -> Result<Solution, SolveError> {
        self.problem = request.problem.clone();
        let answer = InProcess.solve(request)?;
        self.solution = Some(answer.clone());
        Ok(answer)
    }
}

/// Never has an answer.
pub struct Broken;

impl Solve for Broken {
    fn solve(&mut self, _: &Request<'_>) -> Result<Solution, SolveError> {
        Err(SolveError::Failed("broken".into()))
    }
}

/// Solves with every whole column held at given values.
struct Held<'a> {
    x: &'a [f64],
    objective: f64,
}

impl Solve for Held<'_> {
    fn solve(&mut self, request: &Request<'_>) -> Result<Solution, SolveError> {
        if request.problem.columns.len() != self.x.len() {
            return Err(SolveError::Failed("another programme".into()));
        }
        let fixed = fixed(request.problem, self.x);
        let answer = InProcess.solve(&Request { problem: &fixed, start: None, ..*request })?;
        self.objective = answer.objective;
        Ok(answer)
    }
}

fn fixed(problem: &Problem, x: &[f64]) -> Problem {
    let mut fixed = problem.clone();
    for (column, value) in fixed.columns.iter_mut().zip(x) {
        if column.integer {
            let whole = value.round();
            (column.lower, column.upper, column.integer) = (whole, whole, false);
        }
    }
    fixed
}

fn lp(problem: &Problem) -> Result<f64, String> {
    let request = Request { problem, start: None, relative_gap: 0.0, node_limit: None, time_limit_s: None };
    InProcess.solve(&request).map(|s| s.objective).map_err(|e| e.to_string())
}

pub fn daemon(case: &Case, solve: &mut dyn Solve) -> Plan {
    plan(&case.inputs(), solve)
}

pub struct Exact {
    pub plan: Plan,
    pub bound: f64,
    pub ms: f64,
    pub problem: Problem,
    pub solution: Solution,
}

/// The whole commitment of the whole horizon.
pub fn exact(case: &Case) -> Result<Exact, String> {
    let mut recorder = Recorder::default();
    let begin = Instant::now();
    let plan = plan_with(&case.inputs(), &WHOLE, &mut recorder);
    let ms = begin.elapsed().as_secs_f64() * 1e3;
    let Some(solution) = recorder.solution else { return Err(format!("no plan: {}", plan.note)) };
    Ok(Exact { plan, bound: solution.bound, ms, problem: recorder.problem, solution })
}

/// The optimum of the linear relaxation.
pub fn relaxed(case: &Case) -> Result<f64, String> {
    let mut recorder = Recorder::default();
    let plan = plan_with(&case.inputs(), &Effort { whole_h: 0.0, ..WHOLE }, &mut recorder);
    recorder.solution.map(|s| s.objective).ok_or(plan.note)
}

/// Whether `slope` lies between the quotients to the left and to the right of `at`.
fn between(slope: f64, left: f64, at: f64, right: f64, step: f64) -> Result<bool, String> {
    let (low, high) = ((at - left) / step, (right - at) / step);
    let close = 2e-3 + 1e-7 * at.abs() / step;
    if slope < low - close || slope > high + close {
        return Err(format!("{slope:.5} is not within [{low:.5}, {high:.5}]"));
    }
    Ok((high - low) < 2.0 * close)
}

/// Bus prices and the duals of other equalities against the linear programme with commitments fixed.
pub fn slopes(case: &Case) -> Result<Seen, String> {
    let e = exact(case)?;
    let n = case.len();
    let base = fixed(&e.problem, &e.solution.x);
    let at = lp(&base)?;
    let mut d = Dice::new(case.seed ^ 0x5107E5);
    let equal: Vec<usize> =
        (0..base.rows.len()).filter(|r| (base.rows[*r].upper - base.rows[*r].lower).abs() < 1e-12).collect();
    let balances = n * case.site.buses.len();
    let mut sharp = 0.0;
    for k in 0..6 {
        // The balances come first, bus by bus; the plan's prices say so too.
        let row = if k < 4 { d.int(0, balances as u32 - 1) as usize } else { *d.pick(&equal) };
        if row < balances {
            let (bus, t) = (row / n, row % n);
            let told = e.plan.buses[bus].price[t] * case.horizon.grid.intervals[t].hours;
            if (told - e.solution.duals[row]).abs() > 1e-6 {
                return Err(format!("bus {bus} {t}: price {told} a kW against a dual of {}", e.solution.duals[row]));
            }
        }
        let step = 0.02;
        let moved = |by: f64| {
            let mut p = base.clone();
            p.rows[row].lower += by;
            p.rows[row].upper += by;
            lp(&p)
        };
        let (left, right) = (moved(-step), moved(step));
        let (Ok(left), Ok(right)) = (left, right) else { continue };
        match between(e.solution.duals[row], left, at, right, step) {
            Ok(s) => sharp += f64::from(u8::from(s)),
            Err(why) => return Err(format!("row {row} ({balances} balances of {n}): {why}")),
        }
    }
    Ok(vec![("duals", 6.0), ("sharp", sharp)])
}

/// One kWh more in store now, through the inputs: what the first marginal value says, in the end's own terms.
pub fn stored(case: &Case) -> Result<Seen, String> {
    let e = exact(case)?;
    let mut seen = vec![("stores", 0.0), ("sharp", 0.0)];
    let values = end_values(&case.inputs());
    for (ix, end_value) in values.iter().enumerate() {
        let Some(Ok(energy)) = case.state.assets[ix].energy else { continue };
        let Some(value) = e.plan.assets[ix].stored_value.first() else { continue };
        if e.plan.assets[ix].energy_kwh.is_empty() || moves_bounds(case, ix, energy) {
            continue;
        }
        let step = 0.02;
        let moved = |by: f64| {
            let mut other = case.clone();
            other.state.assets[ix].energy = Some(Ok(energy + by));
            let mut held = Held { x: &e.solution.x, objective: f64::NAN };
            let plan = plan_with(&other.inputs(), &WHOLE, &mut held);
            if plan.gap.is_some() { Ok(held.objective) } else { Err(plan.note) }
        };
        // A window that gives way to the measured state has other columns on its other side.
        let (Ok(left), Ok(at), Ok(right)) = (moved(-step), moved(0.0), moved(step)) else { continue };
        let keep = keep(case, ix);
        let slope = end_value - keep * value;
        match between(slope, left, at, right, step) {
            Ok(sharp) => {
                seen[0].1 += 1.0;
                seen[1].1 += f64::from(u8::from(sharp));
            }
            Err(why) => return Err(format!("{}: {why}", case.site.assets[ix].id)),
        }
    }
    Ok(seen)
}

/// The measured energy is part of bounds too: outside its window, and under a curve of power by energy.
fn moves_bounds(case: &Case, ix: usize, energy: f64) -> bool {
    use hexad::site::Kind;
    let kind = &case.site.assets[ix].kind;
    let capacity = kind.capacity().unwrap().kwh();
    let (low, high, curved) = match kind {
        Kind::Battery(k) => (k.soc_min, k.soc_max, !(k.charge_curve.is_empty() && k.discharge_curve.is_empty())),
        _ => (0.0, 1.0, false),
    };
    curved || !(low * capacity + 0.1..high * capacity - 0.1).contains(&energy)
}

/// What is left of a kWh after the first interval.
fn keep(case: &Case, ix: usize) -> f64 {
    use hexad::site::Kind;
    let loss = match &case.site.assets[ix].kind {
        Kind::HeatTank(k) => k.loss_per_h,
        Kind::ColdTank(k) => k.loss_per_h,
        Kind::Room(k) => 1.0 - (-k.loss_kw_per_k / k.kwh_per_k).exp(),
        _ => 0.0,
    };
    (1.0 - loss).powf(case.horizon.grid.intervals[0].hours)
}
