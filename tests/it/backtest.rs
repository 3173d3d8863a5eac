//! Backtests: what a series must be, what each policy costs, and that the bound bounds them all.

use std::path::Path;

use hexad::backtest::{Policy, Report, Run, Series, Tools, bound, run};
use hexad::devices::profile::ProfileStore;
use hexad::site::{Kind, Site};
use hexad::solver::InProcess;
use hexad::units::Park;

use crate::park;

const OFFICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sites/small-office.toml");
const CLINIC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sites/weak-grid.toml");
pub const OWN: Policy = Policy::Rolling { perfect: false };
pub const PERFECT: Policy = Policy::Rolling { perfect: true };
const ALL: [Policy; 4] = [Policy::None, Policy::Rules, OWN, PERFECT];

pub fn office() -> Site {
    park::site(&std::fs::read_to_string(OFFICE).unwrap())
}

/// A site's life by waves and seeded noise: `rows` steps of `step_s` from `start`; the grid fails in steps `out`.
pub fn table(site: &Site, start: i64, step_s: i64, rows: i64, seed: u64, out: std::ops::Range<i64>) -> String {
    let mut dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut roll = || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice >> 11) as f64 / (1_u64 << 53) as f64
    };
    let column = |k: &Kind| match k {
        Kind::Pv(_) | Kind::Wind(_) => Some("available_kw"),
        Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => Some("power_kw"),
        _ => None,
    };
    let recorded = || site.assets.iter().filter_map(|a| Some((a, column(&a.kind)?)));
    let grid = &site.assets[site.pcc().unwrap().0].id;
    let names: Vec<String> = recorded().map(|(a, what)| format!("{}.{what}", a.id)).collect();
    let mut text = format!("time,{},{grid}.available\n", names.join(","));
    for row in 0..rows {
        let at = Park::from_unix(start + row * step_s);
        let local = at.0.to_zoned_datetime(site.zone.clone());
        let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
        let day = ((hour - 13.0) * std::f64::consts::PI / 12.0).cos();
        text.push_str(&at.to_string());
        for (a, what) in recorded() {
            let rated = a.kind.rated().kw();
            let kw = match (&a.kind, what) {
                (Kind::Pv(_), _) => rated * day.max(0.0) * (0.3 + 0.5 * roll()),
                (Kind::Wind(_), _) => rated * 0.6 * roll(),
                _ => rated * (0.4 + 0.2 * day + 0.2 * roll()),
            };
            text.push_str(&format!(",{kw:.3}"));
        }
        text.push_str(if out.contains(&row) { ",0\n" } else { ",1\n" });
    }
    text
}

fn series(site: &Site, text: &str) -> Series {
    Series::read(text.as_bytes(), site).unwrap()
}

fn walked(site: &Site, series: &Series, policy: Policy, trace: Option<&mut Vec<u8>>) -> Report {
    let job = Run { site, series, steps: 0..series.len(), policy };
    let trace = trace.map(|t| t as &mut dyn std::io::Write);
    let mut tools = Tools { solve: &mut InProcess, clock_ms: &|| 0.0, progress: &mut |_| {}, trace };
    run(&job, &mut tools).unwrap()
}

fn bounded(site: &Site, series: &Series) -> f64 {
    let job = Run { site, series, steps: 0..series.len(), policy: Policy::None };
    bound(&job, &mut InProcess, &mut |_| {}).unwrap()
}

/// 2026-03-30 00:00 in Berlin, two days before the end of a month; 2026-04-10 23:00 in Lagos; 2026-07-14 00:00 in Suzhou.
const SPRING: i64 = 1_774_821_600;
const APRIL: i64 = 1_775_858_400;
const SUMMER: i64 = 1_783_958_400;

fn parts(r: &Report) -> f64 {
    r.cost_energy
        + r.cost_fuel
        + r.cost_demand
        + r.cost_starts
        + r.cost_wear
        + r.cost_co2
        + r.cost_slack
        + r.cost_stored
}

