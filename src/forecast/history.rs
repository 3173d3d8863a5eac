//! What has been: means per quarter of an hour of everything that is forecast, what is learnt of them, and how good the
//! forecasts of them were.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::external::External;
use super::grid::QUARTER_S;
use super::model::{Model, Moments};
use super::score::{Lead, Score, Track};
use super::signal::{OUTDOOR, by_weather, clear_kw, form, habit, level, signal};
use super::slot::Slots;
use super::ticket::{self, Ticket};
use crate::site::{AssetIx, Site, Value};
use crate::state::{SiteState, Weather};
use crate::units::Park;

/// Quarters whose means are kept as such: two days. What is older lives on in what was learnt of it.
const KEPT: usize = 2 * 96;
/// A quarter of which less than this share was known is a gap.
const KNOWN_SHARE: f64 = 0.5;
/// A source that delivers less than this share of what the weather gives is held back, by whatever: it tells nothing.
const HELD_BACK: f64 = 0.5;
/// What really comes of what the weather gives is learnt over so many looks ...
const GAUGE_LOOKS: f64 = 1e5;
/// ... before which this share is believed.
const GAUGE_PRIOR: f64 = 0.9;

/// One signal: an asset's, or outdoor temperature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Series {
    /// Quarter by quarter; a gap is `None`, never 0.
    means: VecDeque<Option<f32>>,
    sum: f64,
    known: f64,
    seen: f64,
    pub model: Model,
    pub own: Track,
    pub external: Track,
    gauge: Moments,
}

/// Everything forecasts are made from, but the present. Per asset that is forecast: for PV and wind what could be delivered,
/// for flexible consumers what was wanted, for loads what was drawn; as injections in kW. Kept across restarts, but for what
/// others forecast and for forecasts whose outcome is awaited. While wall time is not synchronised nothing is added, because
/// nobody knows where it belongs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Asset names the series belong to: a changed site file starts anew.
    assets: Vec<String>,
    /// Quarter since the epoch that is being observed.
    quarter: Option<i64>,
    /// One per asset, and last the outdoor temperature.
    series: Vec<Series>,
    /// It is fed with means of intervals; what is measured at an instant then tells nothing that is not in them.
    by_means: bool,
    /// Forecasts whose outcome is awaited, by the quarter after their last.
    #[serde(skip)]
    tickets: BTreeMap<i64, Vec<Ticket>>,
    #[serde(skip)]
    external: Arc<External>,
}

/// Means over one interval, for a history that is fed from a record.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// Beginning.
    pub from: Park,
    /// End; more than `from`, at most a day later.
    pub to: Park,
    /// Per asset, kW, as [`History`] says; an asset that is not in it, or not finite, is a gap.
    pub kw: &'a [(AssetIx, f64)],
    /// Of the outdoor temperature the mean; the rest may be unknown.
    pub weather: Weather,
}

/// What is known at the instant from which the forecasts look ahead: one value per series, as in [`History`].
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub at: Park,
    pub values: Vec<Option<f64>>,
}

impl Series {
    fn count(&mut self, value: Option<f64>, weight: f64) {
        self.seen += weight;
        if let Some(v) = value.filter(|v| v.is_finite()) {
            self.sum += v * weight;
            self.known += weight;
        }
    }

    fn close(&mut self) -> Option<f64> {
        let whole = self.known > 0.0 && self.known >= KNOWN_SHARE * self.seen;
        let mean = whole.then(|| self.sum / self.known);
        (self.sum, self.known, self.seen) = (0.0, 0.0, 0.0);
        mean
    }

    fn push(&mut self, mean: Option<f64>) {
        if self.means.len() == KEPT {
            self.means.pop_front();
        }
        self.means.push_back(mean.map(|m| m as f32));
    }

    /// What is believed of a source that may be held back or not measured at all, by what the weather gives.
    fn judged(&self, value: Value, certain: bool, by_weather: Option<f64>) -> Option<f64> {
        let given = by_weather.map(|w| w * self.gauge.slope(GAUGE_PRIOR, 1e3).clamp(0.3, 1.5));
        match (value.ok(), given) {
            (Some(kw), Some(given)) if !certain && kw < HELD_BACK * given => Some(given),
            (Some(kw), _) => Some(kw),
            (None, given) => given,
        }
    }
}

