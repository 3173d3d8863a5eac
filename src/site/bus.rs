use serde::{Deserialize, Serialize};

use super::AssetIx;

/// What flows on a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// Alternating current.
    Electricity,
    /// Hot water or steam at the bus's level.
    Heat,
    /// Chilled water.
    Cooling,
    /// Fuel gas, by lower heating value.
    Gas,
    /// Hydrogen, by lower heating value.
    Hydrogen,
    /// CO2: everything of its buses is kg and kg/h where others are kWh and kW.
    Co2,
}

impl Carrier {
    /// Lower-case name as in the site file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Electricity => "electricity",
            Self::Heat => "heat",
            Self::Cooling => "cooling",
            Self::Gas => "gas",
            Self::Hydrogen => "hydrogen",
            Self::Co2 => "co2",
        }
    }
}

/// One carrier at one level. The sum of all injections is 0.
#[derive(Clone, Debug)]
pub struct Bus {
    /// Unique name.
    pub id: String,
    /// What flows.
    pub carrier: Carrier,
    /// Supply temperature, thermal buses.
    pub supply_c: Option<f64>,
    /// Return temperature, thermal buses.
    pub return_c: Option<f64>,
    /// What closes the balance physically and is never steered to do so.
    pub closed_by: Option<AssetIx>,
    /// The same while islanded (electricity).
    pub closed_by_islanded: Option<AssetIx>,
}
