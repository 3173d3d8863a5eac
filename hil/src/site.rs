//! The rig's own, loose reading of a site file: it takes what the plant needs and ignores the rest.

use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Deserialize)]
pub struct Site {
    pub site: Head,
    pub tariff: Tariff,
    #[serde(default)]
    pub device: Vec<Device>,
    pub grid: Vec<Grid>,
    pub gas_supply: Vec<GasSupply>,
    #[serde(default)]
    pub pv: Vec<Pv>,
    #[serde(default)]
    pub wind: Vec<Wind>,
    #[serde(default)]
    pub battery: Vec<Battery>,
    pub chp: Vec<Chp>,
    pub boiler: Vec<Boiler>,
    pub absorption_chiller: Vec<Absorption>,
    pub chiller: Vec<Chiller>,
    pub heat_pump: Vec<HeatPump>,
    pub dump_cooler: Vec<Dump>,
    pub heat_exchanger: Vec<Exchanger>,
    pub heat_tank: Vec<Tank>,
    pub cold_tank: Vec<Tank>,
    pub flexible_load: Vec<Flexible>,
    pub ev_charger: Vec<EvCharger>,
    pub load: Vec<Load>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Head {
    pub zone: String,
    pub latitude_deg: f64,
    pub longitude_deg: f64,
    pub weather: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Tariff {
    pub export_per_kwh: f64,
    #[serde(default)]
    pub demand_per_kw_month: f64,
    pub demand_window_min: f64,
    pub period: Vec<Period>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Period {
    /// None: all.
    #[serde(default)]
    pub months: Vec<i8>,
    /// None: all.
    #[serde(default)]
    pub hours: Vec<(f64, f64)>,
    pub price_per_kwh: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Device {
    pub id: String,
    pub profile: String,
    pub address: String,
    pub unit: Option<u8>,
    pub topic: Option<String>,
}

impl Device {
    /// The model of the manual that the site's profile name stands for.
    pub fn model(&self) -> &str {
        let name = self.profile.strip_prefix("ref-").unwrap_or(&self.profile);
        if name.starts_with("janitza-umg96") { "janitza-umg96" } else { name }
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Commitment {
    #[serde(default)]
    pub min_load: f64,
    #[serde(default)]
    pub start_cost: f64,
    #[serde(default)]
    pub min_up_min: f64,
    #[serde(default)]
    pub min_down_min: f64,
}

/// Declares one kind of asset with its id, device and own numbers.
macro_rules! asset {
    ($name:ident { $($field:ident : $type:ty),* $(,)? }) => {
        #[derive(Debug, Clone, Deserialize)]
        pub struct $name {
            pub id: String,
            #[serde(default)]
            pub device: String,
            $(pub $field: $type,)*
        }
    };
}

asset!(Grid {
    breaker: Option<String>,
    import_max_kw: f64,
    export_max_kw: f64,
    transformer_kva: f64,
    co2_kg_per_kwh: f64,
});
asset!(GasSupply { max_kw: f64, price_per_kwh: f64, co2_kg_per_kwh: f64 });
asset!(Pv { rated_kw: f64, tilt_deg: f64, azimuth_deg: f64 });
asset!(Wind { rated_kw: f64, curve: Vec<(f64, f64)> });
asset!(Battery {
    charge_max_kw: f64,
    discharge_max_kw: f64,
    capacity_kwh: f64,
    soc_min: f64,
    soc_max: f64,
    charge_efficiency: f64,
    discharge_efficiency: f64,
    wear_per_kwh: f64,
    ramp_kw_per_s: f64,
});
asset!(Chp {
    rated_kw: f64,
    heat_kw: f64,
    electric_efficiency: f64,
    electric_efficiency_min_load: f64,
    heat_kw_min_load: f64,
    ramp_kw_per_s: f64,
    start_s: f64,
    commitment: Commitment,
    wear_per_kwh: f64,
});
asset!(Boiler { rated_kw: f64, efficiency: f64, ramp_kw_per_s: f64, commitment: Commitment });
asset!(Absorption { rated_kw: f64, cop: f64, auxiliary_kw_per_kw: f64, ramp_kw_per_s: f64, commitment: Commitment });
asset!(Chiller { rated_kw: f64, eer: f64, ramp_kw_per_s: f64, commitment: Commitment });
asset!(HeatPump { rated_kw: f64, cop: f64, ramp_kw_per_s: f64, commitment: Commitment });
asset!(Dump { rated_kw: f64 });
asset!(Exchanger { from_bus: String, to_bus: String, rated_kw: f64, efficiency: f64 });
asset!(Tank { bus: String, volume_m3: f64, t_min_c: f64, t_max_c: f64, discharge_max_kw: f64, loss_per_h: f64 });
asset!(Flexible { rated_kw: f64, floor: f64 });
asset!(EvCharger { count: usize, charger_kw: f64 });
asset!(Load { rated_kw: f64, bus: String, tier: Option<String> });

impl Site {
    /// Reads a site file and refuses a park whose topology the plant does not model.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let site: Self = toml::from_str(text).context("site file")?;
        let single = [
            ("grid", site.grid.len()),
            ("gas_supply", site.gas_supply.len()),
            ("heat_tank", site.heat_tank.len()),
            ("cold_tank", site.cold_tank.len()),
            ("heat_exchanger", site.heat_exchanger.len()),
            ("chp", site.chp.len()),
            ("boiler", site.boiler.len()),
            ("absorption_chiller", site.absorption_chiller.len()),
            ("chiller", site.chiller.len()),
            ("heat_pump", site.heat_pump.len()),
            ("dump_cooler", site.dump_cooler.len()),
            ("flexible_load", site.flexible_load.len()),
            ("ev_charger", site.ev_charger.len()),
        ];
        for (kind, count) in single {
            if count != 1 {
                bail!("the rig's plant needs exactly one {kind}, the site has {count}");
            }
        }
        Ok(site)
    }
}

impl Site {
    /// Which asset each device belongs to: device id to asset id.
    pub fn owners(&self) -> BTreeMap<String, String> {
        let mut owners = BTreeMap::new();
        for grid in &self.grid {
            if let Some(breaker) = &grid.breaker {
                owners.insert(breaker.clone(), grid.id.clone());
            }
        }
        macro_rules! note {
            ($($kind:ident),*) => {
                $(for asset in &self.$kind {
                    owners.insert(asset.device.clone(), asset.id.clone());
                })*
            };
        }
        note!(
            grid,
            gas_supply,
            pv,
            wind,
            battery,
            chp,
            boiler,
            absorption_chiller,
            chiller,
            heat_pump,
            dump_cooler,
            heat_exchanger,
            heat_tank,
            cold_tank,
            flexible_load,
            ev_charger,
            load
        );
        owners
    }
}
