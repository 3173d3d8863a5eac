//! The gas engine: start sequence, ramp, part-load efficiency, cool-down.

use crate::noise::Series;
use crate::site;

/// States as the engine controller numbers them.
pub const READY: u16 = 0;
pub const PRESTART: u16 = 1;
pub const LOADED: u16 = 2;
pub const COOLING: u16 = 3;
pub const SYNCHRONISING: u16 = 5;
pub const WARMING: u16 = 6;

/// Return water hotter than this stops the engine.
const RETURN_MAX_C: f64 = 93.0;
const RETURN_BACK_C: f64 = 86.0;

pub struct Engine {
    pub rated_kw: f64,
    pub min_kw: f64,
    pub power_kw: f64,
    pub heat_kw: f64,
    pub fuel_kw: f64,
    pub supply_c: f64,
    pub state: u16,
    pub starts: u32,
    heat_rated_kw: f64,
    heat_min_kw: f64,
    efficiency: f64,
    efficiency_min: f64,
    ramp_kw_per_s: f64,
    start_s: f64,
    since_s: f64,
    too_hot: bool,
}

impl Engine {
    /// An engine whose true numbers lie a seeded amount beside the site file's.
    pub fn new(site: &site::Chp, draw: &mut Series) -> Self {
        let efficiency = draw.about_one(0.05);
        let heat = draw.about_one(0.05);
        Self {
            rated_kw: site.rated_kw,
            min_kw: site.rated_kw * site.commitment.min_load,
            power_kw: 0.0,
            heat_kw: 0.0,
            fuel_kw: 0.0,
            supply_c: 60.0,
            state: READY,
            starts: 0,
            heat_rated_kw: site.heat_kw * heat,
            heat_min_kw: site.heat_kw_min_load * heat,
            efficiency: site.electric_efficiency * efficiency,
            efficiency_min: site.electric_efficiency_min_load * efficiency,
            ramp_kw_per_s: site.ramp_kw_per_s * draw.range(0.80, 0.95),
            start_s: site.start_s * draw.range(1.0, 1.15),
            since_s: 0.0,
            too_hot: false,
        }
    }

    pub fn step(&mut self, dt_s: f64, run: bool, base_kw: f64, return_c: f64) {
        self.too_hot = return_c > if self.too_hot { RETURN_BACK_C } else { RETURN_MAX_C };
        let run = run && !self.too_hot;
        self.since_s += dt_s;
        self.sequence(run);
        self.load(dt_s, base_kw);
        self.burn();
        let warm = if matches!(self.state, LOADED | WARMING) { return_c.max(72.0) + 16.0 } else { 60.0 };
        self.supply_c += (warm.min(98.0) - self.supply_c) * (dt_s / 60.0).min(1.0);
    }

    fn sequence(&mut self, run: bool) {
        let next = match self.state {
            READY if run => {
                self.starts += 1;
                Some(PRESTART)
            }
            PRESTART | SYNCHRONISING | WARMING if !run => Some(COOLING),
            PRESTART if self.since_s >= 0.2 * self.start_s => Some(WARMING),
            WARMING if self.since_s >= 0.6 * self.start_s => Some(SYNCHRONISING),
            SYNCHRONISING if self.since_s >= 0.2 * self.start_s => {
                // The breaker closes on a first block of load.
                self.power_kw = 0.3 * self.min_kw;
                Some(LOADED)
            }
            LOADED if !run => Some(COOLING),
            COOLING if self.power_kw > 0.0 => {
                self.since_s = 0.0;
                None
            }
            COOLING if self.since_s >= 60.0 => Some(READY),
            _ => None,
        };
        if let Some(state) = next {
            self.state = state;
            self.since_s = 0.0;
        }
    }

    fn load(&mut self, dt_s: f64, base_kw: f64) {
        let (target, reach) = match self.state {
            LOADED => (base_kw.clamp(self.min_kw, self.rated_kw), self.ramp_kw_per_s * dt_s),
            _ => (0.0, 3.0 * self.ramp_kw_per_s * dt_s),
        };
        self.power_kw += (target - self.power_kw).clamp(-reach, reach);
        if self.state != LOADED && self.power_kw < 1e-9 {
            self.power_kw = 0.0;
        }
    }

    fn burn(&mut self) {
        let fuel_min = self.min_kw / self.efficiency_min;
        let part = (self.power_kw - self.min_kw) / (self.rated_kw - self.min_kw).max(1.0);
        (self.fuel_kw, self.heat_kw) = if self.power_kw <= 0.0 {
            let idles = matches!(self.state, WARMING | SYNCHRONISING);
            (if idles { 0.3 * fuel_min } else { 0.0 }, 0.0)
        } else if part < 0.0 {
            let share = self.power_kw / self.min_kw;
            (fuel_min * (0.3 + 0.7 * share), self.heat_min_kw * share)
        } else {
            let efficiency = self.efficiency_min + (self.efficiency - self.efficiency_min) * part;
            let heat = self.heat_min_kw + (self.heat_rated_kw - self.heat_min_kw) * part;
            (self.power_kw / efficiency, heat)
        };
    }
}
