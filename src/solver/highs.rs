//! HiGHS behind a small wrapper: the one place of the house with `unsafe`.
//!
//! Every call goes through [`Model`], which owns the C object and is not `Send`: one object, one thread, dropped where
//! it was made. What crosses the border are counts and pointers to slices whose lengths are checked right before.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::ptr::NonNull;

use crate::dispatch::{Problem, Request, Solution, SolveError, SolveStatus};

const HEURISTICS_OFF: [&CStr; 4] = [
    c"mip_heuristic_run_feasibility_jump",
    c"mip_heuristic_run_rins",
    c"mip_heuristic_run_rens",
    c"mip_heuristic_run_root_reduced_cost",
];

/// Share of the time limit that the linear programme for the duals may take beyond it.
const DUALS_SHARE: f64 = 0.2;

/// Solves, then fixes the integers and solves again as a linear programme for the duals.
/// The request must have passed [`super::check::check`].
pub(super) fn solve(request: &Request<'_>) -> Result<Solution, SolveError> {
    let problem = request.problem;
    let integers: Vec<usize> = (0..problem.columns.len()).filter(|i| problem.columns[*i].integer).collect();
    let mut model = Model::new()?;
    model.options(request)?;
    let matrix = Matrix::of(problem)?;
    if integers.is_empty() {
        model.load(&matrix, None)?;
        return model.relaxed(problem, None);
    }
    model.load(&matrix, Some(&matrix.integrality))?;
    if let Some(start) = request.start {
        model.start(&integers, start)?;
    }
    let status = model.run()?;
    let (x, _) = model.solution(problem)?;
    // A bound that is not finite (the limit came before the root was solved) is "nothing proven".
    let bound = model.info(c"mip_dual_bound")?;
    let mut fixed = matrix;
    for i in &integers {
        let whole = x[*i].round();
        fixed.lower[*i] = whole;
        fixed.upper[*i] = whole;
    }
    if let Some(seconds) = request.time_limit_s {
        model.number(c"time_limit", seconds * DUALS_SHARE)?;
    }
    let priced = model.load(&fixed, None).and_then(|()| model.relaxed(problem, Some(status)));
    let mut solution = priced.unwrap_or_else(|_| incumbent(problem, x, status));
    solution.bound = bound.max(-1e30).min(solution.objective);
    Ok(solution)
}

/// The incumbent without duals: better than none where no time is left for them.
fn incumbent(problem: &Problem, mut x: Vec<f64>, status: SolveStatus) -> Solution {
    for (value, column) in x.iter_mut().zip(&problem.columns) {
        let whole = if column.integer { value.round() } else { *value };
        *value = whole.clamp(column.lower, column.upper);
    }
    let objective = x.iter().zip(&problem.columns).map(|(v, c)| v * c.cost).sum();
    Solution { status, x, duals: Vec::new(), objective, bound: objective }
}

/// The programme as HiGHS wants it: row-wise compressed.
struct Matrix {
    cost: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    row_lower: Vec<f64>,
    row_upper: Vec<f64>,
    start: Vec<c_int>,
    index: Vec<c_int>,
    value: Vec<f64>,
    integrality: Vec<c_int>,
}

fn int(n: usize) -> Result<c_int, SolveError> {
    c_int::try_from(n).map_err(|_| SolveError::Malformed(format!("{n} exceeds what the solver counts")))
}

impl Matrix {
    fn of(p: &Problem) -> Result<Self, SolveError> {
        let mut entries = p.entries.clone();
        entries.sort_unstable_by_key(|e| (e.0, e.1));
        let mut start = Vec::with_capacity(p.rows.len());
        let mut next = 0;
        for row in 0..p.rows.len() {
            start.push(int(next)?);
            next += entries[next..].iter().take_while(|e| e.0 == row).count();
        }
        Ok(Self {
            cost: p.columns.iter().map(|c| c.cost).collect(),
            lower: p.columns.iter().map(|c| c.lower).collect(),
            upper: p.columns.iter().map(|c| c.upper).collect(),
            row_lower: p.rows.iter().map(|r| r.lower).collect(),
            row_upper: p.rows.iter().map(|r| r.upper).collect(),
            start,
            index: entries.iter().map(|e| int(e.1)).collect::<Result<_, _>>()?,
            value: entries.iter().map(|e| e.2).collect(),
            integrality: p
                .columns
                .iter()
                .map(|c| if c.integer { highs_sys::kHighsVarTypeInteger } else { highs_sys::kHighsVarTypeContinuous })
                .collect(),
        })
    }
}

