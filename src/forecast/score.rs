//! How good forecasts were, by how far ahead they looked, and how far the outcomes strayed from them.

use serde::{Deserialize, Serialize};

/// How far ahead a forecast looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lead {
    /// Less than an hour.
    Hour,
    /// One to four hours.
    Hours,
    /// Four to twelve hours.
    HalfDay,
    /// Twelve to 36 hours.
    Day,
}

impl Lead {
    /// All of them, nearest first.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Hours, Self::HalfDay, Self::Day];

    /// Of a forecast so many hours ahead.
    #[must_use]
    pub fn of_hours(hours: f64) -> Self {
        match hours {
            h if h < 1.0 => Self::Hour,
            h if h < 4.0 => Self::Hours,
            h if h < 12.0 => Self::HalfDay,
            _ => Self::Day,
        }
    }

    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "0-1 h",
            Self::Hours => "1-4 h",
            Self::HalfDay => "4-12 h",
            Self::Day => "12-36 h",
        }
    }
}

/// Outcomes weigh less by this time constant, hours.
const MEMORY_H: f64 = 168.0;

/// Errors of the last week or so, in units of what was forecast; older outcomes count less and less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Outcomes in it, by weight.
    pub outcomes: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Outcome less forecast, mean.
    pub bias: f64,
    /// Mean pinball loss of p10, p50 (the forecast) and p90.
    pub pinball: [f64; 3],
    /// Share of the outcomes between p10 and p90: 0.8 if these are honest.
    pub coverage: f64,
}

/// What was forecast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Guess {
    pub value: f64,
    pub p10: f64,
    pub p90: f64,
}

impl Score {
    fn take(&mut self, guess: Guess, outcome: f64, per_hour: f64) {
        let Guess { value: p50, p10, p90 } = guess;
        let keep = 1.0 - 1.0 / (MEMORY_H * per_hour);
        self.outcomes = self.outcomes * keep + 1.0;
        let rate = 1.0 / self.outcomes;
        let move_to = |mean: &mut f64, now: f64| *mean += rate * (now - *mean);
        move_to(&mut self.mae, (outcome - p50).abs());
        move_to(&mut self.bias, outcome - p50);
        for (loss, (quantile, share)) in self.pinball.iter_mut().zip([(p10, 0.1), (p50, 0.5), (p90, 0.9)]) {
            let over = outcome - quantile;
            move_to(loss, (share * over).max((share - 1.0) * over));
        }
        // What lies on the bound is told as in: a load at its nameplate, wind at nothing.
        let slack = 1e-6 * (1.0 + outcome.abs());
        move_to(&mut self.coverage, f64::from(u8::from(p10 - slack <= outcome && outcome <= p90 + slack)));
    }
}

/// Where eight of ten outcomes lie around a forecast, as shares of a scale. Each outcome moves the bounds: little when it
/// lies within, much when it does not, so that in the long run one in ten lies below and one in ten above, whatever their law.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Spread {
    low: f64,
    high: f64,
    seen: f64,
}

impl Spread {
    /// The narrowest that is believed.
    const NARROWEST: f64 = 0.002;

    fn take(&mut self, strayed: f64) {
        // Quick at first; then slow, because the outcomes of a day are much alike and come a day late.
        let rate = 0.005 + 0.06 * (-self.seen / 150.0).exp();
        let step = rate * (self.high - self.low).max(Self::NARROWEST);
        self.low += step * (0.1 - f64::from(u8::from(strayed < self.low)));
        self.high += step * (f64::from(u8::from(strayed > self.high)) - 0.1);
        self.seen += 1.0;
    }
}

/// Score and spread of one source of forecasts for one signal, by lead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Track {
    scores: [Score; 4],
    spreads: [Option<Spread>; 4],
}

impl Track {
    pub fn score(&self, lead: Lead) -> Option<Score> {
        self.scores.get(lead as usize).copied().filter(|s| s.outcomes > 0.0)
    }

    /// Bounds of the outcome less the forecast, as shares of the scale; `prior` on either side where none is known.
    pub fn spread(&self, lead: Lead, prior: f64) -> (f64, f64) {
        let known = self.spreads.get(lead as usize).copied().flatten();
        known.map_or((-prior, prior), |s| (s.low.min(0.0), s.high.max(0.0)))
    }

    /// Takes an outcome in; `per_hour` of them come at this lead.
    pub fn take(&mut self, lead: Lead, guess: Guess, outcome: f64, scale: f64, prior: f64, per_hour: f64) {
        if let Some(score) = self.scores.get_mut(lead as usize) {
            score.take(guess, outcome, per_hour);
        }
        if let Some(spread) = self.spreads.get_mut(lead as usize)
            && scale > 0.0
        {
            let fresh = Spread { low: -prior, high: prior, seen: 0.0 };
            spread.get_or_insert(fresh).take((outcome - guess.value) / scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator of its own: errors of a skewed law.
    fn errors(n: usize) -> Vec<f64> {
        let mut x = 12_345_u64;
        let draw = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 11) as f64 / (1u64 << 53) as f64
        };
        std::iter::repeat_with(draw).take(n).map(|u| -20.0 * (1.0 - u).ln() - 10.0).collect()
    }

    #[test]
    fn the_bounds_find_one_in_ten_on_either_side_of_a_skewed_law() {
        let mut track = Track::default();
        let all = errors(4000);
        for e in &all {
            let (low, high) = track.spread(Lead::Hour, 0.15);
            let guess = Guess { value: 500.0, p10: 500.0 + 1000.0 * low, p90: 500.0 + 1000.0 * high };
            track.take(Lead::Hour, guess, 500.0 + e, 1000.0, 0.15, 4.0);
        }
        let score = track.score(Lead::Hour).unwrap();
        assert!((0.75..0.85).contains(&score.coverage), "{score:?}");
        let mae = all.iter().map(|e| e.abs()).sum::<f64>() / all.len() as f64;
        assert!((score.mae / mae - 1.0).abs() < 0.1 && (score.bias - 10.0).abs() < 3.0, "{score:?}, {mae}");
        assert!((score.pinball[1] - score.mae / 2.0).abs() < 1e-9);
        assert!(track.score(Lead::Day).is_none() && track.spread(Lead::Day, 0.15) == (-0.15, 0.15));
    }

    #[test]
    fn leads_follow_each_other() {
        let of = [0.0, 0.9, 1.0, 3.9, 4.0, 12.0, 35.0].map(Lead::of_hours);
        let [a, b, c, d] = Lead::ALL;
        assert_eq!(of, [a, a, b, b, c, d, d]);
    }
}
