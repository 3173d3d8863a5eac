//! The plant: balances, sun, determinism, engine; and the judge.

use super::{SITE, options, rig, rig_of};
use crate::noise::Series;
use crate::{AssetTruth, Rig, Truth};

fn sum(truth: &Truth, flow: impl Fn(&AssetTruth) -> f64) -> f64 {
    truth.assets.iter().map(flow).sum()
}

/// Sums over every bus, kW: electricity, high heat, low heat, cooling, gas.
fn residuals(truth: &Truth) -> [f64; 5] {
    let low = |asset: &&AssetTruth| ["heat_pump", "heat_space"].contains(&asset.id.as_str());
    let exchanger = truth.asset("heat_exchanger").unwrap();
    let low_kw: f64 = truth.assets.iter().filter(low).map(|asset| asset.heat_kw).sum();
    let all_kw = sum(truth, |asset| asset.heat_kw);
    [
        sum(truth, |asset| asset.power_kw),
        all_kw - low_kw - exchanger.heat_kw + exchanger.heat_high_kw,
        low_kw + exchanger.heat_kw + truth.header_kw,
        sum(truth, |asset| asset.cool_kw),
        sum(truth, |asset| asset.fuel_kw),
    ]
}

/// Shakes every command the way no sane controller would.
fn shake(rig: &mut Rig, draw: &mut Series) {
    let word = |value: f64| (value as u16).to_be_bytes();
    let six = |address: u16, value: [u8; 2]| {
        let [high, low] = address.to_be_bytes();
        vec![6, high, low, value[0], value[1]]
    };
    let on = if draw.unit() < 0.6 { 0xFF } else { 0 };
    rig.modbus("10.8.2.11:502", 1, &[5, 0x12, 0x5C, on, 0]);
    rig.modbus("10.8.2.11:502", 1, &six(2000, word(draw.range(200.0, 400.0))));
    rig.modbus("10.8.2.12:502", 1, &six(0, word(draw.range(0.0, 5000.0))));
    rig.modbus("10.8.2.13:502", 1, &six(121, word(draw.range(0.0, 3000.0))));
    rig.modbus("10.8.2.14:502", 1, &six(0, word(draw.range(0.0, 4000.0))));
    rig.modbus("10.8.2.15:502", 1, &[5, 0, 0, 0xFF, 0]);
    rig.modbus("10.8.2.15:502", 1, &six(0, word(draw.range(0.0, 3000.0))));
    rig.modbus("10.8.2.16:502", 2, &six(0, word(draw.range(0.0, 4500.0))));
    rig.modbus("10.8.0.22:502", 1, &[5, 0, 0, on, 0]);
    let set = (draw.range(-25_000.0, 25_000.0) as i32).to_be_bytes();
    rig.modbus("10.8.1.31:502", 1, &[&[16, 3, 0xE7, 0, 2, 4], &set[..]].concat());
    rig.mqtt_in("park/ev/limit_kw/set", format!("{:.0}", draw.range(0.0, 176.0)).as_bytes(), false);
}

#[test]
fn every_bus_closes_at_every_step_whatever_is_commanded() {
    let mut rig = rig(5);
    let mut draw = Series::new(5, "shake");
    for second in 0..30_000 {
        if second % 40 == 0 {
            shake(&mut rig, &mut draw);
        }
        rig.step(1.0, 1.0);
        for residual in residuals(rig.truth()) {
            assert!(residual.abs() < 1e-9, "{residual} at {second}");
        }
    }
}

#[test]
fn stores_account_for_every_kilowatt_hour() {
    let mut rig = rig_of(|options| options.baseline = true);
    let before = rig.store_account();
    let mut flows = [0.0; 4];
    for _ in 0..20_000 {
        rig.step(1.0, 1.0);
        let truth = rig.truth();
        flows[0] += rig.battery_into_cells_kw() / 3600.0;
        flows[1] -= truth.asset("hot_tank").unwrap().heat_kw / 3600.0;
        flows[2] += truth.asset("cold_tank").unwrap().cool_kw / 3600.0;
        flows[3] -= truth.header_kw / 3600.0;
    }
    for ((before, after), flow) in before.iter().zip(rig.store_account()).zip(flows) {
        assert!((after - before - flow).abs() < 1e-6, "{before} {after} {flow}");
    }
}

#[test]
fn sun_stands_where_the_almanac_says() {
    // Solar noon of the June solstice at Greenwich: 90 - latitude + declination, due south.
    let noon: jiff::Timestamp = "2026-06-21T12:01:54Z".parse().unwrap();
    let sun = crate::sun::position(noon.as_second() as f64, 51.4779, 0.0);
    assert!((sun.elevation_deg - (90.0 - 51.4779 + 23.436)).abs() < 0.03, "{sun:?}");
    assert!((sun.azimuth_deg - 180.0).abs() < 0.3, "{sun:?}");
    // An equinox on the equator: it sets due west, twelve hours after it rose.
    let evening: jiff::Timestamp = "2026-03-20T18:07:30Z".parse().unwrap();
    let sun = crate::sun::position(evening.as_second() as f64, 0.0, 0.0);
    assert!(sun.elevation_deg.abs() < 0.3 && (sun.azimuth_deg - 270.0).abs() < 0.3, "{sun:?}");
}

