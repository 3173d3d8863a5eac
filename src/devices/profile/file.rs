//! The profile file as people write it. Strict: an unknown key is an error. Everything here is checked and resolved
//! by `check` before anyone else sees it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::site::{Access, Point, Poll, RunState, Unit, Write};

/// What a device is; a hint for people and for `hexad check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Class {
    Meter,
    Relay,
    Pv,
    Wind,
    Battery,
    Chp,
    Genset,
    Boiler,
    HeatPump,
    Chiller,
    AbsorptionChiller,
    HeatExchanger,
    DumpCooler,
    HeatTank,
    ColdTank,
    FlexibleLoad,
    EvCharger,
    Weather,
}

/// Where the register map comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// An invented device of the reference park.
    Synthetic,
    /// Numbers published by a third-party project, not yet proven against a manual or a recording.
    ThirdParty,
    /// The vendor's manual.
    Manual,
    /// Proven against a recording of the device.
    Recorded,
}

/// Unit of the device's number after `scale` and `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub enum FileUnit {
    W,
    #[serde(rename = "kW")]
    KiloW,
    MW,
    #[serde(rename = "var")]
    Var,
    #[serde(rename = "kvar")]
    KiloVar,
    VA,
    #[serde(rename = "kVA")]
    KiloVA,
    Wh,
    #[serde(rename = "kWh")]
    KiloWh,
    MWh,
    V,
    #[serde(rename = "mV")]
    MilliV,
    A,
    #[serde(rename = "mA")]
    MilliA,
    Hz,
    #[serde(rename = "mHz")]
    MilliHz,
    #[serde(rename = "%")]
    Percent,
    #[serde(rename = "degC")]
    DegC,
    #[serde(rename = "W/m2")]
    WPerM2,
    #[serde(rename = "m/s")]
    MPerS,
    #[serde(rename = "s")]
    S,
    #[serde(rename = "ms")]
    MilliS,
    #[serde(rename = "min")]
    Min,
}

impl FileUnit {
    /// The canonical unit it converts to, and the factor.
    #[must_use]
    pub const fn canonical(self) -> (Unit, f64) {
        match self {
            Self::W => (Unit::Kw, 1e-3),
            Self::KiloW => (Unit::Kw, 1.0),
            Self::MW => (Unit::Kw, 1e3),
            Self::Var => (Unit::Kvar, 1e-3),
            Self::KiloVar => (Unit::Kvar, 1.0),
            Self::VA => (Unit::Kva, 1e-3),
            Self::KiloVA => (Unit::Kva, 1.0),
            Self::Wh => (Unit::Kwh, 1e-3),
            Self::KiloWh => (Unit::Kwh, 1.0),
            Self::MWh => (Unit::Kwh, 1e3),
            Self::V => (Unit::V, 1.0),
            Self::MilliV => (Unit::V, 1e-3),
            Self::A => (Unit::A, 1.0),
            Self::MilliA => (Unit::A, 1e-3),
            Self::Hz => (Unit::Hz, 1.0),
            Self::MilliHz => (Unit::Hz, 1e-3),
            Self::Percent => (Unit::Percent, 1.0),
            Self::DegC => (Unit::C, 1.0),
            Self::WPerM2 => (Unit::WPerM2, 1.0),
            Self::MPerS => (Unit::MPerS, 1.0),
            Self::S => (Unit::S, 1.0),
            Self::MilliS => (Unit::S, 1e-3),
            Self::Min => (Unit::S, 60.0),
        }
    }
}

/// Modbus table a point lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Read and written bits (FC 1, 5, 15).
    Coil,
    /// Read-only bits (FC 2).
    Discrete,
    /// Read-only registers (FC 4).
    Input,
    /// Read and written registers (FC 3, 6, 16).
    Holding,
}

/// How the registers of a point are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Type {
    Bool,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    String,
}

impl Type {
    /// Registers (or bits) it takes; strings say so themselves.
    #[must_use]
    pub const fn words(self) -> u16 {
        match self {
            Self::Bool | Self::U16 | Self::I16 | Self::String => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
        }
    }
    /// Whether it is an IEEE 754 float.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

/// Which register of a multi-register value comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WordOrder {
    /// High word first.
    #[default]
    Big,
    /// Low word first.
    Little,
}

/// Some bits of an integer register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bits {
    /// Lowest bit, 0 = least significant.
    pub from: u8,
    /// How many.
    pub len: u8,
}

/// How commands end when the controller falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ReversionKind {
    Register,
    Fixed,
    Ttl,
    None,
}

/// `reversion = { kind = "register", point = "RvrtTms", s = 10 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReversionFile {
    /// By a timer register we own, a fixed time, a time to live in each command, or not at all.
    pub kind: ReversionKind,
    /// The timer register, for `register`.
    #[serde(default)]
    pub point: Option<Point>,
    /// Seconds; for all but `none`.
    #[serde(default)]
    pub s: Option<u32>,
}

/// What tells this device model from another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentifyFile {
    /// First register, 0-based.
    pub address: u16,
    /// `holding` or `input`.
    pub kind: Kind,
    /// `string` or `u16`.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Registers of a string.
    #[serde(default)]
    pub length: Option<u16>,
    /// What stands there (trailing NUL and blanks do not count).
    pub equals: Identity,
}

/// The expected identity.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Identity {
    /// Text.
    Text(String),
    /// One register.
    Number(u16),
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
    /// Budget of a flash register.
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

/// Reasons a decoder gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum VectorReason {
    NotImplemented,
    OutOfRange,
    BadReply,
}

/// Literal `modbus`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ModbusTag {
    Modbus,
}

/// Literal `mqtt`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum MqttTag {
    Mqtt,
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

const fn one() -> f64 {
    1.0
}
const fn plus() -> i8 {
    1
}
const fn hundred() -> u16 {
    100
}
const fn thousand() -> u32 {
    1000
}
const fn yes() -> bool {
    true
}