/// One HiGHS object.
struct Model {
    raw: NonNull<c_void>,
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: `raw` came from `Highs_create`, is destroyed once, here, and never used afterwards.
        unsafe { highs_sys::Highs_destroy(self.raw.as_ptr()) }
    }
}

/// A warning still has a result worth asking for; an error has none.
fn ok(code: c_int, what: &str) -> Result<(), SolveError> {
    if code == highs_sys::kHighsStatusError { Err(SolveError::Failed(format!("HiGHS: {what}"))) } else { Ok(()) }
}

impl Model {
    fn new() -> Result<Self, SolveError> {
        // SAFETY: no arguments; the result is checked for null.
        let raw = unsafe { highs_sys::Highs_create() };
        NonNull::new(raw).map(|raw| Self { raw }).ok_or_else(|| SolveError::Failed("HiGHS: no memory".to_owned()))
    }

    fn ptr(&self) -> *mut c_void {
        self.raw.as_ptr()
    }

    fn flag(&mut self, name: &CStr, value: bool) -> Result<(), SolveError> {
        // SAFETY: live object, NUL-terminated name, value by copy.
        ok(unsafe { highs_sys::Highs_setBoolOptionValue(self.ptr(), name.as_ptr(), c_int::from(value)) }, "option")
    }
    fn number(&mut self, name: &CStr, value: f64) -> Result<(), SolveError> {
        // SAFETY: as `flag`.
        ok(unsafe { highs_sys::Highs_setDoubleOptionValue(self.ptr(), name.as_ptr(), value) }, "option")
    }
    fn count(&mut self, name: &CStr, value: c_int) -> Result<(), SolveError> {
        // SAFETY: as `flag`.
        ok(unsafe { highs_sys::Highs_setIntOptionValue(self.ptr(), name.as_ptr(), value) }, "option")
    }

    fn options(&mut self, request: &Request<'_>) -> Result<(), SolveError> {
        self.flag(c"output_flag", false)?;
        self.count(c"threads", 1)?;
        self.count(c"random_seed", 0)?;
        self.number(c"mip_rel_gap", request.relative_gap)?;
        // Heuristics that solve programmes of their own made the longest solves of a day (1.9 s; 0.25 s without) and,
        // beside a start and the dives, did not pay for themselves.
        for name in HEURISTICS_OFF {
            self.flag(name, false)?;
        }
        if let Some(nodes) = request.node_limit {
            self.count(c"mip_max_nodes", c_int::try_from(nodes).unwrap_or(c_int::MAX))?;
        }
        if let Some(seconds) = request.time_limit_s {
            self.number(c"time_limit", seconds)?;
        }
        Ok(())
    }

