//! Where the sun stands and what a clear sky would give a tilted plane.
//!
//! Declination and equation of time: the Fourier series of Spencer (1971), good to about 0.5 degrees. Clear-sky global
//! irradiance: Haurwitz (1945), `1098 cos z exp(-0.057 / cos z)` W/m2, which needs nothing but the zenith angle. On the
//! tilted plane a fixed share is diffuse from the visible part of the sky. The recent clearness scales the result, so
//! what matters is its shape over the day.

use std::f64::consts::PI;

use crate::units::Park;

/// Share of a clear sky's global irradiance that is diffuse.
const DIFFUSE: f64 = 0.15;
/// A sun lower than this (cosine of the zenith) gives nothing worth forecasting.
const LOW_SUN: f64 = 0.02;

/// Direction to the sun: cosine of the zenith, and azimuth clockwise from north, radians.
pub(super) fn position(at: Park, latitude_deg: f64, longitude_deg: f64) -> (f64, f64) {
    let utc = at.0.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let hour = f64::from(utc.hour()) + f64::from(utc.minute()) / 60.0 + f64::from(utc.second()) / 3600.0;
    let g = 2.0 * PI * (f64::from(utc.day_of_year()) - 1.0 + hour / 24.0) / 365.0;
    let declination = 0.006_918 - 0.399_912 * g.cos() + 0.070_257 * g.sin() - 0.006_758 * (2.0 * g).cos()
        + 0.000_907 * (2.0 * g).sin()
        - 0.002_697 * (3.0 * g).cos()
        + 0.001_48 * (3.0 * g).sin();
    let equation_min = 229.18
        * (0.000_075 + 0.001_868 * g.cos()
            - 0.032_077 * g.sin()
            - 0.014_615 * (2.0 * g).cos()
            - 0.040_89 * (2.0 * g).sin());
    let solar_hour = hour + longitude_deg / 15.0 + equation_min / 60.0;
    let hour_angle = (solar_hour - 12.0) * PI / 12.0;
    let latitude = latitude_deg.to_radians();
    let cos_zenith = latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * hour_angle.cos();
    // East and north components of the direction.
    let east = -declination.cos() * hour_angle.sin();
    let north = latitude.cos() * declination.sin() - latitude.sin() * declination.cos() * hour_angle.cos();
    (cos_zenith, east.atan2(north).rem_euclid(2.0 * PI))
}

/// Clear-sky irradiance on a tilted plane, as a share of 1000 W/m2.
pub(super) fn clear_sky(at: Park, place: (f64, f64), tilt_deg: f64, azimuth_deg: f64) -> f64 {
    let (cos_zenith, sun_azimuth) = position(at, place.0, place.1);
    if cos_zenith < LOW_SUN {
        return 0.0;
    }
    let global = 1098.0 * cos_zenith * (-0.057 / cos_zenith).exp();
    let tilt = tilt_deg.to_radians();
    let sin_zenith = (1.0 - cos_zenith * cos_zenith).max(0.0).sqrt();
    let incidence = cos_zenith * tilt.cos() + sin_zenith * tilt.sin() * (sun_azimuth - azimuth_deg.to_radians()).cos();
    // A low sun on a steep plane: the ratio is bounded, the model means little there.
    let beam = global * (1.0 - DIFFUSE) * (incidence.max(0.0) / cos_zenith).min(4.0);
    (beam + global * DIFFUSE * (1.0 + tilt.cos()) / 2.0) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-06-21 12:00 solar time at Suzhou is about 03:59 UTC: zenith = latitude - declination = 7.9 degrees.
    #[test]
    fn the_sun_stands_where_the_almanac_says() {
        let noon = Park(jiff::Timestamp::from_second(1_782_014_340).unwrap_or_default());
        let (cos_zenith, azimuth) = position(noon, 31.32, 120.72);
        assert!((cos_zenith.acos().to_degrees() - 7.9).abs() < 0.6, "{}", cos_zenith.acos().to_degrees());
        assert!((azimuth.to_degrees() - 180.0).abs() < 5.0, "{}", azimuth.to_degrees());
        let morning = noon.plus_s(-4.0 * 3600.0);
        let (_, azimuth) = position(morning, 31.32, 120.72);
        assert!((60.0..110.0).contains(&azimuth.to_degrees()), "east in the morning: {}", azimuth.to_degrees());
        assert!(position(noon.plus_s(12.0 * 3600.0), 31.32, 120.72).0 < 0.0);
    }

    #[test]
    fn a_clear_noon_in_summer_gives_about_a_kilowatt() {
        let noon = Park(jiff::Timestamp::from_second(1_782_014_340).unwrap_or_default());
        let share = clear_sky(noon, (31.32, 120.72), 15.0, 180.0);
        assert!((0.9..1.15).contains(&share), "{share}");
    }
}
