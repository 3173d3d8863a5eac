//! Hydrogen, by lower heating value, and CO2, in kg.

use super::Commitment;

kind!(
    /// Electrolyser with hydrogen and, where used, its waste heat.
    Electrolyser {
        /// Electricity bus.
        electric_bus: String,
        /// Hydrogen bus.
        hydrogen_bus: String,
        /// Bus of its waste heat.
        #[serde(default)]
        heat_bus: Option<String>,
        /// Rated electric input.
        rated_kw: f64,
        /// Hydrogen (lower heating value) per electricity at rated input.
        efficiency: f64,
        /// Part load: efficiency by share of the rating, `efficiency` at its end. Hydrogen is straight between minimum
        /// load, the points and the rating.
        #[serde(default)]
        efficiency_curve: Vec<[f64; 2]>,
        /// Heat recovered per electricity.
        #[serde(default)]
        heat_share: f64,
        /// Input in standby: pressurised and warm, from where it runs again at no start cost; 0: it knows no standby.
        /// It stands by when it is on and told 0 kW.
        #[serde(default)]
        standby_kw: f64,
        /// Ramp.
        ramp_kw_per_s: f64,
        /// On/off behaviour.
        commitment: Commitment,
        /// Wear per kWh of electricity.
        #[serde(default)]
        wear_per_kwh: f64,
    }
);
impl Electrolyser {
    /// The lowest efficiency it runs at: what a kWh of renewable electricity makes for certain.
    #[must_use]
    pub fn least_efficiency(&self) -> f64 {
        self.efficiency_curve.iter().map(|p| p[1]).reduce(f64::min).unwrap_or(self.efficiency)
    }
}

kind!(
    /// Fuel cell.
    FuelCell {
        /// Electricity bus.
        electric_bus: String,
        /// Hydrogen bus.
        hydrogen_bus: String,
        /// Bus of its heat.
        #[serde(default)]
        heat_bus: Option<String>,
        /// Rated electric power.
        rated_kw: f64,
        /// Electricity per hydrogen (lower heating value).
        efficiency: f64,
        /// Heat recovered per electricity.
        #[serde(default)]
        heat_share: f64,
        /// Ramp.
        ramp_kw_per_s: f64,
        /// On/off behaviour.
        commitment: Commitment,
        /// Wear per kWh of electricity.
        #[serde(default)]
        wear_per_kwh: f64,
    }
);
kind!(
    /// Takes CO2 out of the exhaust of the park's own engines and boilers; a flexible consumer of electricity and heat.
    CarbonCapture {
        /// Electricity bus.
        electric_bus: String,
        /// Bus of the heat that regenerates the solvent.
        #[serde(default)]
        heat_bus: Option<String>,
        /// CO2 bus.
        co2_bus: String,
        /// Rated flow of captured CO2.
        rated_kg_per_h: f64,
        /// Lowest flow while running, share of the rating.
        #[serde(default)]
        min_load: f64,
        /// Electricity per kg.
        kwh_per_kg: f64,
        /// Heat per kg.
        #[serde(default)]
        heat_kwh_per_kg: f64,
        /// Assets whose exhaust it takes.
        source: Vec<String>,
        /// Share of their CO2 that it can take at most.
        capture_share: f64,
    }
);
