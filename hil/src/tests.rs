//! The rig against itself: balances, registers, timers, determinism, judge.

mod day;
mod pdu;
mod physics;
mod series;

use crate::{Options, Rig};

pub const SITE: &str = include_str!("../../config/sites/suzhou-six-in-one.toml");

pub fn options(seed: u64) -> Options {
    Options { seed, start: crate::default_start(SITE).unwrap(), ..Options::default() }
}

pub fn rig(seed: u64) -> Rig {
    Rig::new(SITE, options(seed)).unwrap()
}

/// A rig of seed 1 with other options.
pub fn rig_of(change: impl FnOnce(&mut Options)) -> Rig {
    let mut options = options(1);
    change(&mut options);
    Rig::new(SITE, options).unwrap()
}

/// What only tests may see.
impl Rig {
    /// Battery, hot tank, cold tank (as cold) and low header, kWh, with what the tanks lost put back.
    fn store_account(&self) -> [f64; 4] {
        let thermal = &self.plant.thermal;
        let battery = self.plant.batteries.iter().map(|placed| placed.unit.stored_kwh).sum();
        [
            battery,
            thermal.hot_tank.content_kwh(0.0) + thermal.hot_tank.lost_kwh,
            thermal.cold_tank.content_kwh(0.0) + thermal.cold_tank.lost_kwh,
            self.plant.header_kwh(),
        ]
    }

    fn battery_into_cells_kw(&self) -> f64 {
        let into = |placed: &crate::plant::Placed<crate::plant::Battery>| {
            let (kw, unit) = (placed.unit.power_kw, &placed.unit);
            if kw >= 0.0 { -kw / unit.discharge_efficiency } else { -kw * unit.charge_efficiency }
        };
        self.plant.batteries.iter().map(into).sum()
    }
}
