use serde::{Deserialize, Serialize};

use super::Today;
use crate::site::{Reason, RunState, Value};
use crate::units::{Energy, Now, Park, Power};

/// A power that is measured, or its worst case by direction with the reason why it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Believed {
    /// What was measured, or why not. Injection, kW.
    pub measured: Value,
    /// What to plan and guard with: the measurement, or the worst case (a load at nameplate, a generator at 0).
    pub power: Power,
    /// Age of the oldest reading in it, seconds.
    pub age_s: f64,
}

/// Whether an asset takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// May be dispatched.
    Available,
    /// Out of the dispatch, and why.
    Out(Reason),
}

/// On/off history of a machine, carried across plans and restarts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// It runs, or is starting.
    pub on: bool,
    /// Since when it has been so.
    pub since: Park,
    /// Starts counted since the daemon first ran.
    pub starts: u32,
}

/// One asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssetState {
    /// Parallel to the asset's ports.
    pub ports: Vec<Believed>,
    /// Whether it takes part in the dispatch.
    pub availability: Availability,
    /// State the machine reports, where it has one.
    pub run_state: Option<Result<RunState, Reason>>,
    /// On/off history, for machines with a commitment.
    pub running: Option<Running>,
    /// Stored energy between empty and full, for stores (kWh).
    pub energy: Option<Value>,
    /// Lowest injection of the principal port at this moment.
    pub min: Power,
    /// Highest injection of the principal port at this moment.
    pub max: Power,
    /// What counts by the day.
    pub today: Today,
    /// What a PV or wind plant could deliver uncapped; what a flexible consumer would draw uncapped (negative). kW.
    pub potential: Option<Value>,
}

/// One bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BusState {
    /// Sum of all measured injections: 0 within meter error, or why it is not known (kW).
    pub residual: Value,
}

/// Weather at the site.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weather {
    /// degC.
    pub outdoor_c: Value,
    /// W/m2.
    pub ghi_w_m2: Value,
    /// m/s.
    pub wind_m_s: Value,
}

/// Settlement of demand at the PCC.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Start of the window now running.
    pub start: Park,
    /// Imported since then.
    pub imported: Energy,
    /// Highest window mean of the billing month so far.
    pub peak: Power,
    /// Seconds of the window that were not measured.
    pub unmeasured_s: f64,
}

/// The whole site at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteState {
    /// When.
    pub now: Now,
    /// Parallel to the site's assets.
    pub assets: Vec<AssetState>,
    /// Parallel to the site's buses.
    pub buses: Vec<BusState>,
    /// Breaker at the PCC closed, or why that is not known.
    pub pcc_closed: Result<bool, Reason>,
    /// Weather.
    pub weather: Weather,
    /// Demand.
    pub window: Window,
    /// CO2 of the supplies that are measured, since local midnight, kg.
    pub co2_today_kg: f64,
}