/// What must not depend on who controls, or how time is cut.
fn exogenous(truth: &Truth) -> Vec<f64> {
    let ids = ["pv", "wind1", "wind2", "lighting", "load_critical", "load_normal", "load_sheddable"];
    let heat = ["heat_process", "heat_space", "cooling_load"];
    let wanted = ids.iter().chain(&heat).map(|id| truth.asset(id).unwrap().available_kw);
    wanted.chain([truth.weather.ghi_w_m2, truth.weather.outdoor_c]).collect()
}

#[test]
fn weather_and_demand_are_the_same_for_every_controller_and_step() {
    let mut alone = rig_of(|options| options.baseline = true);
    let mut shaken = rig(1);
    let mut draw = Series::new(9, "shake");
    for minute in 0..240 {
        alone.step(60.0, 60.0);
        shake(&mut shaken, &mut draw);
        for _ in 0..40 {
            shaken.step(1.5, 0.7);
        }
        let (one, other) = (exogenous(alone.truth()), exogenous(shaken.truth()));
        for (left, right) in one.iter().zip(&other) {
            assert!((left - right).abs() < 1e-3, "{minute}: {one:?} {other:?}");
        }
        assert_eq!(alone.truth().time, shaken.truth().time);
    }
}

#[test]
fn same_seed_same_run_and_another_seed_another() {
    let run = |seed| {
        let mut rig = rig(seed);
        (0..2000).for_each(|_| rig.step(1.0, 1.0));
        rig.truth().clone()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn engine_starts_in_sequence_and_its_heat_follows() {
    let mut rig = rig(1);
    rig.modbus("10.8.2.11:502", 1, &[5, 0x12, 0x5C, 0xFF, 0]);
    rig.modbus("10.8.2.11:502", 1, &[6, 7, 0xD0, 1, 0x90]);
    let mut states = vec![0];
    for _ in 0..400 {
        rig.step(1.0, 0.1);
        let state = rig.truth().asset("chp").unwrap().state;
        if states.last() != Some(&state) {
            states.push(state);
        }
    }
    assert_eq!(states, [0, 1, 6, 5, 2]);
    let chp = rig.truth().asset("chp").unwrap();
    assert!((chp.power_kw - 400.0).abs() < 1e-6, "{chp:?}");
    assert!((chp.heat_kw / 450.0 - 1.0).abs() <= 0.05 && chp.fuel_kw < -950.0, "{chp:?}");
    // Nobody renews the request: after 60 s it falls back and cools down.
    rig.step(1.0, 61.0);
    assert_eq!(rig.truth().asset("chp").unwrap().state, 3);
}

#[test]
fn judge_counts_a_planted_violation_once() {
    let site = SITE.replace("import_max_kw = 900.0", "import_max_kw = 50.0");
    let mut rig = Rig::new(&site, options(1)).unwrap();
    rig.step(4.0, 4.0);
    assert_eq!(rig.report().limit_violations, 0);
    rig.step(20.0, 20.0);
    let report = rig.report();
    assert_eq!(report.limit_violations, 1, "{:?}", report.violations);
    assert!(report.violations[0].contains("import"), "{:?}", report.violations);
}

#[test]
fn judge_counts_shed_load_and_money() {
    let mut rig = rig(1);
    rig.modbus("10.8.0.22:502", 1, &[5, 0, 0, 0, 0]);
    rig.step(3600.0, 10.0);
    let report = rig.report();
    assert!((50.0..100.0).contains(&report.unserved_electric_kwh), "{report:?}");
    // From nine to ten at the peak price.
    assert!((report.energy_cost - report.import_kwh * 1.18).abs() < 1e-6, "{report:?}");
    assert!(report.peak_kw > 0.0 && report.park_seconds == 3600.0);
}

#[test]
fn baseline_serves_a_day_without_breaking_a_limit() {
    let mut rig = rig_of(|options| options.baseline = true);
    rig.step(86_400.0, 86_400.0);
    let report = rig.report();
    assert_eq!(report.limit_violations, 0, "{:?}", report.violations);
    assert!(report.unserved_kwh < 1e-9 && report.engine_starts >= 1, "{report:?}");
}

#[test]
fn overheated_park_saves_itself() {
    let mut rig = rig_of(|options| options.revert_s = None);
    for _ in 0..1200 {
        // The engine at full load for ten hours with nobody to take its heat.
        rig.modbus("10.8.2.11:502", 1, &[5, 0x12, 0x5C, 0xFF, 0]);
        rig.modbus("10.8.2.11:502", 1, &[6, 7, 0xD0, 1, 0x90]);
        rig.step(30.0, 30.0);
    }
    let report = rig.report();
    let truth = rig.truth();
    assert!(truth.hot_tank_c[0] > 85.0 && report.limit_violations == 0, "{truth:?} {report:?}");
}

#[test]
fn baseline_keeps_the_park_warm_in_winter() {
    let start = "2026-01-20T01:00:00Z".parse().unwrap();
    let mut rig = rig_of(|options| (options.baseline, options.start) = (true, start));
    let mut space_kw: f64 = 0.0;
    for _ in 0..1440 {
        rig.step(60.0, 60.0);
        space_kw = space_kw.max(rig.truth().asset("heat_space").unwrap().available_kw);
    }
    let report = rig.report();
    assert!(space_kw > 150.0, "{space_kw}");
    assert!(report.unserved_kwh < 1e-9 && report.limit_violations == 0, "{report:?}");
}
