use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Class, FileUnit, Provenance, ReversionFile, VectorReason, one, plus};
use crate::site::{Access, Point, RunState};

/// Literal `mqtt`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum MqttTag {
    Mqtt,
}

/// Where the device says whether it is connected (its birth and last will).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Online {
    /// Topic below the device's prefix.
    pub topic: String,
    /// Payload of the birth.
    pub up: String,
    /// Payload of the will.
    pub down: String,
}

/// Where a command goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Topic below the device's prefix.
    pub topic: String,
    /// Key of a JSON object; none = the plain number.
    #[serde(default)]
    pub json: Option<String>,
    /// Key of the time to live in that object, seconds.
    #[serde(default)]
    pub ttl: Option<String>,
}

/// One point of an MQTT device.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MqttPoint {
    /// Topic below the device's prefix; none for a command that is not echoed.
    #[serde(default)]
    pub topic: Option<String>,
    /// Path in a JSON payload, segments joined by dots; none = the payload is the number.
    #[serde(default)]
    pub json: Option<String>,
    /// Where to write it.
    #[serde(default)]
    pub command: Option<Command>,
    /// Number = raw * scale + offset.
    #[serde(default = "one")]
    pub scale: f64,
    /// See `scale`.
    #[serde(default)]
    pub offset: f64,
    /// -1 where the device counts the other way round than injection into the bus.
    #[serde(default = "plus")]
    pub sign: i8,
    /// Unit of the number.
    #[serde(default)]
    pub unit: Option<FileUnit>,
    /// Believable (and, for commands, allowed) numbers in `unit` and the device's own sign.
    #[serde(default)]
    pub valid: Option<[f64; 2]>,
    /// Raw text to operating state.
    #[serde(default)]
    pub states: BTreeMap<String, RunState>,
    /// Read, written or both.
    #[serde(default)]
    pub access: Access,
    /// Compare what is written with what is echoed; default: yes where there is an echo.
    #[serde(default)]
    pub readback: Option<bool>,
    /// A live signal differs from reading to reading.
    #[serde(default)]
    pub lively: bool,
    /// Age beyond which a reading is stale; default: the profile's.
    #[serde(default)]
    pub stale_after_s: Option<f64>,
    /// Default: the profile's.
    #[serde(default)]
    pub ignore_retained: Option<bool>,
}

/// A proof of one MQTT point.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MqttVector {
    /// Which.
    pub point: Point,
    /// What arrives on the point's topic.
    #[serde(default)]
    pub payload: Option<String>,
    /// What is sent for `value` on the command topic.
    #[serde(default)]
    pub command: Option<String>,
    /// Expected, in the point's canonical unit.
    #[serde(default)]
    pub value: Option<f64>,
    /// Expected, where the canonical unit is kW.
    #[serde(default)]
    pub value_kw: Option<f64>,
    /// Expected reason instead of a value.
    #[serde(default)]
    pub reason: Option<VectorReason>,
}

/// A device model on MQTT.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MqttFile {
    /// What the device is.
    pub class: Class,
    /// `mqtt`.
    pub protocol: MqttTag,
    /// Where the topics come from.
    pub provenance: Provenance,
    /// Age beyond which a reading is stale, and silence beyond which the device counts as lost.
    pub stale_after_s: f64,
    /// Retained readings are old by nature: false only where the device stamps or repeats them.
    #[serde(default = "yes")]
    pub ignore_retained: bool,
    /// Birth and will.
    #[serde(default)]
    pub online: Option<Online>,
    /// Key of a counter in each JSON payload: a message that is not beyond the last one is passed over, because a broker
    /// may deliver twice and out of order.
    #[serde(default)]
    pub sequence: Option<String>,
    /// How commands end; required where there are any.
    #[serde(default)]
    pub reversion: Option<ReversionFile>,
    /// Points.
    pub point: BTreeMap<Point, MqttPoint>,
    /// Fallback values of the commands, canonical unit and sign.
    #[serde(default)]
    pub safe: BTreeMap<Point, f64>,
    /// Proofs.
    #[serde(default)]
    pub vector: Vec<MqttVector>,
}

const fn yes() -> bool {
    true
}