    fn load(&mut self, m: &Matrix, integrality: Option<&[c_int]>) -> Result<(), SolveError> {
        let (columns, rows, entries) = (m.cost.len(), m.row_lower.len(), m.index.len());
        let consistent = m.lower.len() == columns
            && m.upper.len() == columns
            && m.row_upper.len() == rows
            && m.start.len() == rows
            && m.value.len() == entries
            && integrality.is_none_or(|i| i.len() == columns);
        if !consistent {
            return Err(SolveError::Malformed("lists of different length".to_owned()));
        }
        let continuous;
        let integrality = match integrality {
            Some(list) => list,
            None => {
                continuous = vec![highs_sys::kHighsVarTypeContinuous; columns];
                &continuous
            }
        };
        // SAFETY: live object; each pointer leads to a slice of exactly the length told by the three counts (checked
        // above), the row starts ascend within the entries and column indices lie below `columns` (built by
        // `Matrix::of` from checked entries). HiGHS copies all of it before it returns.
        let code = unsafe {
            highs_sys::Highs_passMip(
                self.ptr(),
                int(columns)?,
                int(rows)?,
                int(entries)?,
                highs_sys::kHighsMatrixFormatRowwise,
                highs_sys::kHighsObjSenseMinimize,
                0.0,
                m.cost.as_ptr(),
                m.lower.as_ptr(),
                m.upper.as_ptr(),
                m.row_lower.as_ptr(),
                m.row_upper.as_ptr(),
                m.start.as_ptr(),
                m.index.as_ptr(),
                m.value.as_ptr(),
                integrality.as_ptr(),
            )
        };
        ok(code, "the programme was refused")
    }

    fn start(&mut self, integers: &[usize], values: &[f64]) -> Result<(), SolveError> {
        if integers.len() != values.len() {
            return Err(SolveError::Malformed("start of the wrong length".to_owned()));
        }
        let index = integers.iter().map(|i| int(*i)).collect::<Result<Vec<_>, _>>()?;
        // SAFETY: live object; both pointers lead to `index.len()` elements; the indices are columns of the model.
        let code = unsafe {
            highs_sys::Highs_setSparseSolution(self.ptr(), int(index.len())?, index.as_ptr(), values.as_ptr())
        };
        ok(code, "the start was refused")
    }

    /// Runs and tells whether there is an optimum or an incumbent.
    fn run(&mut self) -> Result<SolveStatus, SolveError> {
        // SAFETY: live object. The clocks are cumulative over an object's life, so they are zeroed before each run.
        ok(unsafe { highs_sys::Highs_zeroAllClocks(self.ptr()) }, "clocks")?;
        // SAFETY: live object with a model.
        ok(unsafe { highs_sys::Highs_run(self.ptr()) }, "the run failed")?;
        // SAFETY: live object.
        let status = unsafe { highs_sys::Highs_getModelStatus(self.ptr()) };
        match status {
            highs_sys::kHighsModelStatusOptimal => Ok(SolveStatus::Optimal),
            highs_sys::kHighsModelStatusInfeasible => Err(SolveError::Infeasible),
            highs_sys::kHighsModelStatusUnbounded | highs_sys::kHighsModelStatusUnboundedOrInfeasible => {
                Err(SolveError::Unbounded)
            }
            _ if self.has_incumbent()? => Ok(SolveStatus::Feasible),
            highs_sys::kHighsModelStatusTimeLimit
            | highs_sys::kHighsModelStatusIterationLimit
            | highs_sys::kHighsModelStatusSolutionLimit => Err(SolveError::NoIncumbent),
            other => Err(SolveError::Failed(format!("HiGHS: model status {other}"))),
        }
    }

    fn has_incumbent(&self) -> Result<bool, SolveError> {
        let mut value: c_int = 0;
        // SAFETY: live object, NUL-terminated name of an integer info value, a place for one integer.
        let code =
            unsafe { highs_sys::Highs_getIntInfoValue(self.ptr(), c"primal_solution_status".as_ptr(), &raw mut value) };
        ok(code, "info")?;
        Ok(value == highs_sys::SOLUTION_STATUS_FEASIBLE)
    }

    fn info(&self, name: &CStr) -> Result<f64, SolveError> {
        let mut value = 0.0;
        // SAFETY: live object, NUL-terminated name, a place for one double.
        ok(unsafe { highs_sys::Highs_getDoubleInfoValue(self.ptr(), name.as_ptr(), &raw mut value) }, "info")?;
        Ok(value)
    }

