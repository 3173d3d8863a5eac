//! What a device lets others command, in the plant's own words.

use serde::Deserialize;

/// One commanded quantity of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Upper bound of generation or lighting, kW.
    Cap,
    /// Battery power, kW, discharge +.
    Power,
    /// Engine run request, 0 or 1.
    Run,
    /// Engine base load, kW; 0 means minimum load.
    Base,
    /// Release of a thermal device, 0 or 1.
    Release,
    /// Reserve bit of the boiler, 0 or 1: no effect.
    Reserve,
    /// Upper bound of heat or cooling output, or heat to reject, kW.
    Demand,
    /// Feeder contactor, 1 = closed.
    Feeder,
    /// Upper bound of the charging park, kW.
    Limit,
}

pub const COMMANDS: usize = 9;

impl Command {
    /// Name in the truth's list of standing setpoints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cap => "cap_kw",
            Self::Power => "power_kw",
            Self::Run => "run",
            Self::Base => "base_kw",
            Self::Release => "release",
            Self::Reserve => "reserve",
            Self::Demand => "demand_kw",
            Self::Feeder => "feeder_on",
            Self::Limit => "limit_kw",
        }
    }
}
