//! The park's weather, wants and prices as a table for a backtest: no wire, no controller, no plant.
//!
//! The same seed meets the same weather and the same demand here as in a run of the rig: every series is a pure
//! function of seed and park time. What depends on a controller is given as if there were none: cars charge as fast
//! as they like, lights burn as bright as they are asked to.

use crate::calendar::{Calendar, Local};
use crate::demand::{Consumer, Role, lighting_kw};
use crate::ev::EvPark;
use crate::noise::{Octaves, Series};
use crate::plant::Renewable;
use crate::site::{EvCharger, Exchanger, Flexible, Head, Load, Pv, Tariff, Wind};
use crate::weather::{Sky, Weather};
use anyhow::{Context, ensure};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::fmt::Write;

/// What of the park's life to write down.
#[derive(Debug, Clone)]
pub struct SeriesOptions {
    /// Seed of weather, demand and outages.
    pub seed: u64,
    /// Begin of the first row.
    pub start: Timestamp,
    /// Length of a row, 1 min to 1 h in whole seconds.
    pub step: SignedDuration,
    /// Days of 24 h.
    pub days: u32,
    /// Outages of the grid per year, each of half an hour to six hours.
    pub outages: u32,
}

/// Start of a series unless told otherwise: the year 2026 in the site's zone.
///
/// # Errors
/// When the site file does not parse or names no known zone.
pub fn default_series_start(site_toml: &str) -> anyhow::Result<Timestamp> {
    let zone = jiff::tz::TimeZone::get(&Scene::read(site_toml)?.site.zone)?;
    Ok(zone.to_timestamp(jiff::civil::date(2026, 1, 1).at(0, 0, 0, 0))?)
}

