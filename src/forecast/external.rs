//! Forecasts of others: what is taken of them, until when they speak, and what they say of an interval.
//!
//! They are not kept across restarts: who sends them sends them again, and until then own forecasts serve.

use super::Interval;
use super::offer::{Offer, Refused, Subject, check};
use crate::site::Site;
use crate::units::Park;

/// Forecasts that stand for one subject at most; the oldest goes.
const PER_SUBJECT: usize = 8;
/// Refusals that are remembered for those who look.
const REFUSALS: usize = 8;
/// Prices are repeated from so many days back at most.
const REPEATED_DAYS: i64 = 7;

/// A forecast that was not taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// When, park time.
    pub at: Park,
    /// Who sent it.
    pub by: String,
    /// What was wrong.
    pub why: String,
}

/// The forecasts of others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct External {
    /// Oldest first; where several speak the newest counts.
    offers: Vec<Offer>,
    refusals: Vec<Refusal>,
}

/// What is said of a span of time: the share of it that is spoken of, and means over that share.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Said {
    pub share: f64,
    pub value: f64,
    /// p10 and p90, if told throughout.
    pub band: Option<(f64, f64)>,
}

impl External {
    /// Takes a forecast. A newer one of the same sender goes before an older one where both speak.
    ///
    /// # Errors
    /// What is wrong with it; nothing has changed then.
    pub fn take(&mut self, site: &Site, offer: Offer, now: Park) -> Result<(), Refused> {
        self.expire(now);
        check(site, &offer, now)?;
        let mut others = self.offers.iter().filter(|o| o.subject == offer.subject && o.by != offer.by);
        if let Some(other) = others.find(|o| o.start < offer.end() && offer.start < o.end()) {
            return Err(Refused::Overlapping { by: other.by.clone(), until: other.until });
        }
        // The same span again is the same forecast renewed; what it covers wholly can never speak again.
        self.offers.retain(|o| o.subject != offer.subject || o.start < offer.start || o.end() > offer.end());
        let standing = |offers: &[Offer]| offers.iter().filter(|o| o.subject == offer.subject).count();
        if standing(&self.offers) >= PER_SUBJECT
            && let Some(oldest) = self.offers.iter().position(|o| o.subject == offer.subject)
        {
            self.offers.remove(oldest);
        }
        self.offers.push(offer);
        Ok(())
    }

    /// Takes back all of one sender for a subject; how many there were.
    pub fn withdraw(&mut self, subject: Subject, by: &str) -> usize {
        let before = self.offers.len();
        self.offers.retain(|o| o.subject != subject || o.by != by);
        before - self.offers.len()
    }

    /// Remembers what was not taken.
    pub fn refuse(&mut self, refusal: Refusal) {
        if self.refusals.len() >= REFUSALS {
            self.refusals.remove(0);
        }
        self.refusals.push(refusal);
    }

