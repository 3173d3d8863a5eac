//! Simulated days: the product's core against the rig's plant, re-planned every five minutes, beside the same park without
//! a controller.

use std::io::Write;

use hexad::solver::InProcess;
use hexad_hil::{Options, Report, Rig};

use crate::twin::{SITE, Twin};

/// Midnight in the site's zone.
const START: &str = "2026-07-14T16:00:00Z";
const DAY_S: u32 = 86_400;
/// Length of a cycle in this simulation.
const CYCLE_S: u32 = 2;
const REPLAN_S: u32 = 300;

fn controlled(seed: u64) -> Report {
    let mut twin = Twin::new(seed, START);
    let mut solver = InProcess;
    for second in (CYCLE_S..=DAY_S).step_by(CYCLE_S as usize) {
        let snapshot = twin.cycle(f64::from(CYCLE_S));
        if second % REPLAN_S == 10 {
            twin.replan(&snapshot, &mut solver);
        }
    }
    twin.rig.report()
}

fn baseline(seed: u64) -> Report {
    let start = START.parse().unwrap();
    let mut rig = Rig::new(SITE, Options { seed, start, baseline: true, ..Options::default() }).unwrap();
    for _ in 0..DAY_S / CYCLE_S {
        rig.step(f64::from(CYCLE_S), f64::from(CYCLE_S));
    }
    rig.report()
}

fn check(seed: u64) {
    let (ours, theirs) = (controlled(seed), baseline(seed));
    let saving = 100.0 * (theirs.cost - ours.cost) / theirs.cost;
    // Past the test harness, which keeps the output of tests that pass.
    let line = format!(
        "seed {seed}: {:.0} CNY against {:.0} without a controller, saving {saving:.1} %\n",
        ours.cost, theirs.cost
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(ours.cost < theirs.cost, "seed {seed}: dearer than no controller");
    assert!(ours.unserved_kwh < 1e-6, "seed {seed}: {} kWh unserved", ours.unserved_kwh);
    assert_eq!(ours.limit_violations, 0, "seed {seed}: {:?}", ours.violations);
}

#[test]
fn a_day_is_cheaper_than_without_a_controller_seed_1() {
    check(1);
}

#[test]
fn a_day_is_cheaper_than_without_a_controller_seed_2() {
    check(2);
}

#[test]
fn a_day_is_cheaper_than_without_a_controller_seed_3() {
    check(3);
}
