//! The plan of electricity as a chart: price above, then who gives and who takes, one strip each.

use hexad::proto::v1;
use jiff::tz::TimeZone;

use crate::figures::time;
use crate::strip::{axis, spread, strip};

/// Columns for names on the left and for numbers on the right of a strip.
const LEFT: usize = 20;
const RIGHT: usize = 22;
/// Powers below this are nothing, kW.
const NOTHING_KW: f64 = 0.05;

/// The chart in `width` columns; empty when the plan has no intervals.
pub(crate) fn chart(site: &v1::Site, plan: &v1::Plan, zone: &TimeZone, width: usize) -> String {
    let hours: Vec<f64> = plan.intervals.iter().map(|i| i.hours).collect();
    let columns = width.saturating_sub(LEFT + RIGHT).max(12);
    if hours.iter().sum::<f64>() <= 0.0 {
        return String::new();
    }
    let mut text = format!("{:<LEFT$}{}\n", "", times(plan, zone, columns));
    for bus in site.buses.iter().filter(|b| b.carrier == "electricity") {
        text += &price(site, plan, &bus.id, &hours, columns);
        let flows = flows(plan, &bus.id);
        text += &side("gives", &flows, 1.0, &hours, columns);
        text += &side("takes", &flows, -1.0, &hours, columns);
    }
    text
}

fn times(plan: &v1::Plan, zone: &TimeZone, columns: usize) -> String {
    let hours: f64 = plan.intervals.iter().map(|i| i.hours).sum();
    let start = plan.intervals.first().and_then(|i| time(i.start));
    let seconds = hours * 3600.0 / columns as f64;
    axis(columns, 8, |column| {
        let offset = jiff::SignedDuration::from_secs((column as f64 * seconds) as i64);
        let at = start.and_then(|s| s.checked_add(offset).ok());
        at.map_or_else(String::new, |t| t.to_zoned_datetime(zone.clone()).strftime("%H:%M").to_string())
    })
}

fn price(site: &v1::Site, plan: &v1::Plan, bus: &str, hours: &[f64], columns: usize) -> String {
    let Some(series) = plan.buses.iter().find(|b| b.id == bus) else { return String::new() };
    let (low, high) = ends(&series.price_per_kwh);
    if low > high {
        return String::new();
    }
    // A price that never moves is a level line, not an empty one.
    let floor = low - (high - low).max(0.01) / 7.0;
    let drawn = strip(&spread(&series.price_per_kwh, hours, columns), floor, high);
    line(&format!("price {bus}"), &drawn, &format!("{low:.2} to {high:.2} {}/kWh", site.currency))
}

/// Injection of every asset into a bus, kW.
fn flows<'a>(plan: &'a v1::Plan, bus: &str) -> Vec<(&'a str, Vec<f64>)> {
    let mut flows = Vec::new();
    for asset in &plan.assets {
        for port in asset.ports.iter().filter(|p| p.bus == bus) {
            flows.push((asset.id.as_str(), port.power_kw.clone()));
        }
    }
    flows
}

fn side(title: &str, flows: &[(&str, Vec<f64>)], sign: f64, hours: &[f64], columns: usize) -> String {
    let mut text = String::new();
    for (name, series) in flows {
        let series: Vec<f64> = series.iter().map(|v| (v * sign).max(0.0)).collect();
        let (_, peak) = ends(&series);
        if peak < NOTHING_KW {
            continue;
        }
        let energy: f64 = series.iter().zip(hours).map(|(kw, h)| kw * h).sum();
        let drawn = strip(&spread(&series, hours, columns), 0.0, peak);
        text += &line(name, &drawn, &format!("{peak:>6.0} kW {energy:>7.0} kWh"));
    }
    if text.is_empty() { text } else { format!("{title}, each to its own peak\n{text}") }
}

fn line(name: &str, drawn: &str, numbers: &str) -> String {
    let name: String = name.chars().take(LEFT - 2).collect();
    format!("{}\n", format!("{name:<LEFT$}{drawn} {numbers}").trim_end())
}

fn ends(series: &[f64]) -> (f64, f64) {
    series.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
}