#[test]
fn a_mistake_in_a_series_is_named_with_its_line_and_its_remedy() {
    let site = office();
    let good = table(&site, SPRING, 3600, 4, 1, 0..0);
    assert_eq!(series(&site, &good).len(), 4);
    let rows: Vec<&str> = good.lines().collect();
    let cases: Vec<(String, usize, &str)> = vec![
        (String::new(), 1, "empty"),
        (good.replace("time,", "when,"), 1, "must be `time`"),
        (good.replace("office.power_kw", "ofice.power_kw"), 1, "no asset `ofice`"),
        (good.replace("office.power_kw", "office.power"), 1, "`office` has power_kw"),
        (good.replace("office.power_kw", "battery.power_kw"), 1, "leave the column out"),
        (good.replace("office.power_kw", "site.rain"), 1, "outdoor_c"),
        (good.replace("office.power_kw", "office"), 1, "`<asset>.<quantity>`"),
        (good.replace("pv.available_kw", "office.power_kw"), 1, "given twice"),
        (good.replace("office.power_kw", "grid.import_price"), 1, "add the missing columns `office.power_kw`"),
        (format!("{}\n{}\n", rows[0], rows[1]), 2, "fewer than two rows"),
        ([rows[0], rows[1], rows[2], rows[4]].join("\n"), 4, "fill the gap of 1 rows"),
        ([rows[0], rows[1], rows[1]].join("\n"), 3, "delete one"),
        ([rows[0], rows[2], rows[1]].join("\n"), 3, "sort the rows"),
        (good.replace(&rows[3][..20], "2026-03-30 01:00"), 4, "not RFC 3339"),
        (good.replace(rows[2], &format!("{},1,4,2", &rows[2][..20])), 3, "instead of 1 (the grid is there) or 0"),
        (good.replace(rows[2], &rows[2][..rows[2].len() - 2]), 3, "ends before column `grid.available`"),
        (good.replace(rows[2], &format!("{},5", rows[2])), 3, "more than the header"),
        (good.replace(rows[2], &format!("{},,{}", &rows[2][..20], "1,1")), 3, "nothing instead of a number"),
        (good.replace(rows[2], &format!("{},NaN,1,1", &rows[2][..20])), 3, "`NaN` instead of a number"),
        (good.replace(rows[2], &format!("{},1,-4,1", &rows[2][..20])), 3, "use one sign"),
        (good.replace(rows[2], &format!("{},-1,4,1", &rows[2][..20])), 3, "never negative"),
        (table(&site, SPRING, 30, 4, 1, 0..0), 3, "1 min to 1 h"),
        (table(&site, SPRING, 7200, 4, 1, 0..0), 3, "1 min to 1 h"),
    ];
    for (text, line, what) in cases {
        let e = Series::read(text.as_bytes(), &site).unwrap_err();
        assert!(e.line == line && e.what.contains(what), "line {line}, {what}: {e}\n{text}");
    }
    let drawn = "time,pv.available_kw,office.power_kw\n2026-03-30T00:00:00Z,1,-2\n2026-03-30T01:00:00Z,0,-3\n";
    assert!(Series::read(drawn.as_bytes(), &site).is_ok(), "what is drawn may be negative throughout");
}

/// Two months with a cut between them, whole commitments or none, outages, several seeds.
#[test]
fn the_bound_is_never_above_what_a_policy_costs_and_the_parts_add_up() {
    let site = office();
    for seed in 1..=6 {
        let out = if seed % 2 == 0 { 30..33 } else { 0..0 };
        let series = series(&site, &table(&site, SPRING, 3600, 96, seed, out));
        let least = bounded(&site, &series);
        for policy in ALL {
            let r = walked(&site, &series, policy, None);
            assert!((parts(&r) - r.cost_total).abs() < 1e-6, "seed {seed} {policy:?}: {r:?}");
            assert!(least <= r.cost_total + 1e-3 + 1e-6 * r.cost_total.abs(), "seed {seed} {policy:?}: {least} {r:?}");
            assert_eq!((r.steps, r.fallbacks), (96, 0), "seed {seed} {policy:?}");
        }
    }
}

#[test]
fn foresight_pays_on_the_reference_park_and_the_bound_is_near() {
    let site = park::reference();
    let series = series(&site, &table(&site, SUMMER, 3600, 72, 1, 0..0));
    let least = bounded(&site, &series);
    let costs: Vec<f64> = ALL.iter().map(|p| walked(&site, &series, *p, None).cost_total).collect();
    let [none, rules, own, perfect] = costs.as_slice() else { panic!() };
    assert!(perfect <= &(own * 1.005) && own < rules && rules <= &(none * 1.1), "{costs:?}");
    assert!(least <= *perfect && least > 0.9 * perfect, "bound {least}, perfect {perfect}");
}

