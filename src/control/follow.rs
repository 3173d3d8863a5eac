//! From the plan to a wish per asset, and the sharing of what deviates from it.

use super::arbiter::Room;
use super::guard;
use super::issue::Inputs;
use super::share::{Flexible, Market, share};
use super::wish::{Wish, lever};
use crate::dispatch::Plan;
use crate::site::{Asset, Cause, Edge, Kind, Limiter, Range, Site};
use crate::state::{AssetState, Availability, SiteState};

/// The PCC is steered to stay this far inside its limits: meters, transformers' reactive load and delay need room.
const LIMIT_MARGIN: f64 = 0.95;
/// Value of a stored kWh while no plan has told it: between the prices of export and import of any usual tariff.
const STORED_VALUE_UNKNOWN: f64 = 0.5;
/// A price difference of this much moves a unit by its whole rating.
const PULL_PER_RATING: f64 = 0.3;
/// Prices alone move a unit at most this share of its rating away from the plan; limits may move it further.
const ECONOMIC_SHARE: f64 = 0.3;
/// Smaller moves are not worth a command.
const DEAD_BAND_SHARE: f64 = 0.01;
/// A plan that leaves less than this of the potential unused does not curtail: forecasts are not that good.
const CURTAILED_SHARE: f64 = 0.03;
/// A battery behind its planned energy catches up over this time ...
const CATCH_UP_H: f64 = 0.5;
/// ... with at most this share of its rating.
const CATCH_UP_SHARE: f64 = 0.1;
/// Above this share of the hot store's energy, heat that still flows in is thrown away.
const STORE_FULL: f64 = 0.97;
/// An excess in a settlement window is worked off over at least this time.
const WINDOW_REST_MIN_S: f64 = 60.0;
/// What is planned above this (negative) multiple of the lowest load is standby.
const STANDING_BY: f64 = -0.999;
/// So near to a limit the exchange rests against it.
const AT_LIMIT_KW: f64 = 0.1;

/// The wish of one asset by the plan's interval `i`.
pub(super) fn wish(
    plan: &Plan,
    i: usize,
    asset: &Asset,
    index: usize,
    own: &AssetState,
    site: &Site,
    state: &SiteState,
) -> Option<Wish> {
    let planned = plan.assets.get(index)?;
    let power = *planned.power_kw.first()?.get(i)?;
    let potential = planned.potential_kw.get(i).copied();
    let short = potential.is_some_and(|p| p.abs() - power.abs() > (CURTAILED_SHARE * p.abs()).max(1.0));
    let lever = lever(asset)?;
    let (power_kw, on) = match &asset.kind {
        Kind::Load(_) => (None, Some(!potential.is_some_and(|p| power.abs() < 0.5 * p.abs()))),
        Kind::Battery(k) => (Some(power + catch_up(plan, i, index, own, state, k.discharge_max_kw)), None),
        Kind::DumpCooler(_) => (Some(overflow(site, state, asset, own).map_or(power, |o| power.min(o))), None),
        _ if lever.cap => (short.then_some(power), None),
        // On, and told nothing to do: it stands by, warm.
        Kind::Electrolyser(k) if k.standby_kw > 0.0 && power > STANDING_BY * k.commitment.min_load * k.rated_kw => {
            (Some(0.0), planned.on.get(i).copied())
        }
        _ => {
            let least = asset.kind.commitment().map_or(0.0, |c| c.min_load * asset.kind.rated().kw());
            let running = if asset.ports.first()?.max.kw() > 0.0 { power.max(least) } else { power.min(-least) };
            (Some(running), planned.on.get(i).copied())
        }
    };
    Some(Wish { power_kw, on, cause: Cause::Plan, by: None })
}

