//! What crosses the fence of the park: electricity, fuel, heat, hydrogen, CO2.

use serde::{Deserialize, Serialize};

kind!(
    /// Point of common coupling.
    Grid {
        /// Electricity bus.
        bus: String,
        /// Device that tells whether the breaker is closed.
        #[serde(default)]
        breaker: Option<String>,
        /// Largest import.
        import_max_kw: f64,
        /// Largest export.
        export_max_kw: f64,
        /// Transformer rating.
        transformer_kva: f64,
        /// Reactive power that plans leave room for in the transformer, kvar.
        #[serde(default)]
        reactive_kvar: f64,
        /// Contracted import: more is paid for, or avoided like an exceeded limit where it has no price.
        #[serde(default)]
        contracted_kw: Option<f64>,
        /// Charge on the month's highest window mean above the contract, per kW.
        #[serde(default)]
        over_contract_per_kw_month: Option<f64>,
        /// Emission factor of imported electricity.
        #[serde(default)]
        co2_kg_per_kwh: f64,
    }
);

impl Grid {
    /// Active power that passes the transformer beside the reactive power it is planned to carry, kW.
    #[must_use]
    pub fn transformer_kw(&self) -> f64 {
        (self.transformer_kva.powi(2) - self.reactive_kvar.powi(2)).max(0.0).sqrt()
    }
}

kind!(
    /// Gas connection.
    GasSupply {
        /// Gas bus.
        bus: String,
        /// Largest draw (lower heating value).
        max_kw: f64,
        /// Price (lower heating value).
        price_per_kwh: f64,
        /// Emission factor.
        #[serde(default)]
        co2_kg_per_kwh: f64,
    }
);
kind!(
    /// Steam or district heat from outside.
    HeatSupply {
        /// Heat bus.
        bus: String,
        /// Largest draw.
        max_kw: f64,
        /// Price.
        price_per_kwh: f64,
        /// Emission factor.
        #[serde(default)]
        co2_kg_per_kwh: f64,
    }
);
kind!(
    /// Heat that a process gives off whether it is wanted or not; what is not taken goes its own way.
    WasteHeat {
        /// Heat bus.
        bus: String,
        /// Nameplate.
        rated_kw: f64,
        /// Its temperature; a bus of a higher supply temperature cannot take it.
        temperature_c: f64,
        /// Paid to its owner.
        #[serde(default)]
        price_per_kwh: f64,
    }
);
kind!(
    /// Buyer of hydrogen, by lower heating value.
    HydrogenOfftake {
        /// Hydrogen bus.
        bus: String,
        /// Largest delivery.
        max_kw: f64,
        /// Paid for what is delivered.
        price_per_kwh: f64,
        /// Contract: delivered at least so much in each day of the site's calendar ...
        #[serde(default)]
        kwh_per_day: f64,
        /// ... or this is paid per kWh short of it.
        #[serde(default)]
        shortfall_per_kwh: f64,
        /// Only hydrogen made in hours of as much renewable generation of the park.
        #[serde(default)]
        hourly_matching: bool,
    }
);

/// What a CO2 hub expects in some hours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nomination {
    /// Half-open spans of local hours, `[from, to)`; empty = all others.
    #[serde(default)]
    pub hours: Vec<[i8; 2]>,
    /// Flow.
    pub kg_per_h: f64,
}

kind!(
    /// Pipeline or ship that takes CO2 by nomination.
    Co2Hub {
        /// CO2 bus.
        bus: String,
        /// Largest flow.
        max_kg_per_h: f64,
        /// Paid for each kg delivered (negative: what the hub charges).
        #[serde(default)]
        price_per_kg: f64,
        /// Profile in force; the first that matches an hour.
        #[serde(default)]
        nomination: Vec<Nomination>,
        /// Share of the nomination that a delivery may differ from it.
        #[serde(default)]
        tolerance: f64,
        /// Paid per kg beyond the tolerance.
        #[serde(default)]
        deviation_per_kg: f64,
    }
);
