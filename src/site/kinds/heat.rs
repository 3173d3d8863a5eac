//! What makes heat or lifts it.

use super::Commitment;

kind!(
    /// Gas boiler.
    Boiler {
        /// Heat bus.
        heat_bus: String,
        /// Gas bus.
        gas_bus: String,
        /// Rated heat.
        rated_kw: f64,
        /// Heat per gas (lower heating value).
        efficiency: f64,
        /// Part load: efficiency by share of the rating, `efficiency` at its end. Fuel is straight between minimum load,
        /// the points and the rating.
        #[serde(default)]
        efficiency_curve: Vec<[f64; 2]>,
        /// Ramp.
        ramp_kw_per_s: f64,
        /// On/off behaviour.
        commitment: Commitment,
    }
);
kind!(
    /// Electric heat pump.
    HeatPump {
        /// Electricity bus.
        electric_bus: String,
        /// Heat bus.
        heat_bus: String,
        /// Rated heat.
        rated_kw: f64,
        /// Heat per electricity; of no account where there is a curve.
        cop: f64,
        /// COP by source temperature in degC: that of `source_c`, else of the source bus's supply, else of the air
        /// outside. While the forecast does not tell it, the curve's worst.
        #[serde(default)]
        cop_curve: Vec<[f64; 2]>,
        /// Temperature of a source that does not follow the weather (ground, sewage, cooling water).
        #[serde(default)]
        source_c: Option<f64>,
        /// Bus the low-grade heat is taken from; without one the source is outside the balance.
        #[serde(default)]
        source_bus: Option<String>,
        /// Heat that the source gives in a day of the site's calendar (heat delivered less electricity).
        #[serde(default)]
        source_kwh_per_day: Option<f64>,
        /// Loads it can run at, as shares of the rating (SG Ready, compressor stages); empty = any.
        #[serde(default)]
        steps: Vec<f64>,
        /// Ramp.
        ramp_kw_per_s: f64,
        /// On/off behaviour.
        commitment: Commitment,
    }
);
kind!(
    /// One-way exchanger from a higher to a lower heat level.
    HeatExchanger {
        /// High side.
        from_bus: String,
        /// Low side.
        to_bus: String,
        /// Rated heat delivered.
        rated_kw: f64,
        /// Heat delivered per heat taken.
        efficiency: f64,
    }
);
