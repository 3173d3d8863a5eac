use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::units::Park;

/// A time-of-use period; the first that matches gives the price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TariffPeriod {
    /// For people.
    pub name: String,
    /// Months 1..12; empty = all.
    #[serde(default)]
    pub months: Vec<i8>,
    /// Half-open spans of local hours, `[from, to)`; empty = all.
    #[serde(default)]
    pub hours: Vec<[i8; 2]>,
    /// Energy price.
    pub price_per_kwh: f64,
}

/// What electricity costs at the PCC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// Paid for export.
    pub export_per_kwh: f64,
    /// Charge on the month's highest window mean.
    #[serde(default)]
    pub demand_per_kw_month: f64,
    /// Settlement window, minutes.
    pub demand_window_min: u32,
    /// Time-of-use periods, in order of precedence.
    pub period: Vec<TariffPeriod>,
}

impl Tariff {
    /// The period in force at `at` by the site's local time; `None` only if no period matches (refused at load).
    #[must_use]
    pub fn period_at(&self, at: Park, zone: &TimeZone) -> Option<&TariffPeriod> {
        let local = at.0.to_zoned_datetime(zone.clone());
        let (month, hour) = (local.month(), local.hour());
        self.period.iter().find(|p| {
            (p.months.is_empty() || p.months.contains(&month))
                && (p.hours.is_empty() || p.hours.iter().any(|[from, to]| *from <= hour && hour < *to))
        })
    }
    /// Import price at `at`, currency per kWh.
    #[must_use]
    pub fn import_per_kwh(&self, at: Park, zone: &TimeZone) -> Option<f64> {
        self.period_at(at, zone).map(|p| p.price_per_kwh)
    }
}
