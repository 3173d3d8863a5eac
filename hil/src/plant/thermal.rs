//! Heat and cooling: who makes it, who takes it, and the waters that close each balance.

use super::engine::Engine;
use super::machine::{Machine, RUNNING, Thermostat};
use super::tank::{Tank, usable};
use crate::noise::{Octaves, Series};
use crate::site::Site;

/// What stands commanded at one thermal device.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub release: bool,
    pub demand_kw: f64,
}

impl Order {
    /// What the device asks of itself: its thermostat's call under the commanded bound.
    fn ask_kw(self, machine: &Machine, share: f64) -> f64 {
        if self.release { (machine.rated_kw * share).min(self.demand_kw) } else { 0.0 }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Orders {
    pub engine_run: bool,
    pub engine_base_kw: f64,
    pub boiler: Order,
    pub heat_pump: Order,
    pub chiller: Order,
    pub absorption: Order,
    pub dump: Order,
}

/// What the consumers want, kW.
#[derive(Debug, Clone, Copy)]
pub struct Demand {
    pub process_kw: f64,
    pub space_kw: f64,
    pub cooling_kw: f64,
}

/// Share of the demand that was served, 0..1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shares {
    pub process: f64,
    pub space: f64,
    pub cooling: f64,
}

/// Flows of the last step, kW, positive in the direction of the name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flows {
    pub boiler_fuel_kw: f64,
    pub heat_pump_kw: f64,
    pub heat_pump_electric_kw: f64,
    pub chiller_kw: f64,
    pub chiller_electric_kw: f64,
    pub absorption_kw: f64,
    pub absorption_heat_kw: f64,
    pub absorption_electric_kw: f64,
    pub exchanger_high_kw: f64,
    pub exchanger_low_kw: f64,
    pub dump_kw: f64,
    /// Out of the tank into its bus.
    pub hot_tank_kw: f64,
    pub cold_tank_kw: f64,
    /// Out of the header's water into the low bus.
    pub header_kw: f64,
}

pub struct Thermal {
    pub engine: Engine,
    pub boiler: Machine,
    pub heat_pump: Machine,
    pub chiller: Machine,
    pub absorption: Machine,
    pub hot_tank: Tank,
    pub cold_tank: Tank,
    pub header_c: f64,
    pub source_c: f64,
    pub flows: Flows,
    pub served_shares: Shares,
    /// Holds the low header at its own set temperature; the rig's baseline leaves it alone too.
    exchanger_kw: f64,
    dump_kw: f64,
    overheated: bool,
    boiler_thermostat: Thermostat,
    heat_pump_thermostat: Thermostat,
    chiller_thermostat: Thermostat,
    absorption_thermostat: Thermostat,
    numbers: Numbers,
    ground: Octaves,
}

/// True parameters.
struct Numbers {
    boiler_efficiency: f64,
    cop: f64,
    eer: f64,
    absorption_cop: f64,
    absorption_auxiliary: f64,
    exchanger_efficiency: f64,
    exchanger_max_kw: f64,
    dump_max_kw: f64,
    tank_flow_kw: f64,
    cold_flow_kw: f64,
}

/// Heat capacity of the low header's water, kWh/K.
pub const HEADER_KWH_PER_K: f64 = 9.0;
const HEADER_SET_C: f64 = 49.0;
/// Restart lockout of compressors, s.
const COMPRESSOR_REST_S: f64 = 180.0;
const OVERHEAT_C: f64 = 94.0;
const OVERHEAT_BACK_C: f64 = 91.0;

