use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DeviceIx, Point};

/// What to do with a device when the daemon stops in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Stop renewing; the device's reversion ends it.
    #[default]
    Hold,
    /// Write the profile's safe values.
    Safe,
}

/// Whether a point may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Access {
    /// Read only.
    #[default]
    #[serde(rename = "r")]
    Read,
    /// Read and written.
    #[serde(rename = "rw")]
    ReadWrite,
    /// Written only; no read-back.
    #[serde(rename = "w")]
    Write,
}

/// How often a point is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Poll {
    /// Each second: what control acts on.
    #[default]
    Fast,
    /// Each ten seconds: counters, health.
    Slow,
    /// At connect only.
    Once,
}

impl Poll {
    /// The period, or none for [`Poll::Once`].
    #[must_use]
    pub const fn period(self) -> Option<Duration> {
        match self {
            Self::Fast => Some(Duration::from_secs(1)),
            Self::Slow => Some(Duration::from_secs(10)),
            Self::Once => None,
        }
    }
}

/// What a written register is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// Memory: may be refreshed for ever.
    #[default]
    Volatile,
    /// Flash: a daily budget, never a heartbeat.
    Flash,
}

/// How a command ends when the controller falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reversion {
    /// A timer register that we write and read back, seconds.
    Register(u32),
    /// Built in, seconds.
    Fixed(u32),
    /// A time to live inside each command, seconds.
    Ttl(u32),
    /// The device has none: shown as such.
    None,
}

impl Reversion {
    /// Seconds until the device reverts by itself.
    #[must_use]
    pub const fn seconds(self) -> Option<u32> {
        match self {
            Self::Register(s) | Self::Fixed(s) | Self::Ttl(s) => Some(s),
            Self::None => None,
        }
    }
}

/// One endpoint.
#[derive(Clone, Debug)]
pub struct Device {
    /// Unique name.
    pub id: String,
    /// Name of its profile.
    pub profile: String,
    /// `host:port` as in the site file, with `mqtts://` before it for TLS; devices of one address share one connection.
    pub address: String,
    /// Modbus unit id.
    pub unit: u8,
    /// MQTT topic prefix.
    pub topic: Option<String>,
    /// What to do at an ordered stop.
    pub stop: Stop,
    /// Its points, as a range of [`super::Site::points`].
    pub points: Range<usize>,
    /// How its commands end by themselves.
    pub reversion: Reversion,
}

/// What the house knows of a point; registers and topics stay in the profile.
#[derive(Clone, Debug, PartialEq)]
pub struct PointSpec {
    /// Whose.
    pub device: DeviceIx,
    /// What.
    pub point: Point,
    /// Read, written or both.
    pub access: Access,
    /// Age beyond which a reading is stale.
    pub stale_after: Duration,
    /// Whether a live signal must differ from reading to reading (noise): then a repeated value is suspect.
    pub lively: bool,
    /// Bounds of a believable value, canonical unit.
    pub valid: (f64, f64),
    /// Value to fall back to, for commands.
    pub safe: Option<f64>,
    /// What is written is read back and compared.
    pub readback: bool,
}
