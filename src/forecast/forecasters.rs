//! The forecasters: what is learnt of the time of day, corrected by what is measured now for as long as that is known to last,
//! and by what others forecast.

use super::history::{History, Series, Sight};
use super::model::Habit;
use super::offer::Subject;
use super::score::{Guess, Lead};
use super::signal::{Form, OUTDOOR, clear_kw, form, habit, level, value};
use super::slot::Slots;
use super::{QUARTER_S, Quantiles, TimeGrid};
use crate::site::{Asset, AssetIx, Site};
use crate::units::Park;

/// Clearness where none is known: a typical sky.
const CLEARNESS_DEFAULT: f64 = 0.6;
/// Wind without a history is this share of the rating.
const WIND_SHARE: f64 = 0.25;
/// Outside this time of day's experience the spread is so much wider.
const UNKNOWN_WIDER: f64 = 1.5;
/// A deviation older than this says little of the next hours, quarters.
const RECENT: usize = 4;
/// Outdoor temperature spreads in units of this, K.
const OUTDOOR_SCALE_K: f64 = 10.0;

/// A quarter of an hour in an interval.
struct Part {
    quarter: i64,
    share: f64,
    slots: Slots,
}

/// Everything one horizon is made from.
pub(super) struct Desk<'a> {
    site: &'a Site,
    history: &'a History,
    sight: &'a Sight,
    grid: &'a TimeGrid,
    parts: Vec<Vec<Part>>,
    /// Outdoor temperature along the grid, where it is known.
    outdoor: Vec<Option<f64>>,
    /// The forecasts of others are heard: their times are times of a clock that is right.
    heard: bool,
}

/// One interval of one signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guessed {
    pub own: Guess,
    /// What others say, as far as they speak of the interval, and the unit of how far outcomes stray from it.
    pub external: Option<(Guess, f64)>,
    /// Share of the interval that others speak of.
    pub share: f64,
    /// Unit of how far outcomes stray from the own forecast.
    pub scale: f64,
}

/// All intervals of one signal.
pub(super) struct Guesses {
    pub form: Form,
    pub guesses: Vec<Guessed>,
    /// Spread before any outcome is known.
    pub prior: f64,
    /// Largest magnitude.
    pub most: f64,
}

/// One signal on the desk.
struct Subjected<'a> {
    series: &'a Series,
    asset: Option<&'a Asset>,
    form: Form,
    habit: Habit,
    low: f64,
    high: f64,
    now: Option<f64>,
}

/// An own forecast before it is bounded.
struct Point {
    value: f64,
    /// This time of day has been seen.
    known: bool,
    clear_kw: f64,
}

impl<'a> Desk<'a> {
    pub fn new(site: &'a Site, history: &'a History, sight: &'a Sight, grid: &'a TimeGrid, heard: bool) -> Self {
        let part = |(quarter, share)| Part { quarter, share, slots: Slots::of(site, quarter) };
        let parts = grid.intervals.iter().map(|i| i.quarters().into_iter().map(part).collect()).collect();
        let mut desk = Self { site, history, sight, grid, parts, outdoor: Vec::new(), heard };
        desk.outdoor = match desk.guesses(site.assets.len()) {
            Some(all) => all.guesses.iter().map(|g| Some(g.mixed().value)).collect(),
            None => vec![None; grid.intervals.len()],
        };
        desk
    }

    /// The forecast of one asset, injections in kW, and its quantiles; empty for kinds without one. Finite, of the right
    /// sign, within nameplate.
    pub fn forecast(&self, ix: AssetIx) -> (Vec<f64>, Quantiles) {
        let mixed: Vec<Guess> =
            self.guesses(ix.0).map(|all| all.guesses.iter().map(Guessed::mixed).collect()).unwrap_or_default();
        let along = |f: fn(&Guess) -> f64| mixed.iter().map(f).collect();
        (along(|g| g.value), Quantiles { p10: along(|g| g.p10), p90: along(|g| g.p90) })
    }

