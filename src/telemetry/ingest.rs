use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::site::{DeviceFrame, PointSpec, Reading, Reason, Site};
use crate::units::Mono;

/// A live signal that repeats itself to the last bit this often is frozen: with noise of only a few steps of
/// resolution the chance of it is below one in a million.
const FROZEN_AFTER_REPEATS: u32 = 20;
/// ... and for at least this long, so that a fast poll alone does not freeze it.
const FROZEN_AFTER: Duration = Duration::from_secs(15);

/// What the judging of one point remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Track {
    last: Option<f64>,
    last_at: Mono,
    changed_at: Mono,
    repeats: u32,
}

/// What telemetry remembers from cycle to cycle; parallel to the site's points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    tracks: Vec<Track>,
}

/// The image of this cycle: every point of the site, a value or the reason why not.
///
/// `frames` are the newest frames of the drivers, in any order; a device without one has never been read.
pub fn ingest(memory: &mut Telemetry, site: &Site, frames: &[Arc<DeviceFrame>], now: Mono) -> Vec<Reading> {
    let mut image = vec![Reading::NEVER; site.points.len()];
    for frame in frames {
        let Some(device) = site.devices.get(frame.device.0) else { continue };
        let slots = image.get_mut(device.points.clone()).unwrap_or_default();
        for (slot, reading) in slots.iter_mut().zip(&frame.readings) {
            *slot = *reading;
        }
    }
    memory.tracks.resize(site.points.len(), Track::default());
    for ((reading, spec), track) in image.iter_mut().zip(&site.points).zip(&mut memory.tracks) {
        reading.value = judge(track, spec, *reading, now);
    }
    image
}

fn judge(track: &mut Track, spec: &PointSpec, reading: Reading, now: Mono) -> Result<f64, Reason> {
    let value = reading.value?;
    let (low, high) = spec.valid;
    if !value.is_finite() || value < low || value > high {
        return Err(Reason::OutOfRange);
    }
    if now.since(reading.at) > spec.stale_after {
        return Err(Reason::Stale);
    }
    if track.last != Some(value) {
        *track = Track { last: Some(value), last_at: reading.at, changed_at: reading.at, repeats: 0 };
    } else if reading.at > track.last_at {
        track.last_at = reading.at;
        track.repeats = track.repeats.saturating_add(1);
    }
    // A plant at rest reads exactly 0 for hours: only a signal that should carry noise can freeze.
    let frozen = spec.lively
        && value != 0.0
        && track.repeats >= FROZEN_AFTER_REPEATS
        && reading.at.since(track.changed_at) >= FROZEN_AFTER;
    if frozen { Err(Reason::Frozen) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{Access, DeviceIx, Point};

    fn spec(lively: bool) -> PointSpec {
        PointSpec {
            device: DeviceIx(0),
            point: Point::W,
            access: Access::Read,
            stale_after: Duration::from_secs(5),
            lively,
            valid: (-100.0, 100.0),
            safe: None,
            readback: false,
        }
    }
    fn at(s: u64) -> Mono {
        Mono(s * 1_000_000)
    }

    #[test]
    fn age_and_range_give_a_reason() {
        let mut t = Track::default();
        let r = Reading { value: Ok(5.0), at: at(10) };
        assert_eq!(judge(&mut t, &spec(false), r, at(11)), Ok(5.0));
        assert_eq!(judge(&mut t, &spec(false), r, at(16)), Err(Reason::Stale));
        let r = Reading { value: Ok(101.0), at: at(16) };
        assert_eq!(judge(&mut t, &spec(false), r, at(16)), Err(Reason::OutOfRange));
        let r = Reading { value: Ok(f64::NAN), at: at(16) };
        assert_eq!(judge(&mut t, &spec(false), r, at(16)), Err(Reason::OutOfRange));
    }

    #[test]
    fn f26_a_live_signal_that_repeats_is_frozen_and_thaws() {
        let mut t = Track::default();
        let mut last = Ok(0.0);
        for s in 1..40 {
            last = judge(&mut t, &spec(true), Reading { value: Ok(7.25), at: at(s) }, at(s));
        }
        assert_eq!(last, Err(Reason::Frozen));
        assert_eq!(judge(&mut t, &spec(true), Reading { value: Ok(7.26), at: at(41) }, at(41)), Ok(7.26));
    }

    #[test]
    fn a_repeated_reading_is_not_counted_twice_and_zero_never_freezes() {
        let mut t = Track::default();
        for s in 1..40 {
            let same_answer = Reading { value: Ok(7.0), at: at(39) };
            assert_eq!(judge(&mut t, &spec(true), same_answer, at(s.max(39))), Ok(7.0));
        }
        for s in 40..90 {
            assert_eq!(judge(&mut t, &spec(true), Reading { value: Ok(0.0), at: at(s) }, at(s)), Ok(0.0));
        }
    }
}
