//! Device profiles: one device model as data, checked and resolved. Pure; only [`store`] opens files.

mod check;
pub mod file;
mod load;
mod store;

use std::collections::BTreeMap;
use std::time::Duration;

use super::sunspec::Reference;
use crate::site::{Access, DeviceIx, Point, PointSpec, Poll, Reversion, RunState, Value, Write};
use file::{Bits, Class, Command, Identity, Kind, Online, Provenance, Type, WordOrder};

pub use load::{ProfileError, parse};
pub use store::ProfileStore;

/// One device model.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Name, as in the site file.
    pub name: String,
    /// What the device is.
    pub class: Class,
    /// Where the numbers come from.
    pub provenance: Provenance,
    /// How commands end by themselves.
    pub reversion: Rule,
    /// Points in the order of [`Point::ALL`]; positions in this list are the point indices of the codecs.
    pub points: Vec<ProfilePoint>,
    /// The device on its wire.
    pub wire: Wire,
    /// Proofs, at least one per point.
    pub vectors: Vec<Vector>,
    /// What looks wrong and is not refused.
    pub warnings: Vec<ProfileError>,
}

/// How commands end, with the timer's point where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A timer register we own, seconds.
    Register {
        /// The timer.
        point: Point,
        /// What we write there.
        s: u32,
    },
    /// Built in, seconds.
    Fixed(u32),
    /// In each command, seconds.
    Ttl(u32),
    /// Never.
    None,
}

/// Protocol of a device and what belongs to it as a whole.
#[derive(Clone, Debug)]
pub enum Wire {
    /// Modbus.
    Modbus(ModbusWire),
    /// SunSpec models on Modbus; becomes `Modbus` when the device has said where its models stand.
    Sunspec(SunspecWire),
    /// MQTT.
    Mqtt(MqttWire),
}

/// A Modbus device.
#[derive(Clone, Debug)]
pub struct ModbusWire {
    /// Largest read, registers.
    pub registers_per_read_max: u16,
    /// Undefined registers that may be read along.
    pub read_gap_max: u16,
    /// Pause between requests.
    pub min_gap: Duration,
    /// Longest wait for a reply.
    pub timeout: Duration,
    /// What tells the model.
    pub identify: Option<Identify>,
}

/// A device that says itself where its points stand.
#[derive(Clone, Debug)]
pub struct SunspecWire {
    /// The wire below.
    pub modbus: ModbusWire,
    /// Where the marker is looked for, in this order.
    pub bases: Vec<u16>,
    /// Expected manufacturer.
    pub manufacturer: Option<String>,
    /// Expected model.
    pub model: Option<String>,
    /// Function code of writes, 6 or 16.
    pub write_function: u8,
}

/// What tells a model from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identify {
    /// Table, `Input` or `Holding`.
    pub kind: Kind,
    /// First register.
    pub address: u16,
    /// Registers.
    pub count: u16,
    /// Expected.
    pub equals: Identity,
}

/// An MQTT device.
#[derive(Clone, Debug)]
pub struct MqttWire {
    /// Birth and will.
    pub online: Option<Online>,
    /// Silence beyond which the device counts as lost.
    pub silence: Duration,
    /// Key of a counter in each JSON payload.
    pub sequence: Option<String>,
}

/// One point of a device model.
#[derive(Clone, Debug)]
pub struct ProfilePoint {
    /// What.
    pub point: Point,
    /// Read, written or both.
    pub access: Access,
    /// How often it is read.
    pub poll: Poll,
    /// Device's number to canonical value and back.
    pub conversion: Conversion,
    /// Believable and allowed values, canonical unit.
    pub valid: (f64, f64),
    /// Fallback value of a command, canonical unit.
    pub safe: Option<f64>,
    /// Compare what is written with what reads back.
    pub readback: bool,
    /// A live signal differs from reading to reading.
    pub lively: bool,
    /// Age beyond which a reading is stale.
    pub stale_after: Duration,
    /// Where it is.
    pub source: Source,
}

/// canonical = (raw * scale + offset) * factor, where the factor holds unit and sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    /// Per raw step.
    pub scale: f64,
    /// Added after the scale, in the profile's unit.
    pub offset: f64,
    /// Unit and sign; never 0.
    pub factor: f64,
}

impl Conversion {
    /// Device's number to canonical value.
    #[must_use]
    pub fn canonical(self, raw: f64) -> f64 {
        (raw * self.scale + self.offset) * self.factor + 0.0
    }
    /// Canonical value to the device's number, not yet rounded.
    #[must_use]
    pub fn raw(self, canonical: f64) -> f64 {
        (canonical / self.factor - self.offset) / self.scale
    }
}

/// Where a point is.
#[derive(Clone, Debug)]
pub enum Source {
    /// In registers.
    Register(Register),
    /// In the first of these models that the device has.
    Model(Vec<Reference>),
    /// On a topic.
    Topic(Topic),
}