/// Every bus of every row adds up, by the trace alone.
#[test]
fn every_bus_of_the_trace_is_balanced_and_stores_hold_what_they_were_given() {
    let site = park::reference();
    let series = series(&site, &table(&site, SUMMER, 3600, 24, 3, 0..0));
    let mut text = Vec::new();
    let report = walked(&site, &series, OWN, Some(&mut text));
    assert!(report.unserved_kwh < 1e-6, "{report:?}");
    let text = String::from_utf8(text).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut sums = vec![0.0_f64; site.buses.len()];
    let mut energy: Option<f64> = None;
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), names.len(), "{line}");
        let value = |name: &str| cells[names.iter().position(|n| *n == name).unwrap()].parse::<f64>().unwrap();
        sums.fill(0.0);
        for asset in &site.assets {
            for (p, port) in asset.ports.iter().enumerate() {
                let bus = &site.buses[port.bus.0].id;
                let name = if p == 0 { format!("{}.kw", asset.id) } else { format!("{}.{bus}.kw", asset.id) };
                sums[port.bus.0] += value(&name);
            }
        }
        assert!(sums.iter().all(|kw| kw.abs() < 0.05), "{sums:?}\n{line}");
        let (kw, kwh) = (value("battery.kw"), value("battery.kwh"));
        if let Some(before) = energy {
            let expected = before - if kw > 0.0 { kw / 0.96 } else { kw * 0.96 };
            assert!((expected - kwh).abs() < 0.1, "{before} {kw} {kwh}");
        }
        energy = Some(kwh);
        assert!(site.buses.iter().all(|b| value(&format!("{}.price", b.id)).is_finite()));
        rows += 1;
    }
    assert_eq!(rows, 24);
}

/// A weak grid: what a battery can carry through an outage is carried.
#[test]
fn an_outage_leaves_nobody_without_while_the_battery_lasts() {
    let site = office();
    let series = series(&site, &table(&site, SPRING, 3600, 48, 5, 20..21));
    let [none, rules, own, perfect] = ALL.map(|p| walked(&site, &series, p, None));
    assert!(none.unserved_normal_kwh > 10.0 && none.cost_slack > 100.0, "{none:?}");
    // The battery gives 50 kW, the office wants a little more.
    assert!(perfect.unserved_kwh < 0.3 * none.unserved_kwh, "{perfect:?}");
    assert!(own.unserved_kwh <= none.unserved_kwh && rules.unserved_kwh <= none.unserved_kwh, "{own:?} {rules:?}");
    for r in [&none, &rules, &own, &perfect] {
        assert!(
            (r.unserved_kwh - r.unserved_critical_kwh - r.unserved_normal_kwh - r.unserved_sheddable_kwh).abs() < 1e-9
        );
    }
}

/// Three hours without the grid that nobody foresees, from one o'clock at night.
#[test]
fn a_clinic_lives_through_a_night_without_the_grid_by_genset_and_battery() {
    let site = hexad::config::read_site(Path::new(CLINIC), &ProfileStore::load(&[]).unwrap()).unwrap();
    let series = series(&site, &table(&site, APRIL, 3600, 96, 1, 50..53));
    let none = walked(&site, &series, Policy::None, None);
    assert!(none.unserved_critical_kwh > 15.0 && none.unserved_normal_kwh > 30.0 && none.starts == 0, "{none:?}");
    let mut text = Vec::new();
    let own = walked(&site, &series, OWN, Some(&mut text));
    assert!(own.unserved_kwh < 1e-6 && own.fallbacks == 0, "{own:?}");
    assert!(own.starts > 0 && own.cost_fuel > 0.0 && own.cost_total < 0.5 * none.cost_total, "{own:?} {none:?}");

    let text = String::from_utf8(text).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    for line in lines.skip(50).take(3) {
        let cells: Vec<&str> = line.split(',').collect();
        let value = |name: &str| cells[names.iter().position(|n| *n == name).unwrap()].parse::<f64>().unwrap();
        let wanted = -["critical", "normal", "sheddable"].map(|id| value(&format!("{id}.kw"))).iter().sum::<f64>();
        assert!(wanted > 20.0 && value("grid.kw").abs() < 1e-6 && value("pv.kw").abs() < 1e-6, "{line}");
        assert!((value("genset.kw") + value("battery.kw") - wanted).abs() < 0.05, "{line}");
    }
}

/// Steps shorter than a settlement window: the demand of a window is its mean, for the bill and for the bound.
#[test]
fn fine_steps_settle_by_windows() {
    let site = office();
    let series = series(&site, &table(&site, SPRING + 6 * 3600, 300, 36, 2, 0..0));
    let least = bounded(&site, &series);
    for policy in ALL {
        let r = walked(&site, &series, policy, None);
        assert!(least <= r.cost_total + 1e-3, "{policy:?}: {least} {r:?}");
        let expected = 9.0 * r.peak_kw * 36.0 * 300.0 / (31.0 * 86400.0);
        assert!((r.cost_demand - expected).abs() < 1e-6, "{policy:?}: {r:?}");
    }
}

/// What a policy did before a cut is not asked again after it: the same steps give the same report.
#[test]
fn a_run_repeats_to_the_last_bit() {
    let site = office();
    let series = series(&site, &table(&site, SPRING, 3600, 30, 9, 12..13));
    assert_eq!(walked(&site, &series, OWN, None), walked(&site, &series, OWN, None));
}
