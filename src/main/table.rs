//! Reports as a table for people: a row per figure, a column per policy.

use hexad::backtest::Report;
use hexad::site::Site;

type Figure = (&'static str, fn(&Report) -> Option<f64>);

const MONEY: [Figure; 10] = [
    ("total", |r| Some(r.cost_total)),
    ("  energy", |r| Some(r.cost_energy)),
    ("  fuel", |r| Some(r.cost_fuel)),
    ("  demand charge", |r| Some(r.cost_demand)),
    ("  starts", |r| Some(r.cost_starts)),
    ("  wear", |r| Some(r.cost_wear)),
    ("  CO2", |r| Some(r.cost_co2)),
    ("  not delivered, surplus", |r| Some(r.cost_slack)),
    ("  out of the stores", |r| Some(r.cost_stored)),
    ("bound", |r| r.bound),
];
const OTHER: [Figure; 13] = [
    ("unserved kWh", |r| Some(r.unserved_kwh)),
    ("  critical", |r| Some(r.unserved_critical_kwh)),
    ("  normal", |r| Some(r.unserved_normal_kwh)),
    ("  sheddable", |r| Some(r.unserved_sheddable_kwh)),
    ("curtailed kWh", |r| Some(r.curtailed_kwh)),
    ("starts", |r| Some(f64::from(r.starts))),
    ("battery cycles", |r| Some(r.equivalent_full_cycles)),
    ("peak kW", |r| Some(r.peak_kw)),
    ("CO2 kg", |r| Some(r.co2_kg)),
    ("solve ms, median", |r| Some(r.solve_ms_p50)),
    ("solve ms, 99 %", |r| Some(r.solve_ms_p99)),
    ("solve ms, longest", |r| Some(r.solve_ms_max)),
    ("fallbacks", |r| Some(f64::from(r.fallbacks))),
];

/// The table.
pub fn of(site: &Site, columns: &[(&str, &Report)]) -> String {
    let mut out = format!("{:<26}", site.currency);
    for (name, _) in columns {
        out.push_str(&format!("{name:>14}"));
    }
    out.push('\n');
    for (what, figure) in MONEY.iter().chain(&OTHER) {
        out.push_str(&format!("{what:<26}"));
        for (_, report) in columns {
            let text = figure(report).map_or_else(|| "-".to_owned(), |v| format!("{v:.1}"));
            out.push_str(&format!("{text:>14}"));
        }
        out.push('\n');
    }
    out.push_str(&format!("{:<26}{:>14}\n", "steps", columns.first().map_or(0, |(_, r)| r.steps)));
    out
}
