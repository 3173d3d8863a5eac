//! The park without a controller: every device looks after itself.

use crate::plant::command::Command;
use crate::plant::{LOADED, Plant, READY};

/// What the autonomous rules remember.
pub struct Baseline {
    engine_on: bool,
    engine_since_s: f64,
    min_up_s: f64,
    min_down_s: f64,
    boiler_on: bool,
    chiller_on: bool,
    absorption_on: bool,
    next_s: f64,
}

impl Baseline {
    pub fn new(site: &crate::site::Site) -> Self {
        let times = site.chp.first().map(|chp| chp.commitment).unwrap_or_default();
        Self {
            engine_on: false,
            engine_since_s: f64::NEG_INFINITY,
            min_up_s: times.min_up_min * 60.0,
            min_down_s: times.min_down_min * 60.0,
            boiler_on: false,
            chiller_on: false,
            absorption_on: false,
            next_s: f64::NEG_INFINITY,
        }
    }

    /// Decides once a park second and leaves the commands standing in the plant.
    pub fn step(&mut self, plant: &mut Plant) {
        if plant.t_s < self.next_s {
            return;
        }
        self.next_s = plant.t_s + 1.0;
        self.engine(plant);
        self.heat_and_cold(plant);
        self_consumption(plant);
    }

    /// Heat-led at full load, by the hot tank's layers, with the engine's own minimum times.
    fn engine(&mut self, plant: &mut Plant) {
        let tank = &plant.thermal.hot_tank;
        let at = plant.places.chp;
        let ran_s = plant.t_s - self.engine_since_s;
        let state = plant.truth.assets[at].state;
        if !self.engine_on && state == READY && tank.middle_c() < 77.0 && ran_s > self.min_down_s + 120.0 {
            self.engine_on = true;
            self.engine_since_s = plant.t_s;
        } else if self.engine_on && tank.bottom_c() > 86.0 && ran_s > self.min_up_s + 300.0 {
            self.engine_on = false;
            self.engine_since_s = plant.t_s;
        }
        plant.set_command(at, Command::Run, f64::from(u8::from(self.engine_on)));
        plant.set_command(at, Command::Base, plant.truth.assets[at].rated_kw);
    }

    fn heat_and_cold(&mut self, plant: &mut Plant) {
        let (hot_top, hot_middle) = (plant.thermal.hot_tank.top_c(), plant.thermal.hot_tank.middle_c());
        let cold_top = plant.thermal.cold_tank.top_c();
        let cold_middle = plant.thermal.cold_tank.middle_c();
        self.boiler_on = hysteresis(self.boiler_on, hot_top < 76.0, hot_middle > 79.0);
        self.chiller_on = hysteresis(self.chiller_on, cold_middle > 10.5, cold_top < 8.0);
        let driven = plant.truth.assets[plant.places.chp].state == LOADED;
        self.absorption_on = hysteresis(self.absorption_on, driven && cold_top > 9.0, !driven || cold_top < 7.0);
        let places = [
            (plant.places.boiler, self.boiler_on),
            (plant.places.heat_pump, true),
            (plant.places.chiller, self.chiller_on),
            (plant.places.absorption, self.absorption_on),
        ];
        for (at, on) in places {
            plant.set_command(at, Command::Release, f64::from(u8::from(on)));
            plant.set_command(at, Command::Demand, plant.truth.assets[at].rated_kw);
        }
    }
}

fn hysteresis(on: bool, start: bool, stop: bool) -> bool {
    if on { !stop } else { start }
}

/// The battery takes what would be exported and gives what would be imported.
fn self_consumption(plant: &mut Plant) {
    let mut import_kw = plant.truth.assets[plant.places.grid].power_kw;
    let settings: Vec<(usize, f64)> = plant
        .battery_units()
        .map(|(at, unit)| {
            let wanted = unit.power_kw + import_kw;
            import_kw = 0.0;
            let soc = unit.soc();
            let low = if soc >= unit.site.soc_max { 0.0 } else { -unit.site.charge_max_kw };
            let high = if soc <= unit.site.soc_min { 0.0 } else { unit.site.discharge_max_kw };
            (at, wanted.clamp(low, high))
        })
        .collect();
    for (at, kw) in settings {
        plant.set_command(at, Command::Power, kw);
    }
}
