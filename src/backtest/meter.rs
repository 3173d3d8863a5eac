//! The meter at the PCC: settlement windows and the highest of each billing month of the site's calendar.

use crate::site::Site;
use crate::state::Window;
use crate::units::{Energy, Park, Power};

/// A billing month, as far as it was walked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Month {
    /// Year and month of the site's calendar.
    pub name: (i16, i8),
    /// Share of the month that was walked: a part of a month owes its part of the charge.
    pub share: f64,
    /// Highest window mean, kW.
    pub peak_kw: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Meter {
    length_s: f64,
    start_s: f64,
    imported_kwh: f64,
    pub months: Vec<Month>,
}

/// Year and month of an instant, and the length of that month in seconds.
pub(super) fn month_of(site: &Site, at: Park) -> ((i16, i8), f64) {
    let local = at.0.to_zoned_datetime(site.zone.clone());
    ((local.year(), local.month()), f64::from(local.days_in_month()) * 86400.0)
}

impl Meter {
    pub fn new(site: &Site, at: Park) -> Self {
        let length_s = f64::from(site.tariff.demand_window_min.max(1)) * 60.0;
        Self { length_s, start_s: (at.unix() / length_s).floor() * length_s, imported_kwh: 0.0, months: Vec::new() }
    }

    /// What the state shows at `at`.
    pub fn window(&self, site: &Site, at: Park) -> Window {
        let (month, _) = month_of(site, at);
        let peak = self.months.last().filter(|m| m.name == month).map_or(0.0, |m| m.peak_kw);
        Window {
            start: Park::from_unix(self.start_s as i64),
            imported: Energy::from_kwh(self.imported_kwh),
            peak: Power::from_kw(peak),
            unmeasured_s: 0.0,
        }
    }

    /// Takes a step's import.
    pub fn take(&mut self, site: &Site, from: Park, seconds: f64, import_kw: f64) {
        let (name, length_s) = month_of(site, from);
        if self.months.last().is_none_or(|m| m.name != name) {
            self.months.push(Month { name, share: 0.0, peak_kw: 0.0 });
        }
        let (mut at, end) = (from.unix(), from.unix() + seconds);
        let Some(month) = self.months.last_mut() else { return };
        month.share += seconds / length_s;
        while at < end - 1e-6 {
            let window_end = self.start_s + self.length_s;
            let to = end.min(window_end);
            self.imported_kwh += import_kw * (to - at) / 3600.0;
            // A window not yet full counts as it stands: it can only grow.
            month.peak_kw = month.peak_kw.max(self.imported_kwh * 3600.0 / self.length_s);
            if to >= window_end - 1e-6 {
                (self.start_s, self.imported_kwh) = (window_end, 0.0);
            }
            at = to;
        }
    }

    pub fn peak_kw(&self) -> f64 {
        self.months.iter().map(|m| m.peak_kw).fold(0.0, f64::max)
    }

    pub fn charge(&self, site: &Site) -> f64 {
        self.months.iter().map(|m| site.tariff.demand_per_kw_month * m.share * m.peak_kw).sum()
    }
}
