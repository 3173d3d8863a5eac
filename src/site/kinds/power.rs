//! What makes electricity from sun, wind and fuel.

use super::Commitment;

kind!(
    /// Photovoltaics.
    Pv {
        /// Electricity bus.
        bus: String,
        /// Rated power.
        rated_kw: f64,
        /// Tilt from horizontal.
        tilt_deg: f64,
        /// Clockwise from north.
        azimuth_deg: f64,
    }
);
kind!(
    /// Wind turbine.
    Wind {
        /// Electricity bus.
        bus: String,
        /// Rated power.
        rated_kw: f64,
        /// Power curve: (m/s at hub, kW), ascending.
        curve: Vec<[f64; 2]>,
    }
);
kind!(
    /// Gas engine with heat recovery.
    Chp {
        /// Electricity bus.
        electric_bus: String,
        /// Heat bus.
        heat_bus: String,
        /// Gas bus.
        gas_bus: String,
        /// Rated electric power.
        rated_kw: f64,
        /// Heat at rated power; from the exhaust alone where there is a jacket bus.
        heat_kw: f64,
        /// Heat at minimum load.
        heat_kw_min_load: f64,
        /// Electric efficiency at rated power (lower heating value).
        electric_efficiency: f64,
        /// Electric efficiency at minimum load.
        electric_efficiency_min_load: f64,
        /// Part load instead of the straight line of fuel through the two points: electric efficiency by share of the
        /// rating. Fuel is straight between minimum load, the points and the rating.
        #[serde(default)]
        efficiency_curve: Vec<[f64; 2]>,
        /// Heat bus of the jacket water, where it is apart from the exhaust's.
        #[serde(default)]
        jacket_bus: Option<String>,
        /// Jacket heat at rated power.
        #[serde(default)]
        jacket_kw: f64,
        /// Jacket heat at minimum load.
        #[serde(default)]
        jacket_kw_min_load: f64,
        /// Ramp.
        ramp_kw_per_s: f64,
        /// From order to load.
        start_s: f64,
        /// On/off behaviour.
        commitment: Commitment,
        /// Maintenance per kWh of electricity.
        #[serde(default)]
        wear_per_kwh: f64,
    }
);
kind!(
    /// Engine that makes electricity alone, from a fuel bus or a tank of its own.
    Genset {
        /// Electricity bus.
        bus: String,
        /// Fuel bus; without one `fuel_price_per_kwh` counts.
        #[serde(default)]
        gas_bus: Option<String>,
        /// Rated power.
        rated_kw: f64,
        /// Efficiency at rated power (lower heating value).
        efficiency: f64,
        /// Efficiency at minimum load.
        efficiency_min_load: f64,
        /// Price of its own fuel (lower heating value).
        #[serde(default)]
        fuel_price_per_kwh: f64,
        /// Emission factor of its own fuel.
        #[serde(default)]
        fuel_co2_kg_per_kwh: f64,
        /// Ramp.
        ramp_kw_per_s: f64,
        /// From order to load.
        start_s: f64,
        /// On/off behaviour.
        commitment: Commitment,
        /// Maintenance per kWh.
        #[serde(default)]
        wear_per_kwh: f64,
    }
);
