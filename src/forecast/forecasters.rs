//! The forecasters: persistence, similar day, clear-sky PV, wind that decays to its mean.

use super::history::{History, signal};
use super::sun::clear_sky;
use super::{QUARTER_S, TimeGrid};
use crate::site::{Asset, AssetIx, Kind, Site};
use crate::state::{AssetState, SiteState};
use crate::units::Park;

/// What is measured now fades into the profile with this time constant, hours.
const FADE_H: f64 = 1.5;
/// So many similar days are averaged.
const SIMILAR_DAYS: usize = 3;
/// Clearness fades to its mean with this time constant, hours.
const CLEARNESS_FADE_H: f64 = 3.0;
/// Clearness where none is known: a typical sky.
const CLEARNESS_DEFAULT: f64 = 0.6;
/// Below this share of 1000 W/m2 clearness is not estimated: shadows and the low sun's model error rule there.
const CLEARNESS_FLOOR: f64 = 0.15;
/// Wind fades to its mean with this time constant, hours ...
const WIND_FADE_H: f64 = 4.0;
/// ... which without a history is this share of the rating.
const WIND_SHARE: f64 = 0.25;

/// A quarter of the horizon, and the quarters of earlier days like it, best first.
struct Similar {
    quarter: i64,
    earlier: Vec<i64>,
}

/// Everything one horizon is made from.
pub(super) struct Desk<'a> {
    site: &'a Site,
    state: &'a SiteState,
    history: &'a History,
    grid: &'a TimeGrid,
    /// Per interval: its quarters with their shares.
    quarters: Vec<Vec<(Similar, f64)>>,
}

impl<'a> Desk<'a> {
    pub fn new(site: &'a Site, state: &'a SiteState, history: &'a History, grid: &'a TimeGrid) -> Self {
        let quarters = grid
            .intervals
            .iter()
            .map(|i| i.quarters().into_iter().map(|(q, share)| (similar(site, q), share)).collect())
            .collect();
        Self { site, state, history, grid, quarters }
    }

