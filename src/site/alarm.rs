use std::fmt;

use serde::{Deserialize, Serialize};

use super::ProposalId;
use crate::units::Park;

/// How urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Something works less well than it should.
    Warning,
    /// Act now.
    Critical,
}

/// What an alarm is about. The name is stable: people search for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// A device does not answer.
    DeviceLost,
    /// Several devices do not answer, for one cause.
    DevicesLost,
    /// Another device answers than expected.
    IdentityMismatch,
    /// A point the profile names does not exist in the device.
    PointRefused,
    /// A measurement with the wrong sign, found by the balance.
    SignFlipped,
    /// A measurement that does not move.
    Frozen,
    /// A bus whose measured injections do not add up.
    BalanceOpen,
    /// A command reads back otherwise.
    ReadbackMismatch,
    /// A command the device refused.
    WriteRefused,
    /// A command acknowledged and without effect.
    NotFollowing,
    /// The plan is a fallback, or there is none.
    PlanFallback,
    /// The plan uses a slack: limits are in conflict.
    LimitsInConflict,
    /// A measured value is outside a limit.
    LimitExceeded,
    /// The state of a store is not believable.
    StoreImplausible,
    /// An order of the device's own protection.
    DeviceFault,
    /// Wall time is not synchronised.
    ClockUnsynchronised,
    /// Commands of this device do not end by themselves.
    NoReversion,
    /// A certificate ends soon, has ended, or cannot be read.
    Certificate,
    /// What must be written down is not.
    Disk,
}

/// Something wrong that only the rim of the house can see (keys, disk). The cycle raises an alarm of it while it stands,
/// so that all alarms are in the snapshot, and a recording has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What.
    pub kind: AlarmKind,
    /// How urgent.
    pub severity: Severity,
    /// Which file or part; with `kind` it names the report.
    pub subject: String,
    /// In words, with numbers.
    pub text: String,
}

/// One occurrence of an alarm: unique and ascending in time, also across restarts; written as text like a proposal's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlarmId(pub u64);

impl fmt::Display for AlarmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ProposalId(self.0).fmt(f)
    }
}

impl std::str::FromStr for AlarmId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let id = text.parse::<ProposalId>();
        id.map(|id| Self(id.0)).map_err(|_| format!("\"{text}\" is no id of an alarm; `hexctl alarms` shows them"))
    }
}

/// Where an alarm stands between its cause and the people (ANSI/ISA-18.2, alarm state model).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// Its cause stands, and nobody has taken note.
    Unacknowledged,
    /// Its cause stands, and somebody knows.
    Acknowledged,
    /// Its cause is gone, and nobody has taken note.
    Ended,
}

impl AlarmState {
    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::Ended => "ended",
        }
    }
}

/// Who has taken note of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub at: Park,
    /// What they said to it; may be empty.
    pub note: String,
}

/// Something a person must know: while its cause stands, and until somebody has taken note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// This occurrence.
    pub id: AlarmId,
    /// What.
    pub kind: AlarmKind,
    /// How urgent.
    pub severity: Severity,
    /// Which device, asset or bus (its id); with `kind` it names the alarm, whichever occurrence.
    pub subject: String,
    /// In words, with numbers.
    pub text: String,
    /// First true.
    pub since: Park,
    /// Last true.
    pub last: Park,
    /// How often it came back after it had ended, before anybody took note.
    pub returned: u32,
    /// Whether its cause is gone.
    pub ended: bool,
    /// Who has taken note.
    pub acknowledged: Option<Acknowledgement>,
    /// Of one cause for many: the devices it stands for at this moment (their ids).
    pub members: Vec<String>,
    /// ... and the alarms that follow from it, as `kind subject`; they are not listed by themselves.
    pub consequent: Vec<String>,
}

impl Alarm {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> AlarmState {
        match (self.ended, &self.acknowledged) {
            (true, _) => AlarmState::Ended,
            (false, Some(_)) => AlarmState::Acknowledged,
            (false, None) => AlarmState::Unacknowledged,
        }
    }
}

impl AlarmKind {
    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeviceLost => "device_lost",
            Self::DevicesLost => "devices_lost",
            Self::IdentityMismatch => "identity_mismatch",
            Self::PointRefused => "point_refused",
            Self::SignFlipped => "sign_flipped",
            Self::Frozen => "frozen",
            Self::BalanceOpen => "balance_open",
            Self::ReadbackMismatch => "readback_mismatch",
            Self::WriteRefused => "write_refused",
            Self::NotFollowing => "not_following",
            Self::PlanFallback => "plan_fallback",
            Self::LimitsInConflict => "limits_in_conflict",
            Self::LimitExceeded => "limit_exceeded",
            Self::StoreImplausible => "store_implausible",
            Self::DeviceFault => "device_fault",
            Self::ClockUnsynchronised => "clock_unsynchronised",
            Self::NoReversion => "no_reversion",
            Self::Certificate => "certificate",
            Self::Disk => "disk",
        }
    }
}

impl Severity {
    /// Name as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_serialised() {
        for kind in [AlarmKind::DevicesLost, AlarmKind::ClockUnsynchronised, AlarmKind::Disk] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for state in [AlarmState::Unacknowledged, AlarmState::Acknowledged, AlarmState::Ended] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }

    #[test]
    fn ids_are_read_as_written() {
        assert_eq!(AlarmId(1_782_956_800_123).to_string().parse(), Ok(AlarmId(1_782_956_800_123)));
        assert!("-".parse::<AlarmId>().unwrap_err().contains("hexctl alarms"));
    }
}
