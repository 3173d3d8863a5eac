//! Settlement of demand at the PCC: the window now running and the month's peak.

use serde::{Deserialize, Serialize};

use super::Window;
use crate::site::{Reading, Site, Value};
use crate::units::{Energy, Now, Park, Power};

/// A counter may move this much more than the integrated power says before it is taken for a reset or a rollover.
const COUNTER_JUMP_KWH: f64 = 1000.0;
/// Nothing was seen of a step longer than this share of the window (the daemon was away, the clock was set), and a
/// window that was not seen for so long says nothing about the peak.
const GAP_SHARE: f64 = 0.1;

/// What is remembered of the demand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    window: Option<Window>,
    month: Option<(i16, i8)>,
    /// Import counter at the start of the window, and the newest reading with what was integrated since it.
    counter_start: Option<f64>,
    counter_last: Option<(u64, f64)>,
    since_counter: Energy,
    last: Option<Park>,
}

impl Demand {
    /// The month's peak so far in whole kW.
    #[must_use]
    pub fn peak_kw(&self) -> i64 {
        self.window.map_or(0, |w| w.peak.kw().round() as i64)
    }

    /// Advances to `now`. Between two readings of the energy counter the power is integrated; each new reading of
    /// the counter replaces the sum, because counters, not integrated power, settle the bill.
    pub fn advance(&mut self, site: &Site, now: Now, import: Value, counter: Option<Reading>) -> Window {
        let Now { park: now, synchronised, .. } = now;
        let length_s = f64::from(site.tariff.demand_window_min.max(1)) * 60.0;
        let start = Park::from_unix(((now.unix() / length_s).floor() * length_s) as i64);
        let dt_s = self.last.map_or(0.0, |last| now.seconds_since(last).max(0.0));
        self.last = Some(now);
        let seen = dt_s <= GAP_SHARE * length_s;
        let unseen_s = now.seconds_since(start).max(0.0);
        let anew = |peak| Window { start, imported: Energy::ZERO, peak, unmeasured_s: unseen_s };
        let mut w = self.window.unwrap_or_else(|| anew(Power::ZERO));
        if start < w.start {
            // The clock was set back (F37): what belongs to which window cannot be told.
            (w, self.counter_start) = (anew(w.peak), None);
        }
        match import {
            Ok(kw) if seen => {
                let added = Power::from_kw(kw.max(0.0)).over_s(dt_s);
                w.imported += added;
                self.since_counter += added;
            }
            _ => w.unmeasured_s += dt_s,
        }
        self.settle_counter(&mut w, counter);
        if start > w.start {
            w = self.roll(w, start, length_s);
            w.unmeasured_s = if seen { 0.0 } else { unseen_s };
        }
        // F36: a clock that is not set tells no month, and must not forget the peak.
        if synchronised {
            self.new_month(site, start, &mut w);
        }
        self.window = Some(w);
        w
    }

    fn settle_counter(&mut self, w: &mut Window, counter: Option<Reading>) {
        let Some(Reading { value: Ok(kwh), at }) = counter else { return };
        let Some((last_at, last_kwh)) = self.counter_last else {
            self.counter_last = Some((at.0, kwh));
            self.since_counter = Energy::ZERO;
            return;
        };
        if at.0 == last_at {
            return;
        }
        let step = kwh - last_kwh;
        let plausible = step >= 0.0 && step < self.since_counter.kwh() + COUNTER_JUMP_KWH;
        match (plausible, self.counter_start) {
            (true, Some(from)) => w.imported = Energy::from_kwh((kwh - from).max(0.0)),
            (true, None) => {}
            // F32: a reset is a gap; the window goes on by integrated power.
            (false, _) => self.counter_start = None,
        }
        self.counter_last = Some((at.0, kwh));
        self.since_counter = Energy::ZERO;
    }

    fn roll(&mut self, w: Window, start: Park, length_s: f64) -> Window {
        // A window that was mostly not measured says nothing about the peak.
        let known = w.unmeasured_s < GAP_SHARE * length_s;
        let mean = Power::from_kw(w.imported.kwh() * 3600.0 / length_s);
        self.counter_start = self.counter_last.map(|(_, kwh)| kwh + self.since_counter.kwh());
        Window { start, imported: Energy::ZERO, peak: if known { w.peak.max(mean) } else { w.peak }, unmeasured_s: 0.0 }
    }

