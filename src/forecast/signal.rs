//! Which signal of an asset is worth a forecast, how it is learnt, and what the weather station says of it.

use super::model::Habit;
use super::sun;
use crate::site::kinds::Tier;
use crate::site::{Asset, Carrier, Kind, Reason, Site, Value};
use crate::state::{AssetState, Weather};
use crate::units::Park;

/// A sheddable load drawing less than this share of its nameplate may have been shed.
const OPEN_SHARE: f64 = 0.005;
/// Heat and cooling loads change by at most this share of their nameplate per kelvin.
const PER_KELVIN: f64 = 0.1;
/// Below this share of 1000 W/m2 the sky's clearness is not estimated: the model's error rules there.
pub(super) const CLEAR_FLOOR: f64 = 0.05;
/// Clouds beside the sun give more than a clear sky, for a while.
const CLEARNESS_MAX: f64 = 1.3;
/// A turbine at rest: the wind is so much of what starts it.
const CALM: f64 = 0.8;

/// What kind of signal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Drawn, or wanted, kW; negative.
    Consumer,
    /// Wanted by cars, kW; negative, and nothing for hours.
    Cars,
    /// Could be delivered, kW; learnt as a share of what a clear sky gives.
    Sun,
    /// Could be delivered, kW; learnt as the wind speed that the power curve gives it at, m/s: speed strays alike up and down,
    /// power does not.
    Wind,
    /// Given off by a process, kW.
    Process,
    /// Outdoor temperature, degC.
    Outdoor,
}

/// The form of an asset's signal; `None` for kinds without a forecast.
pub(super) const fn form(kind: &Kind) -> Option<Form> {
    match kind {
        Kind::Pv(_) => Some(Form::Sun),
        Kind::Wind(_) => Some(Form::Wind),
        Kind::EvCharger(_) => Some(Form::Cars),
        Kind::Load(_) | Kind::FlexibleLoad(_) => Some(Form::Consumer),
        Kind::WasteHeat(_) => Some(Form::Process),
        _ => None,
    }
}

/// How temperature is learnt.
pub(super) const OUTDOOR: Habit =
    Habit { by_calendar: false, rates: [0.3, 0.3], fade_h: 8.0, typical: 2.0, slope: (0.0, 0.0) };

/// How an asset's signal is learnt.
pub(super) fn habit(site: &Site, asset: &Asset, form: Form) -> Habit {
    let rated = asset.kind.rated().kw();
    let carrier = asset.ports.first().and_then(|p| site.buses.get(p.bus.0)).map(|b| b.carrier);
    let slope = match (form, carrier) {
        (Form::Consumer, Some(Carrier::Heat)) => (0.0, PER_KELVIN * rated),
        (Form::Consumer, Some(Carrier::Cooling)) => (-PER_KELVIN * rated, 0.0),
        _ => (0.0, 0.0),
    };
    let by_day = |fade_h, typical, rate| Habit { by_calendar: false, rates: [rate; 2], fade_h, typical, slope };
    match form {
        // Ten working days, four days of weekends: two weeks each, and what is four weeks old hardly counts.
        Form::Consumer | Form::Process => {
            Habit { by_calendar: true, rates: [0.1, 0.25], fade_h: 1.5, typical: 0.02 * rated, slope }
        }
        Form::Cars => Habit { by_calendar: true, rates: [0.1, 0.25], fade_h: 1.5, typical: 0.05 * rated, slope },
        Form::Sun => by_day(3.0, 0.1, 0.1),
        Form::Wind => by_day(4.0, 0.5, 0.05),
        Form::Outdoor => OUTDOOR,
    }
}

/// The signal of an asset, or why it is not known; `None` for kinds without a forecast.
pub(super) fn signal(kind: &Kind, state: &AssetState) -> Option<Value> {
    let drawn = || state.ports.first().map(|p| p.measured);
    match kind {
        // Uncurtailed where the device tells; else what was delivered is the best lower bound there is.
        Kind::Pv(_) | Kind::Wind(_) | Kind::FlexibleLoad(_) | Kind::EvCharger(_) => match state.potential {
            Some(Ok(kw)) => Some(Ok(kw)),
            _ => drawn(),
        },
        // A feeder that may have been opened tells nothing of what its consumers want.
        Kind::Load(k) if k.tier == Tier::Sheddable => drawn().map(|v| match v {
            Ok(kw) if kw.abs() < OPEN_SHARE * k.rated_kw => Err(Reason::NotMeasured),
            other => other,
        }),
        Kind::Load(_) | Kind::WasteHeat(_) => drawn(),
        _ => None,
    }
    .map(|v| v.and_then(|kw| if kw.is_finite() { Ok(kw) } else { Err(Reason::OutOfRange) }))
}

