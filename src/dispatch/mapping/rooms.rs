//! Rooms: a store that the weather drains, or fills.
//!
//! A room of heat capacity `C` at temperature `T` loses `U * (T - outdoor)` and gains `G`. Its energy counts from the
//! empty end of its band of comfort, in heat where it is heated and in cold where it is cooled. Then
//! `dE/dt = power - (U / C) * E + drift` with a drift that depends on the weather alone, and over an interval of
//! constant power and weather that is solved exactly.

use super::super::Inputs;
use super::super::elements::Store;
use super::super::known::Known;
use crate::site::kinds::Room;
use crate::site::{AssetIx, Carrier};

/// What flows in by itself at the empty end of the band, kW along the grid; `None` where the weather is not known.
pub(in crate::dispatch) fn drift(input: &Inputs<'_>, known: &Known, ix: AssetIx, k: &Room) -> Option<Vec<f64>> {
    let outdoor = input.horizon.outdoor_c.as_ref()?;
    let cooled = input.site.buses[input.site.assets[ix.0].ports[0].bus.0].carrier == Carrier::Cooling;
    let flow = |outdoor: f64| {
        let [low, high] = k.comfort_c;
        if cooled {
            k.loss_kw_per_k * (high - outdoor) - k.gains_kw
        } else {
            k.gains_kw - k.loss_kw_per_k * (low - outdoor)
        }
    };
    (0..known.len()).map(|t| outdoor.get(t).copied().filter(|c| c.is_finite()).map(flow)).collect()
}

/// Share of the energy that is lost in an hour, and for how many hours a constant kW counts by the end of `hours`.
pub(in crate::dispatch) fn decay(k: &Room, hours: f64) -> (f64, f64) {
    let rate = k.loss_kw_per_k / k.kwh_per_k;
    let effect = if rate * hours < 1e-9 { hours } else { -(-rate * hours).exp_m1() / rate };
    (-(-rate).exp_m1(), effect)
}

pub(super) fn room(input: &Inputs<'_>, known: &Known, end_value: f64, ix: AssetIx, k: &Room) -> Option<Store> {
    let energy = input.state.assets[ix.0].energy.and_then(Result::ok).filter(|e| e.is_finite())?;
    let n = known.len();
    Some(Store {
        port: 0,
        energy,
        low: 0.0,
        high: k.kwh_per_k * (k.comfort_c[1] - k.comfort_c[0]),
        reserve: (0.0, 0.0),
        charge: vec![k.rated_kw; n],
        discharge: vec![0.0; n],
        charge_efficiency: 1.0,
        discharge_efficiency: 1.0,
        loss_per_h: decay(k, 1.0).0,
        drift: drift(input, known, ix, k)?,
        effect_h: known.hours.iter().map(|h| decay(k, *h).1).collect(),
        charge_cuts: Vec::new(),
        discharge_cuts: Vec::new(),
        exposed: true,
        wear: 0.0,
        end_value,
        outside: k.discomfort_per_k_h / k.kwh_per_k,
        exclusive: vec![false; n],
    })
}
