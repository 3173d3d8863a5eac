use super::{Interval, TimeGrid};
use crate::units::Park;

/// Seconds of the finest step; every step ends on a multiple of its own length (UTC).
pub const QUARTER_S: i64 = 900;
/// A first step shorter than this is merged into the next.
const MERGE_S: f64 = 180.0;
/// Fine steps run at least this long, then half hours to [`MEDIUM_S`], then hours to [`TOTAL_S`].
const FINE_S: f64 = 4.0 * 3600.0;
const MEDIUM_S: f64 = 8.0 * 3600.0;
const TOTAL_S: f64 = 24.0 * 3600.0;

impl TimeGrid {
    /// The steps from `now`: a first one to the next quarter of an hour (at least three minutes long), quarters for
    /// about 4 h, half hours for about 4 h, then hours; 24 to 25 h in all, ending on a whole hour.
    /// Knows no zone: tariff boundaries fall on quarters of an hour in every zone in use.
    #[must_use]
    pub fn new(now: Park) -> Self {
        let begin = now.unix();
        let next = |after: f64, step: i64| ((after / step as f64 + 1e-9).floor() + 1.0) * step as f64;
        let mut first_end = next(begin, QUARTER_S);
        if first_end - begin < MERGE_S {
            first_end += QUARTER_S as f64;
        }
        let mut ends = vec![first_end];
        let mut end = first_end;
        let aligned = |t: f64, step: i64| (t / step as f64).fract() < 1e-9;
        while end - begin < TOTAL_S || !aligned(end, 4 * QUARTER_S) {
            end = if end - begin >= MEDIUM_S && aligned(end, 4 * QUARTER_S) {
                next(end, 4 * QUARTER_S)
            } else if end - begin >= FINE_S && aligned(end, 2 * QUARTER_S) {
                next(end, 2 * QUARTER_S)
            } else {
                next(end, QUARTER_S)
            };
            ends.push(end);
        }
        let starts = std::iter::once(begin).chain(ends.iter().copied());
        let intervals = starts
            .zip(&ends)
            .enumerate()
            .map(|(k, (start, end))| Interval {
                start: if k == 0 { now } else { Park::from_unix(start as i64) },
                hours: (end - start) / 3600.0,
            })
            .collect();
        Self { intervals }
    }

    /// For tools that walk in steps: a first interval of exactly `step_s` seconds, then steps like it to at least
    /// `hours` where they are half an hour or longer, else those of [`TimeGrid::new`].
    #[must_use]
    pub fn led(now: Park, step_s: i64, hours: f64) -> Self {
        let step_s = step_s.max(1);
        let first = Interval { start: now, hours: step_s as f64 / 3600.0 };
        let intervals = if step_s >= 2 * QUARTER_S {
            let steps = (hours / first.hours - 1e-9).ceil().max(1.0) as i64;
            (0..steps).map(|k| Interval { start: now.plus_s((k * step_s) as f64), ..first }).collect()
        } else {
            std::iter::once(first).chain(Self::new(first.end()).intervals).collect()
        };
        Self { intervals }
    }

    /// `steps` intervals of `step_s` seconds each.
    #[must_use]
    pub fn even(from: Park, step_s: i64, steps: usize) -> Self {
        let hours = step_s as f64 / 3600.0;
        let start = |k: usize| from.plus_s(k as f64 * step_s as f64);
        Self { intervals: (0..steps).map(|k| Interval { start: start(k), hours }).collect() }
    }

    /// Length in hours.
    #[must_use]
    pub fn hours(&self) -> f64 {
        self.intervals.iter().map(|i| i.hours).sum()
    }

    /// End of the last step, or `None` for an empty grid.
    #[must_use]
    pub fn end(&self) -> Option<Park> {
        self.intervals.last().map(Interval::end)
    }
}

impl Interval {
    /// Its end.
    #[must_use]
    pub fn end(&self) -> Park {
        self.start.plus_s(self.hours * 3600.0)
    }

    /// The quarters of an hour it touches, as (number since the epoch, share of the interval).
    #[must_use]
    pub fn quarters(&self) -> Vec<(i64, f64)> {
        let (begin, end) = (self.start.unix(), self.start.unix() + self.hours * 3600.0);
        let step = QUARTER_S as f64;
        let mut list = Vec::new();
        let mut quarter = (begin / step + 1e-9).floor() as i64;
        while (quarter as f64) * step < end - 1e-6 {
            let from = begin.max(quarter as f64 * step);
            let to = end.min((quarter + 1) as f64 * step);
            list.push((quarter, ((to - from) / (end - begin)).max(0.0)));
            quarter += 1;
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_contiguous_grow_and_end_on_a_whole_hour() {
        for second in (0..7200).step_by(37) {
            let now = Park::from_unix(1_790_000_000 + second);
            let grid = TimeGrid::new(now);
            assert_eq!(grid.intervals[0].start, now);
            for pair in grid.intervals.windows(2) {
                assert!((pair[0].end().seconds_since(pair[1].start)).abs() < 1e-3);
                assert_eq!(pair[1].start.unix() as i64 % 900, 0);
            }
            let first = grid.intervals[0].hours * 60.0;
            assert!((3.0..=18.0).contains(&first), "first step {first} min");
            assert!((24.0..=25.1).contains(&grid.hours()), "{}", grid.hours());
            assert_eq!(grid.end().map(|e| e.unix().round() as i64 % 3600), Some(0));
            assert!(grid.intervals.len() < 48, "{}", grid.intervals.len());
        }
    }

    #[test]
    fn shares_of_the_quarters_add_up() {
        for i in TimeGrid::new(Park::from_unix(1_790_000_123)).intervals {
            let sum: f64 = i.quarters().iter().map(|q| q.1).sum();
            assert!((sum - 1.0).abs() < 1e-9);
        }
    }
}
