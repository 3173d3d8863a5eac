use std::sync::Arc;

use super::arbiter::pcc;
use super::{Control, Decision, Inputs, decide, narrow};
use crate::dispatch::{AssetPlan, BusPlan, Plan, PlanStatus};
use crate::forecast::{Interval, TimeGrid};
use crate::site::kinds::{Chp, Commitment};
use crate::site::sample::{BATTERY, LOAD, PV, frames, now, site};
use crate::site::{Cause, DeviceFrame, Kind, Limiter, Link, Mode, Point, Reason, Site};
use crate::state::{Availability, Belief, Running, SiteState, believe};
use crate::telemetry::{Telemetry, ingest};
use crate::units::{Now, Power};

mod returns;

struct Bench {
    site: Site,
    telemetry: Telemetry,
    belief: Belief,
    control: Control,
    mode: Mode,
    cycle: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            site: site(),
            telemetry: Telemetry::default(),
            belief: Belief::default(),
            control: Control::default(),
            mode: Mode::GridConnected,
            cycle: 0,
        }
    }
    fn believe(&mut self, at: Now, frames: &[Arc<DeviceFrame>]) -> (Vec<crate::site::Reading>, SiteState) {
        let image = ingest(&mut self.telemetry, &self.site, frames, at.mono);
        let state = believe(&mut self.belief, &self.site, &image, frames, at);
        (image, state)
    }
    fn decide(&mut self, at: Now, frames: &[Arc<DeviceFrame>], plan: Option<&Plan>) -> Decision {
        let (image, state) = self.believe(at, frames);
        self.cycle += 1;
        let inputs = Inputs {
            site: &self.site,
            state: &state,
            image: &image,
            frames,
            plan,
            proposals: &[],
            mode: self.mode,
            cycle: self.cycle,
        };
        decide(&mut self.control, &inputs)
    }
}

fn plan(at: Now, grid_kw: f64, battery_kw: f64, stored_value: f64) -> Plan {
    let asset = |kw: f64, potential: Option<f64>| AssetPlan {
        power_kw: vec![vec![kw]],
        potential_kw: potential.into_iter().collect(),
        ..AssetPlan::default()
    };
    Plan {
        id: 1,
        made_at: at.park,
        valid_until: at.park.plus_s(900.0),
        grid: TimeGrid { intervals: vec![Interval { start: at.park, hours: 1.0 }] },
        status: PlanStatus::Optimal,
        gap: Some(0.0),
        cost: Some(0.0),
        bound: Some(0.0),
        solve_ms: 0.0,
        assets: vec![
            asset(grid_kw, None),
            asset(-200.0, None),
            asset(100.0, Some(100.0)),
            AssetPlan { stored_value: vec![stored_value], ..asset(battery_kw, None) },
        ],
        buses: vec![BusPlan { price: vec![1.0] }],
        slacks: vec![],
        conflicts: vec![],
        binding: vec![],
        limits: vec![],
        co2: None,
        note: String::new(),
    }
}

fn battery(decision: &Decision) -> (f64, Cause, Option<Limiter>) {
    let s = decision.setpoints.iter().find(|s| s.asset.0 == BATTERY).expect("battery is steered");
    (s.target(Point::WSet).expect("WSet"), s.cause, s.limited_by)
}

#[test]
fn a_restart_holds_what_stands_until_the_first_plan() {
    let mut bench = Bench::new();
    let at = now(1.0);
    let mut all = frames(at, [100.0, -200.0, 70.0, 30.0], 50.0);
    Arc::make_mut(&mut all[BATTERY]).readings[2].value = Ok(30.0);
    let first = bench.decide(at, &all, None);
    assert_eq!(battery(&first), (30.0, Cause::Hold, None));
}

#[test]
fn until_its_first_readings_count_a_device_is_told_nothing() {
    let at = now(1.0);
    for reason in [Reason::NeverRead, Reason::Unconfirmed] {
        let mut bench = Bench::new();
        let mut all = frames(at, [100.0, -200.0, 70.0, 30.0], 50.0);
        for reading in &mut Arc::make_mut(&mut all[BATTERY]).readings {
            reading.value = Err(reason);
        }
        let decision = bench.decide(at, &all, None);
        assert!(decision.setpoints.iter().all(|s| s.asset.0 != BATTERY), "what stands is not known either: {reason}");
    }
}

