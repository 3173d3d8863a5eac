//! The kinds of asset as a person writes them: one table of the site file each. Names carry the unit;
//! references to buses and devices are names here and indices in [`super::Asset`].

use serde::{Deserialize, Serialize};

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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

/// On/off behaviour of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// Lowest load while running, share of rating.
    pub min_load: f64,
    /// Cost of a start, currency.
    #[serde(default)]
    pub start_cost: f64,
    /// Shortest run.
    #[serde(default)]
    pub min_up_min: u32,
    /// Shortest rest.
    #[serde(default)]
    pub min_down_min: u32,
}

/// A tank that is not said otherwise about keeps a tenth in reserve.
const fn tank_reserve() -> f64 {
    0.1
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
        /// Emission factor of imported electricity.
        #[serde(default)]
        co2_kg_per_kwh: f64,
    }
);
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
        /// Heat at rated power.
        heat_kw: f64,
        /// Heat at minimum load.
        heat_kw_min_load: f64,
        /// Electric efficiency at rated power (lower heating value).
        electric_efficiency: f64,
        /// Electric efficiency at minimum load.
        electric_efficiency_min_load: f64,
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
        /// Heat per electricity.
        cop: f64,
        /// Ramp.
        ramp_kw_per_s: f64,
        /// On/off behaviour.
        commitment: Commitment,
    }
);
kind!(
    /// Electric chiller.
    Chiller {
        /// Electricity bus.
        electric_bus: String,
        /// Cooling bus.
        cool_bus: String,
        /// Rated cooling.
        rated_kw: f64,
        /// Cooling per electricity.
        eer: f64,
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
        /// Auxiliary electricity per cooling.
        auxiliary_kw_per_kw: f64,
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
kind!(
    /// Dry cooler that throws heat away.
    DumpCooler {
        /// Heat bus.
        heat_bus: String,
        /// Rated heat.
        rated_kw: f64,
    }
);
kind!(
    /// Must-run consumer of the bus's carrier.
    Load {
        /// Any bus.
        bus: String,
        /// Nameplate: its worst case when it is not known.
        rated_kw: f64,
        /// Who is served first.
        #[serde(default)]
        tier: Tier,
    }
);
kind!(
    /// Dimmable consumer.
    FlexibleLoad {
        /// Electricity bus.
        bus: String,
        /// Nameplate.
        rated_kw: f64,
        /// Never below this share of what is wanted.
        floor: f64,
        /// What a kWh withheld is worth.
        discomfort_per_kwh: f64,
    }
);
kind!(
    /// Park of charging points under one limit.
    EvCharger {
        /// Electricity bus.
        bus: String,
        /// Charging points.
        count: u32,
        /// Power of each.
        charger_kw: f64,
        /// What a kWh delayed is worth.
        delay_per_kwh: f64,
    }
);
