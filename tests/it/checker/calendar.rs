//! Days and windows of the site's calendar on the plan's time axis, by the site's own words.

use hexad::site::Daily;

use super::Desk;

impl Desk<'_> {
    /// Spans that touch the horizon, hours from now; none are known while wall time is not.
    pub(super) fn spans(&self, daily: &Daily) -> Vec<(f64, f64)> {
        let now = self.input.state.now;
        if !now.synchronised {
            return vec![];
        }
        let first = self.plan.grid.intervals[0].start;
        let hours = |p: hexad::units::Park| p.seconds_since(first) / 3600.0;
        let spans = daily.between(&self.input.site.zone, first, self.plan.grid.end().unwrap());
        spans.into_iter().map(|(a, b)| (hours(a), hours(b))).collect()
    }

    pub(super) fn end_h(&self) -> f64 {
        self.hours.iter().sum()
    }

    /// Hours of interval `t` that lie within a span.
    pub(super) fn overlap_h(&self, (from, to): (f64, f64), t: usize) -> f64 {
        (to.min(self.begin[t] + self.hours[t]) - from.max(self.begin[t])).max(0.0)
    }

    /// Intervals by the day they begin in, today first; all one day while wall time is not known.
    pub(super) fn days(&self) -> Vec<Vec<usize>> {
        let zone = &self.input.site.zone;
        let mut days: Vec<(jiff::civil::Date, Vec<usize>)> = Vec::new();
        for (t, i) in self.plan.grid.intervals.iter().enumerate() {
            let at = if self.input.state.now.synchronised { i.start } else { self.input.state.now.park };
            let date = at.0.to_zoned_datetime(zone.clone()).date();
            if days.last().is_none_or(|d| d.0 != date) {
                days.push((date, vec![]));
            }
            days.last_mut().unwrap().1.push(t);
        }
        days.into_iter().map(|d| d.1).collect()
    }
}
