//! What was to come, as the series has it: the true horizon, and what is known of the future at any rate.

use super::plant::Seen;
use super::series::{Column, Series};
use crate::forecast::{Horizon, Interval, TimeGrid};
use crate::site::{Reason, Site, Value};
use crate::state::Weather;

/// Beyond the last step the last day goes on.
const DAY_S: i64 = 86_400;

impl Series {
    /// What stands at a step.
    pub(super) fn seen(&self, step: usize) -> Seen {
        let signal = self.signal.iter().map(|s| s.get(step).copied()).collect();
        let weather =
            |c: &Column| -> Value { c.as_ref().and_then(|c| c.get(step)).copied().ok_or(Reason::NotMeasured) };
        Seen {
            signal,
            grid: self.grid_at(step),
            weather: Weather {
                outdoor_c: weather(&self.outdoor_c),
                ghi_w_m2: weather(&self.ghi_w_m2),
                wind_m_s: weather(&self.wind_m_s),
            },
        }
    }

    /// The grid is there.
    pub(super) fn grid_at(&self, step: usize) -> bool {
        self.available.as_ref().and_then(|c| c.get(step)).is_none_or(|v| *v > 0.5)
    }

    /// Steps an interval touches, with their shares of it.
    fn touched(&self, interval: &Interval) -> Vec<(usize, f64)> {
        let (begin, end) = (interval.start.unix(), interval.start.unix() + interval.hours * 3600.0);
        let (step, start) = (self.step_s as f64, self.start_s as f64);
        let mut list = Vec::new();
        let mut k = ((begin - start) / step + 1e-9).floor() as i64;
        while start + (k as f64) * step < end - 1e-6 {
            let from = begin.max(start + k as f64 * step);
            let to = end.min(start + (k + 1) as f64 * step);
            list.push((self.within(k), ((to - from) / (end - begin)).max(0.0)));
            k += 1;
        }
        list
    }

    /// The step itself, or the one as many days earlier as it takes.
    fn within(&self, k: i64) -> usize {
        let len = self.len as i64;
        let day = (DAY_S / self.step_s).max(1).min(len.max(1));
        let over = (k - len + 1).max(0);
        (k - (over + day - 1) / day * day).clamp(0, (len - 1).max(0)) as usize
    }

    fn mean(&self, column: &[f64], interval: &Interval) -> f64 {
        self.touched(interval).iter().filter_map(|(k, share)| Some(share * column.get(*k)?)).sum()
    }

    fn along(&self, column: &[f64], grid: &TimeGrid) -> Vec<f64> {
        grid.intervals.iter().map(|i| self.mean(column, i)).collect()
    }

    /// What is announced ahead in life too: prices and the grid's emission factor.
    pub(super) fn announce(&self, horizon: &mut Horizon) {
        let set = |list: &mut Vec<f64>, column: &Column| {
            if let Some(column) = column {
                *list = self.along(column, &horizon.grid);
            }
        };
        set(&mut horizon.import_price, &self.import_price);
        set(&mut horizon.export_price, &self.export_price);
        set(&mut horizon.co2_kg_per_kwh, &self.co2);
    }

    /// Replaces the horizon from `from` on, for `count` intervals, by what really came.
    pub(super) fn reveal(&self, site: &Site, horizon: &mut Horizon, count: usize) {
        for (t, interval) in horizon.grid.intervals.iter().enumerate().take(count) {
            for (ix, list) in horizon.assets.iter_mut().enumerate().take(site.assets.len()) {
                if let (Some(v), Some(column)) = (list.get_mut(t), self.signal.get(ix).filter(|c| !c.is_empty())) {
                    let kw = self.mean(column, interval);
                    *v = if self.injects[ix] { kw } else { -kw };
                }
            }
            if let Some(v) = horizon.grid_available.get_mut(t) {
                *v = self.touched(interval).iter().all(|(k, _)| self.grid_at(*k));
            }
            if let (Some(column), Some(v)) = (&self.outdoor_c, horizon.outdoor_c.as_mut().and_then(|o| o.get_mut(t))) {
                *v = self.mean(column, interval);
            }
        }
    }
}
