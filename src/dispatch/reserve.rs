//! Spinning reserve: upward headroom of what runs or answers at once, against what may go wrong within minutes.
//!
//! Headroom: engines and fuel cells that run, up to their rating; batteries up to their power, as long as they can hold it
//! for [`SUSTAIN_H`] from any moment of the interval; the grid up to its limit, where it is there. A machine that rests
//! counts for nothing, however fast it starts.
//!
//! Owed: a fixed part, a share of the electric load, what forecasts may miss in one case of ten, and the loss of any one unit:
//! the others must then have headroom for its power as well. The unit that forms an island is not among them: without
//! it there is no island to hold.

use super::Inputs;
use super::formulate::Build;
use super::model::Expr;
use super::pcc::{Crossing, limits, narrowest};
use crate::site::{AssetIx, Carrier, Kind, When};

/// Reserve called for is held so long: until a resting engine has started or the next plan has answered.
const SUSTAIN_H: f64 = 0.25;
/// Shares of the forecast that PV and wind may fall short of, and the load may exceed, where quantiles are not known.
const GENERATION_ERROR: f64 = 0.3;
const LOAD_ERROR: f64 = 0.1;

/// What one unit could give beyond its plan, and what its loss would take away, kW.
struct Unit {
    headroom: Expr,
    loss: Option<Expr>,
}

pub(super) fn build(b: &mut Build<'_>) {
    let Some(rules) = b.input.site.reserve.as_ref() else { return };
    for t in (0..b.len()).filter(|t| rules.when == When::Always || !b.known.grid[*t]) {
        let mut owed = Expr { constant: rules.fixed_kw + rules.load_share * load(b, t), terms: Vec::new() };
        if rules.forecast_error {
            owed.constant += load_error(b, t);
            for ix in on_electricity(b.input) {
                owed.plus(&shortfall(b, ix, t), 1.0);
            }
        }
        let units: Vec<Unit> = on_electricity(b.input).into_iter().filter_map(|ix| unit(b, ix, t)).collect();
        let what = || "spinning reserve: less headroom than owed".to_owned();
        let short = b.relief(t, rules.shortfall_per_kwh, what);
        let mut all = Expr { constant: 0.0, terms: vec![(short, 1.0)] };
        units.iter().for_each(|u| all.plus(&u.headroom, 1.0));
        all.plus(&owed, -1.0);
        b.model.at_least(&all, 0.0);
        if rules.largest_unit {
            for (headroom, loss) in units.iter().filter_map(|u| Some((&u.headroom, u.loss.as_ref()?))) {
                let mut rest = all.clone();
                rest.plus(headroom, -1.0);
                rest.plus(loss, -1.0);
                b.model.at_least(&rest, 0.0);
            }
        }
    }
}

/// Assets whose principal port is on an electricity bus.
fn on_electricity(input: &Inputs<'_>) -> Vec<AssetIx> {
    let site = input.site;
    let on = |ix: &AssetIx| {
        let port = site.assets[ix.0].ports.first();
        port.is_some_and(|p| site.buses[p.bus.0].carrier == Carrier::Electricity)
    };
    (0..site.assets.len()).map(AssetIx).filter(on).collect()
}

fn unit(b: &mut Build<'_>, ix: AssetIx, t: usize) -> Option<Unit> {
    let asset = &b.input.site.assets[ix.0];
    let power = b.places[ix.0].ports.first()?[t].clone();
    let bus = &b.input.site.buses[asset.ports[0].bus.0];
    let forms = !b.known.grid[t] && bus.closed_by_islanded == Some(ix);
    match &asset.kind {
        Kind::Chp(_) | Kind::Genset(_) | Kind::FuelCell(_) => {
            let on = *b.places[ix.0].on.get(t)?;
            let mut headroom = Expr { constant: 0.0, terms: vec![(on, asset.kind.rated().kw())] };
            headroom.plus(&power, -1.0);
            Some(Unit { headroom, loss: (!forms).then_some(power) })
        }
        Kind::Battery(k) => {
            let floor = k.soc_min * k.capacity_kwh;
            let headroom = battery(b, ix, t, floor, k.discharge_efficiency)?;
            Some(Unit { headroom, loss: (!forms).then_some(power) })
        }
        Kind::Pv(_) | Kind::Wind(_) => Some(Unit { headroom: Expr::default(), loss: Some(power) }),
        Kind::Grid(k) if b.known.grid[t] => {
            let all = limits(b.input, k);
            let i = narrowest(&all, Crossing::Import, b.input.horizon.grid.intervals[t].start)?;
            let mut headroom = Expr { constant: all[i].planned_kw(), terms: Vec::new() };
            headroom.plus(&power, -1.0);
            Some(Unit { headroom, loss: None })
        }
        _ => None,
    }
}

