//! What the park emits: its one price, the steps above it, and the budget of the day.
//!
//! Steps and budget are by the day of the site's calendar, with what was emitted today counted in. Of the last day only
//! a part lies in the horizon, yet it has its whole budget: it will be seen whole before it begins. While wall time is not
//! synchronised there is no calendar, and the horizon is one day.

use serde::{Deserialize, Serialize};

use super::Inputs;
use super::formulate::Build;
use super::known::Known;
use super::model::Expr;
use crate::site::Kind;

/// A budget without a price is worth this share of the cheapest lost load that its CO2 could have served.
const BELOW_LOST_LOAD: f64 = 0.5;
/// A machine turns at least this share of its fuel into what a consumer takes.
const WORST_EFFICIENCY: f64 = 0.3;

/// What a plan emits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Co2Plan {
    /// From now to the end of the horizon, kg.
    pub horizon_kg: f64,
    /// Expected for the whole of today by the site's calendar, what was emitted already included, kg.
    pub today_kg: f64,
    /// Budget of a day, kg, where there is one.
    pub budget_kg: Option<f64>,
}

/// A day of the horizon.
struct Day {
    name: String,
    /// Emitted already, kg.
    so_far: f64,
    /// Intervals with their hours in it.
    parts: Vec<(usize, f64)>,
}

pub(super) fn build(b: &mut Build<'_>) {
    let per_kg = b.input.site.values.co2_per_kg;
    if per_kg != 0.0 {
        for t in 0..b.len() {
            let h = b.hours(t);
            for (col, k) in b.emission[t].terms.clone() {
                b.model.add_cost(col, k * h * per_kg);
            }
            b.offset += b.emission[t].constant * h * per_kg;
        }
    }
    let rules = &b.input.site.co2;
    if b.known.bare || (rules.step.is_empty() && rules.budget_kg_per_day.is_none()) {
        return;
    }
    for day in days(b.input) {
        let mut emitted = Expr { constant: day.so_far, terms: Vec::new() };
        for (t, h) in &day.parts {
            emitted.plus(&b.emission[*t], *h);
        }
        let mut before = per_kg;
        for step in &rules.step {
            let more = (step.per_kg - before).max(0.0);
            before += more;
            above(b, &emitted, step.above_kg_per_day, day.so_far, more);
        }
        if let (Some(budget), Some((first, _))) = (rules.budget_kg_per_day, day.parts.first()) {
            let price = rules.over_budget_per_kg.unwrap_or_else(|| default_price(b));
            let what = || format!("CO2 of {}: above the budget of {budget} kg", day.name);
            let over = b.relief_for(1.0, *first, price, what);
            b.offset -= price * (day.so_far - budget).max(0.0);
            let mut room = Expr { constant: budget, terms: vec![(over, 1.0)] };
            room.plus(&emitted, -1.0);
            b.model.at_least(&room, 0.0);
        }
    }
}

/// What is emitted above `kg` costs `price` more; what of it was emitted already is decided.
fn above(b: &mut Build<'_>, emitted: &Expr, kg: f64, so_far: f64, price: f64) {
    let over = b.model.col(price, 0.0, f64::INFINITY);
    b.offset -= price * (so_far - kg).max(0.0);
    let mut room = Expr { constant: kg, terms: vec![(over, 1.0)] };
    room.plus(emitted, -1.0);
    b.model.at_least(&room, 0.0);
}

/// Below lost load, above anything else: so much per kg that a kWh made from the dirtiest supply costs less than the
/// cheapest kWh not served.
fn default_price(b: &Build<'_>) -> f64 {
    let v = &b.input.site.values;
    let lost =
        [v.lost_load_critical_per_kwh, v.lost_load_normal_per_kwh, v.lost_load_sheddable_per_kwh, v.lost_heat_per_kwh];
    let cheapest = lost.into_iter().fold(v.lost_cooling_per_kwh, f64::min);
    let grid = b.known.co2_factor.iter().copied().fold(0.0, f64::max);
    let fuels = b.input.site.assets.iter().map(|a| match &a.kind {
        Kind::GasSupply(k) => k.co2_kg_per_kwh / WORST_EFFICIENCY,
        Kind::HeatSupply(k) => k.co2_kg_per_kwh,
        Kind::Genset(k) => k.fuel_co2_kg_per_kwh / WORST_EFFICIENCY,
        _ => 0.0,
    });
    BELOW_LOST_LOAD * cheapest / fuels.fold(grid, f64::max).max(1e-3)
}

fn days(input: &Inputs<'_>) -> Vec<Day> {
    let intervals = &input.horizon.grid.intervals;
    let zone = &input.site.zone;
    let so_far = if input.state.co2_today_kg.is_finite() { input.state.co2_today_kg } else { 0.0 };
    let mut days: Vec<Day> = Vec::new();
    if !input.state.now.synchronised {
        let parts = intervals.iter().enumerate().map(|(t, i)| (t, i.hours)).collect();
        return vec![Day { name: "today".to_owned(), so_far, parts }];
    }
    for (t, interval) in intervals.iter().enumerate() {
        let (mut from, end) = (interval.start, interval.end());
        while end.seconds_since(from) > 1.0 {
            let local = from.0.to_zoned_datetime(zone.clone());
            let midnight = local.tomorrow().and_then(|day| day.start_of_day()).map(|z| z.timestamp());
            let to = midnight.map_or(end, |m| end.min(crate::units::Park(m)));
            let name = local.strftime("%Y-%m-%d").to_string();
            let part = (t, to.seconds_since(from) / 3600.0);
            match days.last_mut().filter(|d| d.name == name) {
                Some(day) => day.parts.push(part),
                None => {
                    let so_far = if days.is_empty() { so_far } else { 0.0 };
                    days.push(Day { name, so_far, parts: vec![part] });
                }
            }
            from = to;
        }
    }
    days
}

/// What the plan with values `x` emits.
pub(super) fn expected(input: &Inputs<'_>, known: &Known, emission: &[Expr], x: &[f64]) -> Co2Plan {
    let rate: Vec<f64> = emission.iter().map(|e| e.value(x)).collect();
    let today = days(input).into_iter().next();
    Co2Plan {
        horizon_kg: rate.iter().zip(&known.hours).map(|(kg, h)| kg * h).sum(),
        today_kg: today.map_or(0.0, |d| d.so_far + d.parts.iter().map(|(t, h)| rate[*t] * h).sum::<f64>()),
        budget_kg: input.site.co2.budget_kg_per_day,
    }
}
