//! The economic dispatch: formulation over four elements (source, sink, store, converter), the plan and its prices,
//! and what serves when there is none. Asks a [`Solve`] session; knows neither the wall clock nor devices.
//!
//! [`plan`] is the whole of it. Ramps within an interval are left to control.

mod answer;
mod bill;
mod bound;
mod calendar;
mod capture;
mod co2;
mod converter;
mod decide;
mod demand;
mod elastic;
mod elements;
mod explain;
mod flow;
mod formulate;
mod known;
mod mapping;
mod matching;
mod model;
mod obstacle;
mod pcc;
mod performance;
mod plan;
mod problem;
mod readout;
mod reserve;
mod rules;
mod settle;
mod sink;
mod sound;
mod source;
mod store;
mod survival;
mod values;
mod windows;

pub use bill::{Bill, bill};
pub use bound::{Stretch, bound};
pub use co2::Co2Plan;
pub use decide::{Effort, end_values, plan, plan_with, problem};
pub use pcc::{Crossing, GridLimit, LimitInForce};
pub use plan::{AssetPlan, Binding, BusPlan, Conflict, Fallback, Plan, PlanStatus, Slack};
pub use problem::{Column, Problem, Request, Row, Solution, Solve, SolveError, SolveStatus};
pub use settle::{by_rules, settle};

use decide::VALID_S;

use crate::forecast::Horizon;
use crate::site::Site;
use crate::state::SiteState;

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The site.
    pub site: &'a Site,
    /// What we believe now.
    pub state: &'a SiteState,
    /// What is to come.
    pub horizon: &'a Horizon,
    /// The plan now followed.
    pub last: Option<&'a Plan>,
    /// Number of the plan to be made.
    pub id: u64,
    /// The PCC is or stays open: no energy crosses it for the whole horizon.
    pub islanded: bool,
    /// Limits that parties outside have set at the PCC; the narrowest counts.
    pub limits: &'a [GridLimit],
}
