//! The profile file as people write it. Strict: an unknown key is an error. Everything here is checked and resolved
//! by `check` before anyone else sees it.

mod modbus;
mod mqtt;
mod sunspec;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::site::{Point, Unit};

pub use modbus::{ModbusFile, ModbusPoint, ModbusTag, ModbusVector};
pub use mqtt::{Command, MqttFile, MqttPoint, MqttTag, MqttVector, Online};
pub use sunspec::{At, MakerFile, SunspecFile, SunspecPoint, SunspecTag, SunspecVector};

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
    HydrogenTank,
    Electrolyser,
    FuelCell,
    CarbonCapture,
    Co2Buffer,
    Room,
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
    #[serde(rename = "kg/h")]
    KgPerH,
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
            Self::KgPerH => (Unit::KgPerH, 1.0),
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

/// Reasons a decoder gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum VectorReason {
    NotImplemented,
    OutOfRange,
    BadReply,
}

const fn one() -> f64 {
    1.0
}
const fn plus() -> i8 {
    1
}
