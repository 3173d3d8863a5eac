//! What is learnt of one signal: its mean by time of day, how long a deviation from that lasts, and what outdoor temperature
//! does to it. Recursive: a quarter of an hour is taken in once, and older ones count less and less.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Quarters of an hour of a day.
pub(super) const DAY: usize = 96;
/// Lags at which the persistence of a deviation is learnt, quarters.
const LAGS: [usize; 5] = [1, 4, 16, 48, DAY];
/// Persistence forgets with this time constant, quarters: two weeks.
const MEMORY: f64 = 14.0 * DAY as f64;
/// What is believed before anything is learnt weighs like so many quarters of deviations as large as a typical one.
const PRIOR_QUARTERS: f64 = DAY as f64;

/// How one kind of signal is learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Habit {
    /// Working days and weekends apart, by the site's calendar; else one day like the other, by the sun's.
    pub by_calendar: bool,
    /// A new day moves the mean at least by this share: a working day (or any day), and a day of the weekend.
    pub rates: [f64; 2],
    /// Before it is learnt a deviation fades with this time constant, hours.
    pub fade_h: f64,
    /// A typical deviation, in units of the signal.
    pub typical: f64,
    /// Change per kelvin of outdoor temperature that is believed at most: least and largest.
    pub slope: (f64, f64),
}

/// One time of day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cell {
    mean: f32,
    /// Outdoor temperature that belongs to the mean, degC.
    outdoor: Option<f32>,
    /// Days in it.
    days: f32,
}

/// Sums of a regression through the origin, old ones forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Moments {
    xy: f64,
    xx: f64,
}

impl Moments {
    /// Takes a pair in, with `memory` pairs before it.
    pub fn learn(&mut self, x: f64, y: f64, memory: f64) {
        let keep = 1.0 - 1.0 / memory;
        self.xy = self.xy * keep + x * y;
        self.xx = self.xx * keep + x * x;
    }

