use serde::{Deserialize, Serialize};

use crate::units::Park;

/// One step of the horizon, `[start, start + hours)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Beginning.
    pub start: Park,
    /// Length in hours, above 0.
    pub hours: f64,
}

/// The steps of the horizon, contiguous and ascending; the first begins now and ends on the grid of its step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeGrid {
    /// The steps.
    pub intervals: Vec<Interval>,
}

/// Quantiles of an injection along the grid, kW.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// One outcome in ten is lower (for a load: it draws more).
    pub p10: Vec<f64>,
    /// One outcome in ten is higher.
    pub p90: Vec<f64>,
}

/// Everything the dispatch is told about the future. All lists run along `grid.intervals`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Horizon {
    /// The steps.
    pub grid: TimeGrid,
    /// Per asset: injection that is not steered (loads, negative), or the most a source can deliver (PV, wind),
    /// or what a flexible consumer wants uncapped (negative). kW; empty for assets without a forecast.
    pub assets: Vec<Vec<f64>>,
    /// Per asset: the span that eight of ten outcomes fall into, mean of the interval; empty lists where not known.
    pub quantiles: Vec<Quantiles>,
    /// Import price, currency per kWh.
    pub import_price: Vec<f64>,
    /// The hour of the day is not known: the tariff's highest price stands throughout.
    pub flat_price: bool,
    /// Paid for export, currency per kWh.
    pub export_price: Vec<f64>,
    /// Whether the grid is there (false: import and export are 0).
    pub grid_available: Vec<bool>,
    /// Emission factor of imported electricity, kg per kWh.
    pub co2_kg_per_kwh: Vec<f64>,
    /// Outdoor temperature, degC; `None` where not known.
    pub outdoor_c: Option<Vec<f64>>,
}
