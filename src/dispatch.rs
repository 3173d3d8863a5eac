//! The economic dispatch: formulation over four elements (source, sink, store, converter), the plan and its prices,
//! and what serves when there is none. Asks a [`Solve`] session; knows neither the wall clock nor devices.
//!
//! [`plan`] is the whole of it. Ramps are left to control: they are shorter than the shortest interval.

mod bill;
mod bound;
mod converter;
mod decide;
mod elements;
mod formulate;
mod known;
mod model;
mod plan;
mod problem;
mod readout;
mod rules;
mod settle;
mod sink;
mod source;
mod store;
mod values;

pub use bill::{Bill, bill};
pub use bound::{Stretch, bound};
pub use decide::{Effort, end_values, plan, plan_with, problem};
pub use plan::{AssetPlan, BusPlan, Fallback, Plan, PlanStatus, Slack};
pub use problem::{Column, Problem, Request, Row, Solution, Solve, SolveError, SolveStatus};
pub use settle::{by_rules, settle};

use decide::VALID_S;

use crate::forecast::Horizon;
use crate::site::Site;
use crate::state::SiteState;
use crate::units::Park;

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

/// A limit of the exchange at the PCC for some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridLimit {
    /// Highest import, kW; infinite where there is none.
    pub import_max_kw: f64,
    /// Highest export, kW; infinite where there is none.
    pub export_max_kw: f64,
    /// End of its lease.
    pub until: Park,
}

impl Inputs<'_> {
    /// What of `rated_kw` may be crossed at `at`: import if `import`, else export.
    fn at_pcc(&self, rated_kw: f64, import: bool, at: Park) -> f64 {
        let standing = self.limits.iter().filter(|l| at < l.until);
        let each = standing.map(|l| if import { l.import_max_kw } else { l.export_max_kw });
        each.filter(|kw| !kw.is_nan()).fold(rated_kw, f64::min).max(0.0)
    }
}
