//! What holds energy, or CO2.

/// A tank that is not said otherwise about keeps a tenth in reserve.
const fn tank_reserve() -> f64 {
    0.1
}

kind!(
    /// Battery with its converter; powers at the AC side.
    Battery {
        /// Electricity bus.
        bus: String,
        /// Largest charging power.
        charge_max_kw: f64,
        /// Largest discharging power.
        discharge_max_kw: f64,
        /// Usable capacity between SoC 0 and 1.
        capacity_kwh: f64,
        /// Lower end of the window, share.
        soc_min: f64,
        /// Upper end of the window, share.
        soc_max: f64,
        /// AC to store.
        charge_efficiency: f64,
        /// Store to AC.
        discharge_efficiency: f64,
        /// Largest charging power by SoC, as share of `charge_max_kw`; must fall ever faster (concave).
        #[serde(default)]
        charge_curve: Vec<[f64; 2]>,
        /// Largest discharging power by SoC, as share of `discharge_max_kw`; must rise ever slower (concave).
        #[serde(default)]
        discharge_curve: Vec<[f64; 2]>,
        /// Wear per kWh discharged.
        #[serde(default)]
        wear_per_kwh: f64,
        /// Ramp.
        ramp_kw_per_s: f64,
    }
);
kind!(
    /// Hot water tank; energy counts from `t_min_c`.
    HeatTank {
        /// Heat bus.
        bus: String,
        /// Water volume.
        volume_m3: f64,
        /// Empty.
        t_min_c: f64,
        /// Full.
        t_max_c: f64,
        /// Largest charging power.
        charge_max_kw: f64,
        /// Largest discharging power.
        discharge_max_kw: f64,
        /// Standing loss, share of the stored energy per hour.
        loss_per_h: f64,
        /// Share of the energy that plans leave in store for what forecasts miss.
        #[serde(default = "tank_reserve")]
        reserve: f64,
    }
);
kind!(
    /// Chilled water tank; energy is cold and counts from `t_max_c` down.
    ColdTank {
        /// Cooling bus.
        bus: String,
        /// Water volume.
        volume_m3: f64,
        /// Full.
        t_min_c: f64,
        /// Empty.
        t_max_c: f64,
        /// Largest charging power.
        charge_max_kw: f64,
        /// Largest discharging power.
        discharge_max_kw: f64,
        /// Standing loss, share of the stored energy per hour.
        loss_per_h: f64,
        /// Share of the energy that plans leave in store for what forecasts miss.
        #[serde(default = "tank_reserve")]
        reserve: f64,
    }
);
kind!(
    /// Hydrogen in a pressure vessel, by lower heating value.
    HydrogenTank {
        /// Hydrogen bus.
        bus: String,
        /// Usable capacity.
        capacity_kwh: f64,
        /// Largest filling power.
        charge_max_kw: f64,
        /// Largest power drawn.
        discharge_max_kw: f64,
        /// Share of the energy that plans leave in store for what forecasts miss.
        #[serde(default)]
        reserve: f64,
    }
);
kind!(
    /// Liquid or compressed CO2 before its hub.
    Co2Buffer {
        /// CO2 bus.
        bus: String,
        /// Usable capacity.
        capacity_kg: f64,
        /// Largest filling flow.
        charge_max_kg_per_h: f64,
        /// Largest flow drawn.
        discharge_max_kg_per_h: f64,
    }
);
