//! The last word: every limit, enforced on every command, whoever asked for it. Knows nothing of plans or prices.
//! It only narrows; each clip is counted and named.

use crate::site::{Asset, Kind, Limiter, Range, Site};
use crate::state::{AssetState, Availability, SiteState};

/// A store is not driven to the end of its window faster than over this time, seconds.
const TAPER_S: f64 = 60.0;

/// A command after the guard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guarded {
    /// Injection at the principal port, kW.
    pub power_kw: Option<f64>,
    /// Run or rest.
    pub on: Option<bool>,
    /// What narrowed it last.
    pub by: Option<Limiter>,
}

/// The interval a power must stay in, and who drew its ends.
struct Corridor {
    low: (f64, Option<Limiter>),
    high: (f64, Option<Limiter>),
}

impl Corridor {
    fn floor(&mut self, kw: f64, by: Limiter) {
        if kw > self.low.0 {
            self.low = (kw, Some(by));
        }
    }
    fn ceiling(&mut self, kw: f64, by: Limiter) {
        if kw < self.high.0 {
            self.high = (kw, Some(by));
        }
    }
    fn narrow(&self, kw: f64) -> (f64, Option<Limiter>) {
        if kw > self.high.0 {
            (self.high.0, self.high.1)
        } else if kw < self.low.0 {
            (self.low.0, self.low.1)
        } else {
            (kw, None)
        }
    }
}

/// Narrows what is wanted of one asset to what its own limits, its store and the PCC (`pcc`: what may cross it) allow at
/// this moment.
#[must_use]
pub fn narrow(
    site: &Site,
    state: &SiteState,
    pcc: Option<Range>,
    asset: &Asset,
    own: &AssetState,
    power_kw: Option<f64>,
    on: Option<bool>,
) -> Guarded {
    let mut guarded = Guarded { power_kw, on, by: None };
    if let Some(wanted) = power_kw {
        let finite = if wanted.is_finite() { wanted } else { 0.0 };
        let (given, by) = corridor(site, state, pcc, asset, own).narrow(finite);
        guarded.power_kw = Some(given);
        guarded.by =
            if (given - wanted).abs() > 1e-9 || !wanted.is_finite() { by.or(Some(Limiter::Rating)) } else { None };
    }
    if let (Some(wanted), Some(allowed)) = (on, commitment(state, asset, own))
        && wanted != allowed
    {
        guarded.on = Some(allowed);
        guarded.by = Some(Limiter::Commitment);
    }
    guarded
}

fn corridor(site: &Site, state: &SiteState, pcc: Option<Range>, asset: &Asset, own: &AssetState) -> Corridor {
    let mut c = own_limits(asset, own);
    if let Some(pcc) = pcc {
        relieve_pcc(site, state, pcc, asset, own, &mut c);
    }
    c
}

/// Lowest and highest injection that the asset itself allows at this moment, kW.
pub(super) fn limits(asset: &Asset, own: &AssetState) -> (f64, f64) {
    let c = own_limits(asset, own);
    (c.low.0, c.high.0)
}

/// What the asset itself allows, whatever the PCC asks for. Never empty: a store's corridor always holds 0.
fn own_limits(asset: &Asset, own: &AssetState) -> Corridor {
    let (low, high) = asset.ports.first().map_or((0.0, 0.0), |p| (p.min.kw(), p.max.kw()));
    let mut c = Corridor { low: (low, Some(Limiter::Rating)), high: (high, Some(Limiter::Rating)) };
    c.floor(own.min.kw(), Limiter::Device);
    c.ceiling(own.max.kw(), Limiter::Device);
    if let Kind::Battery(k) = &asset.kind {
        let Some(Ok(energy)) = own.energy else {
            // Never charged or discharged on a state of charge nobody knows.
            return Corridor { low: (0.0, Some(Limiter::Energy)), high: (0.0, Some(Limiter::Energy)) };
        };
        let per_h = 3600.0 / TAPER_S;
        c.ceiling(((energy - k.soc_min * k.capacity_kwh) * k.discharge_efficiency * per_h).max(0.0), Limiter::Energy);
        c.floor((-(k.soc_max * k.capacity_kwh - energy) / k.charge_efficiency * per_h).min(0.0), Limiter::Energy);
    }
    c
}

/// Beyond a limit of the PCC nothing may draw (or inject) more than it does now, and what can gives way, but only as
/// far as its own limits reach: beyond them a store would be overfilled, and a cap would change its sign.
fn relieve_pcc(site: &Site, state: &SiteState, pcc: Range, asset: &Asset, own: &AssetState, c: &mut Corridor) {
    let import = || Some(state.assets.get(site.pcc()?.0)?.ports.first()?.power.kw());
    let (Some(import), Some(now)) = (import(), own.ports.first().and_then(|p| p.measured.ok())) else { return };
    let (over_import, over_export) = (import - pcc.high.kw, pcc.low.kw - import);
    if over_import > 0.0 && matches!(asset.kind, Kind::Battery(_) | Kind::EvCharger(_)) {
        c.floor((now + over_import).min(c.high.0), pcc.high.by);
    }
    if over_export > 0.0 && matches!(asset.kind, Kind::Battery(_) | Kind::Pv(_) | Kind::Wind(_)) {
        c.ceiling((now - over_export).max(c.low.0), pcc.low.by);
    }
}

/// What minimum up and down time allow; `None` where they do not bind. A machine that has faulted or cannot be judged
/// is never kept running for their sake.
fn commitment(state: &SiteState, asset: &Asset, own: &AssetState) -> Option<bool> {
    let rule = asset.kind.commitment()?;
    let running = own.running?;
    if running.on && own.availability != Availability::Available {
        return None;
    }
    let lasted_s = state.now.park.seconds_since(running.since);
    let least_min = if running.on { rule.min_up_min } else { rule.min_down_min };
    (lasted_s < f64::from(least_min) * 60.0).then_some(running.on)
}
