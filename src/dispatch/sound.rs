//! Inputs that nothing in the formulation can choke on. What is believed and foreseen should already be finite and within
//! nameplate; what is not, is replaced here by what is unknown or by its bound, and told.

use super::Inputs;
use crate::forecast::{self, History, Horizon, Interval, Quantiles, TimeGrid};
use crate::site::{Asset, Kind, Reason, Site, Value};
use crate::state::{AssetState, Availability, Believed, SiteState, Today};
use crate::units::{Energy, Park, Power};

/// A measured power beyond so many times the rating is none.
const BEYOND: f64 = 10.0;
/// A store's energy is believed this far outside its capacity, in capacities.
const OUTSIDE: f64 = 1.0;
/// A step is at least a second and at most a month long.
const STEP_H: std::ops::RangeInclusive<f64> = 1.0 / 3600.0..=744.0;

/// State and horizon made sound, and what was replaced.
pub(super) struct Sound {
    state: SiteState,
    horizon: Option<Horizon>,
    pub notes: Vec<String>,
}

impl Sound {
    pub fn of(input: &Inputs<'_>) -> Self {
        let mut notes = Vec::new();
        let state = state(input.site, input.state, &mut notes);
        let horizon = horizon(input, &state, &mut notes);
        Self { state, horizon, notes }
    }

    /// The inputs with what is sound in the place of what is not.
    pub fn inputs<'a>(&'a self, input: &Inputs<'a>) -> Inputs<'a> {
        Inputs { state: &self.state, horizon: self.horizon.as_ref().unwrap_or(input.horizon), ..*input }
    }
}

/// A horizon without steps, with steps that are none, or of another time than now is replaced by the usual steps, foreseen
/// from what is measured now alone.
fn horizon(input: &Inputs<'_>, state: &SiteState, notes: &mut Vec<String>) -> Option<Horizon> {
    let (now, given) = (state.now.park, input.horizon);
    let doubtful = |q: &Quantiles| q.p10.iter().chain(&q.p90).any(|v| !v.is_finite());
    if covers(&given.grid.intervals, now) {
        if !given.quantiles.iter().any(doubtful) {
            return None;
        }
        notes.push("quantiles that are not finite: left out".to_owned());
        let mut horizon = given.clone();
        horizon.quantiles.iter_mut().filter(|q| doubtful(q)).for_each(|q| *q = Quantiles::default());
        return Some(horizon);
    }
    notes
        .push("the horizon does not reach from now on: the usual steps, foreseen from what is measured now".to_owned());
    Some(forecast::horizon(input.site, state, &History::default(), TimeGrid::new(now)))
}

/// Whether steps run one after the other and hold `now`.
fn covers(steps: &[Interval], now: Park) -> bool {
    let whole = steps.iter().all(|i| STEP_H.contains(&i.hours));
    let ascend = steps.windows(2).all(|w| w[0].start < w[1].start);
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return false };
    // The first step may begin a moment after the state was seen.
    whole && ascend && first.start <= now.plus_s(1.0) && last.end() > now
}

fn state(site: &Site, given: &SiteState, notes: &mut Vec<String>) -> SiteState {
    let mut state = given.clone();
    if state.assets.len() != site.assets.len() || state.buses.len() != site.buses.len() {
        notes.push("the state is not one of this site: every asset is taken as unknown".to_owned());
        state.assets = site.assets.iter().map(unknown).collect();
    }
    for (asset, own) in site.assets.iter().zip(&mut state.assets) {
        if sound_asset(asset, own) {
            notes.push(format!("{}: its state holds what cannot be; replaced", asset.id));
        }
    }
    let rated = site.pcc().and_then(|p| site.assets.get(p.0)).map_or(0.0, |a| a.kind.rated().kw());
    let length_s = f64::from(site.tariff.demand_window_min) * 60.0;
    let w = &mut state.window;
    let before = *w;
    w.peak = Power::from_kw(finite(w.peak.kw(), 0.0).clamp(0.0, BEYOND * rated.max(0.0)));
    w.imported =
        Energy::from_kwh(finite(w.imported.kwh(), 0.0).clamp(0.0, BEYOND * rated.max(0.0) * length_s / 3600.0));
    w.unmeasured_s = finite(w.unmeasured_s, length_s).max(0.0);
    if before != *w {
        notes.push("the settlement window holds what cannot be; replaced".to_owned());
    }
    for v in [&mut state.weather.outdoor_c, &mut state.weather.ghi_w_m2, &mut state.weather.wind_m_s] {
        *v = v.and_then(|x| if x.is_finite() { Ok(x) } else { Err(Reason::OutOfRange) });
    }
    state.co2_today_kg = finite(state.co2_today_kg, 0.0).max(0.0);
    state
}

