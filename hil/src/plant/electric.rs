//! PV field, wind turbines and battery.

use crate::noise::{Octaves, Series};
use crate::site;
use crate::sun;
use crate::weather::Sky;

/// A capped renewable source.
pub struct Renewable {
    pub rated_kw: f64,
    pub power_kw: f64,
    pub available_kw: f64,
    pub wind_m_s: f64,
    kind: Kind,
}

enum Kind {
    Pv { tilt_deg: f64, azimuth_deg: f64, yield_share: f64 },
    Wind { curve: Vec<(f64, f64)>, factor: f64, gusts: Octaves },
}

impl Renewable {
    pub fn pv(site: &site::Pv, draw: &mut Series) -> Self {
        let kind = Kind::Pv {
            tilt_deg: site.tilt_deg,
            azimuth_deg: site.azimuth_deg,
            yield_share: 0.95 * draw.about_one(0.05),
        };
        Self { rated_kw: site.rated_kw, power_kw: 0.0, available_kw: 0.0, wind_m_s: 0.0, kind }
    }

    pub fn wind(site: &site::Wind, seed: u64, draw: &mut Series) -> Self {
        let gusts = Octaves::new(seed, &format!("gusts {}", site.id), &[(70.0, 0.10), (13.0, 0.06)]);
        let kind = Kind::Wind { curve: site.curve.clone(), factor: draw.about_one(0.05), gusts };
        Self { rated_kw: site.rated_kw, power_kw: 0.0, available_kw: 0.0, wind_m_s: 0.0, kind }
    }

    pub fn step(&mut self, dt_s: f64, t_s: f64, sky: Sky, cap_kw: f64) {
        match &mut self.kind {
            Kind::Pv { tilt_deg, azimuth_deg, yield_share } => {
                let plane = sun::on_plane_w_m2(sky.ghi_w_m2, sky.clear_w_m2, sky.sun, *tilt_deg, *azimuth_deg);
                let cell_c = sky.outdoor_c + 0.028 * plane;
                let heat = 1.0 - 0.0036 * (cell_c - 25.0);
                let raw = self.rated_kw * plane / 1000.0 * heat * *yield_share;
                self.available_kw = raw.clamp(0.0, self.rated_kw);
            }
            Kind::Wind { curve, factor, gusts } => {
                self.wind_m_s = (sky.wind_m_s * (1.0 + gusts.at(t_s))).max(0.0);
                let raw = power_at(curve, self.wind_m_s) * *factor;
                self.available_kw = raw.clamp(0.0, self.rated_kw);
            }
        }
        self.follow(dt_s, cap_kw);
    }

    /// Curtails and recovers at the pace of its own controller; what is not there falls at once.
    fn follow(&mut self, dt_s: f64, cap_kw: f64) {
        let target = self.available_kw.min(cap_kw.max(0.0));
        let reach = 0.12 * self.rated_kw * dt_s;
        let moved = self.power_kw + (target - self.power_kw).clamp(-reach, reach);
        self.power_kw = moved.clamp(0.0, self.available_kw);
    }
}

fn power_at(curve: &[(f64, f64)], wind: f64) -> f64 {
    let beyond = curve.last().is_some_and(|last| wind > last.0);
    if beyond {
        return 0.0;
    }
    curve
        .windows(2)
        .find_map(|pair| {
            let [(from, low), (to, high)] = *pair else {
                return None;
            };
            (wind >= from && wind <= to).then(|| low + (high - low) * (wind - from) / (to - from).max(1e-9))
        })
        .unwrap_or(0.0)
}

/// A battery behind its converter.
pub struct Battery {
    pub site: site::Battery,
    pub power_kw: f64,
    pub stored_kwh: f64,
    pub capacity_kwh: f64,
    pub charge_efficiency: f64,
    pub discharge_efficiency: f64,
    ramp_kw_per_s: f64,
}

impl Battery {
    pub fn new(site: &site::Battery, soc: f64, draw: &mut Series) -> Self {
        let capacity_kwh = site.capacity_kwh * draw.about_one(0.02);
        Self {
            power_kw: 0.0,
            stored_kwh: soc * capacity_kwh,
            capacity_kwh,
            charge_efficiency: (site.charge_efficiency * draw.about_one(0.02)).min(0.985),
            discharge_efficiency: (site.discharge_efficiency * draw.about_one(0.02)).min(0.985),
            ramp_kw_per_s: site.ramp_kw_per_s * draw.range(0.7, 0.95),
            site: site.clone(),
        }
    }

    pub fn soc(&self) -> f64 {
        self.stored_kwh / self.capacity_kwh
    }

    /// What the cells take now, kW: full up to 90 %, then less and less.
    pub fn charge_room_kw(&self) -> f64 {
        self.site.charge_max_kw * ((0.99 - self.soc()) / 0.09).clamp(0.0, 1.0)
    }

    /// What the cells give now, kW: full down to 11 %, then less and less.
    pub fn discharge_room_kw(&self) -> f64 {
        self.site.discharge_max_kw * ((self.soc() - 0.03) / 0.08).clamp(0.0, 1.0)
    }

    /// Follows `set_kw` (discharge +) by its ramp within what the cells allow.
    pub fn step(&mut self, dt_s: f64, set_kw: f64) {
        let target = set_kw.clamp(-self.charge_room_kw(), self.discharge_room_kw());
        let reach = self.ramp_kw_per_s * dt_s;
        self.power_kw += (target - self.power_kw).clamp(-reach, reach);
        let kwh = self.power_kw * dt_s / 3600.0;
        self.stored_kwh -= if kwh >= 0.0 { kwh / self.discharge_efficiency } else { kwh * self.charge_efficiency };
    }
}
