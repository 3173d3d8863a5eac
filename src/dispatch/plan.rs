use serde::{Deserialize, Serialize};

use super::{Co2Plan, LimitInForce};
use crate::forecast::TimeGrid;
use crate::units::Park;

/// Where a plan comes from when the solver gave none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The previous plan, shifted to now.
    Shifted,
    /// The house's own rules.
    Rules,
}

/// How good a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// Proven within the gap.
    Optimal,
    /// A limit was reached; feasible.
    Feasible,
    /// Not from the solver.
    Fallback(Fallback),
}

impl PlanStatus {
    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Optimal => "optimal",
            Self::Feasible => "feasible",
            Self::Fallback(Fallback::Shifted) => "shifted",
            Self::Fallback(Fallback::Rules) => "rules",
        }
    }
}

/// One asset over the horizon. Lists run along the plan's grid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AssetPlan {
    /// Per port: mean injection, kW.
    pub power_kw: Vec<Vec<f64>>,
    /// What a source could deliver, or a steerable consumer wants (negative), kW; empty for all others. Power
    /// short of it is curtailed, dimmed, delayed or shed by the plan.
    pub potential_kw: Vec<f64>,
    /// Runs or rests; empty for assets without commitment and for machines out of the dispatch. Beyond the first hours
    /// it is a relaxation, rounded: power may then lie below minimum load.
    pub on: Vec<bool>,
    /// Stored energy at the end of each interval, kWh; empty for all but stores.
    pub energy_kwh: Vec<f64>,
    /// Marginal value of stored energy at the end of each interval, currency per kWh; empty for all but stores.
    pub stored_value: Vec<f64>,
}

/// One bus over the horizon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BusPlan {
    /// Marginal price of one more kWh taken, currency per kWh.
    pub price: Vec<f64>,
}

/// A limit that gives way in the plan: an alarm that names what conflicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slack {
    /// What gives way, in words: bus or asset and limit.
    pub what: String,
    /// Interval.
    pub interval: usize,
    /// By how much, kW (or kWh for stores).
    pub amount: f64,
    /// What a unit of relief is worth, currency per kWh.
    pub price: f64,
}

/// What is to be done over the horizon, and what it is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Ascending number.
    pub id: u64,
    /// State it was made from.
    pub made_at: Park,
    /// It may be followed until here.
    pub valid_until: Park,
    /// The steps.
    pub grid: TimeGrid,
    /// How good it is.
    pub status: PlanStatus,
    /// Proven relative gap against the bound; `None` for a fallback.
    pub gap: Option<f64>,
    /// Cost over the horizon, currency.
    pub cost: Option<f64>,
    /// Solver time, milliseconds of wall clock, filled in by the session's owner; 0 where not measured.
    pub solve_ms: f64,
    /// Parallel to the site's assets.
    pub assets: Vec<AssetPlan>,
    /// Parallel to the site's buses.
    pub buses: Vec<BusPlan>,
    /// Limits in conflict.
    pub slacks: Vec<Slack>,
    /// Every limit at the PCC, and where it shapes the plan.
    pub limits: Vec<LimitInForce>,
    /// What it emits; `None` for a fallback.
    pub co2: Option<Co2Plan>,
    /// Why it is a fallback, and what stood in for a missing input, in words; empty otherwise.
    pub note: String,
}

impl Plan {
    /// The interval that holds `at`, if any.
    #[must_use]
    pub fn interval_at(&self, at: Park) -> Option<usize> {
        let first = self.grid.intervals.first()?;
        if at < first.start {
            return Some(0);
        }
        self.grid.intervals.iter().position(|i| at >= i.start && at < i.start.plus_s(i.hours * 3600.0))
    }
}