/// A point in registers.
#[derive(Clone, Debug)]
pub struct Register {
    /// First register or bit.
    pub address: u16,
    /// Table.
    pub kind: Kind,
    /// Type.
    pub ty: Type,
    /// Word order.
    pub word_order: WordOrder,
    /// Only these bits.
    pub bits: Option<Bits>,
    /// Addresses of further addends.
    pub sum: Vec<u16>,
    /// Raw pattern for "not available", masked to the width.
    pub not_implemented: Option<u64>,
    /// Raw number to operating state; empty = a number.
    pub states: BTreeMap<i64, RunState>,
    /// What a written register is made of.
    pub write: Write,
    /// Budget of a flash register.
    pub writes_per_day: Option<u32>,
    /// Function code of writes: 5, 6, 15 or 16.
    pub write_function: u8,
    /// Bits written together.
    pub write_length: u16,
    /// The register with the power of ten, read in the same request.
    pub scale_factor: Option<u16>,
    /// What must stand beside a command for it to be in force.
    pub lever: Option<Box<Lever>>,
}

/// What stands beside a command, read and written with it.
#[derive(Clone, Debug)]
pub struct Lever {
    /// 1 while the command is in force.
    pub enable: u16,
    /// Register that says how the number is meant, and what must stand there.
    pub mode: Option<(u16, u16)>,
    /// The timer that ends the command, and its seconds.
    pub timer: Option<Timer>,
    /// Register with the seconds over which the device puts off a change at random.
    pub window: Option<u16>,
    /// A percentage of the first of these ratings that is implemented.
    pub share_of: Vec<Register>,
    /// That rating, canonical unit; `None` as long as it is not known.
    pub full: Option<f64>,
    /// Function code of a write of one register.
    pub write_function: u8,
}

/// A register that ends a command by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// First register.
    pub address: u16,
    /// Type.
    pub ty: Type,
    /// What must stand there.
    pub s: u32,
}

impl Register {
    /// Lowest address and number of registers that hold the point.
    #[must_use]
    pub fn extent(&self) -> (u16, u16) {
        let mut spans = vec![(self.address, self.ty.words())];
        spans.extend(self.sum.iter().map(|a| (*a, self.ty.words())));
        spans.extend(self.scale_factor.map(|a| (a, 1)));
        if let Some(lever) = &self.lever {
            spans.push((lever.enable, 1));
            spans.extend(lever.mode.map(|(a, _)| (a, 1)));
            spans.extend(lever.window.map(|a| (a, 1)));
            spans.extend(lever.timer.map(|t| (t.address, t.ty.words())));
        }
        let first = spans.iter().map(|(a, _)| *a).min().unwrap_or(self.address);
        // A register at the very end of the table: counted, not added up.
        let count = spans.iter().map(|(a, n)| (a - first).saturating_add(*n)).max().unwrap_or(0);
        (first, count)
    }
}

/// A point on a topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Topic below the device's prefix.
    pub topic: Option<String>,
    /// Path in a JSON payload; none = the payload is the number.
    pub json: Option<Vec<String>>,
    /// Skip retained messages.
    pub ignore_retained: bool,
    /// Raw text to operating state; empty = a number.
    pub states: BTreeMap<String, RunState>,
    /// Where to write it.
    pub command: Option<Command>,
}

/// What arrives on the wire, in a proof.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// Registers, or 0/1 for bits.
    Registers(Vec<u16>),
    /// All registers of a SunSpec device, from its marker on.
    Image(Vec<u16>),
    /// A message.
    Payload(String),
    /// Nothing: a command without echo.
    None,
}

/// A proof of one point.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector {
    /// Position in [`Profile::points`].
    pub point: usize,
    /// What arrives.
    pub sample: Sample,
    /// What is sent for the value (MQTT).
    pub command: Option<String>,
    /// What it means, canonical unit.
    pub expect: Value,
}

impl Profile {
    /// Position of a point.
    #[must_use]
    pub fn index(&self, point: Point) -> Option<usize> {
        self.points.iter().position(|p| p.point == point)
    }
    /// How commands end by themselves, in the site's words.
    #[must_use]
    pub const fn reversion(&self) -> Reversion {
        match self.reversion {
            Rule::Register { s, .. } => Reversion::Register(s),
            Rule::Fixed(s) => Reversion::Fixed(s),
            Rule::Ttl(s) => Reversion::Ttl(s),
            Rule::None => Reversion::None,
        }
    }
    /// What the house knows of the points, in the order of [`Profile::points`].
    #[must_use]
    pub fn point_specs(&self, device: DeviceIx) -> Vec<PointSpec> {
        let spec = |p: &ProfilePoint| PointSpec {
            device,
            point: p.point,
            access: p.access,
            stale_after: p.stale_after,
            lively: p.lively,
            valid: p.valid,
            safe: p.safe,
            readback: p.readback,
        };
        self.points.iter().map(spec).collect()
    }
    /// The fallback values of all commands.
    pub fn safe_values(&self) -> impl Iterator<Item = (Point, f64)> + '_ {
        self.points.iter().filter_map(|p| p.safe.map(|v| (p.point, v)))
    }
}

/// JSON Schema of the profile file, one for each protocol.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hexad device profile",
        "oneOf": [
            schemars::schema_for!(file::ModbusFile),
            schemars::schema_for!(file::SunspecFile),
            schemars::schema_for!(file::MqttFile),
        ],
    })
}
