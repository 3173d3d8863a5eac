//! Limits of the park, and how often they were broken. One excursion counts once, however long it lasts.

use crate::plant::{LOADED, Plant, READY};
use crate::site::Site;

const TEXTS_MAX: usize = 20;
/// Physical measuring slack so that touching a limit is not breaking it, kW or kVA.
const SLACK_KW: f64 = 0.5;
const TANK_MAX_C: f64 = 95.0;

/// A condition that must not last longer than its patience.
#[derive(Default, Clone)]
struct Watch {
    broken_s: f64,
    told: bool,
}

impl Watch {
    /// Whether this step makes it a violation.
    fn trips(&mut self, broken: bool, dt_s: f64, patience_s: f64) -> bool {
        if !broken {
            *self = Self::default();
            return false;
        }
        self.broken_s += dt_s;
        let trips = self.broken_s > patience_s && !self.told;
        self.told |= trips;
        trips
    }
}

struct BatteryWatch {
    power: Watch,
    window: Watch,
    ramp: Watch,
    last_kw: Option<f64>,
}

pub struct Limits {
    import_max_kw: f64,
    export_max_kw: f64,
    transformer_kva: f64,
    engine_min_kw: f64,
    min_up_s: f64,
    min_down_s: f64,
    import: Watch,
    export: Watch,
    transformer: Watch,
    hot: Watch,
    low_load: Watch,
    batteries: Vec<BatteryWatch>,
    engine_state: u16,
    loaded_at_s: Option<f64>,
    reached_minimum: bool,
    unloaded_at_s: Option<f64>,
    pub count: u64,
    pub texts: Vec<String>,
}

impl Limits {
    pub fn new(site: &Site) -> Self {
        let grid = site.grid.first();
        let chp = site.chp.first();
        let limit = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
        let battery = |_: &crate::site::Battery| BatteryWatch {
            power: Watch::default(),
            window: Watch::default(),
            ramp: Watch::default(),
            last_kw: None,
        };
        Self {
            import_max_kw: limit(grid.map(|grid| grid.import_max_kw)),
            export_max_kw: limit(grid.map(|grid| grid.export_max_kw)),
            transformer_kva: limit(grid.map(|grid| grid.transformer_kva)),
            engine_min_kw: chp.map_or(0.0, |chp| chp.rated_kw * chp.commitment.min_load),
            min_up_s: chp.map_or(0.0, |chp| chp.commitment.min_up_min * 60.0),
            min_down_s: chp.map_or(0.0, |chp| chp.commitment.min_down_min * 60.0),
            import: Watch::default(),
            export: Watch::default(),
            transformer: Watch::default(),
            hot: Watch::default(),
            low_load: Watch::default(),
            batteries: site.battery.iter().map(battery).collect(),
            engine_state: READY,
            loaded_at_s: None,
            reached_minimum: false,
            unloaded_at_s: None,
            count: 0,
            texts: Vec::new(),
        }
    }

    fn tell(&mut self, plant: &Plant, text: String) {
        self.count += 1;
        if self.texts.len() < TEXTS_MAX {
            self.texts.push(format!("{}: {text}", plant.truth.time));
        }
    }

    pub fn observe(&mut self, plant: &Plant, dt_s: f64) {
        self.connection(plant, dt_s);
        self.battery(plant, dt_s);
        let hottest_c = plant.truth.hot_tank_c.into_iter().fold(f64::NEG_INFINITY, f64::max);
        if self.hot.trips(hottest_c > TANK_MAX_C, dt_s, 0.0) {
            self.tell(plant, format!("hot tank at {hottest_c:.1} degC, over {TANK_MAX_C}"));
        }
        self.engine(plant, dt_s);
    }

    fn connection(&mut self, plant: &Plant, dt_s: f64) {
        let import_kw = plant.truth.assets[plant.places.grid].power_kw;
        let kva = import_kw.hypot(plant.truth.reactive_kvar);
        if self.import.trips(import_kw > self.import_max_kw + SLACK_KW, dt_s, 5.0) {
            self.tell(plant, format!("import {import_kw:.0} kW over {:.0} for more than 5 s", self.import_max_kw));
        }
        if self.export.trips(-import_kw > self.export_max_kw + SLACK_KW, dt_s, 5.0) {
            self.tell(plant, format!("export {:.0} kW over {:.0} for more than 5 s", -import_kw, self.export_max_kw));
        }
        if self.transformer.trips(kva > self.transformer_kva + SLACK_KW, dt_s, 5.0) {
            self.tell(plant, format!("transformer at {kva:.0} kVA, rated {:.0}", self.transformer_kva));
        }
    }

    fn battery(&mut self, plant: &Plant, dt_s: f64) {
        let mut texts = Vec::new();
        for ((_, unit), watch) in plant.battery_units().zip(&mut self.batteries) {
            let (site, kw, soc) = (&unit.site, unit.power_kw, unit.soc());
            let over = kw > site.discharge_max_kw + SLACK_KW || -kw > site.charge_max_kw + SLACK_KW;
            if watch.power.trips(over, dt_s, 1.0) {
                texts.push(format!("{} at {kw:.0} kW, beyond its power", site.id));
            }
            let outside = soc < site.soc_min - 0.01 || soc > site.soc_max + 0.01;
            if watch.window.trips(outside, dt_s, 0.0) {
                texts.push(format!("{} at {:.1} % charge, outside its window", site.id, soc * 100.0));
            }
            let pace = watch.last_kw.map_or(0.0, |last| (kw - last).abs() / dt_s);
            watch.last_kw = Some(kw);
            if watch.ramp.trips(pace > site.ramp_kw_per_s * 1.01, dt_s, 0.0) {
                texts.push(format!("{} ramps {pace:.0} kW/s, over {:.0}", site.id, site.ramp_kw_per_s));
            }
        }
        for text in texts {
            self.tell(plant, text);
        }
    }

    /// Minimum load while loaded, minimum up and down times; the way up to minimum load is free.
    fn engine(&mut self, plant: &Plant, dt_s: f64) {
        let engine = &plant.truth.assets[plant.places.chp];
        let now_s = plant.t_s;
        let before = std::mem::replace(&mut self.engine_state, engine.state);
        let loaded = engine.state == LOADED;
        if loaded && before != LOADED {
            self.loaded_at_s = Some(now_s);
            self.reached_minimum = false;
        }
        if !loaded && before == LOADED {
            let up_s = self.loaded_at_s.map_or(f64::INFINITY, |since| now_s - since);
            self.unloaded_at_s = Some(now_s);
            if up_s < self.min_up_s - 5.0 {
                self.tell(plant, format!("engine stopped after {up_s:.0} s, minimum up {:.0}", self.min_up_s));
            }
        }
        if before == READY && engine.state != READY {
            let down_s = self.unloaded_at_s.map_or(f64::INFINITY, |since| now_s - since);
            if down_s < self.min_down_s - 5.0 {
                self.tell(plant, format!("engine restarted after {down_s:.0} s, minimum down {:.0}", self.min_down_s));
            }
        }
        self.reached_minimum |= engine.power_kw >= self.engine_min_kw - 1.0;
        let risen = self.reached_minimum || self.loaded_at_s.is_some_and(|since| now_s - since > 120.0);
        let low = loaded && risen && engine.power_kw < self.engine_min_kw - 1.0;
        if self.low_load.trips(low, dt_s, 60.0) {
            self.tell(plant, format!("engine loaded at {:.0} kW for over 60 s", engine.power_kw));
        }
    }
}