    /// Outdoor temperature along the grid, degC; `None` where it is not known throughout.
    pub fn outdoor(&self) -> Option<Vec<f64>> {
        self.outdoor.iter().copied().collect()
    }

    /// All intervals of the signal of one asset, or of outdoor temperature (one beyond the last asset); `None` if there is none.
    pub fn guesses(&self, ix: usize) -> Option<Guesses> {
        let none = Series::default();
        let on = self.subject(ix, &none)?;
        let subject = if on.asset.is_some() { Subject::Asset(AssetIx(ix)) } else { Subject::Outdoor };
        let points = self.points(&on)?;
        let recent = on.now.is_some() || on.series.model.newest().is_some_and(|(_, back)| back < RECENT);
        let prior = on.prior();
        let guesses = points.iter().zip(&self.grid.intervals).enumerate().map(|(t, (point, interval))| {
            let lead = Lead::of_hours(self.lead_h(t));
            let band = if recent { lead } else { Lead::Day };
            let wider = if point.known { 1.0 } else { UNKNOWN_WIDER };
            let (low, high) = on.series.own.spread(band, prior);
            let value = point.value.clamp(on.low, on.high);
            let scale = on.scale(value, point.clear_kw);
            // A spread that is not yet known where it is needed is wide, and so is all that is unknown here.
            let own = on.guess(value, value + wider * scale * low, value + wider * scale * high);
            let said = self.heard.then(|| self.history.external().said(subject, interval, self.sight.at)).flatten();
            let external = said.map(|said| {
                let scale = on.scale(said.value, point.clear_kw);
                let (low, high) = on.series.external.spread(lead, prior);
                let (p10, p90) = said.band.unwrap_or((said.value + scale * low, said.value + scale * high));
                (on.guess(said.value, p10, p90), scale)
            });
            Guessed { own, external, share: said.map_or(0.0, |s| s.share), scale }
        });
        Some(Guesses { form: on.form, guesses: guesses.collect(), prior, most: on.high.max(-on.low) })
    }

    fn subject<'s>(&'s self, ix: usize, none: &'s Series) -> Option<Subjected<'s>> {
        let series = self.history.series(ix).unwrap_or(none);
        let now = self.sight.values.get(ix).copied().flatten();
        let Some(asset) = self.site.assets.get(ix) else {
            let (low, high) = (-60.0, 60.0);
            return Some(Subjected { series, asset: None, form: Form::Outdoor, habit: OUTDOOR, low, high, now });
        };
        let form = form(&asset.kind)?;
        let rated = asset.kind.rated().kw();
        let (low, high) =
            if matches!(form, Form::Sun | Form::Wind | Form::Process) { (0.0, rated) } else { (-rated, 0.0) };
        Some(Subjected { series, asset: Some(asset), form, habit: habit(self.site, asset, form), low, high, now })
    }

    fn lead_h(&self, t: usize) -> f64 {
        self.grid.intervals.get(t).map_or(0.0, |i| i.start.seconds_since(self.sight.at) / 3600.0 + i.hours / 2.0)
    }

    /// The own forecast; `None` only for a temperature of which nothing at all is known.
    fn points(&self, on: &Subjected<'_>) -> Option<Vec<Point>> {
        let anchor = self.anchor(on);
        let worst = (on.form != Form::Outdoor).then_some(on.low);
        let default = on.typical().or(on.now).or(worst);
        let along = self.parts.iter().enumerate().map(|(t, parts)| {
            let left = anchor.map_or(0.0, |(deviation, age_h)| {
                deviation * on.series.model.left_after(self.lead_h(t) + age_h, &on.habit)
            });
            let mut point = Point { value: 0.0, known: true, clear_kw: 0.0 };
            for part in parts {
                let slot = part.slots.of_habit(&on.habit);
                let expected = on.series.model.expected(slot, self.outdoor.get(t).copied().flatten(), &on.habit);
                let (mean, known) = expected.or(default.map(|d| (d, false)))?;
                let middle = Park::from_unix(part.quarter * QUARTER_S + QUARTER_S / 2);
                let clear = on.asset.map_or(0.0, |asset| clear_kw(self.site, &asset.kind, middle));
                let level = mean + left;
                point.value += part.share * on.asset.map_or(level, |asset| value(asset, level, clear));
                point.known &= known;
                point.clear_kw += part.share * clear;
            }
            Some(point).filter(|p| p.value.is_finite())
        });
        along.collect()
    }

