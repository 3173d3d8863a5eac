//! The weather over the park: a pure function of seed and park time.

use crate::calendar::Local;
use crate::noise::Octaves;
use crate::sun::{self, Sun};

/// Yearly course of the outdoor temperature: the reference park's at its latitude, milder or sharper elsewhere.
struct Climate {
    mean_c: f64,
    swing_k: f64,
    /// Day of the year when it is coldest.
    coldest: f64,
}

const REFERENCE_DEG: f64 = 31.32;

impl Climate {
    fn of(latitude_deg: f64) -> Self {
        let from_equator_deg = latitude_deg.abs();
        Self {
            mean_c: 16.8 - 0.32 * (from_equator_deg - REFERENCE_DEG),
            swing_k: 12.3 * (from_equator_deg / REFERENCE_DEG).min(1.0),
            coldest: if latitude_deg < 0.0 { 202.5 } else { 20.0 },
        }
    }
}

/// What the sky does at one instant.
#[derive(Debug, Clone, Copy)]
pub struct Sky {
    pub outdoor_c: f64,
    pub ghi_w_m2: f64,
    pub clear_w_m2: f64,
    pub sun: Sun,
    /// Mean wind at hub height without the gusts of a single turbine, m/s.
    pub wind_m_s: f64,
}

pub struct Weather {
    latitude_deg: f64,
    longitude_deg: f64,
    climate: Climate,
    cover: Octaves,
    edges: Octaves,
    temperature: Octaves,
    wind: Octaves,
}

const HOUR: f64 = 3600.0;

impl Weather {
    pub fn new(seed: u64, latitude_deg: f64, longitude_deg: f64) -> Self {
        Self {
            latitude_deg,
            longitude_deg,
            climate: Climate::of(latitude_deg),
            cover: Octaves::new(seed, "cloud cover", &[(40.0 * HOUR, 0.35), (5.0 * HOUR, 0.30)]),
            edges: Octaves::new(seed, "cloud edges", &[(900.0, 0.6), (240.0, 0.5), (60.0, 0.2)]),
            temperature: Octaves::new(seed, "outdoor", &[(60.0 * HOUR, 2.5), (3.0 * HOUR, 0.5)]),
            wind: Octaves::new(seed, "wind", &[(30.0 * HOUR, 1.6), (4.0 * HOUR, 1.0), (600.0, 0.4)]),
        }
    }

    pub fn at(&mut self, t_s: f64, local: Local) -> Sky {
        let sun = sun::position(t_s, self.latitude_deg, self.longitude_deg);
        let clear_w_m2 = sun::clear_sky_w_m2(sun);
        // How much of the sky is covered decides how often a cloud stands before the sun.
        let cover = (0.40 + self.cover.at(t_s)).clamp(0.0, 1.0);
        let shade = ((self.edges.at(t_s) + 3.0 * (cover - 0.5)) / 0.5 + 0.5).clamp(0.0, 1.0);
        let depth = 0.25 + 0.5 * cover;
        let ghi_w_m2 = clear_w_m2 * (1.0 - shade * depth) * (1.0 - 0.1 * cover);
        let season = std::f64::consts::TAU * (local.day_of_year - self.climate.coldest) / 365.25;
        let daily = std::f64::consts::TAU * (local.hour - 15.0) / 24.0;
        let course = self.climate.mean_c - self.climate.swing_k * season.cos();
        let outdoor_c = course + (4.5 - 1.5 * cover) * daily.cos() + self.temperature.at(t_s);
        let breeze = 4.8 + 0.8 * daily.cos() + 0.5 * season.cos();
        let wind_m_s = (breeze + self.wind.at(t_s)).max(0.0);
        Sky { outdoor_c, ghi_w_m2, clear_w_m2, sun, wind_m_s }
    }
}
