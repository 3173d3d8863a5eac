use serde::{Deserialize, Serialize};

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

/// Something a person must know, while it lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// What.
    pub kind: AlarmKind,
    /// How urgent.
    pub severity: Severity,
    /// Which device, asset or bus (its id).
    pub subject: String,
    /// In words, with numbers.
    pub text: String,
    /// Since when.
    pub since: Park,
}
