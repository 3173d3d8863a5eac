//! What makes cold.

use super::Commitment;

kind!(
    /// Electric chiller.
    Chiller {
        /// Electricity bus.
        electric_bus: String,
        /// Cooling bus.
        cool_bus: String,
        /// Rated cooling.
        rated_kw: f64,
        /// Cooling per electricity; of no account where there is a curve.
        eer: f64,
        /// EER by outdoor temperature in degC. While the forecast does not tell it, the curve's worst.
        #[serde(default)]
        eer_curve: Vec<[f64; 2]>,
        /// Ramp.
        ramp_kw_per_s: f64,
        /// On/off behaviour.
        commitment: Commitment,
    }
);
kind!(
    /// Absorption chiller.
    AbsorptionChiller {
        /// Driving heat.
        heat_bus: String,
        /// Cooling bus.
        cool_bus: String,
        /// Auxiliaries.
        electric_bus: String,
        /// Rated cooling.
        rated_kw: f64,
        /// Cooling per heat.
        cop: f64,
        /// Second driving heat, where it takes both in any mix (double effect by exhaust or steam beside jacket water).
        #[serde(default)]
        second_heat_bus: Option<String>,
        /// Cooling per second heat.
        #[serde(default)]
        second_cop: Option<f64>,
        /// Auxiliary electricity per cooling.
        auxiliary_kw_per_kw: f64,
        /// Ramp.
        ramp_kw_per_s: f64,
        /// On/off behaviour.
        commitment: Commitment,
    }
);