    /// y per x, drawn to `prior` as if that had been seen with a sum of squares of `weight` (above 0).
    pub fn slope(&self, prior: f64, weight: f64) -> f64 {
        (self.xy + weight * prior) / (self.xx + weight)
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Model {
    cells: Vec<Cell>,
    /// Mean over all times of day.
    overall: Option<f64>,
    /// Deviations from what was expected, newest last; a gap is `None`.
    deviations: VecDeque<Option<f32>>,
    lags: [Moments; LAGS.len()],
    outdoor: Moments,
}

impl Model {
    /// What is expected at a time of day, and whether that very time has been seen.
    pub fn expected(&self, slot: usize, outdoor: Option<f64>, habit: &Habit) -> Option<(f64, bool)> {
        let seen = |slot: usize| self.cells.get(slot).filter(|c| c.days > 0.0);
        let other = if habit.by_calendar { (slot + DAY) % (2 * DAY) } else { slot };
        let Some(cell) = seen(slot).or_else(|| seen(other)) else { return self.overall.map(|m| (m, false)) };
        let warmer = outdoor.zip(cell.outdoor).map(|(now, then)| now - f64::from(then));
        let mean = f64::from(cell.mean);
        Some((warmer.map_or(mean, |k| mean + self.per_kelvin(habit) * k), true))
    }

    fn per_kelvin(&self, habit: &Habit) -> f64 {
        // A typical deviation by one kelvin, for a day: less is not told from chance.
        self.outdoor.slope(0.0, PRIOR_QUARTERS).clamp(habit.slope.0, habit.slope.1)
    }

    /// The share of a deviation that is left after `hours`.
    pub fn left_after(&self, hours: f64, habit: &Habit) -> f64 {
        let at = (hours * 4.0).max(0.0);
        let (mut from, mut left) = (0.0, 1.0);
        for (lag, moments) in LAGS.iter().zip(&self.lags) {
            let to = *lag as f64;
            let prior = (-to / 4.0 / habit.fade_h).exp();
            let here = moments.slope(prior, PRIOR_QUARTERS * habit.typical * habit.typical).clamp(0.0, 1.0);
            if at <= to {
                return left + (here - left) * (at - from) / (to - from);
            }
            (from, left) = (to, here);
        }
        // Beyond a day it fades on as it did over the day.
        left * (-(at - from) / from).exp()
    }

    /// The newest deviation known, and how many quarters have passed since.
    pub fn newest(&self) -> Option<(f64, usize)> {
        let found = self.deviations.iter().rev().enumerate().find_map(|(back, d)| d.map(|d| (f64::from(d), back)));
        found.filter(|(d, _)| d.is_finite())
    }

    /// Takes in the mean of a quarter; `None` is a gap.
    pub fn learn(&mut self, slot: usize, value: Option<f64>, outdoor: Option<f64>, habit: &Habit) {
        let value = value.filter(|v| v.is_finite());
        let expected = self.expected(slot, outdoor, habit).filter(|(_, seen)| *seen);
        let deviation = value.zip(expected).map(|(v, (e, _))| v - e);
        if let Some(now) = deviation {
            for (lag, moments) in LAGS.iter().zip(&mut self.lags) {
                let then = self.deviations.len().checked_sub(*lag).and_then(|at| self.deviations.get(at));
                if let Some(Some(then)) = then {
                    moments.learn(f64::from(*then), now, MEMORY);
                }
            }
        }
        if self.deviations.len() > DAY {
            self.deviations.pop_front();
        }
        self.deviations.push_back(deviation.map(|d| d as f32));
        if let Some(value) = value {
            self.mean(slot, value, outdoor, habit);
        }
    }

    fn mean(&mut self, slot: usize, value: f64, outdoor: Option<f64>, habit: &Habit) {
        let slots = if habit.by_calendar { 2 * DAY } else { DAY };
        self.cells.resize(slots, Cell::default());
        self.overall = Some(self.overall.map_or(value, |m| m + (value - m) / MEMORY));
        let Some(cell) = self.cells.get_mut(slot) else { return };
        let [day, weekend] = habit.rates;
        let rate = (1.0 / (1.0 + f64::from(cell.days))).max(if slot < DAY { day } else { weekend });
        let mean = f64::from(cell.mean);
        if let Some((now, then)) = outdoor.zip(cell.outdoor)
            && cell.days > 0.0
            && habit.slope != (0.0, 0.0)
        {
            self.outdoor.learn(now - f64::from(then), value - mean, MEMORY);
        }
        cell.mean = (mean + rate * (value - mean)) as f32;
        cell.outdoor = match (outdoor, cell.outdoor) {
            (Some(now), Some(then)) => Some((f64::from(then) + rate * (now - f64::from(then))) as f32),
            (now, then) => now.map(|c| c as f32).or(then),
        };
        cell.days += 1.0;
    }

    /// Forgets the last day's deviations, and keeps what was learnt.
    pub fn interrupt(&mut self) {
        self.deviations.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HABIT: Habit =
        Habit { by_calendar: true, rates: [0.1, 0.25], fade_h: 1.5, typical: 2.0, slope: (-10.0, 0.0) };

    #[test]
    fn a_day_is_repeated_and_the_other_kind_of_day_stands_in() {
        let mut model = Model::default();
        for slot in 0..DAY {
            model.learn(slot, Some(-(slot as f64)), None, &HABIT);
        }
        assert_eq!(model.expected(40, None, &HABIT), Some((-40.0, true)));
        assert_eq!(model.expected(DAY + 40, None, &HABIT), Some((-40.0, true)));
        assert_eq!(Model::default().expected(0, None, &HABIT), None);
    }

    #[test]
    fn what_outdoor_temperature_does_is_learnt_and_bounded() {
        let (mut model, mut bounded) = (Model::default(), Model::default());
        let narrow = Habit { slope: (-1.0, 0.0), ..HABIT };
        for day in 0..30 {
            let outdoor = 20.0 + f64::from(day % 7);
            for slot in 0..DAY {
                let value = Some(-100.0 - 5.0 * (outdoor - 20.0));
                model.learn(slot, value, Some(outdoor), &HABIT);
                bounded.learn(slot, value, Some(outdoor), &narrow);
            }
        }
        let step = |m: &Model, h: &Habit| {
            let at = |c: f64| m.expected(10, Some(c), h).map(|(v, _)| v).unwrap();
            at(25.0) - at(24.0)
        };
        assert!((step(&model, &HABIT) + 5.0).abs() < 0.5, "{}", step(&model, &HABIT));
        assert!((step(&bounded, &narrow) + 1.0).abs() < 1e-9);
    }

    #[test]
    fn how_long_a_deviation_lasts_is_learnt() {
        let (mut long, mut short) = (Model::default(), Model::default());
        for t in 0..DAY * 28 {
            // A deviation of eight hours one way and eight the other, and one that changes every half hour.
            let slow = if (t / 32).is_multiple_of(2) { 10.0 } else { -10.0 };
            let quick = if (t / 2 + t / DAY).is_multiple_of(2) { 10.0 } else { -10.0 };
            long.learn(t % DAY, Some(-100.0 + slow), None, &HABIT);
            short.learn(t % DAY, Some(-100.0 + quick), None, &HABIT);
        }
        let (l, s) = (long.left_after(1.0, &HABIT), short.left_after(0.25, &HABIT));
        assert!(l > 0.6 && s < 0.4, "{l} {s}");
        for model in [&long, &short, &Model::default()] {
            let all: Vec<f64> = (0..400).map(|h| model.left_after(f64::from(h) / 8.0, &HABIT)).collect();
            assert!((all[0] - 1.0).abs() < 1e-9 && all.iter().all(|v| (0.0..=1.0).contains(v)), "{all:?}");
        }
    }
}
