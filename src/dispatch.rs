//! The economic dispatch: time grid and formulation, the plan and its prices, and what serves when there is none.
//! Asks a [`Solve`] session; knows neither the wall clock nor devices.

mod plan;
mod problem;

pub use plan::{AssetPlan, BusPlan, Fallback, Plan, PlanStatus, Slack};
pub use problem::{Column, Problem, Request, Row, Solution, Solve, SolveError, SolveStatus};
