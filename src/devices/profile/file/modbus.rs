use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Bits, Class, FileUnit, IdentifyFile, Kind, Provenance, ReversionFile, Type, VectorReason, WordOrder, one, plus,
};
use crate::site::{Access, Point, Poll, RunState, Write};

/// Literal `modbus`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ModbusTag {
    Modbus,
}

/// A device model on Modbus.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModbusFile {
    /// What the device is.
    pub class: Class,
    /// `modbus`.
    pub protocol: ModbusTag,
    /// Where the map comes from.
    pub provenance: Provenance,
    /// Word order of all points that do not say otherwise.
    #[serde(default)]
    pub word_order: WordOrder,
    /// Largest read the device answers, 1..125.
    #[serde(default = "hundred")]
    pub registers_per_read_max: u16,
    /// Undefined registers that may be read along between two points; 0 where the device refuses them.
    #[serde(default)]
    pub read_gap_max: u16,
    /// Pause the device needs between two requests.
    #[serde(default)]
    pub min_gap_ms: u32,
    /// Longest wait for a reply.
    #[serde(default = "thousand")]
    pub timeout_ms: u32,
    /// Checked before any write.
    #[serde(default)]
    pub identify: Option<IdentifyFile>,
    /// How commands end; required where there are any.
    #[serde(default)]
    pub reversion: Option<ReversionFile>,
    /// Points.
    pub point: BTreeMap<Point, ModbusPoint>,
    /// Fallback values of the commands, canonical unit and sign.
    #[serde(default)]
    pub safe: BTreeMap<Point, f64>,
    /// Proofs.
    #[serde(default)]
    pub vector: Vec<ModbusVector>,
}

/// One point of a Modbus device.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModbusPoint {
    /// 0-based PDU address of the first register or bit.
    pub address: u16,
    /// Table.
    pub kind: Kind,
    /// Type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Word order; default: the profile's.
    #[serde(default)]
    pub word_order: Option<WordOrder>,
    /// Only these bits.
    #[serde(default)]
    pub bits: Option<Bits>,
    /// Further registers of the same type added to the first, read in the same request.
    #[serde(default)]
    pub sum: Vec<u16>,
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
    /// How often.
    #[serde(default)]
    pub poll: Poll,
    /// Believable (and, for commands, allowed) numbers in `unit` and the device's own sign.
    #[serde(default)]
    pub valid: Option<[f64; 2]>,
    /// Raw pattern that means "not available"; NaN always does.
    #[serde(default)]
    pub not_implemented: Option<i64>,
    /// Raw number to operating state.
    #[serde(default)]
    pub states: BTreeMap<String, RunState>,
    /// Read, written or both.
    #[serde(default)]
    pub access: Access,
    /// What a written register is made of.
    #[serde(default)]
    pub write: Write,
    /// Budget of a flash register; the last write of a day is kept for the fallback value.
    #[serde(default)]
    pub writes_per_day: Option<u32>,
    /// 5, 6, 15 or 16 where the device accepts only that one.
    #[serde(default)]
    pub write_function: Option<u8>,
    /// Coils written together from `address` on; all but the first as 0.
    #[serde(default)]
    pub write_length: Option<u16>,
    /// Compare what is written with what reads back; default: yes where it can be read.
    #[serde(default)]
    pub readback: Option<bool>,
    /// A live signal differs from reading to reading.
    #[serde(default)]
    pub lively: bool,
    /// Age beyond which a reading is stale; default by `poll`.
    #[serde(default)]
    pub stale_after_s: Option<f64>,
}

/// A proof of one Modbus point.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModbusVector {
    /// Which.
    pub point: Point,
    /// Raw registers (or 0/1 for bits) from the point's lowest address on.
    pub registers: Vec<u16>,
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

const fn hundred() -> u16 {
    100
}
const fn thousand() -> u32 {
    1000
}