    /// How far the newest value known lies from what was expected of it, and its age in hours.
    fn anchor(&self, on: &Subjected<'_>) -> Option<(f64, f64)> {
        let at = self.sight.at;
        let slots = Slots::of(self.site, (at.unix() / QUARTER_S as f64).floor() as i64);
        let outdoor = self.sight.values.last().copied().flatten();
        let level = match on.asset {
            Some(asset) => on.now.and_then(|kw| level(asset, kw, clear_kw(self.site, &asset.kind, at))),
            None => on.now,
        };
        let slot = slots.of_habit(&on.habit);
        let expected = on.series.model.expected(slot, outdoor, &on.habit).map(|(e, _)| e).or(on.typical());
        let now = level.zip(expected).map(|(l, e)| l - e);
        let newest = on.series.model.newest().zip(self.history.quarter()).map(|((deviation, back), quarter)| {
            let middle = (quarter - back as i64) as f64 * QUARTER_S as f64 - QUARTER_S as f64 / 2.0;
            (deviation, back, ((at.unix() - middle) / 3600.0).max(0.0))
        });
        match (now, newest) {
            // Gusts and the edges of clouds: an instant tells only half.
            (Some(now), Some((last, 0, _))) if matches!(on.form, Form::Sun | Form::Wind) => {
                Some((0.5 * (now + last), 0.0))
            }
            (Some(now), _) => Some((now, 0.0)),
            (None, newest) => newest.map(|(last, _, age_h)| (last, age_h)),
        }
    }
}

impl Subjected<'_> {
    /// What is learnt of the signal, where nothing has been learnt.
    fn typical(&self) -> Option<f64> {
        match self.form {
            Form::Sun => Some(CLEARNESS_DEFAULT),
            Form::Wind => self.asset.and_then(|asset| level(asset, WIND_SHARE * self.high, 0.0)),
            _ => None,
        }
    }

    /// The unit of how far outcomes stray: it makes errors of different hours alike.
    fn scale(&self, value: f64, clear_kw: f64) -> f64 {
        let rated = self.high.max(-self.low).max(1e-9);
        let share = (value / rated).abs().clamp(0.0, 1.0);
        match self.form {
            Form::Sun => clear_kw,
            // Few cars come, each by itself: what they draw spreads like the root of it.
            Form::Cars => rated * share.max(0.02).sqrt(),
            // Steepest in the middle of the power curve.
            Form::Wind => rated * (0.2 + 1.6 * (share * (1.0 - share)).sqrt()),
            Form::Consumer | Form::Process => rated,
            Form::Outdoor => OUTDOOR_SCALE_K,
        }
    }

    /// Spread before any outcome is known, in units of the scale.
    const fn prior(&self) -> f64 {
        match self.form {
            Form::Sun => 0.45,
            Form::Wind => 0.35,
            Form::Cars => 0.4,
            Form::Consumer | Form::Process => 0.15,
            Form::Outdoor => 0.3,
        }
    }

    fn guess(&self, value: f64, p10: f64, p90: f64) -> Guess {
        let value = value.clamp(self.low, self.high);
        Guess { value, p10: p10.clamp(self.low, value), p90: p90.clamp(value, self.high) }
    }
}

impl Guessed {
    /// What others say as far as they speak, else the own.
    pub fn mixed(&self) -> Guess {
        let Some((external, _)) = self.external else { return self.own };
        let of = |own: f64, other: f64| own + self.share * (other - own);
        Guess {
            value: of(self.own.value, external.value),
            p10: of(self.own.p10, external.p10),
            p90: of(self.own.p90, external.p90),
        }
    }
}
