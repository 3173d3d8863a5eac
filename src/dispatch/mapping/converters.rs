//! What turns energy of one bus into energy of another.

use super::super::Inputs;
use super::super::elements::{Budget, Commit, Converter, StartsPerDay};
use super::super::flow::Flow;
use super::super::known::Known;
use crate::site::kinds::{Boiler, Chp, Commitment, Electrolyser, Genset, HeatPump};
use crate::site::{AssetIx, Kind};

/// A start beyond what a day allows costs as much as an hour of the rating not delivered to normal load.
const OVER_STARTS_H: f64 = 1.0;
/// Heat beyond what a source gives costs so many times heat not delivered: a machine of COP 2 or better leaves it.
const OVER_BUDGET: f64 = 2.0;

/// What each port injects over the magnitude of the principal power, while the machine runs; `performance` is the COP
/// or EER of the moment.
pub(in crate::dispatch) fn flows(kind: &Kind, performance: f64) -> Vec<Flow> {
    let times = Flow::times;
    match kind {
        Kind::Chp(k) => engine(k),
        Kind::Genset(k) => {
            let mut list = vec![times(1.0)];
            list.extend(k.gas_bus.as_ref().map(|_| genset_fuel(k, -1.0)));
            list
        }
        Kind::Boiler(k) => vec![times(1.0), boiler_gas(k)],
        Kind::HeatPump(k) => {
            let mut list = vec![times(1.0), times(-1.0 / performance)];
            list.extend(k.source_bus.as_ref().map(|_| times(-low_grade(performance))));
            list
        }
        Kind::Chiller(_) => vec![times(1.0), times(-1.0 / performance)],
        Kind::AbsorptionChiller(k) => {
            let mut list = vec![times(1.0), times(-1.0 / k.cop), times(-k.auxiliary_kw_per_kw)];
            list.extend(k.second_heat_bus.as_ref().and(k.second_cop).map(|_| times(0.0)));
            list
        }
        Kind::HeatExchanger(k) => vec![times(1.0), times(-1.0 / k.efficiency)],
        Kind::Electrolyser(k) => {
            let mut list = vec![times(-1.0), hydrogen(k)];
            list.extend(k.heat_bus.as_ref().map(|_| times(k.heat_share)));
            list
        }
        Kind::FuelCell(k) => {
            let mut list = vec![times(1.0), times(-1.0 / k.efficiency)];
            list.extend(k.heat_bus.as_ref().map(|_| times(k.heat_share)));
            list
        }
        _ => vec![times(1.0)],
    }
}

/// The same cooling by the second heat alone, per kW and port.
fn second(kind: &Kind) -> Option<Vec<f64>> {
    let Kind::AbsorptionChiller(k) = kind else { return None };
    let cop = k.second_heat_bus.as_ref().and(k.second_cop)?;
    Some(vec![1.0, 0.0, -k.auxiliary_kw_per_kw, -1.0 / cop])
}

/// Heat from the source per heat delivered.
fn low_grade(cop: f64) -> f64 {
    1.0 - 1.0 / cop
}

/// Heat and fuel through the two points the site file gives, minimum load and rating; fuel along its curve, if any.
fn engine(k: &Chp) -> Vec<Flow> {
    let low = k.commitment.min_load * k.rated_kw;
    let through = |at_low: f64, at_rated: f64| Flow::line([low, at_low], [k.rated_kw, at_rated]);
    let gas = if k.efficiency_curve.is_empty() {
        through(-low / k.electric_efficiency_min_load, -k.rated_kw / k.electric_efficiency)
    } else {
        Flow::part_load(k.rated_kw, k.commitment.min_load, &k.efficiency_curve, |kw, e| -kw / e)
    };
    let mut list = vec![Flow::times(1.0), through(k.heat_kw_min_load, k.heat_kw), gas];
    list.extend(k.jacket_bus.as_ref().map(|_| through(k.jacket_kw_min_load, k.jacket_kw)));
    list
}

fn boiler_gas(k: &Boiler) -> Flow {
    if k.efficiency_curve.is_empty() {
        return Flow::times(-1.0 / k.efficiency);
    }
    Flow::part_load(k.rated_kw, k.commitment.min_load, &k.efficiency_curve, |kw, e| -kw / e)
}

fn hydrogen(k: &Electrolyser) -> Flow {
    if k.efficiency_curve.is_empty() {
        return Flow::times(k.efficiency);
    }
    Flow::part_load(k.rated_kw, k.commitment.min_load, &k.efficiency_curve, |kw, e| kw * e)
}

/// Fuel of an engine, kW with this sign.
fn genset_fuel(k: &Genset, sign: f64) -> Flow {
    let low = k.commitment.min_load * k.rated_kw;
    Flow::line([low, sign * low / k.efficiency_min_load], [k.rated_kw, sign * k.rated_kw / k.efficiency])
}

