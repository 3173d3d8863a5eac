//! Spans of the site's calendar on the time axis of a plan: hours from its beginning.

use super::Inputs;
use super::known::Known;
use crate::site::Daily;

/// From here to there, hours from now; the beginning may lie behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub from_h: f64,
    pub to_h: f64,
}

impl Span {
    /// Share of interval `t` that it covers.
    pub fn share(self, known: &Known, t: usize) -> f64 {
        let (begin, hours) = (known.begin[t], known.hours[t]);
        ((self.to_h.min(begin + hours) - self.from_h.max(begin)) / hours).clamp(0.0, 1.0)
    }

    /// [`Span::share`] of every interval.
    pub fn shares(self, known: &Known) -> Vec<f64> {
        (0..known.len()).map(|t| self.share(known, t)).collect()
    }
}

/// The spans that touch the horizon, in order; none while wall time is not synchronised, because nobody knows then
/// where they lie.
pub(super) fn spans(input: &Inputs<'_>, daily: &Daily) -> Vec<Span> {
    let grid = &input.horizon.grid;
    let (Some(first), Some(end)) = (grid.intervals.first(), grid.end()) else { return Vec::new() };
    if !input.state.now.synchronised {
        return Vec::new();
    }
    let hours = |p: crate::units::Park| p.seconds_since(first.start) / 3600.0;
    let found = daily.between(&input.site.zone, first.start, end);
    found.into_iter().map(|(open, close)| Span { from_h: hours(open), to_h: hours(close) }).collect()
}