impl Thermal {
    pub fn new(site: &Site, seed: u64, draw: &mut Series) -> anyhow::Result<Self> {
        let engine = Engine::new(first(&site.chp)?, draw);
        let boiler = first(&site.boiler)?;
        let pump = first(&site.heat_pump)?;
        let chiller = first(&site.chiller)?;
        let absorption = first(&site.absorption_chiller)?;
        let exchanger = first(&site.heat_exchanger)?;
        let (hot, cold) = (first(&site.heat_tank)?, first(&site.cold_tank)?);
        let mut machine = |rated: f64, min: f64, ramp: f64, start_s: f64| {
            let ramp = ramp * draw.range(0.75, 0.95);
            Machine::new(rated, rated * min, ramp, start_s, draw.range(1.5, 3.0))
        };
        let boiler_machine = machine(boiler.rated_kw, boiler.commitment.min_load, boiler.ramp_kw_per_s, 25.0);
        let pump_machine = machine(pump.rated_kw, pump.commitment.min_load, pump.ramp_kw_per_s, 20.0);
        let chiller_machine = machine(chiller.rated_kw, chiller.commitment.min_load, chiller.ramp_kw_per_s, 20.0);
        let absorption_machine =
            machine(absorption.rated_kw, absorption.commitment.min_load, absorption.ramp_kw_per_s, 60.0);
        let compressor = |mut machine: Machine| {
            machine.rest_s = COMPRESSOR_REST_S;
            machine
        };
        Ok(Self {
            engine,
            boiler: boiler_machine,
            heat_pump: compressor(pump_machine),
            chiller: compressor(chiller_machine),
            absorption: absorption_machine,
            hot_tank: Tank::new(hot, [85.0, 80.0, 75.0], 22.0, draw),
            cold_tank: Tank::new(cold, [11.5, 9.5, 7.5], 25.0, draw),
            header_c: HEADER_SET_C,
            source_c: 16.0,
            flows: Flows::default(),
            served_shares: Shares { process: 1.0, space: 1.0, cooling: 1.0 },
            exchanger_kw: 0.0,
            dump_kw: 0.0,
            overheated: false,
            boiler_thermostat: Thermostat::new(90.0, 85.0, 3.0),
            heat_pump_thermostat: Thermostat::new(55.0, 51.0, 1.5),
            chiller_thermostat: Thermostat::new(6.6, 8.0, 0.4),
            absorption_thermostat: Thermostat::new(6.6, 8.0, 0.4),
            numbers: Numbers {
                boiler_efficiency: (boiler.efficiency * draw.about_one(0.05)).min(0.97),
                cop: pump.cop * draw.about_one(0.05),
                eer: chiller.eer * draw.about_one(0.05),
                absorption_cop: absorption.cop * draw.about_one(0.05),
                absorption_auxiliary: absorption.auxiliary_kw_per_kw * draw.about_one(0.05),
                exchanger_efficiency: exchanger.efficiency * draw.range(0.985, 1.005),
                exchanger_max_kw: exchanger.rated_kw,
                dump_max_kw: first(&site.dump_cooler)?.rated_kw,
                tank_flow_kw: hot.discharge_max_kw,
                cold_flow_kw: cold.discharge_max_kw,
            },
            ground: Octaves::new(seed, "ground", &[(100.0 * 3600.0, 0.8)]),
        })
    }

    pub fn step(&mut self, dt_s: f64, t_s: f64, outdoor_c: f64, orders: Orders, demand: Demand) {
        self.source_c = 16.0 + self.ground.at(t_s);
        let bottom_c = self.hot_tank.bottom_c();
        self.engine.step(dt_s, orders.engine_run, orders.engine_base_kw, bottom_c);
        self.step_boiler(dt_s, orders.boiler);
        self.step_heat_pump(dt_s, orders.heat_pump);
        self.step_chillers(dt_s, outdoor_c, orders);
        self.step_exchanger(dt_s, demand.space_kw);
        self.step_dump(dt_s, orders.dump);
        self.close_high(dt_s, demand.process_kw);
        self.close_low(dt_s, demand.space_kw);
        self.close_cooling(dt_s, demand.cooling_kw);
    }

    fn step_boiler(&mut self, dt_s: f64, order: Order) {
        let share = self.boiler_thermostat.share(self.hot_tank.middle_c(), 0.2);
        let ask_kw = order.ask_kw(&self.boiler, share);
        self.boiler.step(dt_s, ask_kw, order.release);
        self.flows.boiler_fuel_kw = self.boiler.output_kw / self.numbers.boiler_efficiency;
    }

    fn step_heat_pump(&mut self, dt_s: f64, order: Order) {
        let share = self.heat_pump_thermostat.share(self.header_c, 0.25);
        let ask_kw = order.ask_kw(&self.heat_pump, share);
        self.heat_pump.step(dt_s, ask_kw, order.release);
        let lift = 1.0 + 0.02 * (self.source_c - 15.0) - 0.02 * (self.header_c - 50.0);
        let cop = self.numbers.cop * lift.clamp(0.6, 1.4);
        self.flows.heat_pump_kw = self.heat_pump.output_kw;
        self.flows.heat_pump_electric_kw = self.heat_pump.output_kw / cop;
    }

