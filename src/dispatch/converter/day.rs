//! What is bounded by the day of the site's calendar: starts, and the heat a source gives.
//!
//! A day that the horizon reaches only in part is bounded like a whole one: the plan of that day knows the rest.

use super::commitment::Switched;
use crate::dispatch::elements::{Budget, Commit};
use crate::dispatch::formulate::Build;
use crate::dispatch::model::Col;
use crate::site::AssetIx;

/// Intervals of each day, the day of now first. While wall time is not known all count as one.
fn days(b: &Build<'_>) -> Vec<Vec<usize>> {
    let mut days: Vec<((i16, i16), Vec<usize>)> = Vec::new();
    for (t, interval) in b.input.horizon.grid.intervals.iter().enumerate() {
        let at = if b.input.state.now.synchronised { interval.start } else { b.input.state.now.park };
        let local = at.0.to_zoned_datetime(b.input.site.zone.clone());
        let date = (local.year(), local.day_of_year());
        match days.last_mut() {
            Some((day, list)) if *day == date => list.push(t),
            _ => days.push((date, vec![t])),
        }
    }
    days.into_iter().map(|(_, list)| list).collect()
}

/// Starts beyond what a day allows are paid for: a limit that has been passed already must not forbid a plan, and
/// critical load is worth another start.
pub(super) fn starts(b: &mut Build<'_>, asset: AssetIx, c: &Commit, s: &Switched) {
    let Some(bound) = c.starts_per_day.as_ref().filter(|_| !b.known.bare) else { return };
    let (most, price, mut so_far) = (bound.most, bound.over, bound.so_far);
    for day in days(b) {
        let what = format!("{}: more starts than {most} a day", b.id(asset));
        let over = b.relief_for(1.0, day[0], price, || what);
        let mut row: Vec<(Col, f64)> = day.iter().map(|t| (s.start[*t], 1.0)).collect();
        row.push((over, -1.0));
        b.model.row(f64::NEG_INFINITY, (most - so_far).max(0.0), &row);
        so_far = 0.0;
    }
}

/// Energy of a day's budget, over columns of principal power.
pub(super) fn budget(b: &mut Build<'_>, asset: AssetIx, budget: &Budget, power: &[Vec<(Col, f64)>]) {
    let mut so_far = budget.so_far_kwh;
    for day in days(b) {
        let what = format!("{}: heat of its source beyond {:.0} kWh a day", b.id(asset), budget.kwh_per_day);
        let over = b.relief_for(1.0, day[0], budget.over_per_kwh, || what);
        let mut row = vec![(over, -1.0)];
        for t in day {
            let kwh = budget.per_kw[t] * b.hours(t);
            row.extend(power[t].iter().map(|(col, f)| (*col, f * kwh)));
        }
        b.model.row(f64::NEG_INFINITY, (budget.kwh_per_day - so_far).max(0.0), &row);
        so_far = 0.0;
    }
}
