//! Random numbers that depend on a seed and a place alone.
//!
//! Every stochastic series of the park is a pure function of (seed, series, park time): two runs with
//! different controllers, or different steps, meet the same weather and the same demand.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A generator of its own for one named series.
pub struct Series {
    rng: ChaCha8Rng,
}

impl Series {
    pub fn new(seed: u64, name: &str) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(hash_name(name));
        Self { rng }
    }

    /// A generator for one slot (a day, an interval) of the series.
    pub fn at(seed: u64, name: &str, slot: i64) -> Self {
        let mut series = Self::new(seed, name);
        series.seek(slot);
        series
    }

    fn seek(&mut self, slot: i64) {
        // 256 words per slot: far more than one slot ever draws.
        self.rng.set_word_pos(u128::from(slot as u64 & 0xFFFF_FFFF) * 256);
    }

    /// Uniform in 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in low..high.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A factor within `share` of one.
    pub fn about_one(&mut self, share: f64) -> f64 {
        self.range(1.0 - share, 1.0 + share)
    }

    /// Roughly normal, mean 0 and deviation 1, never beyond 3.
    pub fn normal(&mut self) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        ((sum - 2.0) * 3f64.sqrt()).clamp(-3.0, 3.0)
    }
}

/// Smooth noise: a random value per slot of `period_s`, blended in between.
pub struct Smooth {
    series: Series,
    period_s: f64,
    slot: i64,
    left: f64,
    right: f64,
}

impl Smooth {
    pub fn new(seed: u64, name: &str, period_s: f64) -> Self {
        let mut smooth = Self { series: Series::new(seed, name), period_s, slot: 0, left: 0.0, right: 0.0 };
        smooth.load(0);
        smooth
    }

    fn load(&mut self, slot: i64) {
        self.left = self.value_of(slot);
        self.right = self.value_of(slot + 1);
        self.slot = slot;
    }

    fn value_of(&mut self, slot: i64) -> f64 {
        self.series.seek(slot);
        self.series.normal()
    }

    /// Value at a park time in Unix seconds; mean 0, deviation about 0.8.
    pub fn at(&mut self, t_s: f64) -> f64 {
        let place = t_s / self.period_s;
        let slot = place.floor() as i64;
        if slot != self.slot {
            self.load(slot);
        }
        let x = place - place.floor();
        let blend = x * x * (3.0 - 2.0 * x);
        self.left + (self.right - self.left) * blend
    }
}

/// Several octaves of smooth noise with given amplitudes.
pub struct Octaves(Vec<(f64, Smooth)>);

impl Octaves {
    pub fn new(seed: u64, name: &str, octaves: &[(f64, f64)]) -> Self {
        let build = |&(period_s, amplitude): &(f64, f64)| {
            (amplitude, Smooth::new(seed, &format!("{name}/{period_s}"), period_s))
        };
        Self(octaves.iter().map(build).collect())
    }

    pub fn at(&mut self, t_s: f64) -> f64 {
        self.0.iter_mut().map(|(amplitude, noise)| *amplitude * noise.at(t_s)).sum()
    }
}

/// A cheap stateless draw in -1..1 for the last digit of a meter.
pub fn jitter(place: u64, tick: u64) -> f64 {
    let mut x = place ^ tick.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// FNV-1a of a name: stable across builds and machines.
pub fn hash_name(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