    fn step_chillers(&mut self, dt_s: f64, outdoor_c: f64, orders: Orders) {
        let top_c = self.cold_tank.top_c();
        let share = self.chiller_thermostat.share(top_c, 0.2);
        let ask_kw = orders.chiller.ask_kw(&self.chiller, share);
        self.chiller.step(dt_s, ask_kw, orders.chiller.release);
        let air = (1.0 - 0.012 * (outdoor_c - 30.0)).clamp(0.8, 1.35);
        self.flows.chiller_kw = self.chiller.output_kw;
        self.flows.chiller_electric_kw = self.chiller.output_kw / (self.numbers.eer * air);

        // The generator needs hot water, or it stops by itself.
        let driven = usable(self.hot_tank.top_c(), 71.0, 74.0) > 0.5 || self.engine.heat_kw > 150.0;
        let share = self.absorption_thermostat.share(top_c, 0.3);
        let ask_kw = if driven { orders.absorption.ask_kw(&self.absorption, share) } else { 0.0 };
        self.absorption.step(dt_s, ask_kw, orders.absorption.release);
    }

    fn step_exchanger(&mut self, dt_s: f64, space_kw: f64) {
        let missing_kw = space_kw - self.heat_pump.output_kw;
        let trim_kw = 40.0 * (HEADER_SET_C - self.header_c);
        let target = (missing_kw + trim_kw).clamp(0.0, self.numbers.exchanger_max_kw);
        self.exchanger_kw += (target - self.exchanger_kw) * (dt_s / 8.0).min(1.0);
    }

    fn step_dump(&mut self, dt_s: f64, order: Order) {
        let limit_c = if self.overheated { OVERHEAT_BACK_C } else { OVERHEAT_C };
        self.overheated = self.hot_tank.top_c() >= limit_c;
        let target = if self.overheated { self.numbers.dump_max_kw } else { order.demand_kw };
        let reach = 15.0 * dt_s;
        self.dump_kw += (target.min(self.numbers.dump_max_kw) - self.dump_kw).clamp(-reach, reach);
    }

    /// High bus: the tank gives what is missing as far as it is warm enough; then all takers get less.
    fn close_high(&mut self, dt_s: f64, process_kw: f64) {
        let made_kw = self.engine.heat_kw + self.boiler.output_kw;
        let driving_kw = self.absorption.output_kw / self.numbers.absorption_cop;
        let high_kw = self.exchanger_kw / self.numbers.exchanger_efficiency;
        let asked_kw = process_kw + driving_kw + high_kw;
        let tank_kw = self.numbers.tank_flow_kw * usable(self.hot_tank.top_c(), 71.0, 73.0);
        let share = ((made_kw + tank_kw) / asked_kw.max(1e-9)).min(1.0);
        let spare_kw = (made_kw + tank_kw - asked_kw).max(0.0);
        let flows = &mut self.flows;
        flows.dump_kw = self.dump_kw.min(spare_kw);
        flows.absorption_heat_kw = driving_kw * share;
        flows.absorption_kw = self.absorption.output_kw * share;
        flows.absorption_electric_kw = match self.absorption.state {
            RUNNING => flows.absorption_kw.max(60.0) * self.numbers.absorption_auxiliary,
            _ => flows.absorption_kw * self.numbers.absorption_auxiliary,
        };
        flows.exchanger_high_kw = high_kw * share;
        flows.exchanger_low_kw = self.exchanger_kw * share;
        self.served_shares.process = share;
        flows.hot_tank_kw = asked_kw * share + flows.dump_kw - made_kw;
        self.hot_tank.exchange(-flows.hot_tank_kw, dt_s);
    }

    /// Low bus: what pump and exchanger do not meet comes out of the header's water.
    fn close_low(&mut self, dt_s: f64, space_kw: f64) {
        let share = usable(self.header_c, 38.0, 42.0);
        let made_kw = self.flows.heat_pump_kw + self.flows.exchanger_low_kw;
        self.served_shares.space = share;
        self.flows.header_kw = space_kw * share - made_kw;
        self.header_c -= self.flows.header_kw * dt_s / 3600.0 / HEADER_KWH_PER_K;
    }

    /// Cooling: the tank closes while its water is cold enough.
    fn close_cooling(&mut self, dt_s: f64, cooling_kw: f64) {
        let made_kw = self.flows.chiller_kw + self.flows.absorption_kw;
        let cold = 1.0 - usable(self.cold_tank.bottom_c(), 11.5, 12.7);
        let tank_kw = self.numbers.cold_flow_kw * cold;
        let share = ((made_kw + tank_kw) / cooling_kw.max(1e-9)).min(1.0);
        self.served_shares.cooling = share;
        self.flows.cold_tank_kw = cooling_kw * share - made_kw;
        self.cold_tank.exchange(self.flows.cold_tank_kw, dt_s);
    }
}

fn first<T>(list: &[T]) -> anyhow::Result<&T> {
    list.first().ok_or_else(|| anyhow::anyhow!("the site lacks an asset the rig's plant needs"))
}
