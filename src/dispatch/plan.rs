use std::fmt;

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
    /// Marginal price of one more kWh taken, commitments fixed, currency per kWh; finite, and between the cost of a surplus
    /// (negative) and the value of critical load lost. A shifted plan carries those of the plan it comes from; rules carry
    /// what each bus is closed by: the tariff, the cheapest machine, or a value of what is missing or too much.
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

/// A limit in the way: of a conflict, or of a cheaper plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// The limit in words, asset first: "grid: import limit (import_max_kw 500)", "chp: out (device_timeout)".
    pub limit: String,
    /// First interval.
    pub from: usize,
    /// One after the last interval.
    pub to: usize,
    /// Where it stands, in `unit`.
    pub at: f64,
    /// `kW`, or `kWh` for stored energy.
    pub unit: String,
    /// What one unit more of it is worth with commitments as they are, currency per kWh, at most over the intervals;
    /// `None` where no number tells (a device that is out, a machine that is off).
    pub worth: Option<f64>,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.limit)?;
        match self.worth {
            Some(worth) => {
                let (at, unit) = (self.at, &self.unit);
                write!(f, " at {at:.0} {unit} (one {unit} more is worth {worth:.2}/kWh)")
            }
            None if self.at > 0.5 => write!(f, " at {:.0} {}", self.at, self.unit),
            None => Ok(()),
        }
    }
}

/// A limit that gives way over consecutive intervals, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// What gives way, in words, bus or asset first; as in [`Slack`], or the machine whose minimum load nothing takes.
    pub what: String,
    /// First interval.
    pub from: usize,
    /// One after the last interval.
    pub to: usize,
    /// By how much at most, in `unit`.
    pub amount: f64,
    /// `kW`, or `kWh` for stored energy.
    pub unit: String,
    /// What a unit of relief is worth, currency per kWh.
    pub price: f64,
    /// Who could have closed the gap in its worst interval, and what keeps each from it; empty in a fallback.
    pub because: Vec<Binding>,
}

/// Conflicts told per plan.
pub(super) const CONFLICTS: usize = 20;

/// Slacks of consecutive intervals together; those of now first, then the dearest.
pub(super) fn group(slacks: &[Slack], hours: &[f64]) -> Vec<Conflict> {
    let mut sorted: Vec<&Slack> = slacks.iter().collect();
    sorted.sort_by(|a, b| (&a.what, a.interval).cmp(&(&b.what, b.interval)));
    let mut list: Vec<(f64, Conflict)> = Vec::new();
    for s in sorted {
        let cost = s.amount * s.price * hours.get(s.interval).copied().unwrap_or_default();
        match list.last_mut() {
            Some((sum, c)) if c.what == s.what && c.to == s.interval => {
                *sum += cost;
                c.to = s.interval + 1;
                c.amount = c.amount.max(s.amount);
            }
            _ => list.push((
                cost,
                Conflict {
                    what: s.what.clone(),
                    from: s.interval,
                    to: s.interval + 1,
                    amount: s.amount,
                    unit: "kW".to_owned(),
                    price: s.price,
                    because: Vec::new(),
                },
            )),
        }
    }
    list.sort_by(|a, b| (a.1.from > 0).cmp(&(b.1.from > 0)).then(b.0.total_cmp(&a.0)));
    list.truncate(CONFLICTS);
    list.into_iter().map(|(_, c)| c).collect()
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
    /// Proven relative gap of `cost` against `bound`; `None` for a fallback, or where nothing is proven.
    pub gap: Option<f64>,
    /// Cost over the horizon, currency. Commitments far ahead are relaxed: what they will cost whole can be a little
    /// more, never less.
    pub cost: Option<f64>,
    /// No plan of this horizon, and none with all commitments whole, costs less. `None` as `gap`.
    #[serde(default)]
    pub bound: Option<f64>,
    /// Solver time, milliseconds of wall clock, filled in by the session's owner; 0 where not measured.
    pub solve_ms: f64,
    /// Parallel to the site's assets.
    pub assets: Vec<AssetPlan>,
    /// Parallel to the site's buses.
    pub buses: Vec<BusPlan>,
    /// Limits that give way, interval by interval.
    pub slacks: Vec<Slack>,
    /// The same in time and with reasons: those of now first, then the dearest; bounded in number.
    #[serde(default)]
    pub conflicts: Vec<Conflict>,
    /// Limits that hold and make the plan dearer, the dearest first; bounded in number, empty in a fallback.
    #[serde(default)]
    pub binding: Vec<Binding>,
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
