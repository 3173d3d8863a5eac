//! Park time in the site's own zone: hour, weekday, month and season.

use anyhow::Context;
use jiff::{Timestamp, tz::TimeZone};

/// Local civil time at one instant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Local {
    /// Hours since local midnight by the clock on the wall, 0..24.
    pub hour: f64,
    pub month: i8,
    /// Day of the year, 1..366.
    pub day_of_year: f64,
    pub workday: bool,
    /// Days since the epoch in local time: names the local day.
    pub day: i64,
}

/// A zone with the last quarter hour's answer kept, because the plant asks every second.
pub struct Calendar {
    zone: TimeZone,
    quarter: i64,
    at_quarter: Local,
}

impl Calendar {
    pub fn new(zone: &str) -> anyhow::Result<Self> {
        let zone = TimeZone::get(zone).with_context(|| format!("time zone {zone}"))?;
        Ok(Self { zone, quarter: i64::MIN, at_quarter: Local::default() })
    }

    /// Local time at Unix seconds. Zones change their offset on quarter hours only.
    pub fn at(&mut self, unix_s: f64) -> Local {
        let quarter = (unix_s / 900.0).floor() as i64;
        if quarter != self.quarter {
            self.at_quarter = self.local(quarter * 900);
            self.quarter = quarter;
        }
        let into_hours = (unix_s - (quarter * 900) as f64) / 3600.0;
        Local { hour: self.at_quarter.hour + into_hours, ..self.at_quarter }
    }

    fn local(&self, unix_s: i64) -> Local {
        let instant = Timestamp::from_second(unix_s).unwrap_or_default();
        let civil = self.zone.to_datetime(instant);
        let offset = self.zone.to_offset(instant).seconds();
        let midnightless = (unix_s + i64::from(offset)).div_euclid(86_400);
        Local {
            hour: f64::from(civil.hour()) + f64::from(civil.minute()) / 60.0 + f64::from(civil.second()) / 3600.0,
            month: civil.month(),
            day_of_year: f64::from(civil.date().day_of_year()),
            workday: civil.date().weekday().to_monday_zero_offset() < 5,
            day: midnightless,
        }
    }

    /// Unix seconds of a local midnight, `day` as in [`Local::day`].
    pub fn midnight(&self, day: i64) -> f64 {
        let utc_midnight = day * 86_400;
        let instant = Timestamp::from_second(utc_midnight).unwrap_or_default();
        let guess = utc_midnight - i64::from(self.zone.to_offset(instant).seconds());
        let near = Timestamp::from_second(guess).unwrap_or_default();
        (utc_midnight - i64::from(self.zone.to_offset(near).seconds())) as f64
    }
}
