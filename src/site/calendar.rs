//! Spans of local time that come again by the day: stays of vehicles, windows of a batch, the day itself.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::Kind;
use super::kinds::Days;
use crate::units::Park;

/// A span that opens at a local hour of each such day; a close at or before the opening's hour is on the next day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Daily {
    /// Local hour it opens at, 0 to 24.
    pub open_h: f64,
    /// Local hour it closes at, 0 to 24.
    pub close_h: f64,
    /// Days it opens on.
    pub days: Days,
}

/// The whole day of the site's calendar: 23, 24 or 25 hours.
pub const WHOLE_DAY: Daily = Daily { open_h: 0.0, close_h: 24.0, days: Days::All };

impl Days {
    fn holds(self, date: Date) -> bool {
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        match self {
            Self::All => true,
            Self::Workdays => !weekend,
            Self::Weekends => weekend,
        }
    }
}

/// A local hour of a date (24 = the next midnight); where the clock skips it, what it is moved to.
fn at(zone: &TimeZone, date: Date, hour: f64) -> Option<Park> {
    let seconds = (hour * 3600.0).round() as i64;
    let date = if seconds >= 86_400 { date.tomorrow().ok()? } else { date };
    let of_day = i32::try_from(seconds.rem_euclid(86_400)).ok()?;
    let (h, rest) = (of_day / 3600, of_day % 3600);
    let part = |v: i32| i8::try_from(v).ok();
    let civil = date.at(part(h)?, part(rest / 60)?, part(rest % 60)?, 0);
    Some(Park(civil.to_zoned_datetime(zone.clone()).ok()?.timestamp()))
}

impl Daily {
    /// How long it lasts on a day without a change of the clock, hours.
    #[must_use]
    pub fn hours(&self) -> f64 {
        if self.close_h > self.open_h { self.close_h - self.open_h } else { self.close_h + 24.0 - self.open_h }
    }

    /// The spans (opening, close) that close after `from` and open before `to`, in order.
    #[must_use]
    pub fn between(&self, zone: &TimeZone, from: Park, to: Park) -> Vec<(Park, Park)> {
        let day = |p: Park| p.0.to_zoned_datetime(zone.clone()).date();
        let last = day(to);
        let mut date = day(from).yesterday().ok();
        let mut spans = Vec::new();
        while let Some(d) = date.filter(|d| *d <= last) {
            date = d.tomorrow().ok();
            let closing = if self.close_h > self.open_h { Some(d) } else { date };
            let ends = (at(zone, d, self.open_h), closing.and_then(|c| at(zone, c, self.close_h)));
            if let (Some(open), Some(close)) = ends
                && self.days.holds(d)
                && close.seconds_since(from) > 0.0
                && open.seconds_since(to) < 0.0
            {
                spans.push((open, close));
            }
        }
        spans
    }

    /// Whether it opened after `before` and not after `now`.
    #[must_use]
    pub fn opened(&self, zone: &TimeZone, before: Park, now: Park) -> bool {
        let after = |p: Park| p.seconds_since(before) > 0.0 && p.seconds_since(now) <= 0.0;
        self.between(zone, before, now.plus_s(1.0)).iter().any(|(open, _)| after(*open))
    }
}

impl Kind {
    /// The spans of the calendar in which the asset owes some energy: stays of vehicles, the window of a batch.
    #[must_use]
    pub fn windows(&self) -> Vec<Daily> {
        match self {
            Self::EvCharger(k) => {
                k.session.iter().map(|s| Daily { open_h: s.arrive_h, close_h: s.depart_h, days: s.days }).collect()
            }
            Self::Batch(k) => vec![Daily { open_h: k.earliest_h, close_h: k.deadline_h, days: k.days }],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn a_span_over_midnight_closes_on_the_next_day_and_days_count_by_its_opening() {
        let night = Daily { open_h: 22.0, close_h: 6.5, days: Days::Workdays };
        // 2026-07-17 is a Friday; 12:00 UTC.
        let friday = Park::from_unix(1_784_289_600);
        let spans = night.between(&zone("UTC"), friday, friday.plus_s(3.0 * 86_400.0));
        let from_h: Vec<f64> = spans.iter().map(|(o, _)| o.seconds_since(friday) / 3600.0).collect();
        assert_eq!(from_h, [10.0], "Friday's night, not Saturday's or Sunday's; Monday opens later");
        assert_eq!(spans[0].1.seconds_since(spans[0].0) / 3600.0, 8.5);
        let inside = friday.plus_s(16.0 * 3600.0);
        assert_eq!(night.between(&zone("UTC"), inside, inside.plus_s(60.0)).len(), 1, "still open after midnight");
        assert!(night.opened(&zone("UTC"), friday.plus_s(35_999.0), friday.plus_s(36_000.0)));
        assert!(!night.opened(&zone("UTC"), friday.plus_s(36_000.0), friday.plus_s(36_001.0)));
    }

    #[test]
    fn a_day_has_23_or_25_hours_when_the_clock_changes() {
        for (noon, hours) in [(1_774_785_600, 23.0), (1_792_929_600, 25.0), (1_784_289_600, 24.0)] {
            let noon = Park::from_unix(noon);
            let days = WHOLE_DAY.between(&zone("Europe/Berlin"), noon, noon.plus_s(60.0));
            assert_eq!(days.len(), 1);
            assert_eq!(days[0].1.seconds_since(days[0].0) / 3600.0, hours);
        }
    }
}