/// Whether anything of the asset had to be replaced.
fn sound_asset(asset: &Asset, own: &mut AssetState) -> bool {
    let mut replaced = false;
    if own.ports.len() != asset.ports.len() {
        *own = unknown(asset);
        replaced = true;
    }
    let mut judged = |v: &mut Value, most: f64| {
        if let Err(reason) = v.and_then(|kw| possible(kw, most)) {
            replaced |= v.is_ok();
            *v = Err(reason);
        }
    };
    let rated = BEYOND * (asset.kind.rated().kw().abs() + 1.0);
    for (port, believed) in asset.ports.iter().zip(&mut own.ports) {
        let most = BEYOND * (port.max.kw().abs().max(port.min.kw().abs()) + 1.0);
        judged(&mut believed.measured, most);
        if possible(believed.power.kw(), most).is_err() {
            believed.power = worst(asset, port.min);
        }
    }
    own.potential.iter_mut().for_each(|p| judged(p, rated));
    own.energy.iter_mut().for_each(|e| judged(e, f64::MAX));
    let capacity = asset.kind.capacity().map_or(0.0, |c| c.kwh().max(0.0));
    own.energy = own.energy.map(|e| e.map(|kwh| kwh.clamp(-OUTSIDE * capacity, (1.0 + OUTSIDE) * capacity)));
    if let Some(principal) = asset.ports.first() {
        let (low, high) = (own.min, own.max);
        own.min = Power::from_kw(finite(low.kw(), principal.min.kw()));
        own.max = Power::from_kw(finite(high.kw(), principal.max.kw()));
        // Limits that a device turned round leave it no room in that direction.
        if own.min > own.max {
            (own.min, own.max) = (own.min.min(Power::ZERO), own.max.max(Power::ZERO));
        }
        replaced |= low != own.min || high != own.max;
    }
    replaced
}

fn possible(v: f64, most: f64) -> Value {
    match v {
        v if !v.is_finite() => Err(Reason::OutOfRange),
        v if v.abs() > most => Err(Reason::Implausible),
        v => Ok(v),
    }
}

fn finite(v: f64, otherwise: f64) -> f64 {
    if v.is_finite() { v } else { otherwise }
}

/// The worst case by direction: a consumer at nameplate, all others at rest.
fn worst(asset: &Asset, low: Power) -> Power {
    if matches!(asset.kind, Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_)) { low } else { Power::ZERO }
}

fn unknown(asset: &Asset) -> AssetState {
    let believed =
        |low: Power| Believed { measured: Err(Reason::InputUnknown), power: worst(asset, low), age_s: f64::MAX };
    AssetState {
        ports: asset.ports.iter().map(|p| believed(p.min)).collect(),
        availability: Availability::Out(Reason::InputUnknown),
        run_state: None,
        running: None,
        energy: asset.kind.capacity().map(|_| Err(Reason::InputUnknown)),
        min: asset.ports.first().map_or(Power::ZERO, |p| p.min),
        max: asset.ports.first().map_or(Power::ZERO, |p| p.max),
        today: Today::default(),
        potential: None,
    }
}
