//! Asks a SunSpec device who it is and which models it has.

use super::codec::ReadBlock;
use super::line::{Failure, Line};
use super::unit::{Fault, fault};
use crate::devices::profile::file::Kind;
use crate::devices::profile::{ModbusWire, SunspecWire};
use crate::devices::sunspec::{Found, MARKER, MODELS_MAX, models, step};
use crate::site::Reason;

/// Most requests of one discovery.
pub const REQUESTS_MAX: usize = 4 + MODELS_MAX;

/// What a device says of itself in model 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}, serial {}", self.manufacturer, self.model, self.serial)
    }
}

/// Finds the models of one device, and remembers what must not change.
#[derive(Debug, Default)]
pub struct Scout {
    /// Which base is tried first: one that ends the connection must not be tried first for ever.
    first: usize,
    known: Option<Identity>,
    /// Said once, not on each attempt.
    said: bool,
}

impl Scout {
    /// The models of the device, whose identity is checked.
    pub async fn look(
        &mut self,
        line: &mut Line,
        unit: u8,
        wire: &SunspecWire,
        name: &str,
    ) -> Result<Vec<Found>, Fault> {
        let Some(at) = self.marker(line, unit, wire).await? else {
            if !std::mem::replace(&mut self.said, true) {
                tracing::warn!(device = name, bases = ?wire.bases, "no SunSpec marker; unit id and base right?");
            }
            return Err(Fault::Unit(Reason::IdentityMismatch));
        };
        let chain = chain(line, unit, &wire.modbus, at).await?;
        let identity = identity(line, unit, &wire.modbus, &chain).await?;
        let models = chain.iter().map(|f| f.model.to_string()).collect::<Vec<_>>().join(" ");
        let as_written = |want: &Option<String>, got: &str| want.as_deref().is_none_or(|w| w.trim() == got);
        let as_before = self.known.as_ref().is_none_or(|k| *k == identity);
        if !as_before
            || !as_written(&wire.manufacturer, &identity.manufacturer)
            || !as_written(&wire.model, &identity.model)
        {
            if !std::mem::replace(&mut self.said, true) {
                tracing::warn!(device = name, found = %identity, before = ?self.known, "another device than expected");
            }
            return Err(Fault::Unit(Reason::IdentityMismatch));
        }
        tracing::info!(device = name, found = %identity, models, "SunSpec");
        (self.known, self.said) = (Some(identity), false);
        Ok(chain)
    }

    /// The address after the marker.
    async fn marker(&mut self, line: &mut Line, unit: u8, wire: &SunspecWire) -> Result<Option<u16>, Fault> {
        let count = wire.bases.len().max(1);
        for k in 0..count {
            let n = (self.first + k) % count;
            let Some(base) = wire.bases.get(n) else { continue };
            match line.read(unit, &wire.modbus, &holding(*base, 2)).await {
                Ok(words) if words == MARKER => {
                    self.first = n;
                    return Ok(base.checked_add(2));
                }
                Ok(_) | Err(Failure::Exception(1..=4)) => {}
                Err(f) => {
                    self.first = (n + 1) % count;
                    return Err(fault(f));
                }
            }
        }
        Ok(None)
    }
}

async fn chain(line: &mut Line, unit: u8, wire: &ModbusWire, first: u16) -> Result<Vec<Found>, Fault> {
    let (mut chain, mut at) = (Vec::new(), Some(first));
    while let Some(address) = at.filter(|_| chain.len() < MODELS_MAX) {
        let found = match line.read(unit, wire, &holding(address, 2)).await {
            Ok(header) => step(address, &header),
            // Some devices leave out the end mark.
            Err(Failure::Exception(2)) => None,
            Err(f) => return Err(fault(f)),
        };
        at = found.and_then(|f| f.next());
        chain.extend(found);
    }
    Ok(chain)
}

/// Reads manufacturer, model and serial number; a device that says neither of the first two is none we know.
async fn identity(line: &mut Line, unit: u8, wire: &ModbusWire, chain: &[Found]) -> Result<Identity, Fault> {
    let unknown = Fault::Unit(Reason::IdentityMismatch);
    let common = chain.iter().find(|f| f.model == 1).ok_or(unknown)?;
    let mut texts = Vec::new();
    for name in ["Mn", "Md", "SN"] {
        let item = models::find(1, name).ok_or(unknown)?;
        let address = common.at.checked_add(item.at).ok_or(unknown)?;
        let words = line.read(unit, wire, &holding(address, item.form.words())).await.map_err(fault)?;
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
        let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
        texts.push(String::from_utf8_lossy(text).trim().to_owned());
    }
    let [manufacturer, model, serial] = <[String; 3]>::try_from(texts).map_err(|_| unknown)?;
    if manufacturer.is_empty() && model.is_empty() {
        return Err(unknown);
    }
    Ok(Identity { manufacturer, model, serial })
}

const fn holding(address: u16, count: u16) -> ReadBlock {
    ReadBlock { kind: Kind::Holding, address, count, points: Vec::new() }
}
