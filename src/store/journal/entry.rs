use serde::{Deserialize, Serialize};

use crate::site::{Class, Severity};
use crate::units::{Now, Park};

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The daemon's own start and stop.
    Daemon,
    /// The operating mode.
    Mode,
    /// Where the plan comes from.
    Plan,
    /// The path to a device.
    Device,
    /// An alarm.
    Alarm,
    /// What somebody asked for.
    Proposal,
    /// What the guard narrowed.
    Clip,
    /// What a device is told.
    Setpoint,
    /// The journal itself: what it could not say or keep.
    Journal,
}

impl EntryKind {
    /// All.
    pub const ALL: [Self; 9] = [
        Self::Daemon,
        Self::Mode,
        Self::Plan,
        Self::Device,
        Self::Alarm,
        Self::Proposal,
        Self::Clip,
        Self::Setpoint,
        Self::Journal,
    ];
    /// Name as on the wire and in the files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Mode => "mode",
            Self::Plan => "plan",
            Self::Device => "device",
            Self::Alarm => "alarm",
            Self::Proposal => "proposal",
            Self::Clip => "clip",
            Self::Setpoint => "setpoint",
            Self::Journal => "journal",
        }
    }
    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// What a program may want of an entry; what does not apply is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Id of the proposal that it is about, or that is the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
    /// Id of the alarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// Injections, kW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_kw: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_kw: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_by_proposal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_status: Option<String>,
    /// Marginal price of the bus, currency per kWh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_kwh: Option<f64>,
    /// Marginal value of a stored kWh, currency per kWh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_per_kwh: Option<f64>,
    /// How many cycles, moves, entries or bytes it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// An entry before it has its number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// When: park time, UTC.
    pub at: Park,
    /// Whether the wall clock was synchronised then.
    pub synchronised: bool,
    /// Cycle since the daemon's start.
    pub cycle: u64,
    /// About what.
    pub kind: EntryKind,
    /// Which asset, device, or what an alarm is about.
    pub subject: String,
    /// What happened to it, in a word.
    pub event: String,
    /// The whole of it, in words.
    pub text: String,
    /// For programs.
    #[serde(flatten)]
    pub facts: Facts,
}

/// Longest text of an entry, bytes: a record stays small whatever an alarm lists.
const TEXT_MAX: usize = 600;

impl Draft {
    /// An entry of this instant without facts.
    #[must_use]
    pub fn new(now: Now, cycle: u64, kind: EntryKind, subject: &str, event: &str, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > TEXT_MAX {
            let end = (0..=TEXT_MAX).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            text.truncate(end);
            text.push_str(" ...");
        }
        let (subject, event) = (subject.to_owned(), event.to_owned());
        let (at, synchronised) = (now.park, now.synchronised);
        Self { at, synchronised, cycle, kind, subject, event, text, facts: Facts::default() }
    }

    /// With these facts.
    #[must_use]
    pub fn with(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Ascending without gaps, also across restarts.
    pub seq: u64,
    /// What.
    #[serde(flatten)]
    pub said: Draft,
}
