use serde::{Deserialize, Serialize};

use super::{DeviceIx, Point};
use crate::units::Mono;

/// Why a value is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No answer yet since start.
    NeverRead,
    /// The site has no meter for it.
    NotMeasured,
    /// The device says "not available" (its sentinel).
    NotImplemented,
    /// Outside the profile's valid range, or not finite.
    OutOfRange,
    /// Older than the point's limit of age.
    Stale,
    /// The same to the last bit for longer than a live signal can be.
    Frozen,
    /// Contradicts the balance of its bus or physics.
    Implausible,
    /// First value after a reconnect, waiting for a second that agrees.
    Unconfirmed,
    /// No answer in time.
    DeviceTimeout,
    /// No connection.
    Disconnected,
    /// Exception 1 or 2: the map differs from the profile; the point is disabled.
    IllegalAddress,
    /// Exception 4, 7 or 8.
    DeviceFailure,
    /// Exception 5 or 6.
    DeviceBusy,
    /// Exception 10 or 11: only this unit behind the gateway.
    GatewayPath,
    /// A reply that breaks the protocol.
    BadReply,
    /// Another device answers than the profile expects.
    IdentityMismatch,
    /// Switched off by a person or by configuration.
    Disabled,
    /// Wall time is not synchronised.
    ClockUnsynchronised,
    /// It follows from others, one of which is unknown.
    InputUnknown,
}

impl Reason {
    /// Lower-case name, as shown to people and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeverRead => "never_read",
            Self::NotMeasured => "not_measured",
            Self::NotImplemented => "not_implemented",
            Self::OutOfRange => "out_of_range",
            Self::Stale => "stale",
            Self::Frozen => "frozen",
            Self::Implausible => "implausible",
            Self::Unconfirmed => "unconfirmed",
            Self::DeviceTimeout => "device_timeout",
            Self::Disconnected => "disconnected",
            Self::IllegalAddress => "illegal_address",
            Self::DeviceFailure => "device_failure",
            Self::DeviceBusy => "device_busy",
            Self::GatewayPath => "gateway_path",
            Self::BadReply => "bad_reply",
            Self::IdentityMismatch => "identity_mismatch",
            Self::Disabled => "disabled",
            Self::ClockUnsynchronised => "clock_unsynchronised",
            Self::InputUnknown => "input_unknown",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A finite number in the point's canonical unit, or why there is none.
pub type Value = Result<f64, Reason>;

/// One value or reason, and when it was received.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Value or reason.
    pub value: Value,
    /// When the last answer (good or bad) about this point arrived.
    pub at: Mono,
}

impl Reading {
    /// What stands before the first answer.
    pub const NEVER: Self = Self { value: Err(Reason::NeverRead), at: Mono(0) };
}

/// State of the path to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// First attempt under way.
    Connecting,
    /// Identified and answering.
    Up,
    /// Not answering, and why; being retried with back-off.
    Down(Reason),
}

/// A command whose read-back differs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Which command.
    pub point: Point,
    /// What was written.
    pub wanted: f64,
    /// What reads back.
    pub got: f64,
}

/// What became of the last commands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WriteReport {
    /// Cycle of the newest setpoint of which all values are acknowledged by the device.
    pub applied_cycle: Option<u64>,
    /// When that was.
    pub acked_at: Option<Mono>,
    /// Commands that read back otherwise, twice in a row.
    pub mismatches: Vec<Mismatch>,
    /// The device refused the last write, and why; it counts as not applied.
    pub refused: Option<(Point, Reason)>,
}

/// All a driver knows of one device, published whole after each turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceFrame {
    /// Which device.
    pub device: DeviceIx,
    /// One per point, in the order of [`super::Device::points`].
    pub readings: Vec<Reading>,
    /// State of the path.
    pub link: Link,
    /// What became of the commands.
    pub write: WriteReport,
    /// The driver's task last took its turn at this instant ...
    pub turn: Mono,
    /// ... and by its own deadlines takes the next before this one.
    pub next_turn: Mono,
    /// Connections made since start.
    pub connects: u32,
    /// Requests that failed since start.
    pub errors: u32,
}
