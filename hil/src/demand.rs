//! What the park's consumers want: by hour, season and weather, never by what the controller does.

use crate::calendar::Local;
use crate::noise::Octaves;
use crate::site;
use crate::weather::Sky;

/// What a load of the site file is to the plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Critical,
    Normal,
    Sheddable,
    ProcessHeat,
    SpaceHeat,
    Cooling,
}

impl Role {
    pub fn of(load: &site::Load, site: &site::Site) -> Self {
        let exchanger = site.heat_exchanger.first();
        if exchanger.is_some_and(|exchanger| exchanger.from_bus == load.bus) {
            return Self::ProcessHeat;
        }
        if exchanger.is_some_and(|exchanger| exchanger.to_bus == load.bus) {
            return Self::SpaceHeat;
        }
        if site.cold_tank.first().is_some_and(|tank| tank.bus == load.bus) {
            return Self::Cooling;
        }
        Self::of_tier(load.tier.as_deref())
    }

    pub fn of_tier(tier: Option<&str>) -> Self {
        match tier {
            Some("critical") => Self::Critical,
            Some("sheddable") => Self::Sheddable,
            _ => Self::Normal,
        }
    }

    pub fn is_electric(self) -> bool {
        matches!(self, Self::Critical | Self::Normal | Self::Sheddable)
    }
}

/// One consumer's demand.
pub struct Consumer {
    pub role: Role,
    rated_kw: f64,
    noise: Octaves,
}

impl Consumer {
    pub fn new(seed: u64, id: &str, role: Role, rated_kw: f64) -> Self {
        let octaves: &[(f64, f64)] = if role.is_electric() {
            &[(7200.0, 0.02), (420.0, 0.012), (25.0, 0.006)]
        } else {
            &[(7200.0, 0.03), (900.0, 0.015), (120.0, 0.004)]
        };
        Self { role, rated_kw, noise: Octaves::new(seed, &format!("demand {id}"), octaves) }
    }

    /// Wanted power in kW, positive.
    pub fn wanted_kw(&mut self, t_s: f64, local: Local, sky: Sky) -> f64 {
        let shift = activity(local);
        let share = match self.role {
            Role::Critical => 0.70 + 0.09 * shift,
            Role::Normal => 0.38 + 0.34 * shift,
            Role::Sheddable => 0.24 + 0.44 * shift,
            Role::ProcessHeat => 0.49 + 0.32 * shift,
            Role::SpaceHeat => {
                let tap = 34.0 + 20.0 * bump(local.hour, 7.5, 1.2) + 14.0 * bump(local.hour, 19.0, 2.0);
                let cold = (16.0 - sky.outdoor_c).max(0.0) * 17.0 * (0.7 + 0.3 * shift);
                (tap + cold) / 350.0
            }
            Role::Cooling => {
                let warm = (sky.outdoor_c - 18.0).max(0.0) * 13.5 * (0.55 + 0.45 * shift);
                (88.0 + 55.0 * shift + warm + 0.035 * sky.ghi_w_m2) / 450.0
            }
        };
        (self.rated_kw * (share + self.noise.at(t_s))).clamp(0.02 * self.rated_kw, self.rated_kw)
    }
}

/// How far the lighting strays from its scenes.
pub fn lighting_noise(seed: u64, name: &str) -> Octaves {
    Octaves::new(seed, name, &[(1800.0, 0.03), (45.0, 0.008)])
}

/// What the lighting scenes ask for, kW: more in working hours, less where daylight comes in.
pub fn lighting_kw(rated_kw: f64, noise: &mut Octaves, t_s: f64, local: Local, sky: Sky) -> f64 {
    let evening = 0.35 * bump(local.hour, 19.5, 2.0);
    let daylight = 0.22 * (sky.ghi_w_m2 / 800.0).min(1.0);
    let share = 0.22 + 0.66 * activity(local) + evening - daylight + noise.at(t_s);
    rated_kw * share.clamp(0.08, 1.0)
}

/// Working activity of the park, 0..1.
fn activity(local: Local) -> f64 {
    let hour = local.hour;
    let rise = ((hour - 6.0) / 2.5).clamp(0.0, 1.0);
    let fall = ((21.0 - hour) / 4.0).clamp(0.0, 1.0);
    let noon = 1.0 - 0.22 * bump(hour, 12.4, 0.6);
    let day = if local.workday { 1.0 } else { 0.35 };
    day * rise.min(fall) * noon
}

fn bump(hour: f64, centre: f64, width: f64) -> f64 {
    let x = (hour - centre) / width;
    (-x * x).exp()
}
