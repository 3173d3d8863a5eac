//! A plant from a site file and a seed.

use super::command::COMMANDS;
use super::electric::{Battery, Renewable};
use super::thermal::Thermal;
use super::{Counters, Placed, Places, Plant, Served};
use crate::calendar::Calendar;
use crate::demand::{Consumer, Role, lighting_noise};
use crate::ev::EvPark;
use crate::noise::Series;
use crate::site::Site;
use crate::truth::{AssetTruth, Truth};
use crate::weather::Weather;
use anyhow::Context;
use jiff::Timestamp;

/// Hands out places in the truth's list.
#[derive(Default)]
struct Register(Vec<AssetTruth>);

impl Register {
    fn add(&mut self, kind: &'static str, id: &str, rated_kw: f64) -> usize {
        let asset = AssetTruth { id: id.to_owned(), kind, rated_kw, ..AssetTruth::default() };
        self.0.push(asset);
        self.0.len() - 1
    }
}

impl Plant {
    /// A park at `start` with stores at half; every true parameter is drawn from `seed`.
    pub fn new(site: &Site, seed: u64, start: Timestamp) -> anyhow::Result<Self> {
        let mut draw = Series::new(seed, "true parameters");
        let mut register = Register::default();
        let places = place(site, &mut register)?;
        let start_s = start.as_millisecond() as f64 / 1000.0;
        let mut calendar = Calendar::new(&site.site.zone)?;
        let local = calendar.at(start_s);
        let mut weather = Weather::new(seed, site.site.latitude_deg, site.site.longitude_deg);
        let sky = weather.at(start_s, local);
        let sources = sources(site, seed, &mut draw, &mut register);
        let mut batteries = Vec::new();
        for battery in &site.battery {
            let at = register.add("battery", &battery.id, battery.discharge_max_kw);
            batteries.push(Placed { at, unit: Battery::new(battery, 0.5, &mut draw) });
        }
        let consumers = consumers(site, seed, &mut register);
        let charger = site.ev_charger.first().context("ev_charger")?;
        let lighting = site.flexible_load.first().context("flexible_load")?;
        let count = register.0.len();
        let assets = register.0;
        let truth = Truth { time: start, assets, ..Truth::default() };
        let mut plant = Self {
            t_s: start_s,
            start_s,
            local,
            weather,
            sky,
            places,
            sources,
            batteries,
            consumers,
            thermal: Thermal::new(site, seed, &mut draw)?,
            ev: EvPark::new(seed, charger.count, charger.charger_kw, start_s, &mut calendar),
            ev_max_kw: charger.count as f64 * charger.charger_kw,
            lighting_rated_kw: lighting.rated_kw,
            lighting_floor: lighting.floor,
            lighting_noise: lighting_noise(seed, "lighting"),
            lighting_wanted_kw: 0.0,
            calendar,
            commands: vec![[0.0; COMMANDS]; count],
            counters: vec![Counters::default(); count],
            truth,
        };
        plant.publish_static(&mut draw);
        Ok(plant)
    }

    fn publish_static(&mut self, draw: &mut Series) {
        for counters in &mut self.counters {
            *counters = Counters { given_kwh: draw.range(0.0, 4000.0), taken_kwh: draw.range(0.0, 4000.0) };
        }
        for Placed { at, unit } in &self.batteries {
            let (soc, stored) = (unit.soc(), unit.stored_kwh);
            self.truth.assets[*at].soc = soc;
            self.truth.assets[*at].energy_kwh = stored;
        }
        self.publish_stores();
    }
}

fn place(site: &Site, register: &mut Register) -> anyhow::Result<Places> {
    let grid = site.grid.first().context("grid")?;
    let gas = site.gas_supply.first().context("gas_supply")?;
    let chp = site.chp.first().context("chp")?;
    let boiler = site.boiler.first().context("boiler")?;
    let absorption = site.absorption_chiller.first().context("absorption_chiller")?;
    let chiller = site.chiller.first().context("chiller")?;
    let pump = site.heat_pump.first().context("heat_pump")?;
    let dump = site.dump_cooler.first().context("dump_cooler")?;
    let exchanger = site.heat_exchanger.first().context("heat_exchanger")?;
    let hot = site.heat_tank.first().context("heat_tank")?;
    let cold = site.cold_tank.first().context("cold_tank")?;
    let lighting = site.flexible_load.first().context("flexible_load")?;
    let ev = site.ev_charger.first().context("ev_charger")?;
    Ok(Places {
        grid: register.add("grid", &grid.id, grid.transformer_kva),
        gas: register.add("gas_supply", &gas.id, gas.max_kw),
        chp: register.add("chp", &chp.id, chp.rated_kw),
        boiler: register.add("boiler", &boiler.id, boiler.rated_kw),
        absorption: register.add("absorption_chiller", &absorption.id, absorption.rated_kw),
        chiller: register.add("chiller", &chiller.id, chiller.rated_kw),
        heat_pump: register.add("heat_pump", &pump.id, pump.rated_kw),
        dump: register.add("dump_cooler", &dump.id, dump.rated_kw),
        exchanger: register.add("heat_exchanger", &exchanger.id, exchanger.rated_kw),
        hot_tank: register.add("heat_tank", &hot.id, hot.discharge_max_kw),
        cold_tank: register.add("cold_tank", &cold.id, cold.discharge_max_kw),
        lighting: register.add("flexible_load", &lighting.id, lighting.rated_kw),
        ev: register.add("ev_charger", &ev.id, ev.count as f64 * ev.charger_kw),
    })
}

fn sources(site: &Site, seed: u64, draw: &mut Series, register: &mut Register) -> Vec<Placed<Renewable>> {
    let mut sources = Vec::new();
    for pv in &site.pv {
        let at = register.add("pv", &pv.id, pv.rated_kw);
        sources.push(Placed { at, unit: Renewable::pv(pv, draw) });
    }
    for wind in &site.wind {
        let at = register.add("wind", &wind.id, wind.rated_kw);
        sources.push(Placed { at, unit: Renewable::wind(wind, seed, draw) });
    }
    sources
}

fn consumers(site: &Site, seed: u64, register: &mut Register) -> Vec<Placed<Served>> {
    let build = |load: &crate::site::Load| {
        let at = register.add("load", &load.id, load.rated_kw);
        let consumer = Consumer::new(seed, &load.id, Role::of(load, site), load.rated_kw);
        Placed { at, unit: Served { consumer, wanted_kw: 0.0, served_kw: 0.0 } }
    };
    site.load.iter().map(build).collect()
}