impl History {
    /// Takes one cycle in. Call it with every state, in order.
    pub fn observe(&mut self, site: &Site, state: &SiteState) {
        if !state.now.synchronised {
            return;
        }
        self.fit(site);
        self.by_means = false;
        let now = state.now.park;
        let rolled = self.advance(site, (now.unix() / QUARTER_S as f64).floor() as i64);
        for ((series, asset), own) in self.series.iter_mut().zip(&site.assets).zip(&state.assets) {
            let Some(value) = signal(&asset.kind, own) else { continue };
            let given = by_weather(site, asset, &state.weather, now).filter(|w| *w > 0.0);
            let certain = matches!(own.potential, Some(Ok(_)));
            if let (Ok(kw), Some(given)) = (value, given)
                && (certain || kw >= HELD_BACK * given)
            {
                series.gauge.learn(given, kw, GAUGE_LOOKS);
            }
            let value = series.judged(value, certain, given);
            series.count(value, 1.0);
        }
        if let Some(outdoor) = self.series.last_mut() {
            outdoor.count(state.weather.outdoor_c.ok(), 1.0);
        }
        if rolled {
            let sight = self.sight(site, state);
            self.issue(site, &sight);
        }
    }

    /// Takes the means of one interval in, of any length from a minute to an hour; call it in order. A quarter of an hour that
    /// ends with it is closed at once. A history that is fed so forecasts from these means alone: what the state that
    /// [`super::horizon`] is given says to be measured is then not looked at, so that no future can leak from it.
    pub fn learn(&mut self, site: &Site, means: &Means<'_>) {
        let (from, to) = (means.from.unix(), means.to.unix());
        if !(to > from && to - from <= 86_400.0) {
            return;
        }
        self.fit(site);
        self.by_means = true;
        let step = QUARTER_S as f64;
        let mut at = from;
        while at < to - 1e-6 {
            let quarter = (at / step + 1e-9).floor() as i64;
            self.turn(site, quarter);
            let end = to.min((quarter + 1) as f64 * step);
            for (ix, series) in self.series.iter_mut().enumerate().take(site.assets.len()) {
                let kw = means.kw.iter().find(|(a, _)| a.0 == ix).map(|(_, kw)| *kw);
                series.count(kw, end - at);
            }
            if let Some(outdoor) = self.series.last_mut() {
                outdoor.count(means.weather.outdoor_c.ok(), end - at);
            }
            at = end;
        }
        self.turn(site, (to / step + 1e-9).floor() as i64);
    }

    /// Listens to the forecasts of others from now on.
    pub fn hear(&mut self, external: Arc<External>) {
        self.external = external;
    }

    pub(super) fn external(&self) -> &External {
        &self.external
    }

    pub(super) fn series(&self, ix: usize) -> Option<&Series> {
        self.series.get(ix)
    }

    /// What is known at the instant of a state.
    pub(super) fn sight(&self, site: &Site, state: &SiteState) -> Sight {
        let at = state.now.park;
        if self.by_means {
            return Sight { at, values: Vec::new() };
        }
        let none = Series::default();
        let mut values: Vec<Option<f64>> = Vec::with_capacity(site.assets.len() + 1);
        for (ix, (asset, own)) in site.assets.iter().zip(&state.assets).enumerate() {
            let series = self.series.get(ix).unwrap_or(&none);
            let given = by_weather(site, asset, &state.weather, at);
            let certain = matches!(own.potential, Some(Ok(_)));
            values.push(signal(&asset.kind, own).and_then(|v| series.judged(v, certain, given)));
        }
        values.push(state.weather.outdoor_c.ok().filter(|c| c.is_finite()));
        Sight { at, values }
    }

    fn fit(&mut self, site: &Site) {
        let named = self.assets.iter().zip(&site.assets).all(|(n, a)| *n == a.id);
        if named && self.assets.len() == site.assets.len() && self.series.len() == site.assets.len() + 1 {
            return;
        }
        *self = Self {
            assets: site.assets.iter().map(|a| a.id.clone()).collect(),
            series: vec![Series::default(); site.assets.len() + 1],
            external: Arc::clone(&self.external),
            ..Self::default()
        };
    }

