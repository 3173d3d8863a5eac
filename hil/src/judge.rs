//! The judge: counts money, energy and broken limits from the truth alone.
//!
//! Stored energy is valued so that runs of any length compare. Electricity (battery, and what cars still
//! wait for, as a debt) counts at the mean import price of a day of that month, the battery's after its
//! discharge loss; heat at the gas a boiler would burn for it; cold at the mean price over the chiller's
//! energy efficiency ratio. The demand charge of a month is prorated to the length of the run over a
//! mean month; a demand window that the run only partly covers counts with the energy it saw.

mod limits;

use crate::calendar::Local;
use crate::plant::Plant;
use crate::site::{Site, Tariff};
use limits::Limits;
use serde::Serialize;

/// Seconds of a mean month.
const MONTH_S: f64 = 365.25 / 12.0 * 86_400.0;

/// The verdict over a run. Money in the site's currency, energy in kWh.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Seed of the run.
    pub seed: u64,
    /// All money: energy, fuel, demand, starts and wear, less the value of what was stored.
    pub cost: f64,
    /// Import less export.
    pub energy_cost: f64,
    /// Gas.
    pub fuel_cost: f64,
    /// Demand charge, prorated.
    pub demand_cost: f64,
    /// Starts of engine, boiler, heat pump and chillers at the site's prices.
    pub start_cost: f64,
    /// Wear of battery and engine by the energy they gave.
    pub wear_cost: f64,
    /// Value of the change in stored energy over the run.
    pub stored_value: f64,
    /// Shed electricity, unmet heat and unmet cooling together.
    pub unserved_kwh: f64,
    /// Electricity among it.
    pub unserved_electric_kwh: f64,
    /// Heat among it.
    pub unserved_heat_kwh: f64,
    /// Cooling among it.
    pub unserved_cool_kwh: f64,
    /// Energy that departed cars went without.
    pub ev_unmet_kwh: f64,
    /// Light below the floor of what was asked for.
    pub dimmed_kwh: f64,
    /// Number of times a limit was broken.
    pub limit_violations: u64,
    /// The first twenty of them in words.
    pub violations: Vec<String>,
    /// Renewable energy given away by a cap.
    pub curtailed_kwh: f64,
    /// Starts of all converters.
    pub starts: u64,
    /// Starts of the engine among them.
    pub engine_starts: u64,
    /// Highest mean import over a demand window, kW.
    pub peak_kw: f64,
    /// Grid and gas.
    pub co2_kg: f64,
    /// Energy drawn from the grid.
    pub import_kwh: f64,
    /// Energy given to the grid.
    pub export_kwh: f64,
    /// Gas used, lower heating value.
    pub gas_kwh: f64,
    /// Length of the run in park seconds.
    pub park_seconds: f64,
    /// Worst difference between what a daemon showed and the truth, as a share of the rating; 0 if nobody compared.
    pub value_error_max: f64,
    /// Where that was.
    pub value_error_at: Option<String>,
}

/// Prices and weights of one site.
struct Prices {
    tariff: Tariff,
    gas_per_kwh: f64,
    heat_per_kwh: f64,
    eer: f64,
    battery_efficiency: f64,
    engine_wear: f64,
    battery_wear: f64,
    starts: [f64; 5],
    grid_co2: f64,
    gas_co2: f64,
}

pub struct Judge {
    prices: Prices,
    limits: Limits,
    report: Report,
    /// Mean import price of a day in the month of the start.
    mean_price: f64,
    window: i64,
    window_kwh: f64,
    started: Option<[f64; 4]>,
}

impl Judge {
    pub fn new(site: &Site, seed: u64) -> Self {
        Self {
            prices: Prices::of(site),
            limits: Limits::new(site),
            report: Report { seed, ..Report::default() },
            mean_price: 0.0,
            window: i64::MIN,
            window_kwh: 0.0,
            started: None,
        }
    }

    /// Takes the stores as they are before the first step.
    pub fn begin(&mut self, plant: &Plant) {
        let quarters = (0..96).map(|quarter| {
            let hour = f64::from(quarter) / 4.0;
            self.prices.tariff.price(Local { hour, ..plant.local })
        });
        self.mean_price = quarters.sum::<f64>() / 96.0;
        self.started = Some(stored_kwh(plant));
    }

    /// Counts one step of the plant.
    pub fn observe(&mut self, plant: &Plant, dt_s: f64) {
        let hours = dt_s / 3600.0;
        let truth = &plant.truth;
        let report = &mut self.report;
        let import_kw = truth.assets[plant.places.grid].power_kw;
        let gas_kwh = truth.assets[plant.places.gas].fuel_kw * hours;
        report.import_kwh += import_kw.max(0.0) * hours;
        report.export_kwh += (-import_kw).max(0.0) * hours;
        report.gas_kwh += gas_kwh;
        let import_price = self.prices.tariff.price(plant.local);
        let price = if import_kw > 0.0 { import_price } else { self.prices.tariff.export_per_kwh };
        report.energy_cost += import_kw * hours * price;
        report.fuel_cost += gas_kwh * self.prices.gas_per_kwh;
        report.co2_kg += import_kw.max(0.0) * hours * self.prices.grid_co2 + gas_kwh * self.prices.gas_co2;
        report.unserved_electric_kwh += truth.unserved_electric_kw * hours;
        report.unserved_heat_kwh += truth.unserved_heat_kw * hours;
        report.unserved_cool_kwh += truth.unserved_cool_kw * hours;
        report.dimmed_kwh += truth.dimmed_kw * hours;
        report.curtailed_kwh += truth.curtailed_kw * hours;
        report.wear_cost += truth.assets[plant.places.chp].power_kw * hours * self.prices.engine_wear;
        for (at, _) in plant.battery_units() {
            let given_kw = truth.assets[at].power_kw.max(0.0);
            report.wear_cost += given_kw * hours * self.prices.battery_wear;
        }
        self.demand_window(plant.t_s - dt_s / 2.0, import_kw * hours);
        self.limits.observe(plant, dt_s);
    }

