//! What holds energy, or CO2.

use super::super::Inputs;
use super::super::elements::Store;
use super::super::known::Known;
use super::super::pcc::{Crossing, limits, narrowest};
use super::super::values::Worth;
use super::commands;
use super::curves::cuts;
use crate::site::kinds::Battery;
use crate::site::{Asset, AssetIx, Kind, Point};
use crate::state::Availability;

/// Share of its window that a battery keeps while it has to hold an island: what closes a balance must be able to,
/// however the forecast errs.
const ISLAND_RESERVE: f64 = 0.1;

/// Charging and discharging at once burns energy. It can pay only where energy on the bus has a negative price:
/// a negative tariff, or generation that cannot be curtailed and may be more than can leave.
fn exclusive(input: &Inputs<'_>, known: &Known) -> Vec<bool> {
    let crossing = input.site.pcc().and_then(|ix| match &input.site.assets[ix.0].kind {
        Kind::Grid(k) => Some(limits(input, k)),
        _ => None,
    });
    let leaves = |t: usize| {
        let Some(all) = crossing.as_ref().filter(|_| known.grid[t]) else { return 0.0 };
        narrowest(all, Crossing::Export, input.horizon.grid.intervals[t].start).map_or(0.0, |i| all[i].planned_kw())
    };
    let stuck =
        |t: usize| input.site.assets.iter().enumerate().map(|(i, a)| stuck_kw(input, known, i, a, t)).sum::<f64>();
    // Burning ahead makes room for what will not be able to leave.
    let ever = (0..known.len()).any(|t| stuck(t) > leaves(t));
    (0..known.len()).map(|t| ever || known.import_price[t] < 0.0 || known.export_price[t] < 0.0).collect()
}

/// What an asset may inject whether we want it or not.
fn stuck_kw(input: &Inputs<'_>, known: &Known, i: usize, asset: &Asset, t: usize) -> f64 {
    let free = input.state.assets[i].availability == Availability::Available
        && commands(input, asset, &[Point::WMax, Point::WSet]);
    match &asset.kind {
        Kind::Pv(_) | Kind::Wind(_) if !free => known.signal[i].get(t).map_or(0.0, |kw| *kw),
        Kind::Chp(_) | Kind::Genset(_) | Kind::FuelCell(_) if !free => asset.kind.rated().kw(),
        _ => 0.0,
    }
}

/// A kWh missing from a store's reserve for an hour costs this share of a kWh not delivered.
const RESERVE_SHARE: f64 = 0.1;

pub(super) fn store(input: &Inputs<'_>, known: &Known, worth: &Worth, ix: AssetIx) -> Option<Store> {
    let (asset, state) = (&input.site.assets[ix.0], &input.state.assets[ix.0]);
    let energy = state.energy.and_then(Result::ok).filter(|e| e.is_finite())?;
    let capacity = asset.kind.capacity()?.kwh();
    let port = asset.ports.first()?;
    let n = known.len();
    // What the device reports as its limit holds for now; for later its nameplate is the better guess.
    let limits = |nameplate: f64, now: f64| {
        (0..n)
            .map(|t| if t == 0 && now.is_finite() { nameplate.min(now.max(0.0)) } else { nameplate })
            .collect::<Vec<_>>()
    };
    let base = Store {
        port: 0,
        energy,
        low: 0.0,
        high: capacity,
        reserve: (0.0, 0.0),
        charge: limits(-port.min.kw(), -state.min.kw()),
        discharge: limits(port.max.kw(), state.max.kw()),
        charge_efficiency: 1.0,
        discharge_efficiency: 1.0,
        loss_per_h: 0.0,
        drift: Vec::new(),
        effect_h: known.hours.clone(),
        charge_cuts: Vec::new(),
        discharge_cuts: Vec::new(),
        exposed: false,
        wear: 0.0,
        end_value: worth.stored[ix.0],
        outside: input.site.values.lost_load_sheddable_per_kwh,
        exclusive: vec![false; n],
    };
    let values = &input.site.values;
    let store = match &asset.kind {
        Kind::Battery(k) => {
            let forming = input.islanded && input.site.buses[port.bus.0].closed_by_islanded == Some(ix);
            let kept = k.soc_min + ISLAND_RESERVE * (k.soc_max - k.soc_min);
            let reserve =
                if forming { (kept * capacity, RESERVE_SHARE * values.lost_load_normal_per_kwh) } else { (0.0, 0.0) };
            // Above its window it could also burn its way back in.
            let above = energy > k.soc_max * capacity + 1e-6;
            let exclusive = exclusive(input, known).into_iter().map(|e| e || above).collect();
            Some(Store { reserve, ..battery(base, k, capacity, exclusive) })
        }
        Kind::HeatTank(k) => {
            let reserve = (k.reserve * capacity, RESERVE_SHARE * values.lost_heat_per_kwh);
            Some(Store { loss_per_h: k.loss_per_h, reserve, ..base })
        }
        Kind::ColdTank(k) => {
            let reserve = (k.reserve * capacity, RESERVE_SHARE * values.lost_cooling_per_kwh);
            Some(Store { loss_per_h: k.loss_per_h, reserve, ..base })
        }
        Kind::HydrogenTank(k) => {
            let reserve = (k.reserve * capacity, RESERVE_SHARE * values.lost_hydrogen_per_kwh);
            Some(Store { reserve, ..base })
        }
        Kind::Co2Buffer(_) => Some(base),
        _ => None,
    };
    store.map(|s| if known.bare { Store { reserve: (0.0, 0.0), ..s } } else { s })
}

fn battery(base: Store, k: &Battery, capacity: f64, exclusive: Vec<bool>) -> Store {
    let window = (k.soc_min, k.soc_max);
    Store {
        low: k.soc_min * capacity,
        high: k.soc_max * capacity,
        charge_efficiency: k.charge_efficiency,
        discharge_efficiency: k.discharge_efficiency,
        charge_cuts: cuts(&k.charge_curve, k.charge_max_kw, capacity, window),
        discharge_cuts: cuts(&k.discharge_curve, k.discharge_max_kw, capacity, window),
        wear: k.wear_per_kwh,
        exclusive,
        ..base
    }
}
