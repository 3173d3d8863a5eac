//! Register maps: what a device model serves, as data.

use crate::plant::command::Command;
use crate::plant::read::Variable;
use anyhow::{Context, bail};
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    Coil,
    Discrete,
    Input,
    Holding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    Bit,
    U16,
    I16,
    U32,
    I32,
    U64,
    F32,
    F64,
    String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    Big,
    Little,
}

/// How commands end when nobody renews them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fallback {
    #[default]
    None,
    Fixed {
        s: f64,
    },
    /// After the seconds in the device's own timer register; 0 = never.
    Register,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    pub name: String,
    pub table: Table,
    pub address: u16,
    #[serde(rename = "type")]
    pub kind: Type,
    #[serde(default)]
    pub order: Order,
    /// Registers of a string.
    pub words: Option<u16>,
    pub text: Option<String>,
    #[serde(default = "one")]
    pub per_unit: f64,
    #[serde(default = "one")]
    pub sign: f64,
    pub variable: Option<Variable>,
    pub command: Option<Command>,
    #[serde(default)]
    pub timer: bool,
    pub not_available: Option<u64>,
    /// A measured power: what a reversed current transformer would negate.
    #[serde(default)]
    pub power: bool,
    #[serde(default)]
    pub min: i64,
    #[serde(default)]
    pub max: i64,
    #[serde(default)]
    pub also: Vec<i64>,
    /// Function codes that may write it.
    #[serde(default)]
    pub write: Vec<u8>,
    pub fallback: Option<i64>,
    pub power_up: Option<i64>,
    /// Addresses that must be written in one request with this one.
    #[serde(default)]
    pub together: Vec<u16>,
}

fn one() -> f64 {
    1.0
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    pub model: String,
    #[serde(default = "most_registers")]
    pub registers_per_read_max: u16,
    #[serde(default)]
    pub min_gap_ms: u64,
    #[serde(default)]
    pub fallback: Fallback,
    /// Sorted by table and address.
    pub point: Vec<Point>,
}

fn most_registers() -> u16 {
    125
}

impl Point {
    /// Registers (or bits) it covers.
    pub fn len(&self) -> u16 {
        match self.kind {
            Type::Bit | Type::U16 | Type::I16 => 1,
            Type::U32 | Type::I32 | Type::F32 => 2,
            Type::U64 | Type::F64 => 4,
            Type::String => self.words.unwrap_or(1),
        }
    }

    pub fn accepts(&self, raw: i64) -> bool {
        (self.min..=self.max).contains(&raw) || self.also.contains(&raw)
    }

    /// Registers for a raw value, clamped to what the type holds.
    pub fn encode(&self, raw: f64) -> Vec<u16> {
        let bits = match self.kind {
            Type::Bit => u64::from(raw > 0.5),
            Type::U16 => u64::from(raw.round() as u16),
            Type::I16 => u64::from((raw.round() as i16).cast_unsigned()),
            Type::U32 => u64::from(raw.round() as u32),
            Type::I32 => u64::from((raw.round() as i32).cast_unsigned()),
            Type::U64 => raw.round() as u64,
            Type::F32 => u64::from((raw as f32).to_bits()),
            Type::F64 => raw.to_bits(),
            Type::String => 0,
        };
        self.split(bits)
    }

    /// Registers for a bit pattern in the point's word order.
    pub fn split(&self, bits: u64) -> Vec<u16> {
        let count = self.len();
        let word = |index: u16| (bits >> (16 * u32::from(index))) as u16;
        match self.order {
            Order::Big => (0..count).rev().map(word).collect(),
            Order::Little => (0..count).map(word).collect(),
        }
    }

    /// Raw integer from written registers.
    pub fn decode(&self, words: &[u16]) -> i64 {
        let join = |bits: u64, word: &u16| (bits << 16) | u64::from(*word);
        let bits = match self.order {
            Order::Big => words.iter().fold(0, join),
            Order::Little => words.iter().rev().fold(0, join),
        };
        match self.kind {
            Type::I16 => i64::from((bits as u16).cast_signed()),
            Type::I32 => i64::from((bits as u32).cast_signed()),
            _ => bits as i64,
        }
    }

    pub fn text_words(&self) -> Vec<u16> {
        let mut bytes = self.text.clone().unwrap_or_default().into_bytes();
        bytes.resize(usize::from(self.len()) * 2, 0);
        bytes.chunks(2).map(|pair| pair.iter().fold(0, |word, byte| (word << 8) | u16::from(*byte))).collect()
    }
}

/// The maps that come with the rig, by model.
const MAPS: [&str; 18] = [
    include_str!("../../maps/absorption-300.toml"),
    include_str!("../../maps/boiler-500.toml"),
    include_str!("../../maps/chiller-400.toml"),
    include_str!("../../maps/chp-400.toml"),
    include_str!("../../maps/cold-meter.toml"),
    include_str!("../../maps/cold-tank.toml"),
    include_str!("../../maps/dump-cooler.toml"),
    include_str!("../../maps/feeder-relay.toml"),
    include_str!("../../maps/gas-meter.toml"),
    include_str!("../../maps/heat-exchanger.toml"),
    include_str!("../../maps/heat-meter.toml"),
    include_str!("../../maps/heat-pump-300.toml"),
    include_str!("../../maps/heat-tank.toml"),
    include_str!("../../maps/janitza-umg96.toml"),
    include_str!("../../maps/pcc-relay.toml"),
    include_str!("../../maps/pcs-250.toml"),
    include_str!("../../maps/pv-500.toml"),
    include_str!("../../maps/wind-60.toml"),
];

impl Map {
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut map: Self = toml::from_str(text)?;
        map.point.sort_by_key(|point| (point.table, point.address));
        for pair in map.point.windows(2) {
            let [left, right] = pair else { continue };
            let end = u32::from(left.address) + u32::from(left.len());
            if left.table == right.table && end > u32::from(right.address) {
                bail!("{}: {} overlaps {}", map.model, left.name, right.name);
            }
        }
        Ok(map)
    }

    /// The map of a device model.
    pub fn of(model: &str) -> anyhow::Result<Self> {
        let line = format!("model = \"{model}\"\n");
        let text = MAPS.iter().find(|text| text.contains(&line));
        Self::parse(text.with_context(|| format!("no register map for device model {model}"))?)
            .with_context(|| format!("register map of {model}"))
    }
}