/// Follows the plan's energy, not its power: what was missed in earlier intervals is caught up, bounded.
fn catch_up(plan: &Plan, i: usize, index: usize, own: &AssetState, state: &SiteState, rated_kw: f64) -> f64 {
    let end = |j: usize| plan.assets.get(index).and_then(|a| a.energy_kwh.get(j)).copied();
    let (Some(before), Some(after)) = (i.checked_sub(1).and_then(end), end(i)) else { return 0.0 };
    let (Some(Ok(now_kwh)), Some(interval)) = (own.energy, plan.grid.intervals.get(i)) else { return 0.0 };
    let part = (state.now.park.seconds_since(interval.start) / (interval.hours * 3600.0)).clamp(0.0, 1.0);
    let missing = before + part * (after - before) - now_kwh;
    // Above the trajectory discharge more, below it less.
    (-missing / CATCH_UP_H).clamp(-CATCH_UP_SHARE * rated_kw, CATCH_UP_SHARE * rated_kw)
}

/// Injection (negative) that keeps a full hot store from being charged further; `None` while it is not full, or not
/// known to be (the header's own overheat thermostat stands behind it).
fn overflow(site: &Site, state: &SiteState, asset: &Asset, own: &AssetState) -> Option<f64> {
    let bus = site.buses.get(asset.ports.first()?.bus.0)?;
    let store = bus.closed_by?;
    let believed = state.assets.get(store.0)?;
    let share = believed.energy?.ok()? / site.assets.get(store.0)?.kind.capacity()?.kwh();
    let charging = -believed.ports.first()?.measured.ok()?;
    let dumped = own.ports.first()?.measured.ok()?;
    (share > STORE_FULL).then_some((dumped - charging).min(0.0))
}

/// Moves the wishes of the flexible units by price and by the limits of the PCC, within what proposals leave them. Where
/// that does not keep the limits, proposals that do not outrank the limit give way. Returns the import expected.
pub(super) fn balance(
    inputs: &Inputs<'_>,
    plan: Option<(&Plan, usize)>,
    stored_value: &[Option<f64>],
    limits: Range,
    rooms: &[Room],
    wishes: &mut [Option<Wish>],
) -> Option<f64> {
    let Inputs { site, state, .. } = *inputs;
    let pcc = site.pcc()?;
    let mut units = units(inputs, stored_value, rooms, wishes);
    let measured_kw = pcc_flow(site, state, pcc.0)?;
    let drift: f64 =
        units.iter().filter_map(|(ix, u)| Some(state.assets.get(*ix)?.ports.first()?.power.kw() - u.planned_kw)).sum();
    let import_max = margin(limits.high.kw, -1.0);
    let limit = Market {
        import_kw: measured_kw + drift,
        import_price: import_price(site, state),
        export_price: site.tariff.export_per_kwh,
        import_max_kw: import_max,
        import_min_kw: margin(limits.low.kw, 1.0).min(import_max),
    };
    let window = window_allowance(site, state, plan, pcc.0).unwrap_or(import_max).max(limit.import_min_kw);
    let market = Market { import_max_kw: import_max.min(window), ..limit };
    let (mut powers, mut import_kw) = settle(&market, &units);
    if let Some(over) = exceeded(&limit, limits, import_kw) {
        let indifferent = if over == limits.high { limit.import_price } else { limit.export_price };
        units = yielding(inputs, stored_value, (rooms, &inputs.rooms(Some(over.class))), indifferent, wishes);
        (powers, import_kw) = settle(&limit, &units);
    }
    let by = binding(&limit, limits, import_kw);
    for ((ix, unit), power) in units.iter().zip(&powers) {
        if let (Some(asset), Some(Some(wish))) = (site.assets.get(*ix), wishes.get_mut(*ix)) {
            apply(asset, unit, *power, by, wish);
        }
    }
    Some(import_kw)
}

/// A limit with room for meters and delay on its inner side: -1 for an upper one, +1 for a lower one.
fn margin(kw: f64, inward: f64) -> f64 {
    if kw * inward < 0.0 { LIMIT_MARGIN * kw } else { kw / LIMIT_MARGIN }
}

fn exceeded(limit: &Market, limits: Range, import_kw: f64) -> Option<Edge> {
    if import_kw > limit.import_max_kw + 1e-6 {
        Some(limits.high)
    } else {
        (import_kw < limit.import_min_kw - 1e-6).then_some(limits.low)
    }
}

