//! The information models as far as the house uses them: which point stands where in a model, in what form. Facts from the
//! SunSpec information models (github.com/sunspec/models, Apache-2.0). Offsets count from the model's ID register.

use crate::devices::profile::file::{FileUnit, Type};
use crate::site::RunState::{self, Fault, Off, On, Standby, Starting, Stopping};

use super::{der, inverter, meter};

/// How a point's registers are to be understood, and which pattern means "not implemented".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Form {
    I16,
    U16,
    Enum16,
    Bits16,
    I32,
    U32,
    Acc32,
    Bits32,
    U64,
    Acc64,
    F32,
    /// A power of ten for other points of the model.
    Scale,
    /// Characters, two in each of so many registers.
    Text(u16),
}

impl Form {
    /// Registers it takes.
    #[must_use]
    pub const fn words(self) -> u16 {
        match self {
            Self::Text(n) => n,
            other => other.ty().words(),
        }
    }
    /// The type of its number.
    #[must_use]
    pub const fn ty(self) -> Type {
        match self {
            Self::I16 | Self::Scale => Type::I16,
            Self::U16 | Self::Enum16 | Self::Bits16 => Type::U16,
            Self::I32 => Type::I32,
            Self::U32 | Self::Acc32 | Self::Bits32 => Type::U32,
            Self::U64 | Self::Acc64 => Type::U64,
            Self::F32 => Type::F32,
            Self::Text(_) => Type::String,
        }
    }
    /// The pattern that means "not implemented"; an accumulator that never counted is one, too.
    #[must_use]
    pub const fn not_implemented(self) -> u64 {
        match self {
            Self::I16 | Self::Scale => 0x8000,
            Self::U16 | Self::Enum16 | Self::Bits16 => 0xFFFF,
            Self::I32 => 0x8000_0000,
            Self::U32 | Self::Bits32 => 0xFFFF_FFFF,
            Self::U64 => u64::MAX,
            Self::Acc32 | Self::Acc64 | Self::Text(_) => 0,
            Self::F32 => 0x7FC0_0000,
        }
    }
}

/// One point of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// First register, from the model's ID register on.
    pub at: u16,
    /// SunSpec's name.
    pub name: &'static str,
    /// Its registers.
    pub form: Form,
    /// Name of its scale factor in the same model; empty = none.
    pub scale: &'static str,
    /// Unit of the scaled number.
    pub unit: Option<FileUnit>,
}

pub(super) const fn item(at: u16, name: &'static str, form: Form, scale: &'static str, unit: Option<FileUnit>) -> Item {
    Item { at, name, form, scale, unit }
}

pub(super) const ONE: Option<FileUnit> = None;
pub(super) const W: Option<FileUnit> = Some(FileUnit::W);
pub(super) const VAR: Option<FileUnit> = Some(FileUnit::Var);
pub(super) const VA: Option<FileUnit> = Some(FileUnit::VA);
pub(super) const WH: Option<FileUnit> = Some(FileUnit::Wh);
pub(super) const V: Option<FileUnit> = Some(FileUnit::V);
pub(super) const A: Option<FileUnit> = Some(FileUnit::A);
pub(super) const HZ: Option<FileUnit> = Some(FileUnit::Hz);
pub(super) const PERCENT: Option<FileUnit> = Some(FileUnit::Percent);
pub(super) const DEG_C: Option<FileUnit> = Some(FileUnit::DegC);
pub(super) const S: Option<FileUnit> = Some(FileUnit::S);

/// Numbers of a state and what they mean.
pub type States = &'static [(u16, RunState)];

/// Every model known: its number and its points.
pub const MODELS: &[(u16, &[Item])] = &[
    (1, inverter::COMMON),
    (101, inverter::INVERTER),
    (102, inverter::INVERTER),
    (103, inverter::INVERTER),
    (111, inverter::INVERTER_FLOAT),
    (112, inverter::INVERTER_FLOAT),
    (113, inverter::INVERTER_FLOAT),
    (120, inverter::NAMEPLATE),
    (121, inverter::SETTINGS),
    (122, inverter::STATUS),
    (123, inverter::CONTROLS),
    (124, inverter::STORAGE),
    (201, meter::METER),
    (202, meter::METER),
    (203, meter::METER),
    (204, meter::METER),
    (211, meter::METER_FLOAT),
    (212, meter::METER_FLOAT),
    (213, meter::METER_FLOAT),
    (214, meter::METER_FLOAT),
    (701, der::MEASURE_AC),
    (702, der::CAPACITY),
    (703, der::ENTER_SERVICE),
    (704, der::CONTROL_AC),
    (713, der::STORAGE_CAPACITY),
    (714, der::MEASURE_DC),
    (802, der::BATTERY),
];

/// The points of a model.
#[must_use]
pub fn items(model: u16) -> Option<&'static [Item]> {
    MODELS.iter().find(|(id, _)| *id == model).map(|(_, items)| *items)
}

/// One point of a model.
#[must_use]
pub fn find(model: u16, name: &str) -> Option<&'static Item> {
    items(model)?.iter().find(|i| i.name == name)
}

/// The same state has other numbers in other models: each is read with its own.
#[must_use]
pub fn states(model: u16, name: &str) -> States {
    match (model, name) {
        (101..=103 | 111..=113, "St") => {
            &[(1, Off), (2, Standby), (3, Starting), (4, On), (5, On), (6, Stopping), (7, Fault), (8, Standby)]
        }
        (701, "InvSt") => {
            &[(0, Off), (1, Standby), (2, Starting), (3, On), (4, On), (5, Stopping), (6, Fault), (7, Standby)]
        }
        (701, "St") => &[(0, Off), (1, On)],
        (802, "State") => &[(1, Off), (2, Starting), (3, On), (4, Standby), (5, Standby), (6, Stopping), (99, Fault)],
        _ => &[],
    }
}