    /// Windows follow the clock, not the start of the run.
    fn demand_window(&mut self, t_s: f64, import_kwh: f64) {
        let length_s = self.prices.tariff.demand_window_min * 60.0;
        let window = (t_s / length_s).floor() as i64;
        if window != self.window {
            self.window = window;
            self.window_kwh = 0.0;
        }
        self.window_kwh += import_kwh.max(0.0);
        self.report.peak_kw = self.report.peak_kw.max(self.window_kwh * 3600.0 / length_s);
    }

    /// The verdict so far.
    pub fn report(&self, plant: &Plant) -> Report {
        let mut report = self.report.clone();
        let starts = plant.starts();
        report.park_seconds = plant.truth.park_s;
        report.engine_starts = u64::from(starts[0]);
        report.starts = starts.iter().map(|count| u64::from(*count)).sum();
        report.start_cost = starts.iter().zip(self.prices.starts).map(|(count, cost)| f64::from(*count) * cost).sum();
        report.demand_cost = report.peak_kw * self.prices.tariff.demand_per_kw_month * report.park_seconds / MONTH_S;
        report.stored_value = self.stored_value(plant);
        report.cost = report.energy_cost + report.fuel_cost + report.demand_cost + report.start_cost + report.wear_cost
            - report.stored_value;
        report.unserved_kwh = report.unserved_electric_kwh + report.unserved_heat_kwh + report.unserved_cool_kwh;
        report.ev_unmet_kwh = plant.truth.ev_unmet_kwh;
        report.limit_violations = self.limits.count;
        report.violations.clone_from(&self.limits.texts);
        report
    }

    fn stored_value(&self, plant: &Plant) -> f64 {
        let Some(before) = self.started else {
            return 0.0;
        };
        let price = self.mean_price;
        let worth = [price * self.prices.battery_efficiency, self.prices.heat_per_kwh, price / self.prices.eer, price];
        let change = stored_kwh(plant).into_iter().zip(before).map(|(now, then)| now - then);
        change.zip(worth).map(|(kwh, each)| kwh * each).sum()
    }

    /// Notes how far a daemon's values were off.
    pub fn note_value_error(&mut self, share: f64, at: &str) {
        if share > self.report.value_error_max {
            self.report.value_error_max = share;
            self.report.value_error_at = Some(at.to_owned());
        }
    }
}

/// Battery, heat, cold and what cars wait for (as a debt), kWh.
fn stored_kwh(plant: &Plant) -> [f64; 4] {
    let energy = |at: usize| plant.truth.assets[at].energy_kwh;
    let batteries = plant.battery_units().map(|(at, _)| energy(at)).sum();
    let heat = energy(plant.places.hot_tank) + plant.header_kwh();
    [batteries, heat, energy(plant.places.cold_tank), energy(plant.places.ev)]
}

impl Prices {
    fn of(site: &Site) -> Self {
        let gas = site.gas_supply.first();
        let gas_per_kwh = gas.map_or(0.0, |gas| gas.price_per_kwh);
        let boiler = site.boiler.first();
        let cost = |commitment: Option<crate::site::Commitment>| commitment.map_or(0.0, |c| c.start_cost);
        Self {
            tariff: site.tariff.clone(),
            gas_per_kwh,
            heat_per_kwh: gas_per_kwh / boiler.map_or(0.9, |boiler| boiler.efficiency),
            eer: site.chiller.first().map_or(4.0, |chiller| chiller.eer),
            battery_efficiency: site.battery.first().map_or(1.0, |battery| battery.discharge_efficiency),
            engine_wear: site.chp.first().map_or(0.0, |chp| chp.wear_per_kwh),
            battery_wear: site.battery.first().map_or(0.0, |battery| battery.wear_per_kwh),
            starts: [
                cost(site.chp.first().map(|asset| asset.commitment)),
                cost(boiler.map(|asset| asset.commitment)),
                cost(site.heat_pump.first().map(|asset| asset.commitment)),
                cost(site.chiller.first().map(|asset| asset.commitment)),
                cost(site.absorption_chiller.first().map(|asset| asset.commitment)),
            ],
            grid_co2: site.grid.first().map_or(0.0, |grid| grid.co2_kg_per_kwh),
            gas_co2: gas.map_or(0.0, |gas| gas.co2_kg_per_kwh),
        }
    }
}

impl Tariff {
    /// Import price at a local time: the first period that matches.
    pub fn price(&self, local: Local) -> f64 {
        let matches = |period: &&crate::site::Period| {
            let month = period.months.is_empty() || period.months.contains(&local.month);
            let within = |&(from, to): &(f64, f64)| local.hour >= from && local.hour < to;
            month && (period.hours.is_empty() || period.hours.iter().any(within))
        };
        self.period.iter().find(matches).map_or(0.0, |period| period.price_per_kwh)
    }
}