/// The limit that the exchange rests against.
fn binding(limit: &Market, limits: Range, import_kw: f64) -> Option<Limiter> {
    if import_kw > limit.import_max_kw - AT_LIMIT_KW {
        Some(limits.high.by)
    } else {
        (import_kw < limit.import_min_kw + AT_LIMIT_KW).then_some(limits.low.by)
    }
}

/// What may be moved, each within what proposals leave it.
fn units(
    inputs: &Inputs<'_>,
    stored_value: &[Option<f64>],
    rooms: &[Room],
    wishes: &[Option<Wish>],
) -> Vec<(usize, Flexible)> {
    let rows = inputs.site.assets.iter().zip(&inputs.state.assets).zip(wishes).zip(rooms).enumerate();
    rows.filter_map(|(ix, (((asset, own), wish), room))| {
        let unit = flexible(asset, own, (*wish)?, stored_value.get(ix).copied().flatten())?;
        let inside = |kw: f64| kw.min(unit.max_kw).max(unit.min_kw);
        Some((ix, Flexible { min_kw: inside(room.range.low.kw), max_kw: inside(room.range.high.kw), ..unit }))
    })
    .collect()
}

/// As [`units`], where those that only `rooms.0` binds may leave it, but no further than a limit asks: at the price
/// `indifferent` they stay.
fn yielding(
    inputs: &Inputs<'_>,
    stored_value: &[Option<f64>],
    rooms: (&[Room], &[Room]),
    indifferent: f64,
    wishes: &[Option<Wish>],
) -> Vec<(usize, Flexible)> {
    let mut units = units(inputs, stored_value, rooms.1, wishes);
    for (ix, unit) in &mut units {
        if rooms.0.get(*ix).map(|r| r.range) != rooms.1.get(*ix).map(|r| r.range) {
            (unit.up_per_kwh, unit.down_per_kwh) = (indifferent, indifferent);
        }
    }
    units
}

/// Import at the PCC, measured or as the balance of all others; `None` where neither is known (F28): what stands in
/// for it is a worst case, and nothing may be moved by that.
fn pcc_flow(site: &Site, state: &SiteState, pcc: usize) -> Option<f64> {
    let own = state.assets.get(pcc)?.ports.first()?;
    let bus = site.assets.get(pcc)?.ports.first()?.bus;
    let others = || site.assets.iter().zip(&state.assets).enumerate().filter(|(ix, _)| *ix != pcc);
    let balanced = || {
        others()
            .flat_map(|(_, (asset, s))| asset.ports.iter().zip(&s.ports))
            .all(|(p, b)| p.bus != bus || b.measured.is_ok())
    };
    (own.measured.is_ok() || balanced()).then(|| own.power.kw())
}

/// Price of import now with its CO2, as the plan values stored energy by; the dearest of the tariff while wall time is
/// not known.
fn import_price(site: &Site, state: &SiteState) -> f64 {
    let by_time = || site.tariff.import_per_kwh(state.now.park, &site.zone);
    let dearest = || site.tariff.period.iter().map(|p| p.price_per_kwh).fold(site.tariff.export_per_kwh, f64::max);
    let co2 = site.grid_co2_kg_per_kwh() * site.values.co2_per_kg;
    state.now.synchronised.then(by_time).flatten().unwrap_or_else(dearest) + co2
}

/// First by price within a narrow band round the plan; where that does not keep the limits, with all there is.
fn settle(market: &Market, units: &[(usize, Flexible)]) -> (Vec<f64>, f64) {
    let import =
        |powers: &[f64]| market.import_kw - units.iter().zip(powers).map(|((_, u), p)| p - u.planned_kw).sum::<f64>();
    let narrow: Vec<Flexible> = units
        .iter()
        .map(|(_, u)| {
            let band = ECONOMIC_SHARE * u.max_kw.abs().max(u.min_kw.abs());
            Flexible { min_kw: u.min_kw.max(u.planned_kw - band), max_kw: u.max_kw.min(u.planned_kw + band), ..*u }
        })
        .collect();
    let (powers, _) = share(market, &narrow);
    let import_kw = import(&powers);
    if import_kw <= market.import_max_kw + 1e-6 && import_kw >= market.import_min_kw - 1e-6 {
        return (powers, import_kw);
    }
    let all: Vec<Flexible> = units.iter().map(|(_, u)| *u).collect();
    let (powers, _) = share(market, &all);
    let import_kw = import(&powers);
    (powers, import_kw)
}