pub(super) fn converter(input: &Inputs<'_>, known: &Known, ix: AssetIx) -> Converter {
    let asset = &input.site.assets[ix.0];
    let commitment = asset.kind.commitment();
    let max = asset.kind.rated().kw();
    let min = commitment.map_or(0.0, |c| c.min_load * max);
    let fuel = own_fuel(&asset.kind);
    let per_kwh = fuel_price(&asset.kind);
    let (slope, offset) = if let Some((Flow::Line(slope, offset), _)) = fuel { (slope, offset) } else { (0.0, 0.0) };
    let standby_kw = if let Kind::Electrolyser(k) = &asset.kind { k.standby_kw } else { 0.0 };
    let steps =
        if let Kind::HeatPump(k) = &asset.kind { k.steps.iter().map(|s| s * max).collect() } else { Vec::new() };
    Converter {
        flows: (0..known.len()).map(|t| flows(&asset.kind, known.performance(ix, t))).collect(),
        second: second(&asset.kind),
        min,
        max,
        steps,
        standby_kw,
        cost: (wear(&asset.kind) + slope * per_kwh, offset * per_kwh),
        fuel,
        exact: (0..known.len()).map(|t| waste_pays(input, known, &asset.kind, t)).collect(),
        ramp_kw_per_h: asset.kind.ramp_kw_per_s().map(|r| r * 3600.0),
        now_kw: now(input, ix, standby_kw),
        commitment: commitment.map(|c| commit(c, input, ix)),
        budget: source_budget(input, known, ix),
    }
}

/// Principal power at this moment; 0 at rest.
fn now(input: &Inputs<'_>, ix: AssetIx, standby_kw: f64) -> Option<f64> {
    let state = &input.state.assets[ix.0];
    if state.running.is_some_and(|r| !r.on) {
        return Some(0.0);
    }
    let kw = state.ports.first()?.measured.ok().filter(|kw| kw.is_finite())?.abs();
    Some(if kw > standby_kw * 1.01 { kw } else { 0.0 })
}

fn wear(kind: &Kind) -> f64 {
    match kind {
        Kind::Chp(k) => k.wear_per_kwh,
        Kind::Genset(k) => k.wear_per_kwh,
        Kind::Electrolyser(k) => k.wear_per_kwh,
        Kind::FuelCell(k) => k.wear_per_kwh,
        _ => 0.0,
    }
}

/// Fuel from a tank of its own, kW, and its emission factor.
fn own_fuel(kind: &Kind) -> Option<(Flow, f64)> {
    let Kind::Genset(k) = kind else { return None };
    k.gas_bus.is_none().then(|| (genset_fuel(k, 1.0), k.fuel_co2_kg_per_kwh))
}

/// What a kWh of its own fuel costs, without its CO2.
fn fuel_price(kind: &Kind) -> f64 {
    let Kind::Genset(k) = kind else { return 0.0 };
    k.fuel_price_per_kwh
}

/// Whether a worse efficiency than the machine has could pay: fuel is given away, or electricity has to be got rid of
/// and its hydrogen with it.
fn waste_pays(input: &Inputs<'_>, known: &Known, kind: &Kind, t: usize) -> bool {
    match kind {
        Kind::Chp(_) | Kind::Boiler(_) => input.site.assets.iter().any(|a| {
            let Kind::GasSupply(k) = &a.kind else { return false };
            k.price_per_kwh + k.co2_kg_per_kwh * input.site.values.co2_per_kg < 0.0
        }),
        Kind::Electrolyser(_) => known.import_price[t] < 0.0 || known.export_price[t] < 0.0 || !known.grid[t],
        _ => false,
    }
}

fn commit(c: &Commitment, input: &Inputs<'_>, ix: AssetIx) -> Commit {
    let (state, asset) = (&input.state.assets[ix.0], &input.site.assets[ix.0]);
    let (min_up_h, min_down_h) = (f64::from(c.min_up_min) / 60.0, f64::from(c.min_down_min) / 60.0);
    let passed_h = state.running.map(|r| (input.state.now.park.seconds_since(r.since) / 3600.0).max(0.0));
    let held_h = state
        .running
        .zip(passed_h)
        .map_or(0.0, |(r, passed_h)| if r.on { min_up_h - passed_h } else { min_down_h - passed_h });
    let over = input.site.values.lost_load_normal_per_kwh * asset.kind.rated().kw() * OVER_STARTS_H;
    Commit {
        start_cost: c.start_cost,
        long_rest: c.long_rest.iter().map(|r| (f64::from(r.after_min) / 60.0, r.start_cost)).collect(),
        rested_h: passed_h.unwrap_or(0.0),
        min_up_h,
        min_down_h,
        was_on: state.running.map(|r| r.on),
        held_h,
        starts_per_day: c.starts_per_day.map(|most| StartsPerDay {
            most: f64::from(most),
            so_far: f64::from(state.today.starts),
            over,
        }),
    }
}

/// Low-grade heat of a day. What was taken today is told from the heat delivered, at the COP of now.
fn source_budget(input: &Inputs<'_>, known: &Known, ix: AssetIx) -> Option<Budget> {
    let Kind::HeatPump(HeatPump { source_kwh_per_day: Some(kwh_per_day), .. }) = &input.site.assets[ix.0].kind else {
        return None;
    };
    let per_kw: Vec<f64> = (0..known.len()).map(|t| low_grade(known.performance(ix, t))).collect();
    let delivered = Some(input.state.assets[ix.0].today.energy.kwh()).filter(|e| e.is_finite()).unwrap_or_default();
    Some(Budget {
        kwh_per_day: *kwh_per_day,
        so_far_kwh: delivered * per_kw.first()?,
        per_kw,
        over_per_kwh: OVER_BUDGET * input.site.values.lost_heat_per_kwh,
    })
}