    /// Moves on to `quarter` where only means are known.
    fn turn(&mut self, site: &Site, quarter: i64) {
        if self.advance(site, quarter) {
            self.issue(site, &Sight { at: Park::from_unix(quarter * QUARTER_S), values: Vec::new() });
        }
    }

    /// Closes quarters up to `quarter`; what was slept through is a gap. True if one was closed. After a step back in time, or
    /// a long sleep, what was learnt stands and what has just been does not.
    fn advance(&mut self, site: &Site, quarter: i64) -> bool {
        let Some(current) = self.quarter.replace(quarter) else { return false };
        if quarter < current || quarter - current > KEPT as i64 {
            for series in &mut self.series {
                series.means.clear();
                series.close();
                series.model.interrupt();
            }
            self.tickets.clear();
            return false;
        }
        for passed in 0..quarter - current {
            self.close(site, current + passed);
        }
        quarter > current
    }

    fn close(&mut self, site: &Site, quarter: i64) {
        let slots = Slots::of(site, quarter);
        let outdoor = self.series.last_mut().and_then(Series::close);
        if let Some(series) = self.series.last_mut() {
            series.push(outdoor);
            series.model.learn(slots.day, outdoor, None, &OUTDOOR);
        }
        let middle = Park::from_unix(quarter * QUARTER_S + QUARTER_S / 2);
        for (series, asset) in self.series.iter_mut().zip(&site.assets) {
            let Some(form) = form(&asset.kind) else { continue };
            let mean = series.close();
            series.push(mean);
            let habit = habit(site, asset, form);
            let clear = clear_kw(site, &asset.kind, middle);
            let level = mean.and_then(|kw| level(asset, kw, clear));
            series.model.learn(slots.of_habit(&habit), level, outdoor, &habit);
        }
        self.settle(quarter + 1);
    }

    /// On every whole hour: forecasts whose outcomes will be held against them.
    fn issue(&mut self, site: &Site, sight: &Sight) {
        let Some(quarter) = self.quarter.filter(|q| q % 4 == 0) else { return };
        for (due, ticket) in ticket::issue(site, self, sight, quarter) {
            self.tickets.entry(due).or_default().push(ticket);
        }
    }

    fn settle(&mut self, due: i64) {
        // What is overdue was slept through.
        let later = self.tickets.split_off(&(due + 1));
        let mut now = std::mem::replace(&mut self.tickets, later);
        for ticket in now.remove(&due).unwrap_or_default() {
            let quarters = ticket.quarters;
            if let Some(series) = self.series.get_mut(ticket.series) {
                let newest = series.means.iter().rev().take(quarters);
                let known: Option<Vec<f64>> = newest.map(|m| m.map(f64::from)).collect();
                if let Some(known) = known.filter(|k| k.len() == quarters) {
                    ticket.settle(series, known.iter().sum::<f64>() / quarters as f64);
                }
            }
        }
    }

    /// Mean of an asset in a past quarter (number since the epoch; two days back at most), if known, kW.
    #[must_use]
    pub fn mean(&self, asset: AssetIx, quarter: i64) -> Option<f64> {
        let series = self.series.get(asset.0).filter(|_| asset.0 < self.assets.len())?;
        let back = usize::try_from(self.quarter? - quarter).ok().filter(|b| *b >= 1)?;
        let at = series.means.len().checked_sub(back)?;
        series.means.get(at).copied().flatten().map(f64::from)
    }

    /// The newest quarter under observation (not yet a mean).
    #[must_use]
    pub fn quarter(&self) -> Option<i64> {
        self.quarter
    }

    /// How good the forecasts of an asset were (kW), or of outdoor temperature (K, no asset): own ones, or those of others.
    /// `None` where no outcome is known yet.
    #[must_use]
    pub fn score(&self, asset: Option<AssetIx>, external: bool, lead: Lead) -> Option<Score> {
        let series = asset.map_or_else(|| self.series.last(), |a| self.series.get(a.0))?;
        if external { series.external.score(lead) } else { series.own.score(lead) }
    }
}