fn flexible(asset: &Asset, own: &AssetState, wish: Wish, stored_value: Option<f64>) -> Option<Flexible> {
    // What is held stays where it is.
    if own.availability != Availability::Available || wish.cause == Cause::Hold {
        return None;
    }
    let rated = asset.kind.rated().kw();
    let potential = own.potential.and_then(Result::ok);
    let unit = |planned_kw: f64, min_kw: f64, max_kw: f64, up: f64, down: f64| Flexible {
        planned_kw,
        min_kw,
        max_kw,
        up_per_kwh: up,
        down_per_kwh: down,
        pull: PULL_PER_RATING / rated.max(1.0),
    };
    match &asset.kind {
        Kind::Battery(k) => {
            let value = stored_value.unwrap_or(STORED_VALUE_UNKNOWN);
            let (up, down) = (value / k.discharge_efficiency + k.wear_per_kwh, value * k.charge_efficiency);
            // What the store cannot give is not counted on, whatever the plan says.
            let (low, high) = guard::limits(asset, own);
            Some(unit(wish.power_kw?.min(high).max(low), low, high, up, down))
        }
        Kind::Pv(_) | Kind::Wind(_) => {
            let can = potential.unwrap_or(own.ports.first()?.power.kw()).max(0.0);
            Some(unit(wish.power_kw.map_or(can, |cap| cap.min(can)), 0.0, can, 0.0, 0.0))
        }
        Kind::FlexibleLoad(k) => {
            let wants = potential?.min(0.0);
            Some(unit(
                wish.power_kw.map_or(wants, |cap| cap.max(wants)),
                wants,
                k.floor * wants,
                k.discomfort_per_kwh,
                k.discomfort_per_kwh,
            ))
        }
        Kind::EvCharger(k) => {
            let wants = potential?.min(0.0);
            Some(unit(wish.power_kw.map_or(wants, |cap| cap.max(wants)), wants, 0.0, k.delay_per_kwh, k.delay_per_kwh))
        }
        _ => None,
    }
}

fn apply(asset: &Asset, unit: &Flexible, power: f64, by: Option<Limiter>, wish: &mut Wish) {
    let moved = power - unit.planned_kw;
    if moved.abs() < DEAD_BAND_SHARE * asset.kind.rated().kw() {
        return;
    }
    let toward_more = match asset.kind {
        Kind::Battery(_) => false,
        Kind::Pv(_) | Kind::Wind(_) => moved > 0.0,
        _ => moved < 0.0,
    };
    // A cap is lifted by the plan alone; sharing only tightens it.
    if !toward_more {
        wish.power_kw = Some(power);
        wish.cause = Cause::Balance;
        wish.by = by;
    }
}

/// Import that keeps the settlement window's mean at the month's peak, or at what the plan pays for anyway.
fn window_allowance(site: &Site, state: &SiteState, plan: Option<(&Plan, usize)>, pcc: usize) -> Option<f64> {
    let (plan, i) = plan?;
    if site.tariff.demand_per_kw_month <= 0.0 {
        return None;
    }
    let planned = *plan.assets.get(pcc)?.power_kw.first()?.get(i)?;
    let length_s = f64::from(site.tariff.demand_window_min) * 60.0;
    let passed_s = state.now.park.seconds_since(state.window.start).clamp(0.0, length_s);
    if state.window.unmeasured_s > 0.1 * length_s {
        return None;
    }
    let (peak, rest_s) = (state.window.peak.kw(), length_s - passed_s);
    // What the window is ahead of the peak is worked off over its rest; near its end not faster than over a minute.
    let ahead_kwh = state.window.imported.kwh() - peak * passed_s / 3600.0;
    let by_peak = peak - ahead_kwh * 3600.0 / rest_s.max(WINDOW_REST_MIN_S);
    Some(by_peak.max(planned * 1.02 + 5.0).max(0.0))
}
