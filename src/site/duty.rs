//! What the site owes beyond serving its loads: reserves, and bounds on its CO2.

use serde::{Deserialize, Serialize};

/// When something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Only while islanded: connected, the utility holds it.
    #[default]
    Islanded,
    /// Always.
    Always,
}

/// Upward headroom of units that run or answer at once (spinning reserve).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reserve {
    /// Fixed part.
    #[serde(default)]
    pub fixed_kw: f64,
    /// Share of the electric load.
    #[serde(default)]
    pub load_share: f64,
    /// Also what PV and wind fall short of, and load exceeds, in one case of ten.
    #[serde(default)]
    pub forecast_error: bool,
    /// Also the largest unit that may trip.
    #[serde(default)]
    pub largest_unit: bool,
    /// When it is held.
    #[serde(default)]
    pub when: When,
    /// What a kWh short of it costs; less than critical load.
    pub shortfall_per_kwh: f64,
}

/// Enough stored and startable energy to carry the critical load if the grid fails at any interval (survival reserve).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Survival {
    /// How long the critical load is carried.
    pub hours: f64,
    /// What a kWh short of it costs for each hour that it is missing: the value of what would be lost, times how often
    /// the grid fails in an hour.
    pub shortfall_per_kwh: f64,
}

/// Emissions of one day above an amount cost more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Co2Step {
    /// Beyond so much in a day of the site's calendar ...
    pub above_kg_per_day: f64,
    /// ... each kg costs so much instead; not less than the step before.
    pub per_kg: f64,
}

/// CO2 beyond the one price of [`super::Values::co2_per_kg`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Co2Rules {
    /// Stepped price, ascending.
    #[serde(default)]
    pub step: Vec<Co2Step>,
    /// Budget of a day of the site's calendar.
    #[serde(default)]
    pub budget_kg_per_day: Option<f64>,
    /// What a kg over the budget costs; without it the budget gives way only to lost load.
    #[serde(default)]
    pub over_budget_per_kg: Option<f64>,
}
