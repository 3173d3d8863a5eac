//! Simulated days: the product's core against the rig's plant, re-planned every five minutes, beside the same park without
//! a controller.

use hexad::site::Kind;
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
    let mut solver = InProcess::default();
    for second in (CYCLE_S..=DAY_S).step_by(CYCLE_S as usize) {
        let snapshot = twin.cycle(f64::from(CYCLE_S));
        if second % REPLAN_S == 10 {
            twin.replan(&snapshot, &mut solver);
        }
        if std::env::var_os("HEXAD_TRACE").is_some()
            && second % std::env::var("HEXAD_TRACE").unwrap().parse::<u32>().unwrap() == 0
        {
            trace(&twin, &snapshot);
        }
    }
    twin.rig.report()
}

fn trace(twin: &Twin, snapshot: &hexad::snapshot::Snapshot) {
    let power = |id: &str| snapshot.state.assets[twin.site.asset(id).unwrap().0].ports[0].power.kw();
    let store = |id: &str| {
        let ix = twin.site.asset(id).unwrap().0;
        let capacity = twin.site.assets[ix].kind.capacity().unwrap().kwh();
        100.0 * snapshot.state.assets[ix].energy.unwrap().unwrap_or(f64::NAN) / capacity
    };
    let ids: Vec<&str> =
        twin.site.assets.iter().filter(|a| !matches!(a.kind, Kind::GasSupply(_))).map(|a| a.id.as_str()).collect();
    eprint!("{} ", snapshot.now.park);
    for id in ids {
        eprint!("{id} {:.0} ", power(id));
    }
    let b = twin.site.asset("battery").unwrap();
    let set = snapshot.setpoints.iter().find(|s| s.asset == b);
    let planned = twin.plan.as_ref().and_then(|p| {
        let i = p.interval_at(snapshot.now.park)?;
        let g = twin.site.pcc().unwrap().0;
        Some((i, p.assets[b.0].power_kw[0][i], p.assets[b.0].stored_value[i], p.assets[g].power_kw[0][i]))
    });
    eprint!(
        "SET {:?} plan {planned:.2?} win {:.1} peak {:.0} ",
        set.map(|s| (s.target(hexad::site::Point::WSet), s.cause, s.limited_by)),
        snapshot.state.window.imported.kwh(),
        snapshot.state.window.peak.kw()
    );
    eprintln!(
        "| soc {:.0} hot {:.0} cold {:.0} | {}",
        store("battery"),
        store("hot_tank"),
        store("cold_tank"),
        snapshot.alarms.iter().map(|a| a.text.as_str()).collect::<Vec<_>>().join("; ")
    );
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
    println!("seed {seed}: {:.0} against {:.0} without a controller, saving {saving:.1} %", ours.cost, theirs.cost);
    println!("  ours   {ours:?}");
    println!("  theirs {theirs:?}");
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