/// The table as CSV: `time` (RFC 3339, UTC, begin of the row), then one column per quantity, each the mean over the
/// row. Powers in kW and positive, prices in the site's currency per kWh, `grid.available` 1 or 0: a row that an
/// outage touches is 0.
///
/// # Errors
/// When the site file does not parse or names no known zone, or when the step is out of range.
pub fn series(site_toml: &str, options: &SeriesOptions) -> anyhow::Result<String> {
    let (minute, hour) = (SignedDuration::from_mins(1), SignedDuration::from_hours(1));
    ensure!(options.step >= minute && options.step <= hour, "a step of {:#} is not within 1m to 1h", options.step);
    ensure!(options.step.subsec_nanos() == 0, "a step of {:#} is not of whole seconds", options.step);
    ensure!(options.days > 0, "a series of 0 days holds nothing");
    let step_s = options.step.as_secs();
    let start_s = options.start.as_second();
    let mut park = Park::new(&Scene::read(site_toml)?, options)?;
    let mut csv = format!("time,{}\n", park.names().join(","));
    let samples = (step_s as f64 / SAMPLE_S).ceil();
    let sample_s = step_s as f64 / samples;
    for row in 0..i64::from(options.days) * 86_400 / step_s {
        let begin_s = start_s + row * step_s;
        let mut sums = Vec::new();
        for sample in 0..samples as usize {
            let t_s = begin_s as f64 + (sample as f64 + 0.5) * sample_s;
            let values = park.at(t_s, sample_s);
            sums.resize(values.len(), 0.0);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        write!(csv, "{}", Timestamp::from_second(begin_s)?)?;
        for sum in sums {
            // Adding zero makes a negative zero an ordinary one.
            write!(csv, ",{}", (sum / samples * 1e4).round() / 1e4 + 0.0)?;
        }
        if park.grid.is_some() {
            let end_s = (begin_s + step_s) as f64;
            let out = park.outages.iter().any(|(from, to)| *from < end_s && *to > begin_s as f64);
            write!(csv, ",{}", u8::from(!out))?;
        }
        csv.push('\n');
    }
    Ok(csv)
}

/// Longest time between two looks at the park: short against clouds and gusts taken together, not one by one.
const SAMPLE_S: f64 = 120.0;
const YEAR_S: f64 = 365.0 * 86_400.0;

/// What a series needs of a site file of any shape.
#[derive(Debug, Deserialize)]
struct Scene {
    site: Head,
    tariff: Tariff,
    #[serde(default)]
    bus: Vec<Bus>,
    #[serde(default)]
    grid: Vec<Connection>,
    #[serde(default)]
    pv: Vec<Pv>,
    #[serde(default)]
    wind: Vec<Wind>,
    #[serde(default)]
    heat_exchanger: Vec<Exchanger>,
    #[serde(default)]
    flexible_load: Vec<Flexible>,
    #[serde(default)]
    ev_charger: Vec<EvCharger>,
    #[serde(default)]
    load: Vec<Load>,
}

#[derive(Debug, Deserialize)]
struct Bus {
    id: String,
    carrier: String,
    supply_c: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
struct Connection {
    id: String,
    co2_kg_per_kwh: Option<f64>,
}

/// Between space heating and process heat where no exchanger tells them apart, supply in degC.
const PROCESS_C: f64 = 65.0;

impl Scene {
    fn read(site_toml: &str) -> anyhow::Result<Self> {
        toml::from_str(site_toml).context("site file")
    }

    fn role(&self, load: &Load) -> Role {
        let bus = self.bus.iter().find(|bus| bus.id == load.bus);
        match bus.map(|bus| bus.carrier.as_str()) {
            Some("cooling") => Role::Cooling,
            Some("electricity") | None => Role::of_tier(load.tier.as_deref()),
            Some("heat") => {
                let served = self.heat_exchanger.iter().any(|exchanger| exchanger.to_bus == load.bus);
                let cool = bus.and_then(|bus| bus.supply_c).is_some_and(|supply_c| supply_c < PROCESS_C);
                if served || cool { Role::SpaceHeat } else { Role::ProcessHeat }
            }
            // Hydrogen and the like go into a process.
            Some(_) => Role::ProcessHeat,
        }
    }
}

/// Everything of the park that does as it likes.
struct Park {
    calendar: Calendar,
    weather: Weather,
    tariff: Tariff,
    grid: Option<Connection>,
    outages: Vec<(f64, f64)>,
    consumers: Vec<(String, Consumer)>,
    sources: Vec<(String, Renewable)>,
    lights: Vec<(String, f64, Octaves)>,
    cars: Vec<(String, EvPark)>,
}

impl Park {
    fn new(scene: &Scene, options: &SeriesOptions) -> anyhow::Result<Self> {
        let seed = options.seed;
        let start_s = options.start.as_second() as f64;
        let mut calendar = Calendar::new(&scene.site.zone)?;
        // In the order in which the plant draws them: the same seed has the same panels.
        let mut draw = Series::new(seed, "true parameters");
        let mut sources = Vec::new();
        for pv in &scene.pv {
            sources.push((pv.id.clone(), Renewable::pv(pv, &mut draw)));
        }
        for wind in &scene.wind {
            sources.push((wind.id.clone(), Renewable::wind(wind, seed, &mut draw)));
        }
        let consumer = |load: &Load| Consumer::new(seed, &load.id, scene.role(load), load.rated_kw);
        let mut cars = Vec::new();
        for (nth, ev) in scene.ev_charger.iter().enumerate() {
            let of_its_own = seed.wrapping_add(nth as u64);
            let park = EvPark::new(of_its_own, ev.count, ev.charger_kw, start_s, &mut calendar);
            cars.push((ev.id.clone(), park));
        }
        let lights = scene.flexible_load.iter().enumerate().map(|(nth, load)| {
            let name = if nth == 0 { "lighting".to_owned() } else { format!("lighting {}", load.id) };
            (load.id.clone(), load.rated_kw, crate::demand::lighting_noise(seed, &name))
        });
        Ok(Self {
            weather: Weather::new(seed, scene.site.latitude_deg, scene.site.longitude_deg),
            tariff: scene.tariff.clone(),
            grid: scene.grid.first().cloned(),
            outages: outages(options, start_s),
            consumers: scene.load.iter().map(|load| (load.id.clone(), consumer(load))).collect(),
            sources,
            lights: lights.collect(),
            cars,
            calendar,
        })
    }

    /// Names of the columns, in the order of [`Park::at`]; whether the grid is there comes last.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.consumers.iter().map(|(id, _)| format!("{id}.power_kw")).collect();
        names.extend(self.sources.iter().map(|(id, _)| format!("{id}.available_kw")));
        names.extend(self.lights.iter().map(|(id, ..)| format!("{id}.power_kw")));
        names.extend(self.cars.iter().map(|(id, _)| format!("{id}.power_kw")));
        names.extend(["site.outdoor_c", "site.wind_m_s", "site.ghi_w_m2"].map(String::from));
        if let Some(grid) = &self.grid {
            names.extend(["import_price", "export_price"].map(|what| format!("{}.{what}", grid.id)));
            names.extend(grid.co2_kg_per_kwh.map(|_| format!("{}.co2_kg_per_kwh", grid.id)));
            names.push(format!("{}.available", grid.id));
        }
        names
    }

    /// Values of all columns but the last at an instant that stands for `dt_s` around it.
    fn at(&mut self, t_s: f64, dt_s: f64) -> Vec<f64> {
        let local = self.calendar.at(t_s);
        let sky = self.weather.at(t_s, local);
        let mut values = self.wants(t_s, dt_s, local, sky);
        values.extend([sky.outdoor_c, sky.wind_m_s, sky.ghi_w_m2]);
        if let Some(grid) = &self.grid {
            values.extend([self.tariff.price(local), self.tariff.export_per_kwh]);
            values.extend(grid.co2_kg_per_kwh);
        }
        values
    }

    fn wants(&mut self, t_s: f64, dt_s: f64, local: Local, sky: Sky) -> Vec<f64> {
        let mut values = Vec::new();
        for (_, consumer) in &mut self.consumers {
            values.push(consumer.wanted_kw(t_s, local, sky));
        }
        for (_, source) in &mut self.sources {
            source.step(dt_s, t_s, sky, source.rated_kw);
            values.push(source.available_kw);
        }
        for (_, rated_kw, noise) in &mut self.lights {
            values.push(lighting_kw(*rated_kw, noise, t_s, local, sky));
        }
        for (_, cars) in &mut self.cars {
            cars.advance(t_s, &mut self.calendar);
            values.push(cars.charge(f64::MAX, dt_s));
        }
        values
    }
}

/// Outages from and to, Unix seconds: one in each equal share of a year, so that none runs into the next.
fn outages(options: &SeriesOptions, start_s: f64) -> Vec<(f64, f64)> {
    let years = (f64::from(options.days) * 86_400.0 / YEAR_S).ceil();
    let share_s = YEAR_S / f64::from(options.outages.max(1));
    let one = |nth: i64| {
        let mut draw = Series::at(options.seed, "outages", nth);
        let length_s = draw.range(1800.0, 21_600.0).min(0.8 * share_s);
        let from_s = start_s + nth as f64 * share_s + draw.range(0.0, share_s - length_s);
        (from_s, from_s + length_s)
    };
    (0..i64::from(options.outages) * years as i64).map(one).collect()
}
