//! Writes what a step did into the truth and the meters' counters.

use super::{LOADED, Placed, Plant};
use crate::demand::Role;
use crate::truth::WeatherTruth;
use jiff::Timestamp;

/// Base temperatures for the content of the tanks: the site's usable windows.
const HOT_BASE_C: f64 = 70.0;
const HOT_FULL_C: f64 = 90.0;
const COLD_BASE_C: f64 = 13.0;
const COLD_FULL_C: f64 = 6.0;

impl Plant {
    pub(super) fn publish(&mut self, dt_s: f64) {
        self.truth.time = Timestamp::from_millisecond((self.t_s * 1000.0).round() as i64).unwrap_or_default();
        self.truth.park_s = self.t_s - self.start_s;
        self.truth.weather =
            WeatherTruth { outdoor_c: self.sky.outdoor_c, ghi_w_m2: self.sky.ghi_w_m2, wind_m_s: self.sky.wind_m_s };
        self.publish_electric();
        self.publish_thermal();
        self.publish_consumers();
        self.publish_stores();
        self.close_grid();
        self.count(dt_s);
    }

    fn publish_electric(&mut self) {
        let mut curtailed_kw = 0.0;
        for Placed { at, unit } in &self.sources {
            let cap_kw = self.commands[*at][super::Command::Cap as usize];
            let asset = &mut self.truth.assets[*at];
            asset.power_kw = unit.power_kw;
            asset.available_kw = unit.available_kw;
            asset.state = if unit.available_kw > 0.3 { 2 } else { 5 };
            if cap_kw < unit.available_kw {
                curtailed_kw += unit.available_kw - unit.power_kw;
            }
        }
        self.truth.curtailed_kw = curtailed_kw;
        for Placed { at, unit } in &self.batteries {
            let asset = &mut self.truth.assets[*at];
            asset.power_kw = unit.power_kw;
            asset.available_kw = unit.discharge_room_kw();
            asset.energy_kwh = unit.stored_kwh;
            asset.soc = unit.soc();
            asset.state = 2;
        }
    }

    fn publish_thermal(&mut self) {
        let (thermal, places) = (&self.thermal, &self.places);
        let flows = thermal.flows;
        let assets = &mut self.truth.assets;
        let engine = &mut assets[places.chp];
        engine.power_kw = thermal.engine.power_kw;
        engine.heat_kw = thermal.engine.heat_kw;
        engine.fuel_kw = -thermal.engine.fuel_kw;
        engine.state = thermal.engine.state;
        engine.available_kw = if thermal.engine.state == LOADED { thermal.engine.rated_kw } else { 0.0 };
        let boiler = &mut assets[places.boiler];
        boiler.heat_kw = thermal.boiler.output_kw;
        boiler.fuel_kw = -flows.boiler_fuel_kw;
        boiler.state = thermal.boiler.state;
        let pump = &mut assets[places.heat_pump];
        pump.heat_kw = flows.heat_pump_kw;
        pump.power_kw = -flows.heat_pump_electric_kw;
        pump.state = thermal.heat_pump.state;
        let chiller = &mut assets[places.chiller];
        chiller.cool_kw = flows.chiller_kw;
        chiller.power_kw = -flows.chiller_electric_kw;
        chiller.state = thermal.chiller.state;
        let absorption = &mut assets[places.absorption];
        absorption.cool_kw = flows.absorption_kw;
        absorption.heat_kw = -flows.absorption_heat_kw;
        absorption.power_kw = -flows.absorption_electric_kw;
        absorption.state = thermal.absorption.state;
        assets[places.exchanger].heat_kw = flows.exchanger_low_kw;
        assets[places.exchanger].heat_high_kw = -flows.exchanger_high_kw;
        assets[places.dump].heat_kw = -flows.dump_kw;
        assets[places.hot_tank].heat_kw = flows.hot_tank_kw;
        assets[places.cold_tank].cool_kw = flows.cold_tank_kw;
        assets[places.gas].fuel_kw = thermal.engine.fuel_kw + flows.boiler_fuel_kw;
        self.truth.header_kw = flows.header_kw;
    }

    fn publish_consumers(&mut self) {
        let (mut electric, mut heat, mut cool) = (0.0, 0.0, 0.0);
        for Placed { at, unit } in &self.consumers {
            let asset = &mut self.truth.assets[*at];
            let missing = unit.wanted_kw - unit.served_kw;
            asset.available_kw = unit.wanted_kw;
            match unit.consumer.role {
                Role::ProcessHeat | Role::SpaceHeat => {
                    asset.heat_kw = -unit.served_kw;
                    heat += missing;
                }
                Role::Cooling => {
                    asset.cool_kw = -unit.served_kw;
                    cool += missing;
                }
                _ => {
                    asset.power_kw = -unit.served_kw;
                    electric += missing;
                }
            }
        }
        self.truth.unserved_electric_kw = electric;
        self.truth.unserved_heat_kw = heat;
        self.truth.unserved_cool_kw = cool;
        let lit_kw = -self.truth.assets[self.places.lighting].power_kw;
        self.truth.dimmed_kw = (self.lighting_floor * self.lighting_wanted_kw - lit_kw).max(0.0);
        self.truth.ev_unmet_kwh = self.ev.unmet_kwh;
        self.truth.assets[self.places.ev].energy_kwh = -self.ev.owed_kwh();
    }

    pub(super) fn publish_stores(&mut self) {
        let (hot, cold) = (&self.thermal.hot_tank, &self.thermal.cold_tank);
        let asset = &mut self.truth.assets[self.places.hot_tank];
        asset.energy_kwh = hot.content_kwh(HOT_BASE_C);
        asset.soc = (hot.mean_c() - HOT_BASE_C) / (HOT_FULL_C - HOT_BASE_C);
        let asset = &mut self.truth.assets[self.places.cold_tank];
        asset.energy_kwh = -cold.content_kwh(COLD_BASE_C);
        asset.soc = (COLD_BASE_C - cold.mean_c()) / (COLD_BASE_C - COLD_FULL_C);
        self.truth.hot_tank_c = hot.layer_c;
        self.truth.cold_tank_c = cold.layer_c;
        self.truth.header_c = self.thermal.header_c;
    }

    /// The connection to the grid takes whatever is left.
    fn close_grid(&mut self) {
        let grid = self.places.grid;
        self.truth.assets[grid].power_kw = 0.0;
        let sum_kw: f64 = self.truth.assets.iter().map(|asset| asset.power_kw).sum();
        self.truth.assets[grid].power_kw = -sum_kw;
        // Compensated park: a fifth of what is drawn, generators at unity.
        let drawn_kw: f64 = self.truth.assets.iter().map(|asset| (-asset.power_kw).max(0.0)).sum();
        self.truth.reactive_kvar = 0.2 * (drawn_kw - sum_kw.max(0.0));
    }

    fn count(&mut self, dt_s: f64) {
        let hours = dt_s / 3600.0;
        for (asset, counters) in self.truth.assets.iter().zip(&mut self.counters) {
            let main = match asset.kind {
                "gas_supply" => asset.fuel_kw,
                "load" => asset.power_kw + asset.heat_kw + asset.cool_kw,
                _ => asset.power_kw,
            };
            counters.given_kwh += main.max(0.0) * hours;
            counters.taken_kwh += (-main).max(0.0) * hours;
        }
    }
}
