//! Stratified storage tanks in three layers, and the low header.

use crate::noise::Series;
use crate::site;

/// Heat capacity of water, kWh per m3 and kelvin.
const WATER_KWH_PER_M3_K: f64 = 1.163;

/// Water in three layers, top to bottom. Heat enters hot at the top or leaves from there;
/// in a cold tank heat enters (cold is drawn) at the top as warm return water.
pub struct Tank {
    /// Temperatures, top to bottom, degC.
    pub layer_c: [f64; 3],
    layer_kwh_per_k: f64,
    loss_per_h: f64,
    ambient_c: f64,
    /// Water that heat brings in at the top comes at least this warm.
    warm_c: f64,
    /// Water that leaves heat behind comes back to the bottom at most this cold.
    cold_c: f64,
    /// Heat lost to the room so far, kWh (negative for a cold tank: it gains).
    pub lost_kwh: f64,
}

impl Tank {
    pub fn new(site: &site::Tank, layer_c: [f64; 3], ambient_c: f64, draw: &mut Series) -> Self {
        let middle = (site.t_min_c + site.t_max_c) / 2.0;
        let half = (site.t_max_c - site.t_min_c) / 2.0;
        // The site's loss is a share of the usable content; at half content it is this many kelvins.
        let loss_per_h = site.loss_per_h * half / (ambient_c - middle).abs().max(5.0);
        Self {
            layer_c,
            layer_kwh_per_k: site.volume_m3 * WATER_KWH_PER_M3_K / 3.0,
            loss_per_h: loss_per_h * draw.range(0.95, 1.35),
            ambient_c,
            warm_c: site.t_max_c + draw.range(-0.3, 0.6),
            cold_c: site.t_min_c + draw.range(-0.6, 0.3),
            lost_kwh: 0.0,
        }
    }

    pub fn top_c(&self) -> f64 {
        self.layer_c[0]
    }

    pub fn middle_c(&self) -> f64 {
        self.layer_c[1]
    }

    pub fn bottom_c(&self) -> f64 {
        self.layer_c[2]
    }

    pub fn mean_c(&self) -> f64 {
        self.layer_c.iter().sum::<f64>() / 3.0
    }

    /// Heat content above `base_c`, kWh.
    pub fn content_kwh(&self, base_c: f64) -> f64 {
        (self.mean_c() - base_c) * 3.0 * self.layer_kwh_per_k
    }

    /// Puts `heat_kw` in (negative: takes out) for `dt_s`; exact to rounding.
    pub fn exchange(&mut self, heat_kw: f64, dt_s: f64) {
        let kwh = heat_kw * dt_s / 3600.0;
        let [top, middle, bottom] = self.layer_c;
        if kwh >= 0.0 {
            let inlet = self.warm_c.max(bottom + 3.0);
            // Share of a layer that moves down.
            let share = kwh / (self.layer_kwh_per_k * (inlet - bottom));
            self.layer_c =
                [top + share * (inlet - top), middle + share * (top - middle), bottom + share * (middle - bottom)];
        } else {
            let inlet = self.cold_c.min(top - 3.0);
            let share = -kwh / (self.layer_kwh_per_k * (top - inlet));
            self.layer_c =
                [top + share * (middle - top), middle + share * (bottom - middle), bottom + share * (inlet - bottom)];
        }
        self.settle();
        self.lose(dt_s);
    }

    /// Warm water rises: an inverted pair of layers mixes.
    fn settle(&mut self) {
        let [top, middle, bottom] = &mut self.layer_c;
        if *top < *middle {
            let mixed = (*top + *middle) / 2.0;
            (*top, *middle) = (mixed, mixed);
        }
        if *middle < *bottom {
            let mixed = (*middle + *bottom) / 2.0;
            (*middle, *bottom) = (mixed, mixed);
        }
    }

    fn lose(&mut self, dt_s: f64) {
        let share = self.loss_per_h * dt_s / 3600.0;
        for layer in &mut self.layer_c {
            let drop_k = (*layer - self.ambient_c) * share;
            *layer -= drop_k;
            self.lost_kwh += drop_k * self.layer_kwh_per_k;
        }
    }
}

/// How much of a full flow a supply at this temperature still carries, 0..1.
pub fn usable(temperature_c: f64, none_at_c: f64, full_at_c: f64) -> f64 {
    ((temperature_c - none_at_c) / (full_at_c - none_at_c)).clamp(0.0, 1.0)
}
