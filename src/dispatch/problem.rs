use serde::{Deserialize, Serialize};

/// A variable of the programme.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Objective coefficient (minimised).
    pub cost: f64,
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Must be whole.
    pub integer: bool,
}

/// A constraint `lower <= sum <= upper`; infinite ends allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// A mixed-integer linear programme as matrices: minimise `cost . x` over rows and bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Variables.
    pub columns: Vec<Column>,
    /// Constraints.
    pub rows: Vec<Row>,
    /// (row, column, coefficient), each pair at most once.
    pub entries: Vec<(usize, usize, f64)>,
}

/// What to solve and how hard to try. Limits are counts, not wall time, wherever a result must replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// The programme.
    pub problem: &'a Problem,
    /// A start: value per integer column (`NaN`-free; `None` = cold).
    pub start: Option<&'a [f64]>,
    /// Stop when the relative gap is below this.
    pub relative_gap: f64,
    /// Stop after so many branch-and-bound nodes (`None` = no limit).
    pub node_limit: Option<u32>,
    /// Soft time limit in seconds for the solver itself; the session's owner holds the hard one.
    pub time_limit_s: Option<f64>,
}

/// How a solve ended, when it has a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SolveStatus {
    /// Proven within the gap.
    Optimal,
    /// A limit was reached; the incumbent is feasible.
    Feasible,
}

/// A solution, with the duals of the programme whose integers are fixed to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// How it ended.
    pub status: SolveStatus,
    /// Value per column.
    pub x: Vec<f64>,
    /// Dual per row (change of the objective per unit of the row's bound), integers fixed; empty where there are none.
    pub duals: Vec<f64>,
    /// Objective.
    pub objective: f64,
    /// Proven lower bound.
    pub bound: f64,
}

/// Why there is no solution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SolveError {
    /// Proven infeasible (never the case while every balance has its slack).
    #[error("infeasible")]
    Infeasible,
    /// Unbounded: a price or bound is missing.
    #[error("unbounded")]
    Unbounded,
    /// The hard deadline passed; the solver was killed.
    #[error("deadline passed")]
    Deadline,
    /// A limit was reached before any feasible point.
    #[error("limit reached without a feasible point")]
    NoIncumbent,
    /// The solver or its process failed.
    #[error("solver failed: {0}")]
    Failed(String),
    /// The programme is malformed (a coefficient that is not finite, an index out of range).
    #[error("malformed programme: {0}")]
    Malformed(String),
}

/// A solver session.
pub trait Solve {
    /// Solves to the request's limits.
    ///
    /// # Errors
    /// [`SolveError`]; the session stays usable.
    fn solve(&mut self, request: &Request<'_>) -> Result<Solution, SolveError>;
}
