//! What really happens in the plant, as the judge and the tests see it.

use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One asset's true state. Powers in kW, injection into the bus positive; 0 where it has no such port.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AssetTruth {
    /// Id in the site file.
    pub id: String,
    /// Kind in the site file: the name of its table.
    pub kind: &'static str,
    /// Rated power of its main port, kW; the base of relative errors.
    pub rated_kw: f64,
    /// Electric power, kW.
    pub power_kw: f64,
    /// Heat, kW; for a heat exchanger the low side.
    pub heat_kw: f64,
    /// Heat at the second heat port, kW: the high side of a heat exchanger.
    pub heat_high_kw: f64,
    /// Cooling, kW.
    pub cool_kw: f64,
    /// Fuel (lower heating value), kW.
    pub fuel_kw: f64,
    /// What it could give, or would take, without a limit, kW, positive.
    pub available_kw: f64,
    /// Usable energy in the store, kWh; for EV chargers the energy still owed, negative.
    pub energy_kwh: f64,
    /// State of charge, 0..1, of stores.
    pub soc: f64,
    /// Device state as its manual numbers it.
    pub state: u16,
    /// Setpoints that stand in the device by name, kW as injection, switches as 0 or 1.
    pub setpoints: BTreeMap<&'static str, f64>,
    /// The device stands at its fallback values.
    pub fallback: bool,
}

/// The weather over the park.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct WeatherTruth {
    /// Outdoor temperature, degC.
    pub outdoor_c: f64,
    /// Global horizontal irradiance, W/m2.
    pub ghi_w_m2: f64,
    /// Wind at hub height, m/s.
    pub wind_m_s: f64,
}

/// The whole plant at one park instant.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Truth {
    /// Park time.
    pub time: Timestamp,
    /// Park seconds since the start of the run.
    pub park_s: f64,
    /// Every asset, in the order of the plant.
    pub assets: Vec<AssetTruth>,
    /// Weather.
    pub weather: WeatherTruth,
    /// What the low header's water takes up, kW, as injection into `heat_low` (taking is negative).
    pub header_kw: f64,
    /// Temperatures of the hot tank, top to bottom, degC.
    pub hot_tank_c: [f64; 3],
    /// Temperatures of the cold tank, top to bottom, degC.
    pub cold_tank_c: [f64; 3],
    /// Temperature of the low header, degC.
    pub header_c: f64,
    /// Electric demand not served, kW.
    pub unserved_electric_kw: f64,
    /// Heat demand not served, kW.
    pub unserved_heat_kw: f64,
    /// Cooling demand not served, kW.
    pub unserved_cool_kw: f64,
    /// Light dimmed below the floor of what is asked for, kW.
    pub dimmed_kw: f64,
    /// Generation given away by a cap, kW.
    pub curtailed_kw: f64,
    /// Energy that departed cars went without, kWh since the start.
    pub ev_unmet_kwh: f64,
    /// Reactive power drawn from the grid, kvar.
    pub reactive_kvar: f64,
}

impl Truth {
    /// The asset with this id.
    pub fn asset(&self, id: &str) -> Option<&AssetTruth> {
        self.assets.iter().find(|asset| asset.id == id)
    }
}