#[test]
fn the_plan_is_followed_within_the_ramp() {
    let mut bench = Bench::new();
    let at = now(1.0);
    let p = plan(at, 50.0, 80.0, 0.9);
    let all = frames(at, [130.0, -200.0, 70.0, 0.0], 50.0);
    bench.decide(at, &all, Some(&p));
    let at = now(2.0);
    let second = bench.decide(at, &frames(at, [130.0, -200.0, 70.0, 0.0], 50.0), Some(&p));
    let (kw, _, by) = battery(&second);
    assert!((kw - 50.0).abs() < 1e-6 && by == Some(Limiter::Ramp), "{kw} {by:?}");
}

#[test]
fn f68_a_plan_that_has_expired_is_not_followed() {
    let mut bench = Bench::new();
    let p = plan(now(0.0), 50.0, 80.0, 0.9);
    let at = now(901.0);
    let decision = bench.decide(at, &frames(at, [130.0, -200.0, 70.0, 0.0], 50.0), Some(&p));
    assert!(!decision.planned);
    assert_ne!(battery(&decision).1, Cause::Plan);
}

#[test]
fn the_import_limit_moves_the_battery_off_its_plan() {
    let mut bench = Bench::new();
    let mut kw = 0.0;
    for s in 1..6 {
        let at = now(f64::from(s));
        let p = plan(at, 450.0, 0.0, 5.0);
        kw = battery(&bench.decide(at, &frames(at, [450.0, -450.0, 0.0, 0.0], 80.0), Some(&p))).0;
    }
    assert!((kw - 70.0).abs() < 1.0, "450 kW of import and a limit of 95 % of 400 kW ask for 70 kW, got {kw}");
}

#[test]
fn f31_nobody_knows_the_state_of_charge_so_nothing_moves() {
    let mut bench = Bench::new();
    let at = now(1.0);
    let p = plan(at, 50.0, 80.0, 0.9);
    let mut all = frames(at, [130.0, -200.0, 70.0, 40.0], 50.0);
    Arc::make_mut(&mut all[BATTERY]).readings[1].value = Err(Reason::NotImplemented);
    let (kw, cause, _) = battery(&bench.decide(at, &all, Some(&p)));
    assert_eq!((kw, cause), (0.0, Cause::Unknown));
}

#[test]
fn a_device_that_does_not_answer_is_told_nothing() {
    let mut bench = Bench::new();
    let at = now(1.0);
    let mut all = frames(at, [130.0, -200.0, 70.0, 40.0], 50.0);
    Arc::make_mut(&mut all[BATTERY]).link = Link::Down(Reason::DeviceTimeout);
    let decision = bench.decide(at, &all, Some(&plan(at, 50.0, 80.0, 0.9)));
    assert!(decision.setpoints.iter().all(|s| s.asset.0 != BATTERY));
    assert!(decision.setpoints.iter().any(|s| s.asset.0 == PV));
}

#[test]
fn the_guard_keeps_the_window_of_the_store_for_every_wish() {
    let mut bench = Bench::new();
    for (soc, wish, low, high) in [
        (10.0, 100.0, 0.0, 0.0),
        (5.0, 100.0, 0.0, 0.0),
        (90.0, -100.0, 0.0, 0.0),
        (50.0, 1e9, 100.0, 100.0),
        (50.0, f64::NAN, 0.0, 0.0),
        (50.0, -1e9, -100.0, -100.0),
    ] {
        let at = now(1.0);
        let (_, state) = bench.believe(at, &frames(at, [0.0, 0.0, 0.0, 0.0], soc));
        let given = narrow(
            &bench.site,
            &state,
            pcc(&bench.site, &[]).map(|r| r.range),
            &bench.site.assets[BATTERY],
            &state.assets[BATTERY],
            Some(wish),
            None,
        )
        .power_kw
        .unwrap();
        assert!(given >= low && given <= high, "soc {soc}, wish {wish}: {given}");
    }
}

#[test]
fn the_guard_lets_nothing_charge_while_the_import_is_over_its_limit() {
    let mut bench = Bench::new();
    let at = now(1.0);
    let (_, state) = bench.believe(at, &frames(at, [430.0, -400.0, 0.0, -30.0], 50.0));
    let given = narrow(
        &bench.site,
        &state,
        pcc(&bench.site, &[]).map(|r| r.range),
        &bench.site.assets[BATTERY],
        &state.assets[BATTERY],
        Some(-100.0),
        None,
    );
    assert_eq!((given.power_kw, given.by), (Some(0.0), Some(Limiter::Pcc)));
}

