//! A lost device in words: what is seen of the path, and what that can mean. It says no more than is seen.

use std::collections::BTreeMap;

use crate::site::{Device, DeviceFrame, Link, Reason};

/// Connections taken and closed again before that is a pattern.
const CLOSED_OFTEN: u32 = 3;

/// What was seen of the way to each device.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    seen: BTreeMap<usize, Path>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Path {
    ever_up: bool,
    /// Connections made when it was last up.
    connects: u32,
}

impl Paths {
    /// One cycle's frame.
    pub(super) fn see(&mut self, frame: &DeviceFrame) {
        if frame.link == Link::Up {
            self.seen.insert(frame.device.0, Path { ever_up: true, connects: frame.connects });
        }
    }

    /// Why `device` may be lost. `others_answer`: a device at the same address does.
    pub(super) fn lost(&self, device: &Device, frame: &DeviceFrame, reason: Reason, others_answer: bool) -> String {
        let path = self.seen.get(&frame.device.0).copied().unwrap_or_default();
        let taken = frame.connects.saturating_sub(path.connects);
        let (id, unit, address) = (&device.id, device.unit, &device.address);
        if device.topic.is_some() {
            return format!("{id} at {address} does not answer ({reason})");
        }
        let since = if path.ever_up { "any more" } else { "and has not since the start" };
        let cause = match reason {
            Reason::GatewayPath => {
                format!("the gateway answers, unit {unit} behind it does not {since}; is the unit id right, is it on?")
            }
            Reason::DeviceTimeout | Reason::Disconnected if others_answer => {
                format!("others at this address answer, unit {unit} does not {since}; is the unit id right, is it on?")
            }
            Reason::Disconnected if taken >= CLOSED_OFTEN => format!(
                "the connection is taken and closed again, {taken} times so far; another client may hold its only connection"
            ),
            Reason::DeviceTimeout if taken > 0 && path.ever_up => {
                format!(
                    "the connection is taken, unit {unit} does not answer {since}; another client may hold its only connection"
                )
            }
            Reason::DeviceTimeout if taken > 0 => format!(
                "the connection is taken, unit {unit} does not answer {since}; is the unit id right, or does another \
                 client hold its only connection?"
            ),
            Reason::DeviceTimeout | Reason::Disconnected if path.ever_up => {
                "no connection any more; it is off or cut off, or another client holds its only connection".to_owned()
            }
            Reason::DeviceTimeout | Reason::Disconnected => {
                "no connection since the start; is the address right, is it on?".to_owned()
            }
            _ => "what it says cannot be used".to_owned(),
        };
        format!("{id} at {address} does not answer ({reason}): {cause}")
    }
}
