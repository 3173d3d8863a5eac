//! Seeded draws: the same seed gives the same case on every machine.

/// xorshift, its seed spread first so that neighbouring seeds have nothing in common.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((x ^ (x >> 31)) | 1)
    }
    /// In `[0, 1)`.
    pub fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
    pub fn chance(&mut self, p: f64) -> bool {
        self.roll() < p
    }
    /// In `[low, high)`, to three digits or so: a person has to read it.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        let v = low + (high - low) * self.roll();
        let digits = 10_f64.powf((3.0 - v.abs().max(1e-3).log10().ceil()).max(0.0));
        ((v * digits).round() / digits).clamp(low, high)
    }
    /// In `low..=high`.
    pub fn int(&mut self, low: u32, high: u32) -> u32 {
        low + (self.roll() * f64::from(high - low + 1)) as u32
    }
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[(self.roll() * list.len() as f64) as usize]
    }
    /// A walk along `n` steps within `[0, 1]`.
    pub fn walk(&mut self, n: usize) -> Vec<f64> {
        let (mut v, stride) = (self.roll(), self.range(0.05, 0.5));
        (0..n)
            .map(|_| {
                v = (v + stride * (2.0 * self.roll() - 1.0)).clamp(0.0, 1.0);
                v
            })
            .collect()
    }
}
