//! A programme without a solution, solved all the same: each row may be missed at a price above all others. No input known
//! leads here (what can be violated already has a slack of its own); a limit forgotten is then named, not a dead end.

use super::formulate::Formulation;
use super::{Column, Problem, Request, Slack, Solution, Solve, SolveError, answer};

/// Price of missing a row by one unit, currency: above the value of any load lost.
const PRICE: f64 = 1e4;
/// A second try may take so long, seconds: the first one has had its time.
const TIME_S: f64 = 1.0;
/// Missed by less is the solver's tolerance.
const VISIBLE: f64 = 0.01;

/// The solution of the formulation's own shape, and what was missed, per asset.
pub(super) fn solve(
    f: &Formulation,
    request: &Request<'_>,
    solve: &mut dyn Solve,
) -> Result<(Solution, Vec<Slack>), SolveError> {
    let problem = relaxed(&f.problem);
    let request = Request { problem: &problem, time_limit_s: Some(TIME_S), ..request.clone() };
    let mut solution = solve.solve(&request).and_then(|s| answer::check(&problem, s))?;
    let missed = solution.x.split_off(f.problem.columns.len());
    let slacks = f.places.iter().zip(&f.names).filter_map(|(place, name)| {
        let worst = place.rows.clone().map(|r| missed[2 * r].max(missed[2 * r + 1])).fold(0.0, f64::max);
        let what = format!("{name}: limits of its own that cannot all be kept");
        (worst > VISIBLE).then_some(Slack { what, interval: 0, amount: worst, price: PRICE })
    });
    let slacks = slacks.collect();
    // What rows were missed for is no cost of the plan, and nothing is proven of it.
    solution.objective = f.problem.columns.iter().zip(&solution.x).map(|(c, v)| c.cost * v).sum();
    solution.bound = f64::NEG_INFINITY;
    Ok((solution, slacks))
}

/// Two columns per row, behind all others: what is missing and what is too much.
fn relaxed(p: &Problem) -> Problem {
    let mut problem = p.clone();
    for row in 0..p.rows.len() {
        for sign in [1.0, -1.0] {
            problem.entries.push((row, problem.columns.len(), sign));
            problem.columns.push(Column { cost: PRICE, lower: 0.0, upper: f64::INFINITY, integer: false });
        }
    }
    problem
}

/// ": chp, battery", or nothing where none had to give way.
pub(super) fn names(slacks: &[Slack]) -> String {
    let list: Vec<&str> = slacks.iter().filter_map(|s| s.what.split(':').next()).collect();
    if list.is_empty() { String::new() } else { format!(": {}", list.join(", ")) }
}
