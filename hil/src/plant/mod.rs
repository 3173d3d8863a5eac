//! The park's physics: one step closes every bus exactly.

pub mod command;
mod electric;
mod engine;
mod init;
mod machine;
mod publish;
pub mod read;
mod tank;
mod thermal;

use crate::calendar::{Calendar, Local};
use crate::demand::{self, Consumer, Role};
use crate::ev::EvPark;
use crate::noise::Octaves;
use crate::truth::Truth;
use crate::weather::{Sky, Weather};
use command::{COMMANDS, Command};
#[cfg(test)]
pub use electric::Battery;
pub use electric::Renewable;
pub use engine::{LOADED, READY};
use thermal::Thermal;

/// A unit together with its place in the truth's list of assets.
pub struct Placed<T> {
    pub at: usize,
    pub unit: T,
}

/// A consumer with what it wants and gets now, kW.
pub struct Served {
    pub consumer: Consumer,
    pub wanted_kw: f64,
    pub served_kw: f64,
}

/// Places of the assets that are there once.
#[derive(Default)]
pub struct Places {
    pub grid: usize,
    pub gas: usize,
    pub chp: usize,
    pub boiler: usize,
    pub absorption: usize,
    pub chiller: usize,
    pub heat_pump: usize,
    pub dump: usize,
    pub exchanger: usize,
    pub hot_tank: usize,
    pub cold_tank: usize,
    pub lighting: usize,
    pub ev: usize,
}

pub struct Plant {
    /// Park time, Unix seconds.
    pub t_s: f64,
    pub start_s: f64,
    pub calendar: Calendar,
    pub local: Local,
    weather: Weather,
    pub sky: Sky,
    pub places: Places,
    pub sources: Vec<Placed<electric::Renewable>>,
    pub batteries: Vec<Placed<electric::Battery>>,
    pub consumers: Vec<Placed<Served>>,
    pub thermal: Thermal,
    pub ev: EvPark,
    ev_max_kw: f64,
    lighting_rated_kw: f64,
    lighting_floor: f64,
    lighting_noise: Octaves,
    pub lighting_wanted_kw: f64,
    commands: Vec<[f64; COMMANDS]>,
    /// Meter counters by asset: energy taken up and given off at its main port, kWh.
    pub counters: Vec<Counters>,
    pub truth: Truth,
}

/// Energy by direction as injection, kWh.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    pub given_kwh: f64,
    pub taken_kwh: f64,
}

impl Plant {
    /// The command that stands.
    pub fn command(&self, at: usize, command: Command) -> f64 {
        self.commands[at][command as usize]
    }

    /// Lets a command stand from now on.
    pub fn set_command(&mut self, at: usize, command: Command, value: f64) {
        self.commands[at][command as usize] = value;
        // Adding zero makes a negative zero an ordinary one.
        let signed = if command == Command::Limit { -value } else { value } + 0.0;
        self.truth.assets[at].setpoints.insert(command.name(), signed);
    }

    /// Moves on by at most one second of park time.
    pub fn step(&mut self, dt_s: f64) {
        self.t_s += dt_s;
        self.local = self.calendar.at(self.t_s);
        self.sky = self.weather.at(self.t_s, self.local);
        self.ev.advance(self.t_s, &mut self.calendar);
        for Placed { unit, .. } in &mut self.consumers {
            unit.wanted_kw = unit.consumer.wanted_kw(self.t_s, self.local, self.sky);
        }
        self.step_sources(dt_s);
        self.step_thermal(dt_s);
        self.step_loads(dt_s);
        self.publish(dt_s);
    }

    /// Brings everything that reacts at once to where it stands at the start, before anybody looks.
    pub fn settle(&mut self) {
        const INSTANT_S: f64 = 1e-3;
        self.t_s -= INSTANT_S;
        self.step(INSTANT_S);
        for Placed { at, unit } in &mut self.sources {
            unit.power_kw = unit.available_kw.min(self.commands[*at][Command::Cap as usize]);
        }
        self.publish(0.0);
        self.truth.park_s = 0.0;
    }

    fn step_sources(&mut self, dt_s: f64) {
        for Placed { at, unit } in &mut self.sources {
            let cap_kw = self.commands[*at][Command::Cap as usize];
            unit.step(dt_s, self.t_s, self.sky, cap_kw);
        }
        for Placed { at, unit } in &mut self.batteries {
            let set_kw = self.commands[*at][Command::Power as usize];
            unit.step(dt_s, set_kw);
        }
    }

    fn step_thermal(&mut self, dt_s: f64) {
        let wanted = |role: Role| -> f64 {
            let of_role = self.consumers.iter().filter(|placed| placed.unit.consumer.role == role);
            of_role.map(|placed| placed.unit.wanted_kw).sum()
        };
        let demand = thermal::Demand {
            process_kw: wanted(Role::ProcessHeat),
            space_kw: wanted(Role::SpaceHeat),
            cooling_kw: wanted(Role::Cooling),
        };
        let orders = self.thermal_orders();
        self.thermal.step(dt_s, self.t_s, self.sky.outdoor_c, orders, demand);
        let shares = self.thermal.served_shares;
        for Placed { unit, .. } in &mut self.consumers {
            let share = match unit.consumer.role {
                Role::ProcessHeat => shares.process,
                Role::SpaceHeat => shares.space,
                Role::Cooling => shares.cooling,
                _ => continue,
            };
            unit.served_kw = unit.wanted_kw * share;
        }
    }

    fn thermal_orders(&self) -> thermal::Orders {
        let places = &self.places;
        let order = |at: usize, release: bool| thermal::Order {
            release: !release || self.command(at, Command::Release) > 0.5,
            demand_kw: self.command(at, Command::Demand),
        };
        thermal::Orders {
            engine_run: self.command(places.chp, Command::Run) > 0.5,
            engine_base_kw: self.command(places.chp, Command::Base),
            boiler: order(places.boiler, true),
            heat_pump: order(places.heat_pump, true),
            chiller: order(places.chiller, true),
            absorption: order(places.absorption, true),
            dump: order(places.dump, false),
        }
    }

    fn step_loads(&mut self, dt_s: f64) {
        for Placed { at, unit } in &mut self.consumers {
            let open = unit.consumer.role == Role::Sheddable && self.commands[*at][Command::Feeder as usize] < 0.5;
            if unit.consumer.role.is_electric() {
                unit.served_kw = if open { 0.0 } else { unit.wanted_kw };
            }
        }
        self.lighting_wanted_kw =
            demand::lighting_kw(self.lighting_rated_kw, &mut self.lighting_noise, self.t_s, self.local, self.sky);
        let lighting = self.places.lighting;
        let lit_kw = self.lighting_wanted_kw.min(self.command(lighting, Command::Cap));
        self.truth.assets[lighting].power_kw = -lit_kw;
        self.truth.assets[lighting].available_kw = self.lighting_wanted_kw;
        let ev = self.places.ev;
        let limit_kw = self.command(ev, Command::Limit).min(self.ev_max_kw);
        self.truth.assets[ev].available_kw = self.ev.wanted_kw();
        self.truth.assets[ev].power_kw = -self.ev.charge(limit_kw, dt_s);
    }
}