    /// The forecast of one asset, injections in kW; empty for kinds without one. Finite, of the right sign, within
    /// nameplate.
    pub fn forecast(&self, ix: AssetIx) -> Vec<f64> {
        let (Some(asset), Some(own)) = (self.site.assets.get(ix.0), self.state.assets.get(ix.0)) else {
            return Vec::new();
        };
        let rated = asset.kind.rated().kw();
        let (raw, low, high) = match &asset.kind {
            Kind::Pv(_) => (self.pv(ix, asset, own), 0.0, rated),
            Kind::Wind(_) => (self.wind(ix, own, rated), 0.0, rated),
            Kind::Load(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => {
                (self.load(ix, asset, own, rated), -rated, 0.0)
            }
            _ => return Vec::new(),
        };
        let worst = low;
        raw.into_iter().map(|v| if v.is_finite() { v.clamp(low, high) } else { worst }).collect()
    }

    fn lead_h(&self, t: usize) -> f64 {
        self.grid.intervals.get(t).map_or(0.0, |i| i.start.seconds_since(self.state.now.park) / 3600.0 + i.hours / 2.0)
    }

    /// Similar day, corrected by what is measured now. Without a similar day: persistence. Without either: nameplate,
    /// the worst case.
    fn load(&self, ix: AssetIx, asset: &Asset, own: &AssetState, rated: f64) -> Vec<f64> {
        let now = signal(&asset.kind, own).and_then(Result::ok);
        let profile: Vec<Option<f64>> = self.quarters.iter().map(|q| self.profile(ix, q)).collect();
        let here = profile.first().copied().flatten();
        let typical = self.history.overall(ix);
        (0..self.quarters.len())
            .map(|t| {
                let fade = (-self.lead_h(t) / FADE_H).exp();
                match (profile.get(t).copied().flatten(), now) {
                    (Some(p), Some(n)) => p + fade * (n - here.unwrap_or(p)),
                    (Some(p), None) => p,
                    (None, Some(n)) => typical.map_or(n, |m| m + fade * (n - m)),
                    (None, None) => typical.unwrap_or(-rated),
                }
            })
            .collect()
    }

    fn profile(&self, ix: AssetIx, quarters: &[(Similar, f64)]) -> Option<f64> {
        let mut sum = 0.0;
        for (similar, share) in quarters {
            let days: Vec<f64> =
                similar.earlier.iter().filter_map(|q| self.history.mean(ix, *q)).take(SIMILAR_DAYS).collect();
            if days.is_empty() {
                return None;
            }
            sum += share * days.iter().sum::<f64>() / days.len() as f64;
        }
        Some(sum)
    }

    fn clear_kw(&self, quarter: i64, asset: &Asset) -> f64 {
        let Kind::Pv(k) = &asset.kind else { return 0.0 };
        let middle = Park::from_unix(quarter * QUARTER_S + QUARTER_S / 2);
        k.rated_kw * clear_sky(middle, (self.site.latitude_deg, self.site.longitude_deg), k.tilt_deg, k.azimuth_deg)
    }

    /// Clear sky times clearness: the latest one, fading to that of the last days.
    fn pv(&self, ix: AssetIx, asset: &Asset, own: &AssetState) -> Vec<f64> {
        let rated = asset.kind.rated().kw();
        let floor = CLEARNESS_FLOOR * rated;
        let this = (self.state.now.park.unix() / QUARTER_S as f64).floor() as i64;
        let ratio = |kw: f64, clear: f64| (clear > floor).then(|| (kw / clear).clamp(0.02, 1.2));
        let past = |back: std::ops::Range<i64>| {
            let (mut got, mut clear_sum) = (0.0, 0.0);
            for q in back.map(|b| this - b) {
                let clear = self.clear_kw(q, asset);
                if let Some(kw) = self.history.mean(ix, q).filter(|_| clear > floor) {
                    got += kw;
                    clear_sum += clear;
                }
            }
            (clear_sum > 0.0).then(|| (got / clear_sum).clamp(0.02, 1.2))
        };
        let mean = past(1..3 * 96).unwrap_or(CLEARNESS_DEFAULT);
        let measured = signal(&asset.kind, own).and_then(Result::ok).and_then(|kw| ratio(kw, self.clear_now(asset)));
        let recent = match (measured, past(1..4)) {
            (Some(now), Some(hour)) => Some(0.5 * (now + hour)),
            (now, hour) => now.or(hour),
        };
        self.quarters
            .iter()
            .enumerate()
            .map(|(t, quarters)| {
                let fade = (-self.lead_h(t) / CLEARNESS_FADE_H).exp();
                let clearness = recent.map_or(mean, |r| mean + fade * (r - mean));
                quarters.iter().map(|(q, share)| share * clearness * self.clear_kw(q.quarter, asset)).sum()
            })
            .collect()
    }

    fn clear_now(&self, asset: &Asset) -> f64 {
        let Kind::Pv(k) = &asset.kind else { return 0.0 };
        let place = (self.site.latitude_deg, self.site.longitude_deg);
        k.rated_kw * clear_sky(self.state.now.park, place, k.tilt_deg, k.azimuth_deg)
    }

    fn wind(&self, ix: AssetIx, own: &AssetState, rated: f64) -> Vec<f64> {
        let mean = self.history.overall(ix).unwrap_or(WIND_SHARE * rated);
        let kind = self.site.assets.get(ix.0).map(|a| &a.kind);
        let now = kind.and_then(|k| signal(k, own)).and_then(Result::ok);
        (0..self.quarters.len())
            .map(|t| now.map_or(mean, |n| mean + (-self.lead_h(t) / WIND_FADE_H).exp() * (n - mean)))
            .collect()
    }
}

/// The same local time on earlier days: first days of the same kind (working day, weekend), newest first, then
/// the others. By the site's calendar, so that a change of the clock does not shift a shift.
fn similar(site: &Site, quarter: i64) -> Similar {
    let at = Park::from_unix(quarter * QUARTER_S).0.to_zoned_datetime(site.zone.clone());
    let weekend =
        |z: &jiff::ZonedDateTime| matches!(z.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for days in 1..=8_i64 {
        let Ok(before) = at.checked_sub(jiff::Span::new().days(days)) else { continue };
        let q = before.timestamp().as_second().div_euclid(QUARTER_S);
        if weekend(&before) == weekend(&at) { same.push(q) } else { other.push(q) }
    }
    same.extend(other);
    Similar { quarter, earlier: same }
}
