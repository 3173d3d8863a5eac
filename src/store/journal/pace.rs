//! How much may be said: a bucket of tokens, and a line that says its newest state as soon as it may.

use crate::units::Mono;

/// How many at once, and how many a second in the long run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub burst: f64,
    pub per_s: f64,
}

/// A bucket of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Mono,
}

impl Bucket {
    pub(super) const fn new(rate: Rate, now: Mono) -> Self {
        Self { rate, tokens: rate.burst, at: now }
    }

    fn full(&mut self, now: Mono) -> bool {
        self.tokens = (self.tokens + now.since(self.at).as_secs_f64() * self.rate.per_s).min(self.rate.burst);
        self.at = now;
        self.tokens >= 1.0
    }
}

/// One token of each, or none at all.
pub(super) fn take(own: &mut Bucket, all: &mut Bucket, now: Mono) -> bool {
    let may = own.full(now) & all.full(now);
    if may {
        (own.tokens, all.tokens) = (own.tokens - 1.0, all.tokens - 1.0);
    }
    may
}

/// One thing whose states are told: what was said last, and what could not be.
#[derive(Clone, Debug)]
pub(super) struct Line<S> {
    pub said: Option<S>,
    seen: Option<S>,
    /// Changes since then that were not said.
    missed: u64,
    bucket: Bucket,
}

impl<S: Clone> Line<S> {
    pub(super) const fn new(rate: Rate, now: Mono) -> Self {
        Self { said: None, seen: None, missed: 0, bucket: Bucket::new(rate, now) }
    }

    /// If there is something to say and it may be said: what was said before, and how many changes between were not.
    pub(super) fn tell(
        &mut self,
        state: &S,
        same: impl Fn(&S, &S) -> bool,
        all: &mut Bucket,
        now: Mono,
    ) -> Option<(Option<S>, u64)> {
        let mut own = self.bucket;
        let said = self.tell_by(&mut own, state, same, all, now);
        self.bucket = own;
        said
    }

    /// As [`Line::tell`], from another bucket than its own.
    pub(super) fn tell_by(
        &mut self,
        own: &mut Bucket,
        state: &S,
        same: impl Fn(&S, &S) -> bool,
        all: &mut Bucket,
        now: Mono,
    ) -> Option<(Option<S>, u64)> {
        let alike = |old: &Option<S>| old.as_ref().is_some_and(|old| same(old, state));
        if alike(&self.said) && self.missed == 0 {
            self.seen = Some(state.clone());
            return None;
        }
        if !alike(&self.seen) {
            self.missed += 1;
        }
        self.seen = Some(state.clone());
        if !take(own, all, now) {
            return None;
        }
        let missed = if alike(&self.said) { self.missed } else { self.missed.saturating_sub(1) };
        self.missed = 0;
        Some((self.said.replace(state.clone()), missed))
    }

    /// Changes that nobody will say any more.
    pub(super) const fn unsaid(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 2.0, per_s: 0.1 };

    #[test]
    fn what_may_not_be_said_is_said_later_with_its_count() {
        let at = |s: u64| Mono(s * 1_000_000);
        let mut all = Bucket::new(Rate { burst: 100.0, per_s: 1.0 }, at(0));
        let mut line = Line::new(RATE, at(0));
        let mut told = Vec::new();
        // A state that changes each second for a minute, then stays.
        for s in 0..100 {
            let state = s.min(60);
            if let Some((old, missed)) = line.tell(&state, |a, b| a == b, &mut all, at(s)) {
                told.push((s, old, missed));
            }
        }
        assert_eq!(told[0], (0, None, 0));
        assert!(told.len() <= 2 + 10, "{told:?}");
        let changes: u64 = told.iter().map(|(_, _, missed)| missed + 1).sum();
        assert_eq!(changes, 61, "every change is said or counted: {told:?}");
        assert_eq!(line.said, Some(60), "the last is said");
    }

    #[test]
    fn what_went_and_came_back_is_counted() {
        let at = |s: u64| Mono(s * 1_000_000);
        let mut all = Bucket::new(Rate { burst: 100.0, per_s: 1.0 }, at(0));
        let mut line = Line::new(Rate { burst: 1.0, per_s: 0.1 }, at(0));
        assert!(line.tell(&1, |a, b| a == b, &mut all, at(0)).is_some());
        assert!(line.tell(&2, |a, b| a == b, &mut all, at(1)).is_none());
        assert!(line.tell(&1, |a, b| a == b, &mut all, at(2)).is_none());
        assert_eq!(line.tell(&1, |a, b| a == b, &mut all, at(20)), Some((Some(1), 2)));
    }

    #[test]
    fn one_budget_rules_over_all() {
        let now = Mono(0);
        let mut all = Bucket::new(Rate { burst: 3.0, per_s: 0.0 }, now);
        let said = (0..10).filter(|i| Line::new(RATE, now).tell(i, |a, b| a == b, &mut all, now).is_some()).count();
        assert_eq!(said, 3);
    }
}
