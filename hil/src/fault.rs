//! Faults that can be planted in a device.

use anyhow::{Context, bail};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The measured power reads negated.
    SignFlip,
    /// Every measured value stays bit for bit as it was.
    Freeze,
    /// The device is silent: connections are closed and refused.
    Stop,
    /// The device takes requests and never answers.
    Hang,
    /// Writes answer exception 4.
    RefuseWrites,
    /// Writes are acknowledged and have no effect.
    IgnoreWrites,
    /// Another controller keeps overwriting the commands.
    OtherWriter,
}

/// A fault planted in one device of the site file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Id of the device in the site file.
    pub device: String,
}

impl std::str::FromStr for FaultKind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "sign_flip" => Self::SignFlip,
            "freeze" => Self::Freeze,
            "stop" => Self::Stop,
            "hang" => Self::Hang,
            "refuse_writes" => Self::RefuseWrites,
            "ignore_writes" => Self::IgnoreWrites,
            "other_writer" => Self::OtherWriter,
            other => bail!(
                "unknown fault {other}: one of sign_flip, freeze, stop, hang, refuse_writes, ignore_writes, other_writer"
            ),
        })
    }
}

impl std::str::FromStr for Fault {
    type Err = anyhow::Error;

    /// Reads `KIND:DEVICE`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (kind, device) = text.split_once(':').context("a fault is KIND:DEVICE")?;
        Ok(Self { kind: kind.parse()?, device: device.to_owned() })
    }
}
