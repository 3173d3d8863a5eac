//! microlp as a pure-Rust solver: a cross-check of HiGHS, and what is left where HiGHS fails. Slower on large
//! programmes; it honours gap, node and time limits.
//!
//! microlp gives no duals. They are found by a second linear programme: with the integers fixed, any `y` that satisfies
//! complementary slackness against the solution is an optimal dual, and those conditions are linear. Where the optimum
//! is degenerate several exist and this need not be the one HiGHS reports; where that programme fails, there are no duals
//! (the plan then has no prices of its own, but its powers stand).

use std::time::Duration;

use microlp::{ComparisonOp, OptimizationDirection, SolutionStatus, SolveOptions, Variable};

use super::check;
use crate::dispatch::{Problem, Request, Row, Solution, Solve, SolveError, SolveStatus};

/// How near to its bound a row or column counts as bound, relative to its size.
const ACTIVE: f64 = 1e-6;

/// microlp in the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fallback;

impl Solve for Fallback {
    fn solve(&mut self, request: &Request<'_>) -> Result<Solution, SolveError> {
        check::check(request)?;
        let problem = request.problem;
        let mut first = run(problem, request, None)?;
        if problem.columns.iter().any(|c| c.integer) {
            let fixed = run(problem, request, Some(&first.x))?;
            first = Solution { status: first.status, bound: first.bound.min(fixed.objective), ..fixed };
        }
        first.duals = duals(problem, &first.x).unwrap_or_default();
        Ok(first)
    }
}

fn failed(e: &microlp::Error) -> SolveError {
    match e {
        microlp::Error::Infeasible => SolveError::Infeasible,
        microlp::Error::Unbounded => SolveError::Unbounded,
        other => SolveError::Failed(format!("microlp: {other}")),
    }
}

fn whole(v: f64) -> i32 {
    // Saturates: an unbounded integer column is one of 32 bits here.
    v as i32
}

fn run(p: &Problem, request: &Request<'_>, fixed: Option<&[f64]>) -> Result<Solution, SolveError> {
    let mut lp = microlp::Problem::new(OptimizationDirection::Minimize);
    let variables: Vec<Variable> = p
        .columns
        .iter()
        .enumerate()
        .map(|(i, c)| match fixed {
            Some(x) if c.integer => lp.add_var(c.cost, (x[i].round(), x[i].round())),
            None if c.integer => lp.add_integer_var(c.cost, (whole(c.lower.ceil()), whole(c.upper.floor()))),
            _ => lp.add_var(c.cost, (c.lower, c.upper)),
        })
        .collect();
    for (terms, row) in by_row(p).iter().zip(&p.rows) {
        let sum: Vec<(Variable, f64)> = terms.iter().map(|(column, value)| (variables[*column], *value)).collect();
        constrain(&mut lp, &sum, row);
    }
    let mut options = SolveOptions::default();
    options.mip_gap = request.relative_gap;
    options.node_limit = request.node_limit.map(u64::from);
    options.time_limit = request.time_limit_s.map(Duration::from_secs_f64);
    if let (Some(start), None) = (request.start, fixed) {
        let integers = variables.iter().zip(&p.columns).filter(|(_, c)| c.integer).map(|(v, _)| *v);
        options.warm_start = Some(integers.zip(start.iter().copied()).collect());
    }
    let outcome = lp.solve_with(options).map_err(|e| failed(&e))?;
    let solution = outcome.into_solution().map_err(|_| SolveError::NoIncumbent)?;
    let x: Vec<f64> = variables.iter().map(|v| solution.var_value(*v)).collect();
    let objective = solution.objective();
    let bound = solution.stats().best_bound.unwrap_or(objective);
    let status = match solution.status() {
        SolutionStatus::Optimal => SolveStatus::Optimal,
        _ if solution.termination_reason() == microlp::TerminationReason::MipGap => SolveStatus::Optimal,
        _ => SolveStatus::Feasible,
    };
    Ok(Solution { status, x, duals: Vec::new(), objective, bound })
}

fn by_row(p: &Problem) -> Vec<Vec<(usize, f64)>> {
    let mut rows = vec![Vec::new(); p.rows.len()];
    for (row, column, value) in &p.entries {
        rows[*row].push((*column, *value));
    }
    rows
}

fn constrain(lp: &mut microlp::Problem, sum: &[(Variable, f64)], row: &Row) {
    if row.lower == row.upper {
        lp.add_constraint(sum, ComparisonOp::Eq, row.lower);
        return;
    }
    if row.lower.is_finite() {
        lp.add_constraint(sum, ComparisonOp::Ge, row.lower);
    }
    if row.upper.is_finite() {
        lp.add_constraint(sum, ComparisonOp::Le, row.upper);
    }
}

fn at(value: f64, bound: f64) -> bool {
    bound.is_finite() && (value - bound).abs() <= ACTIVE * (1.0 + bound.abs())
}

/// A dual solution by complementary slackness with `x`, if there is one.
fn duals(p: &Problem, x: &[f64]) -> Option<Vec<f64>> {
    let mut lp = microlp::Problem::new(OptimizationDirection::Minimize);
    let mut y: Vec<Option<Variable>> = Vec::with_capacity(p.rows.len());
    for (terms, row) in by_row(p).iter().zip(&p.rows) {
        let activity: f64 = terms.iter().map(|(column, value)| x[*column] * value).sum();
        let sign = match (at(activity, row.lower), at(activity, row.upper)) {
            (false, false) => None,
            (low, high) => Some((if high { f64::NEG_INFINITY } else { 0.0 }, if low { f64::INFINITY } else { 0.0 })),
        };
        y.push(sign.map(|bounds| lp.add_var(0.0, bounds)));
    }
    let mut by_column = vec![Vec::new(); p.columns.len()];
    for (row, column, value) in &p.entries {
        if let Some(variable) = y[*row] {
            by_column[*column].push((variable, *value));
        }
    }
    for ((terms, column), value) in by_column.iter().zip(&p.columns).zip(x) {
        let (low, high) = (at(*value, column.lower), at(*value, column.upper));
        if column.integer || (low && high) {
            continue;
        }
        let row = Row {
            lower: if low { f64::NEG_INFINITY } else { column.cost },
            upper: if high { f64::INFINITY } else { column.cost },
        };
        if terms.is_empty() {
            continue;
        }
        constrain(&mut lp, terms, &row);
    }
    let solution = lp.solve().ok()?.into_solution().ok()?;
    Some(y.iter().map(|v| v.map_or(0.0, |v| solution.var_value(v))).collect())
}
