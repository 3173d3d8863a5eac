use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Class, Provenance, ReversionFile, VectorReason, plus};
use crate::site::{Point, Poll};

/// Literal `sunspec`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum SunspecTag {
    Sunspec,
}

/// A device that speaks SunSpec over Modbus.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SunspecFile {
    /// What the device is.
    pub class: Class,
    /// `sunspec`.
    pub protocol: SunspecTag,
    /// Where what is said here comes from.
    pub provenance: Provenance,
    /// Where the marker stands; default: 40000, 50000 and 0 are tried.
    #[serde(default)]
    pub base: Option<u16>,
    /// Largest read the device answers, 1..125.
    #[serde(default = "most")]
    pub registers_per_read_max: u16,
    /// Pause the device needs between two requests.
    #[serde(default)]
    pub min_gap_ms: u32,
    /// Longest wait for a reply.
    #[serde(default = "thousand")]
    pub timeout_ms: u32,
    /// 6 where the device accepts only that one for one register; default 16.
    #[serde(default)]
    pub write_function: Option<u8>,
    /// What the device must say of itself. Whatever it says, it must say again on every connection.
    #[serde(default)]
    pub identify: Option<MakerFile>,
    /// How commands end; required where there are any.
    #[serde(default)]
    pub reversion: Option<ReversionFile>,
    /// Points.
    pub point: BTreeMap<Point, SunspecPoint>,
    /// Fallback values of the commands, canonical unit and sign.
    #[serde(default)]
    pub safe: BTreeMap<Point, f64>,
    /// Proofs.
    #[serde(default)]
    pub vector: Vec<SunspecVector>,
}

/// Manufacturer and model, as in model 1.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MakerFile {
    /// Manufacturer.
    #[serde(default, rename = "Mn")]
    pub manufacturer: Option<String>,
    /// Model.
    #[serde(default, rename = "Md")]
    pub model: Option<String>,
}

/// One point of a model, or several in the order of preference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum At {
    /// `"103:W"`.
    One(String),
    /// The first that the device has.
    FirstOf(Vec<String>),
}

/// One point of a SunSpec device. Type, scale and unit follow from its model.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SunspecPoint {
    /// Where it is.
    pub point: At,
    /// -1 where the device counts the other way round than injection into the bus.
    #[serde(default = "plus")]
    pub sign: i8,
    /// How often.
    #[serde(default)]
    pub poll: Poll,
    /// Believable (and, for commands, allowed) numbers in W, var, VA, Wh, V, A, Hz, %, degC or s and the device's own sign.
    #[serde(default)]
    pub valid: Option<[f64; 2]>,
    /// A live signal differs from reading to reading.
    #[serde(default)]
    pub lively: bool,
    /// Age beyond which a reading is stale; default by `poll`.
    #[serde(default)]
    pub stale_after_s: Option<f64>,
}

/// A proof of one point.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SunspecVector {
    /// Which.
    pub point: Point,
    /// Raw numbers of the device's models, `{ "103:W" = 1234, "103:W_SF" = -1 }`; whatever is not named is not implemented.
    pub raw: BTreeMap<String, i64>,
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

const fn most() -> u16 {
    125
}
const fn thousand() -> u32 {
    1000
}
