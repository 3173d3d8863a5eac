//! Devices that do not do what they are told: left out of the dispatch though they are read well.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::site::{DeviceFrame, DeviceIx, Point, Reason};

/// A device is given another chance so long after its last refusal, seconds (monotonic): each chance costs two plans.
const AGAIN_AFTER_S: f64 = 60.0;

/// Since when, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Withheld {
    devices: BTreeMap<usize, (f64, Reason)>,
}

impl Withheld {
    /// One cycle's frames.
    pub fn see(&mut self, frames: &[Arc<DeviceFrame>], now_s: f64) {
        self.devices.retain(|_, (at, _)| now_s - *at < AGAIN_AFTER_S);
        for frame in frames {
            if let Some(reason) = unfit(frame) {
                self.devices.insert(frame.device.0, (now_s, reason));
            }
        }
    }

    /// Why a device is left out, if it is.
    pub fn of(&self, device: DeviceIx) -> Option<Reason> {
        self.devices.get(&device.0).map(|(_, reason)| *reason)
    }
}

/// A refused value says nothing of the next one; a device that fails, that has no such register, or whose reversion
/// timer is not armed takes no command that may be given.
fn unfit(frame: &DeviceFrame) -> Option<Reason> {
    match frame.write.refused? {
        (Point::RvrtTms, reason) => Some(reason),
        (_, Reason::OutOfRange | Reason::Disabled | Reason::DeviceBusy) => None,
        (_, reason) => Some(reason),
    }
}
