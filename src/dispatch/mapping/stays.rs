//! Stays of vehicles at a charger, with the energy each still wants.

use super::super::Inputs;
use super::super::calendar::{Span, spans};
use super::super::elements::Stay;
use super::super::known::Known;
use crate::site::AssetIx;
use crate::site::kinds::EvCharger;

/// Less than this is not worth a plug, kWh.
const NOTHING: f64 = 1e-3;

/// The stays within the horizon that still want energy. What the charger has delivered since an arrival is
/// the vehicles' that leave first. Of a stay that ends beyond the horizon the part that lies within wants its share.
pub(in crate::dispatch) fn stays(input: &Inputs<'_>, known: &Known, ix: AssetIx, k: &EvCharger) -> Vec<Stay> {
    let end_h: f64 = known.hours.iter().sum();
    let delivered = &input.state.assets[ix.0].today.windows;
    let windows = input.site.assets[ix.0].kind.windows();
    let mut all: Vec<(Span, usize)> =
        windows.iter().enumerate().flat_map(|(i, w)| spans(input, w).into_iter().map(move |s| (s, i))).collect();
    all.sort_by(|a, b| a.0.to_h.total_cmp(&b.0.to_h));
    let mut counted = 0.0;
    let mut list = Vec::new();
    for (span, i) in all {
        let session = &k.session[i];
        let since_arrival = delivered.get(i).filter(|_| span.from_h <= 0.0).map_or(0.0, |e| e.kwh());
        let has = (since_arrival - counted).clamp(0.0, session.energy_kwh);
        counted += has;
        let from_h = span.from_h.max(0.0);
        let within = ((end_h - from_h) / (span.to_h - from_h).max(1e-9)).min(1.0);
        let need = (session.energy_kwh - has) * within;
        if need > NOTHING {
            list.push(Stay { most: span.shares(known).iter().map(|s| s * session.max_kw).collect(), need });
        }
    }
    list
}

/// What the chargers can draw along the grid: what the vehicles present take, within the chargers' own power, and at
/// this moment no more than they want.
pub(in crate::dispatch) fn drawable(input: &Inputs<'_>, ix: AssetIx, stays: &[Stay], n: usize) -> Vec<f64> {
    let rated = input.site.assets[ix.0].kind.rated().kw();
    let wanted = input.state.assets[ix.0].potential.and_then(Result::ok).filter(|kw| kw.is_finite());
    let most = |t: usize| stays.iter().map(|s| s.most[t]).sum::<f64>().min(rated);
    (0..n).map(|t| wanted.filter(|_| t == 0).map_or(most(t), |w| most(t).min(w.abs()))).collect()
}

/// What is drawn when nobody holds it back: all that can be, until each vehicle has what it wants.
pub(in crate::dispatch) fn uncapped(known: &Known, stays: &[Stay], rated: f64) -> Vec<f64> {
    let mut left: Vec<f64> = stays.iter().map(|s| s.need).collect();
    let mut drawn = Vec::with_capacity(known.len());
    for (t, hours) in known.hours.iter().enumerate() {
        let mut room = rated;
        for (stay, left) in stays.iter().zip(&mut left) {
            let kw = stay.most[t].min(*left / hours).min(room);
            *left -= kw * hours;
            room -= kw;
        }
        drawn.push(rated - room);
    }
    drawn
}