/// Headroom of a battery as a column: within its power, and held by its energy at both ends of the interval.
fn battery(b: &mut Build<'_>, ix: AssetIx, t: usize, floor: f64, efficiency: f64) -> Option<Expr> {
    let place = &b.places[ix.0];
    let (end, before) = (*place.energy.get(t)?, t.checked_sub(1).map(|t| place.energy[t]));
    let mut power = place.ports.first()?[t].clone();
    let state = &b.input.state.assets[ix.0];
    let nameplate = b.input.site.assets[ix.0].ports[0].max.kw();
    let now = state.max.kw();
    power.constant -= if t == 0 && now.is_finite() { nameplate.min(now.max(0.0)) } else { nameplate };
    // Below its floor a battery owes what it lacks: no bound from below, so that there is always an answer.
    let col = b.model.col(0.0, f64::NEG_INFINITY, f64::INFINITY);
    let mut within = Expr { constant: 0.0, terms: vec![(col, -1.0)] };
    within.plus(&power, -1.0);
    b.model.at_least(&within, 0.0);
    let held = SUSTAIN_H / efficiency;
    b.model.at_least(&Expr { constant: -floor, terms: vec![(end, 1.0), (col, -held)] }, 0.0);
    match (before, state.energy.and_then(Result::ok)) {
        (Some(before), _) => {
            b.model.at_least(&Expr { constant: -floor, terms: vec![(before, 1.0), (col, -held)] }, 0.0);
        }
        (None, Some(now)) => {
            b.model.at_least(&Expr { constant: now - floor, terms: vec![(col, -held)] }, 0.0);
        }
        (None, None) => {}
    }
    Some(Expr { constant: 0.0, terms: vec![(col, 1.0)] })
}

fn load(b: &Build<'_>, t: usize) -> f64 {
    let loads = on_electricity(b.input).into_iter().filter(|ix| consumer(&b.input.site.assets[ix.0].kind));
    loads.filter_map(|ix| b.known.signal[ix.0].get(t)).sum()
}

const fn consumer(kind: &Kind) -> bool {
    matches!(kind, Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_))
}

/// What loads may draw more than forecast. Errors are added up: nothing says that they are independent.
fn load_error(b: &Build<'_>, t: usize) -> f64 {
    let loads = on_electricity(b.input).into_iter().filter(|ix| consumer(&b.input.site.assets[ix.0].kind));
    let error = |ix: AssetIx| {
        let want = *b.known.signal[ix.0].get(t)?;
        Some(p10(b, ix, t).map_or(LOAD_ERROR * want, |kw| (-kw - want).max(0.0)))
    };
    loads.filter_map(error).sum()
}

/// What of a plant's planned power is above its p10: what is curtailed cannot fall short.
fn shortfall(b: &mut Build<'_>, ix: AssetIx, t: usize) -> Expr {
    let (Kind::Pv(_) | Kind::Wind(_), Some(forecast)) =
        (&b.input.site.assets[ix.0].kind, b.known.signal[ix.0].get(t).copied())
    else {
        return Expr::default();
    };
    let low = p10(b, ix, t).unwrap_or((1.0 - GENERATION_ERROR) * forecast).clamp(0.0, forecast.max(0.0));
    let col = b.model.col(0.0, 0.0, f64::INFINITY);
    let mut above = Expr { constant: low, terms: vec![(col, 1.0)] };
    above.plus(&b.places[ix.0].ports[0][t], -1.0);
    b.model.at_least(&above, 0.0);
    Expr { constant: 0.0, terms: vec![(col, 1.0)] }
}

fn p10(b: &Build<'_>, ix: AssetIx, t: usize) -> Option<f64> {
    b.input.horizon.quantiles.get(ix.0)?.p10.get(t).copied().filter(|kw| kw.is_finite())
}
