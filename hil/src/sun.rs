//! Where the sun stands and what it gives under a clear sky.

/// Direction of the sun, degrees; azimuth clockwise from north.
#[derive(Debug, Clone, Copy)]
pub struct Sun {
    pub elevation_deg: f64,
    pub azimuth_deg: f64,
}

/// Position by the low-precision formulas of the Astronomical Almanac (about 0.01 deg, no refraction).
pub fn position(unix_s: f64, latitude_deg: f64, longitude_deg: f64) -> Sun {
    let days = unix_s / 86_400.0 + 2_440_587.5 - 2_451_545.0;
    let anomaly = (357.528 + 0.985_600_3 * days).to_radians();
    let mean_longitude = 280.460 + 0.985_647_4 * days;
    let ecliptic = (mean_longitude + 1.915 * anomaly.sin() + 0.020 * (2.0 * anomaly).sin()).to_radians();
    let obliquity = (23.439 - 0.000_000_4 * days).to_radians();
    let right_ascension = (obliquity.cos() * ecliptic.sin()).atan2(ecliptic.cos());
    let declination = (obliquity.sin() * ecliptic.sin()).asin();
    let sidereal_deg = 280.460_618_37 + 360.985_647_366_29 * days + longitude_deg;
    let hour_angle = sidereal_deg.to_radians() - right_ascension;
    let latitude = latitude_deg.to_radians();
    let sin_elevation = latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * hour_angle.cos();
    let east = -declination.cos() * hour_angle.sin();
    let north = latitude.cos() * declination.sin() - latitude.sin() * declination.cos() * hour_angle.cos();
    Sun {
        elevation_deg: sin_elevation.clamp(-1.0, 1.0).asin().to_degrees(),
        azimuth_deg: east.atan2(north).to_degrees().rem_euclid(360.0),
    }
}

/// Global horizontal irradiance of a clear sky in W/m2 (Haurwitz).
pub fn clear_sky_w_m2(sun: Sun) -> f64 {
    let up = sun.elevation_deg.to_radians().sin();
    if up <= 0.0 { 0.0 } else { 1098.0 * up * (-0.057 / up).exp() }
}

/// Irradiance on a tilted plane from the horizontal one, W/m2: direct part by angle, the rest isotropic.
pub fn on_plane_w_m2(ghi: f64, clear: f64, sun: Sun, tilt_deg: f64, azimuth_deg: f64) -> f64 {
    let up = sun.elevation_deg.to_radians().sin();
    if ghi <= 0.0 || up <= 0.01 {
        return ghi.max(0.0);
    }
    let clearness = (ghi / clear.max(1.0)).clamp(0.0, 1.0);
    let direct_share = 0.85 * clearness * clearness;
    let tilt = tilt_deg.to_radians();
    let turn = (sun.azimuth_deg - azimuth_deg).to_radians();
    let flat = sun.elevation_deg.to_radians().cos();
    let incidence = up * tilt.cos() + flat * tilt.sin() * turn.cos();
    // Near the horizon the ratio explodes; the sky does not.
    let ratio = (incidence.max(0.0) / up.max(0.08)).min(4.0);
    let sky = (1.0 + tilt.cos()) / 2.0;
    let ground = 0.2 * (1.0 - tilt.cos()) / 2.0;
    ghi * (direct_share * ratio + (1.0 - direct_share) * sky + ground)
}
