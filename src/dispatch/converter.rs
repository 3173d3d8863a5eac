//! Converters: every port follows the principal one, with commitment.

mod commitment;
mod curve;
mod day;
mod ramp;
mod rest;
mod steps;

use super::elements::Converter;
use super::flow::Flow;
use super::formulate::Build;
use super::model::{Col, Expr};
use crate::site::AssetIx;

/// What no machine can do costs so many times the dearest load.
const BEYOND_PHYSICS: f64 = 1.5;

/// One machine in one interval: sums over columns.
struct Load {
    /// Principal power, kW.
    power: Vec<(Col, f64)>,
    /// Of it, what another drive gives.
    second: Option<Col>,
    /// What the port with a curve injects.
    curved: Vec<(Col, f64)>,
}

pub(super) fn build(b: &mut Build<'_>, asset: AssetIx, e: &Converter) {
    let switched = e.commitment.as_ref().map(|c| {
        let switched = commitment::build(b, asset, c);
        rest::build(b, c, &switched);
        day::starts(b, asset, c, &switched);
        switched
    });
    let run: Vec<Option<Col>> =
        (0..b.len()).map(|t| switched.as_ref().map(|s| running(b, asset, e, t, s.on[t]))).collect();
    let mut powers = Vec::with_capacity(b.len());
    for (t, run) in run.iter().enumerate() {
        let load = load(b, asset, e, t, *run);
        inject(b, asset, e, t, &load, *run);
        if let Some(on) = switched.as_ref().map(|s| s.on[t]).filter(|_| e.standby_kw > 0.0) {
            let standby: Vec<(Col, f64)> =
                std::iter::once((on, -e.standby_kw)).chain(run.map(|run| (run, e.standby_kw))).collect();
            b.inject(asset, 0, t, &standby, 0.0);
        }
        powers.push(load.power);
    }
    if let Some(run) = run.into_iter().collect::<Option<Vec<Col>>>() {
        ramp::build(b, asset, e, &powers, &run);
    }
    if let Some(budget) = e.budget.as_ref().filter(|_| !b.known.bare) {
        day::budget(b, asset, budget, &powers);
    }
    b.places[asset.0].on = switched.map(|s| s.on).unwrap_or_default();
}

/// Runs loaded, where a machine that is on may also stand by.
fn running(b: &mut Build<'_>, asset: AssetIx, e: &Converter, t: usize, on: Col) -> Col {
    if e.standby_kw <= 0.0 {
        return on;
    }
    let run = b.binary(t);
    b.model.row(f64::NEG_INFINITY, 0.0, &[(run, 1.0), (on, -1.0)]);
    if let Some(was) = last(b, asset, t) {
        b.hints.insert(run.0, if was.on && was.kw > e.min.max(e.standby_kw) - 1e-3 { 1.0 } else { 0.0 });
    }
    run
}

fn load(b: &mut Build<'_>, asset: AssetIx, e: &Converter, t: usize, run: Option<Col>) -> Load {
    let mut load = Load { power: Vec::new(), second: None, curved: Vec::new() };
    let points = e.flows[t].iter().find_map(|f| if let Flow::Curve(points) = f { Some(points) } else { None });
    match (run, points) {
        (Some(run), _) if !e.steps.is_empty() => load.power = steps::power(b, asset, t, &e.steps, run),
        (Some(run), Some(points)) => {
            let part = curve::part(b, asset, t, points, run, e.exact[t]);
            (load.power, load.curved) = (part.power, part.injected);
        }
        _ => {
            load.power.push((b.model.col(0.0, 0.0, e.max), 1.0));
            if e.second.is_some() {
                let col = b.model.col(0.0, 0.0, e.max);
                load.power.push((col, 1.0));
                load.second = Some(col);
            }
            bounds(b, e, &load.power, run);
        }
    }
    let h = b.hours(t);
    for (col, factor) in &load.power {
        b.model.add_cost(*col, e.cost.0 * factor * h);
    }
    if let Some(run) = run {
        b.model.add_cost(run, e.cost.1 * h);
    }
    load
}

fn bounds(b: &mut Build<'_>, e: &Converter, power: &[(Col, f64)], run: Option<Col>) {
    let Some(run) = run else {
        if power.len() > 1 {
            b.model.row(f64::NEG_INFINITY, e.max, power);
        }
        return;
    };
    let with = |kw: f64| power.iter().copied().chain(std::iter::once((run, -kw))).collect::<Vec<_>>();
    b.model.row(f64::NEG_INFINITY, 0.0, &with(e.max));
    if e.min > 0.0 {
        b.model.row(0.0, f64::INFINITY, &with(e.min));
    }
}

/// What each port injects, and what its own fuel emits.
fn inject(b: &mut Build<'_>, asset: AssetIx, e: &Converter, t: usize, load: &Load, run: Option<Col>) {
    let of = |(slope, offset): (f64, f64), second: Option<f64>| {
        let own = |(col, f): &(Col, f64)| (*col, f * second.filter(|_| load.second == Some(*col)).unwrap_or(slope));
        let mut terms: Vec<(Col, f64)> = load.power.iter().map(own).collect();
        terms.extend(run.filter(|_| offset != 0.0).map(|run| (run, offset)));
        terms
    };
    for (port, flow) in e.flows[t].iter().enumerate() {
        let second = e.second.as_ref().and_then(|s| s.get(port)).copied();
        match flow {
            Flow::Line(slope, offset) => b.inject(asset, port, t, &of((*slope, *offset), second), 0.0),
            Flow::Curve(_) => b.inject(asset, port, t, &load.curved, 0.0),
        }
    }
    if let Some((Flow::Line(slope, offset), kg_per_kwh)) = e.fuel {
        let burned = of((slope, offset), None);
        let emitted: Vec<(Col, f64)> = burned.iter().map(|(col, kw)| (*col, kw * kg_per_kwh)).collect();
        b.emit(t, &emitted, 0.0);
        b.places[asset.0].fuel.push(Expr { constant: 0.0, terms: burned });
    }
}

/// What the last plan had for this interval.
#[derive(Clone, Copy, Debug)]
struct Was {
    on: bool,
    /// Magnitude of the principal power, kW.
    kw: f64,
}

fn last(b: &Build<'_>, asset: AssetIx, t: usize) -> Option<Was> {
    let last = b.input.last?;
    let own = last.assets.get(asset.0)?;
    let i = last.interval_at(b.input.horizon.grid.intervals[t].start)?;
    let kw = own.power_kw.first()?.get(i)?.abs();
    Some(Was { on: *own.on.get(i)?, kw })
}
