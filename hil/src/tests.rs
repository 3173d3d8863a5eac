//! The rig against itself: balances, registers, timers, determinism, judge.

mod day;
mod pdu;
mod physics;

use crate::{Options, Rig};

pub const SITE: &str = include_str!("../../config/sites/suzhou-six-in-one.toml");

/// 2026-07-15 09:00 in Shanghai, a Wednesday.
pub const START: &str = "2026-07-15T01:00:00Z";

pub fn options(seed: u64) -> Options {
    Options {
        seed,
        start: START.parse().unwrap(),
        ..Options::default()
    }
}

pub fn rig(seed: u64) -> Rig {
    Rig::new(SITE, options(seed)).unwrap()
}
