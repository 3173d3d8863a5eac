//! The kinds of asset as a person writes them: one table of the site file each. Names carry the unit;
//! references to buses and devices are names here and indices in [`super::Asset`].
//!
//! A curve is a list of points `[x, y]`, ascending in `x`; between them it is straight, beyond them level.

use serde::{Deserialize, Serialize};

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Unique name.
            pub id: String,
            /// Party of the park it belongs to.
            #[serde(default)]
            pub member: Option<String>,
            /// Device that measures and, where it can, steers it.
            #[serde(default)]
            pub device: Option<String>,
            /// Instead of the device's own: points `device.Point`, summed; a leading `-` subtracts.
            #[serde(default)]
            pub measured_by: Vec<String>,
            /// Not measured: the balance of all others on the bus. At most one a bus.
            #[serde(default)]
            pub residual: bool,
            $($(#[$fdoc])* pub $field: $ty),+
        }
    };
}

/// A start after a longer rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LongRest {
    /// Rested at least so long.
    pub after_min: u32,
    /// Cost of a start from then on, currency.
    pub start_cost: f64,
}

/// On/off behaviour of a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// Lowest load while running, share of rating.
    pub min_load: f64,
    /// Cost of a start, currency; of a hot one where longer rests cost more.
    #[serde(default)]
    pub start_cost: f64,
    /// Warm and cold starts, by the length of the rest, ascending.
    #[serde(default)]
    pub long_rest: Vec<LongRest>,
    /// Shortest run.
    #[serde(default)]
    pub min_up_min: u32,
    /// Shortest rest.
    #[serde(default)]
    pub min_down_min: u32,
    /// Most starts in a day of the site's calendar; a plan passes it only where load would be lost otherwise.
    #[serde(default)]
    pub starts_per_day: Option<u32>,
}

/// Who is served first when not all can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Last to go.
    Critical,
    /// Ordinary.
    #[default]
    Normal,
    /// First to go.
    Sheddable,
}

mod consumer;
mod cooling;
mod heat;
mod hydrogen;
mod power;
mod store;
mod supply;

pub use consumer::{Batch, Days, DumpCooler, EvCharger, EvSession, FlexibleLoad, Load, Room};
pub use cooling::{AbsorptionChiller, Chiller};
pub use heat::{Boiler, HeatExchanger, HeatPump};
pub use hydrogen::{CarbonCapture, Electrolyser, FuelCell};
pub use power::{Chp, Genset, Pv, Wind};
pub use store::{Battery, Co2Buffer, ColdTank, HeatTank, HydrogenTank};
pub use supply::{Co2Hub, GasSupply, Grid, HeatSupply, HydrogenOfftake, Nomination, WasteHeat};