#[test]
fn relief_of_the_pcc_ends_at_the_assets_own_limits() {
    let mut bench = Bench::new();
    let at = now(1.0);
    // 500 kW are exported where 200 may be: 300 are to go, from a plant of 50 kW and a store that is full.
    let (_, state) = bench.believe(at, &frames(at, [-500.0, 450.0, 50.0, 0.0], 90.0));
    let given = |asset: usize, wish: f64| {
        narrow(
            &bench.site,
            &state,
            pcc(&bench.site, &[]).map(|r| r.range),
            &bench.site.assets[asset],
            &state.assets[asset],
            Some(wish),
            None,
        )
        .power_kw
    };
    assert_eq!(given(PV, 200.0), Some(0.0), "a negative cap would be read as its magnitude");
    assert_eq!(given(BATTERY, 50.0), Some(0.0), "a full store is not charged");
    let (_, state) = bench.believe(at, &frames(at, [-500.0, 450.0, 50.0, 0.0], 50.0));
    let battery = narrow(
        &bench.site,
        &state,
        pcc(&bench.site, &[]).map(|r| r.range),
        &bench.site.assets[BATTERY],
        &state.assets[BATTERY],
        Some(0.0),
        None,
    );
    assert_eq!(battery.power_kw, Some(-100.0), "not beyond the converter's rating");
}

#[test]
fn f28_without_the_pcc_nothing_is_moved_by_what_stands_in_for_it() {
    let mut bench = Bench::new();
    let at = now(1.0);
    let p = plan(at, 50.0, 20.0, 0.9);
    let mut all = frames(at, [130.0, -200.0, 70.0, 20.0], 50.0);
    Arc::make_mut(&mut all[BATTERY]).readings[2].value = Ok(20.0);
    Arc::make_mut(&mut all[0]).readings[0].value = Err(Reason::Stale);
    assert!(bench.decide(at, &all, Some(&p)).import_kw.is_some(), "the balance of all others is known");
    Arc::make_mut(&mut all[1]).readings[0].value = Err(Reason::Stale);
    let decision = bench.decide(at, &all, Some(&p));
    assert_eq!(decision.import_kw, None);
    assert_eq!(battery(&decision), (20.0, Cause::Plan, None));
}

#[test]
fn what_the_battery_cannot_give_is_not_counted_on() {
    let mut bench = Bench::new();
    let at = now(1.0);
    let p = plan(at, 300.0, 100.0, 0.9);
    // The plan discharges 100 kW, the store is empty: the import is what it is.
    let decision = bench.decide(at, &frames(at, [390.0, -390.0, 0.0, 0.0], 10.0), Some(&p));
    let expected = decision.import_kw.unwrap();
    assert!((expected - 390.0).abs() < 1.0, "{expected}");
}

#[test]
fn f36_a_plan_made_before_the_clock_was_set_back_is_not_followed() {
    let mut bench = Bench::new();
    let p = plan(now(1000.0), 50.0, 80.0, 0.9);
    let at = now(1.0);
    let all = frames(at, [130.0, -200.0, 70.0, 0.0], 50.0);
    assert!(!bench.decide(at, &all, Some(&p)).planned);
}

/// The bench with an engine in the battery's place: lowest load half of 100 kW, an hour of minimum up time.
fn engine(bench: &mut Bench) {
    let kind = Kind::Chp(Chp {
        id: "engine".into(),
        electric_bus: "elec".into(),
        heat_bus: "heat".into(),
        gas_bus: "gas".into(),
        rated_kw: 100.0,
        heat_kw: 110.0,
        heat_kw_min_load: 60.0,
        electric_efficiency: 0.4,
        electric_efficiency_min_load: 0.35,
        ramp_kw_per_s: 5.0,
        start_s: 60.0,
        commitment: Commitment {
            min_load: 0.5,
            start_cost: 0.0,
            min_up_min: 60,
            min_down_min: 60,
            ..Default::default()
        },
        wear_per_kwh: 0.0,
        ..Default::default()
    });
    bench.site.assets[BATTERY].ports[0].min = crate::units::Power::ZERO;
    bench.site.assets[BATTERY].kind = kind;
}

#[test]
fn an_engine_is_never_told_a_load_below_its_lowest() {
    let mut bench = Bench::new();
    engine(&mut bench);
    let at = now(1.0);
    let p = plan(at, 50.0, 80.0, 0.9);
    // What stands in the device is 0, as after its power-up.
    let all = frames(at, [130.0, -200.0, 70.0, 0.0], 50.0);
    bench.decide(at, &all, Some(&p));
    let at = now(2.0);
    let (kw, _, by) = battery(&bench.decide(at, &frames(at, [130.0, -200.0, 70.0, 0.0], 50.0), Some(&p)));
    assert_eq!((kw, by), (55.0, Some(Limiter::Ramp)));
}