    /// Values per column and duals per row of the loaded model, which has the shape of `p`.
    fn solution(&self, p: &Problem) -> Result<(Vec<f64>, Vec<f64>), SolveError> {
        let mut x = vec![0.0; p.columns.len()];
        let mut reduced = vec![0.0; p.columns.len()];
        let mut activity = vec![0.0; p.rows.len()];
        let mut duals = vec![0.0; p.rows.len()];
        // SAFETY: live object whose loaded model has `p.columns.len()` columns and `p.rows.len()` rows; HiGHS writes
        // that many doubles into each buffer.
        let code = unsafe {
            highs_sys::Highs_getSolution(
                self.ptr(),
                x.as_mut_ptr(),
                reduced.as_mut_ptr(),
                activity.as_mut_ptr(),
                duals.as_mut_ptr(),
            )
        };
        ok(code, "no solution")?;
        if x.iter().chain(&duals).any(|v| !v.is_finite()) {
            return Err(SolveError::Failed("HiGHS: a value is not finite".to_owned()));
        }
        Ok((x, duals))
    }

    /// Solves the loaded linear programme; `status` is that of the mixed-integer solve it belongs to.
    fn relaxed(&mut self, p: &Problem, status: Option<SolveStatus>) -> Result<Solution, SolveError> {
        let lp = self.run()?;
        let (mut x, duals) = self.solution(p)?;
        for (value, column) in x.iter_mut().zip(&p.columns) {
            *value = value.clamp(column.lower, column.upper);
        }
        let objective = x.iter().zip(&p.columns).map(|(v, c)| v * c.cost).sum();
        Ok(Solution { status: status.unwrap_or(lp), x, duals, objective, bound: objective })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::InProcess;
    use crate::dispatch::{Column, Problem, Request, Row, Solve, SolveError};

    fn knapsack() -> Problem {
        let item = |cost| Column { cost, lower: 0.0, upper: 1.0, integer: true };
        Problem {
            columns: vec![
                item(-5.0),
                item(-4.0),
                item(-3.0),
                Column { cost: 2.0, lower: 0.0, upper: 10.0, integer: false },
            ],
            rows: vec![Row { lower: f64::NEG_INFINITY, upper: 5.0 }, Row { lower: 1.5, upper: f64::INFINITY }],
            entries: vec![(0, 0, 2.0), (0, 1, 3.0), (0, 2, 1.0), (1, 3, 1.0)],
        }
    }
    fn ask(problem: &Problem) -> Request<'_> {
        Request { problem, start: None, relative_gap: 0.0, node_limit: None, time_limit_s: None }
    }

    #[test]
    fn solves_and_gives_duals_per_unit_of_the_right_hand_side() {
        let p = knapsack();
        let s = InProcess.solve(&ask(&p)).unwrap();
        assert!((s.objective + 6.0).abs() < 1e-6, "{s:?}");
        assert!((s.duals[1] - 2.0).abs() < 1e-9, "one more unit demanded costs 2: {s:?}");
        assert!((s.bound - s.objective).abs() < 1e-6);
    }

    #[test]
    fn a_number_that_is_not_finite_never_reaches_the_solver() {
        for spoil in 0..4 {
            let mut p = knapsack();
            match spoil {
                0 => p.columns[0].cost = f64::NAN,
                1 => p.rows[0].upper = f64::NAN,
                2 => p.entries[0].2 = f64::INFINITY,
                _ => p.entries.push((0, 0, 1.0)),
            }
            assert!(matches!(InProcess.solve(&ask(&p)), Err(SolveError::Malformed(_))), "case {spoil}");
        }
    }

    #[test]
    fn infeasible_and_unbounded_are_told_apart() {
        let mut p = knapsack();
        p.rows[1].lower = 11.0;
        assert_eq!(InProcess.solve(&ask(&p)), Err(SolveError::Infeasible));
        let free = Problem {
            columns: vec![Column { cost: -1.0, lower: 0.0, upper: f64::INFINITY, integer: false }],
            ..Problem::default()
        };
        assert_eq!(InProcess.solve(&ask(&free)), Err(SolveError::Unbounded));
    }
}