/// What PV would give under a clear sky, kW.
pub(super) fn clear_kw(site: &Site, kind: &Kind, at: Park) -> f64 {
    let Kind::Pv(k) = kind else { return 0.0 };
    k.rated_kw * sun::clear_sky(at, (site.latitude_deg, site.longitude_deg), k.tilt_deg, k.azimuth_deg)
}

/// What is learnt of a signal's value: see [`Form`]. `None` where it tells nothing.
pub(super) fn level(asset: &Asset, kw: f64, clear_kw: f64) -> Option<f64> {
    match &asset.kind {
        Kind::Pv(k) => (clear_kw > CLEAR_FLOOR * k.rated_kw).then(|| (kw / clear_kw).clamp(0.0, CLEARNESS_MAX)),
        Kind::Wind(k) => Some(speed_at(&k.curve, kw)),
        _ => Some(kw),
    }
}

/// The value that belongs to what was learnt.
pub(super) fn value(asset: &Asset, level: f64, clear_kw: f64) -> f64 {
    match &asset.kind {
        Kind::Pv(_) => clear_kw * level.clamp(0.0, CLEARNESS_MAX),
        // Storms are not forecast: no speed is learnt beyond the one of full power.
        Kind::Wind(k) => on_curve(&k.curve, level.min(speed_at(&k.curve, f64::INFINITY))),
        _ => level,
    }
}

/// What the weather station says that a source could deliver, kW: by irradiance, or by wind speed and the power curve.
/// How much of that really comes is learnt.
pub(super) fn by_weather(site: &Site, asset: &Asset, weather: &Weather, at: Park) -> Option<f64> {
    match &asset.kind {
        Kind::Pv(k) => {
            let ghi = weather.ghi_w_m2.ok().filter(|g| g.is_finite())?;
            let flat = sun::clear_sky(at, (site.latitude_deg, site.longitude_deg), 0.0, 0.0);
            let clearness = (flat > CLEAR_FLOOR).then(|| (ghi / 1000.0 / flat).clamp(0.0, 1.3))?;
            Some((clearness * clear_kw(site, &asset.kind, at)).min(k.rated_kw))
        }
        Kind::Wind(k) => weather.wind_m_s.ok().filter(|w| w.is_finite()).map(|w| on_curve(&k.curve, w)),
        _ => None,
    }
}

/// Power at a wind speed; 0 outside the curve.
fn on_curve(curve: &[[f64; 2]], wind_m_s: f64) -> f64 {
    let mut pairs = curve.iter().zip(curve.iter().skip(1));
    let span = pairs.find(|(a, b)| a[0] <= wind_m_s && wind_m_s <= b[0]);
    span.map_or_else(|| 0.0, |(a, b)| a[1] + (b[1] - a[1]) * (wind_m_s - a[0]) / (b[0] - a[0]).max(1e-9))
}

/// The lowest wind speed that gives `kw`, or the one of full power; for nothing a speed that gives nothing.
pub(super) fn speed_at(curve: &[[f64; 2]], kw: f64) -> f64 {
    let starts = curve.iter().take_while(|p| p[1] <= 0.0).last().or(curve.first()).map_or(0.0, |p| p[0]);
    if kw <= 0.0 {
        return CALM * starts;
    }
    let full = curve.iter().map(|p| p[1]).fold(0.0, f64::max);
    let kw = kw.min(full);
    let mut pairs = curve.iter().zip(curve.iter().skip(1));
    let span = pairs.find(|(a, b)| a[1] <= kw && kw <= b[1] && a[1] < b[1]);
    span.map_or(starts, |(a, b)| a[0] + (b[0] - a[0]) * (kw - a[1]) / (b[1] - a[1]))
}

#[cfg(test)]
mod tests {
    use super::{on_curve, speed_at};

    #[test]
    fn a_power_is_given_back_by_its_speed() {
        let curve = [[0.0, 0.0], [3.0, 0.0], [5.0, 20.0], [12.0, 100.0], [25.0, 100.0]];
        for kw in [0.0, 0.1, 10.0, 55.0, 100.0] {
            assert!((on_curve(&curve, speed_at(&curve, kw)) - kw).abs() < 1e-9);
        }
        assert_eq!((speed_at(&curve, 1e9), speed_at(&curve, -1.0)), (12.0, 0.8 * 3.0));
        assert_eq!(speed_at(&[], 5.0), 0.0);
    }

    #[test]
    fn the_power_curve_is_followed_between_its_points_and_nothing_comes_outside() {
        let curve = [[3.0, 0.0], [5.0, 20.0], [12.0, 100.0], [25.0, 100.0]];
        let got = [2.0, 4.0, 12.0, 20.0, 26.0].map(|w| on_curve(&curve, w));
        assert_eq!(got, [0.0, 10.0, 100.0, 100.0, 0.0]);
        assert_eq!(on_curve(&[], 5.0), 0.0);
    }
}