    fn new_month(&mut self, site: &Site, start: Park, w: &mut Window) {
        let local = start.0.to_zoned_datetime(site.zone.clone());
        let month = (local.year(), local.month());
        if self.month.is_some_and(|m| m != month) {
            w.peak = Power::ZERO;
        }
        self.month = Some(month);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Reason;
    use crate::site::sample::site;
    use crate::units::Mono;

    fn at(park: Park) -> Now {
        Now { mono: Mono(0), park, synchronised: true }
    }

    #[test]
    fn a_window_settles_by_integrated_power_and_leaves_the_peak() {
        let (site, mut d) = (site(), Demand::default());
        let start = Park::from_unix(1_750_003_200);
        let mut w = d.advance(&site, at(start), Ok(120.0), None);
        for s in 1..=900 {
            w = d.advance(&site, at(start.plus_s(f64::from(s))), Ok(120.0), None);
        }
        assert!((w.peak.kw() - 120.0).abs() < 0.5, "{w:?}");
        assert!(w.imported.kwh() < 0.1);
    }

    #[test]
    fn the_counter_overrules_and_f32_a_reset_is_a_gap() {
        let (site, mut d) = (site(), Demand::default());
        let start = Park::from_unix(1_750_003_200);
        let counter = |s: i32, kwh: f64| Some(Reading { value: Ok(kwh), at: Mono(s as u64) });
        d.advance(&site, at(start), Ok(100.0), counter(1, 5000.0));
        d.counter_start = Some(5000.0);
        let w = d.advance(&site, at(start.plus_s(60.0)), Ok(100.0), counter(60, 5002.0));
        assert!((w.imported.kwh() - 2.0).abs() < 1e-9);
        let w = d.advance(&site, at(start.plus_s(120.0)), Ok(120.0), counter(120, 3.0));
        assert!((w.imported.kwh() - 4.0).abs() < 1e-9, "{w:?}");
    }

    #[test]
    fn a_window_that_was_not_measured_makes_no_peak() {
        let (site, mut d) = (site(), Demand::default());
        let start = Park::from_unix(1_750_003_200);
        let mut w = d.advance(&site, at(start), Err(Reason::Stale), None);
        for s in 1..=900 {
            w = d.advance(
                &site,
                at(start.plus_s(f64::from(s))),
                if s < 400 { Err(Reason::Stale) } else { Ok(900.0) },
                None,
            );
        }
        assert_eq!(w.peak, Power::ZERO);
    }

    #[test]
    fn f47_time_that_was_not_seen_makes_no_peak() {
        let site = site();
        let start = Park::from_unix(1_750_003_200);
        for with_counter in [false, true] {
            let mut d = Demand::default();
            let read = |s: i32, kwh: f64| with_counter.then_some(Reading { value: Ok(kwh), at: Mono(s as u64) });
            for s in 0..=1700 {
                d.advance(&site, at(start.plus_s(f64::from(s))), Ok(300.0), read(s, f64::from(s) / 12.0));
            }
            // Five hours away: the counter went on, whole windows were not seen.
            let back = start.plus_s(1700.0 + 5.0 * 3600.0);
            let w = d.advance(&site, at(back), Ok(300.0), read(2000, 640.0));
            assert!((w.peak.kw() - 300.0).abs() < 5.0, "{w:?}");
            assert!(w.unmeasured_s > 0.0, "the window now running began unseen: {w:?}");
        }
    }

    #[test]
    fn f37_a_clock_set_back_begins_its_window_anew() {
        let (site, mut d) = (site(), Demand::default());
        let start = Park::from_unix(1_750_003_200);
        let mut w = d.advance(&site, at(start), Ok(100.0), None);
        for s in 1..=1700 {
            w = d.advance(&site, at(start.plus_s(f64::from(s))), Ok(100.0), None);
        }
        for s in 0..=3800 {
            w = d.advance(&site, at(start.plus_s(f64::from(s) - 1900.0)), Ok(100.0), None);
        }
        assert!((w.peak.kw() - 100.0).abs() < 1.0, "{w:?}");
    }

    #[test]
    fn f36_a_clock_that_is_not_set_forgets_no_peak() {
        let (site, mut d) = (site(), Demand::default());
        let start = Park::from_unix(1_750_003_200);
        for s in 0..=900 {
            d.advance(&site, at(start.plus_s(f64::from(s))), Ok(100.0), None);
        }
        let unset = Now { synchronised: false, ..at(Park::from_unix(1000)) };
        d.advance(&site, unset, Ok(100.0), None);
        let w = d.advance(&site, at(start.plus_s(2000.0)), Ok(100.0), None);
        assert!((w.peak.kw() - 100.0).abs() < 1.0, "{w:?}");
    }
}
