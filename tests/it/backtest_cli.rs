//! `hexad backtest` and `hexad compare` as people run them.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::backtest::{office, table};

const OFFICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sites/small-office.toml");
/// 2026-03-28 00:00 in Berlin; the clock goes forward the night after.
const START: i64 = 1_774_652_400;

const KEYS: [&str; 24] = [
    "cost_total",
    "cost_energy",
    "cost_fuel",
    "cost_demand",
    "cost_starts",
    "cost_wear",
    "cost_co2",
    "cost_slack",
    "cost_stored",
    "bound",
    "unserved_kwh",
    "unserved_critical_kwh",
    "unserved_normal_kwh",
    "unserved_sheddable_kwh",
    "curtailed_kwh",
    "starts",
    "equivalent_full_cycles",
    "peak_kw",
    "co2_kg",
    "solve_ms_p50",
    "solve_ms_p99",
    "solve_ms_max",
    "fallbacks",
    "steps",
];

fn hexad(dir: &Path, arguments: &[&str]) -> Output {
    std::fs::write(dir.join("series.csv"), table(&office(), START, 3600, 48, 4, 0..0)).unwrap();
    Command::new(env!("CARGO_BIN_EXE_hexad")).current_dir(dir).args(arguments).output().unwrap()
}

fn shown(dir: &Path, arguments: &[&str]) -> String {
    let out = hexad(dir, arguments);
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.stderr.is_empty(), "no progress bar off a terminal: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_report_as_json_has_its_keys_in_order_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["backtest", "--site", OFFICE, "--series", "series.csv", "--json", "--trace", "trace.csv"];
    let text = shown(dir.path(), &arguments);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report.as_object().unwrap().len(), KEYS.len(), "{text}");
    let places: Vec<_> = KEYS.iter().map(|k| text.find(&format!("\"{k}\":"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
    assert_eq!((&report["steps"], &report["fallbacks"]), (&48.into(), &0.into()));
    assert!(report["bound"].as_f64().unwrap() <= report["cost_total"].as_f64().unwrap());
    let ms = ["solve_ms_p50", "solve_ms_p99", "solve_ms_max"].map(|k| report[k].as_f64().unwrap());
    assert!(ms[0] > 0.0 && ms.is_sorted(), "{ms:?}");
    let trace = std::fs::read_to_string(dir.path().join("trace.csv")).unwrap();
    assert_eq!(trace.lines().count(), 49, "{trace}");
    assert!(trace.starts_with("time,grid.kw,") && trace.lines().next().unwrap().ends_with(",battery.kwh,elec.price"));
}

#[test]
fn from_and_to_cut_the_steps_that_are_walked() {
    let dir = tempfile::tempdir().unwrap();
    let base = ["backtest", "--site", OFFICE, "--series", "series.csv", "--policy", "rules", "--json"];
    let cut = ["--from", "2026-03-28T23:00:00Z", "--to", "2026-03-29T12:00:00+02:00"];
    let report: Value = serde_json::from_str(&shown(dir.path(), &[&base[..], &cut].concat())).unwrap();
    assert_eq!(report["steps"], 11);
    let out = hexad(dir.path(), &[&base[..], &["--from", "2027-01-01T00:00:00Z"]].concat());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2));
    assert!(said.contains("no step lies between them; the series runs from 2026-03-27T23:00:00Z"), "{said}");
}

#[test]
fn a_mistake_in_the_series_names_file_line_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let bad = table(&office(), START, 3600, 48, 4, 0..0).replacen("available_kw", "kw", 1);
    std::fs::write(dir.path().join("bad.csv"), bad).unwrap();
    let out = hexad(dir.path(), &["backtest", "--site", OFFICE, "--series", "bad.csv"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2));
    assert!(said.starts_with("bad.csv: line 1: column `pv.kw` is not known; `pv` has available_kw"), "{said}");
}

#[test]
fn compare_shows_all_policies_and_the_regret_closed() {
    let dir = tempfile::tempdir().unwrap();
    let base = ["compare", "--site", OFFICE, "--series", "series.csv"];
    let all: Value = serde_json::from_str(&shown(dir.path(), &[&base[..], &["--json"]].concat())).unwrap();
    let cost = |name: &str| all[name]["cost_total"].as_f64().unwrap();
    let closed = (cost("rules") - cost("rolling")) / (cost("rules") - cost("perfect"));
    assert!((all["regret_closed"].as_f64().unwrap() - closed).abs() < 1e-9, "{all}");
    assert!(all["bound"].as_f64().unwrap() <= cost("perfect") + 1e-3, "{all}");
    let text = shown(dir.path(), &[&base[..], &["--plot", "costs.svg"]].concat());
    let svg = std::fs::read_to_string(dir.path().join("costs.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains(">rolling</text>") && svg.contains(">bound "), "{svg}");
    assert!(svg.contains(&format!(">{:.0}</text>", cost("perfect"))), "{svg}");
    let out = hexad(dir.path(), &[&base[..], &["--plot", "costs.gif"]].concat());
    assert!(String::from_utf8_lossy(&out.stderr).contains("name it .svg or .png"));
    assert!(text.contains("regret closed: ") && text.lines().next().unwrap().contains("rolling"), "{text}");
}