    /// What was not taken, oldest first.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// What stands at `now`, oldest first.
    pub fn standing(&self, now: Park) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(move |o| o.until > now)
    }

    fn expire(&mut self, now: Park) {
        self.offers.retain(|o| o.until > now);
    }

    /// What is said of `interval` at `now`; `None` if nothing.
    pub(super) fn said(&self, subject: Subject, interval: &Interval, now: Park) -> Option<Said> {
        let offers: Vec<&Offer> = self.standing(now).filter(|o| o.subject == subject).collect();
        if offers.is_empty() {
            return None;
        }
        let (from, to) = (interval.start.unix(), interval.start.unix() + interval.hours * 3600.0);
        let (mut at, mut covered) = (from, 0.0);
        let (mut sum, mut band) = (0.0, Some((0.0, 0.0)));
        // Each turn passes a step of a forecast or a beginning of one: a time that would not move ends it.
        while at < to - 1e-6 {
            let speaker = offers.iter().rev().find_map(|o| o.step_at(at).map(|n| (o, n)));
            let begins = offers.iter().map(|o| o.start.unix()).filter(|s| *s > at).fold(to, f64::min);
            let until = speaker.map_or(begins, |(o, n)| begins.min(o.step_end(n)));
            if let Some((offer, n)) = speaker
                && let Some(value) = offer.values.get(n)
            {
                let span = until - at;
                covered += span;
                sum += span * value;
                let told = offer.p10.get(n).zip(offer.p90.get(n));
                band = band.zip(told).map(|((low, high), (p10, p90))| (low + span * p10, high + span * p90));
            }
            if until <= at {
                break;
            }
            at = until;
        }
        (covered > 0.0).then(|| Said {
            share: (covered / (to - from)).min(1.0),
            value: sum / covered,
            band: band.map(|(low, high)| (low / covered, high / covered)),
        })
    }

    /// A price along `interval`: what is said of it, and where nothing is, the same local hour of the last day that is known.
    pub(super) fn price(&self, site: &Site, subject: Subject, interval: &Interval, now: Park) -> Option<Said> {
        let said = self.said(subject, interval, now);
        if said.is_some_and(|s| s.share > 1.0 - 1e-9) {
            return said;
        }
        let local = interval.start.0.to_zoned_datetime(site.zone.clone());
        let earlier = (1..=REPEATED_DAYS).find_map(|days| {
            let start = local.checked_sub(jiff::Span::new().days(days)).ok()?;
            let before = Interval { start: Park(start.timestamp()), hours: interval.hours };
            self.said(subject, &before, now).filter(|s| s.share > 1.0 - 1e-9)
        });
        match (said, earlier) {
            (Some(s), Some(e)) => Some(Said { share: 1.0, value: s.share * s.value + (1.0 - s.share) * e.value, ..s }),
            (said, earlier) => earlier.or(said),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sample::site;

    const NOON: i64 = 1_784_433_600;

    fn offer(subject: Subject, from: i64, values: &[f64]) -> Offer {
        Offer {
            subject,
            start: Park::from_unix(from),
            step_s: 3600,
            values: values.to_vec(),
            p10: vec![],
            p90: vec![],
            until: Park::from_unix(NOON + 2 * 86_400),
            by: "anna".into(),
        }
    }

    fn hour(from: i64, hours: f64) -> Interval {
        Interval { start: Park::from_unix(from), hours }
    }

    #[test]
    fn an_interval_is_the_mean_of_its_steps_and_a_part_is_told_as_a_part() {
        let (site, now) = (site(), Park::from_unix(NOON));
        let mut all = External::default();
        all.take(&site, offer(Subject::ImportPrice, NOON, &[0.4, 0.8]), now).unwrap();
        let said = |from, hours| all.said(Subject::ImportPrice, &hour(from, hours), now);
        assert_eq!(said(NOON + 1800, 1.0).map(|s| (s.share, (s.value * 1e9).round() / 1e9)), Some((1.0, 0.6)));
        let part = said(NOON + 3600, 2.0).unwrap();
        assert!((part.share - 0.5).abs() < 1e-9 && (part.value - 0.8).abs() < 1e-9, "{part:?}");
        assert_eq!((said(NOON + 7200, 1.0), said(NOON - 3600, 1.0)), (None, None));
    }

    #[test]
    fn the_newest_speaks_and_at_its_expiry_it_falls_silent_to_the_second() {
        let (site, now) = (site(), Park::from_unix(NOON));
        let mut all = External::default();
        all.take(&site, offer(Subject::Co2, NOON, &[0.5; 6]), now).unwrap();
        let brief = Offer { until: Park::from_unix(NOON + 600), ..offer(Subject::Co2, NOON + 3600, &[0.1]) };
        all.take(&site, brief, now).unwrap();
        let at = |s: i64| all.said(Subject::Co2, &hour(NOON + 3600, 2.0), Park::from_unix(NOON + s)).map(|s| s.value);
        assert!((at(599).unwrap() - 0.3).abs() < 1e-9 && (at(600).unwrap() - 0.5).abs() < 1e-9);
        assert_eq!(at(2 * 86_400), None);
    }

    #[test]
    fn two_senders_do_not_fight_over_a_span_and_each_takes_back_its_own() {
        let (site, now) = (site(), Park::from_unix(NOON));
        let mut all = External::default();
        all.take(&site, offer(Subject::ImportPrice, NOON, &[0.4; 4]), now).unwrap();
        let other = Offer { by: "bert".into(), ..offer(Subject::ImportPrice, NOON + 7200, &[0.9; 4]) };
        assert!(matches!(all.take(&site, other.clone(), now), Err(Refused::Overlapping { .. })));
        let after = Offer { start: Park::from_unix(NOON + 4 * 3600), ..other.clone() };
        all.take(&site, after, now).unwrap();
        assert_eq!((all.withdraw(Subject::ImportPrice, "anna"), all.standing(now).count()), (1, 1));
        all.take(&site, other, now).unwrap();
        for n in 0..20 {
            all.take(&site, offer(Subject::ExportPrice, NOON + n * 3600, &[0.1]), now).unwrap();
        }
        assert!(all.standing(now).count() <= 2 * PER_SUBJECT);
    }

    #[test]
    fn a_price_that_ends_is_repeated_by_the_hour_of_the_last_known_day_until_it_expires() {
        let (site, now) = (site(), Park::from_unix(NOON));
        let mut all = External::default();
        let day: Vec<f64> = (0..24).map(f64::from).collect();
        all.take(&site, offer(Subject::ImportPrice, NOON, &day), now).unwrap();
        let at = |h: i64| all.price(&site, Subject::ImportPrice, &hour(NOON + h * 3600, 1.0), now).map(|s| s.value);
        assert_eq!([5, 29, 53].map(at), [Some(5.0); 3]);
        let gone = all.price(&site, Subject::ImportPrice, &hour(NOON, 1.0), Park::from_unix(NOON + 2 * 86_400));
        assert_eq!(gone, None);
    }
}