#[test]
fn minimum_up_time_keeps_no_machine_running_that_cannot_be_judged() {
    let mut bench = Bench::new();
    engine(&mut bench);
    let at = now(1.0);
    let (_, mut state) = bench.believe(at, &frames(at, [130.0, -200.0, 70.0, 60.0], 50.0));
    let asset = &bench.site.assets[BATTERY];
    let own = &mut state.assets[BATTERY];
    own.running = Some(Running { on: true, since: at.park, starts: 1 });
    let given =
        |state: &SiteState, on| narrow(&bench.site, state, None, asset, &state.assets[BATTERY], None, Some(on)).on;
    assert_eq!(given(&state, false), Some(true));
    state.assets[BATTERY].availability = Availability::Out(Reason::DeviceFailure);
    assert_eq!(given(&state, false), Some(false));
    state.assets[BATTERY].running = Some(Running { on: false, since: at.park, starts: 1 });
    assert_eq!(given(&state, true), Some(false), "minimum down time still binds");
}

#[test]
fn f03_a_machine_at_rest_is_not_started_because_it_fails_its_writes() {
    let mut bench = Bench::new();
    engine(&mut bench);
    let first = bench.site.devices[BATTERY].points.start;
    bench.site.points[first + 1].point = Point::On;
    // As a boiler or a chiller with a thermostat of its own: it runs when nobody steers it.
    bench.site.points[first + 1].safe = Some(1.0);
    let at = now(1.0);
    let mut all = frames(at, [200.0, -200.0, 0.0, 0.0], 0.0);
    Arc::make_mut(&mut all[BATTERY]).write.refused = Some((Point::WSet, Reason::DeviceFailure));
    let p = plan(at, 50.0, 80.0, 0.9);
    let told = |bench: &mut Bench, all: &[Arc<DeviceFrame>]| {
        let decision = bench.decide(at, all, Some(&p));
        let told = decision.setpoints.iter().find(|s| s.asset.0 == BATTERY).unwrap();
        (told.target(Point::On), told.cause)
    };
    assert_eq!(told(&mut bench, &all), (Some(0.0), Cause::Unknown));
    // What is not known to rest runs by its own.
    Arc::make_mut(&mut all[BATTERY]).readings[0].value = Err(Reason::Stale);
    assert_eq!(told(&mut bench, &all), (Some(1.0), Cause::Unknown));
}

#[test]
fn f57_an_island_closes_no_feeder_because_its_meter_is_lost() {
    let mut bench = Bench::new();
    bench.site.assets[BATTERY].kind = bench.site.assets[LOAD].kind.clone();
    let first = bench.site.devices[BATTERY].points.start;
    bench.site.points[first + 2].point = Point::On;
    bench.site.points[first + 2].safe = Some(1.0);
    let at = now(1.0);
    // Open by the relay's own word, and its meter does not answer.
    let mut all = frames(at, [0.0, -200.0, 70.0, 0.0], 50.0);
    Arc::make_mut(&mut all[BATTERY]).readings[0].value = Err(Reason::Stale);
    let p = plan(at, 50.0, 80.0, 0.9);
    for (mode, on) in [(Mode::Islanded, 0.0), (Mode::GridConnected, 1.0)] {
        bench.mode = mode;
        let decision = bench.decide(at, &all, Some(&p));
        let relay = decision.setpoints.iter().find(|s| s.asset.0 == BATTERY).unwrap();
        assert_eq!(relay.target(Point::On), Some(on), "{mode:?}");
    }
}

#[test]
fn the_guard_sees_a_cap_that_nobody_asks_for() {
    let mut bench = Bench::new();
    let at = now(1.0);
    let all = frames(at, [-250.0, -50.0, 200.0, 100.0], 50.0);
    let (image, state) = bench.believe(at, &all);
    let p = plan(at, -250.0, 100.0, 0.9);
    // Not connected, so that nothing is shared out before the guard.
    let inputs = Inputs {
        site: &bench.site,
        state: &state,
        image: &image,
        frames: &all,
        plan: Some(&p),
        proposals: &[],
        mode: Mode::Islanded,
        cycle: 1,
    };
    let decision = decide(&mut bench.control, &inputs);
    let pv = decision.setpoints.iter().find(|s| s.asset.0 == PV).expect("PV is steered");
    assert_eq!((pv.target(Point::WMax), pv.limited_by), (Some(150.0), Some(Limiter::Pcc)));
}
