//! How long to wait before the next attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);

/// Doubling waits up to a cap, spread by a quarter either way so that many devices do not return in step.
#[derive(Clone, Debug)]
pub struct Backoff {
    attempt: u32,
    cap: Duration,
    noise: u64,
}

impl Backoff {
    /// `seed` tells one waiting task from another.
    pub fn new(cap: Duration, seed: u64) -> Self {
        Self { attempt: 0, cap, noise: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    /// The wait before the next attempt.
    pub fn next(&mut self) -> Duration {
        let wait = FIRST.saturating_mul(1 << self.attempt.min(16)).min(self.cap);
        self.attempt = self.attempt.saturating_add(1);
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        wait.mul_f64(0.75 + 0.5 * (self.noise % 1024) as f64 / 1024.0)
    }

    /// The last attempt succeeded.
    pub const fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn f17_waits_grow_to_the_cap_and_differ_from_device_to_device() {
        let cap = Duration::from_secs(10);
        let (mut a, mut b) = (Backoff::new(cap, 1), Backoff::new(cap, 2));
        let waits: Vec<_> = (0..50).map(|_| a.next()).collect();
        assert!(waits[0] < Duration::from_millis(700) && waits[4] > waits[0]);
        assert!(waits.iter().all(|w| *w <= cap.mul_f64(1.25)));
        assert!(waits[40] >= cap.mul_f64(0.75));
        assert_ne!(waits, (0..50).map(|_| b.next()).collect::<Vec<_>>());
        a.reset();
        assert!(a.next() < Duration::from_millis(700));
    }
}
