//! Modbus requests to one unit: function codes 1-6, 15 and 16, and their exceptions.

use super::map::Table;
use super::unit::Unit;
use crate::fault::FaultKind;
use crate::plant::Plant;

pub const ILLEGAL_FUNCTION: u8 = 1;
pub const ILLEGAL_ADDRESS: u8 = 2;
pub const ILLEGAL_VALUE: u8 = 3;
pub const DEVICE_FAILURE: u8 = 4;
pub const TARGET_FAILED: u8 = 0x0B;

/// An exception reply.
pub fn exception(function: u8, code: u8) -> Vec<u8> {
    vec![function | 0x80, code]
}

impl Unit {
    /// Answers one request PDU; `None` is silence.
    pub fn answer(&mut self, pdu: &[u8], plant: &Plant) -> Option<Vec<u8>> {
        if self.has(FaultKind::Stop) || self.has(FaultKind::Hang) {
            return None;
        }
        let function = *pdu.first()?;
        Some(self.dispatch(function, pdu, plant).unwrap_or_else(|code| exception(function, code)))
    }

    fn dispatch(&mut self, function: u8, pdu: &[u8], plant: &Plant) -> Result<Vec<u8>, u8> {
        match function {
            1 => self.read_bits(Table::Coil, pdu, plant),
            2 => self.read_bits(Table::Discrete, pdu, plant),
            3 => self.read_registers(Table::Holding, pdu, plant),
            4 => self.read_registers(Table::Input, pdu, plant),
            5 | 6 | 15 | 16 => self.write(function, pdu),
            _ => Err(ILLEGAL_FUNCTION),
        }
    }

    fn read_bits(&mut self, table: Table, pdu: &[u8], plant: &Plant) -> Result<Vec<u8>, u8> {
        let (address, count) = range_of(pdu, 2000)?;
        self.refresh(plant);
        let bits = self.collect(table, address, count)?;
        let mut reply = vec![pdu[0], count.div_ceil(8) as u8];
        for chunk in bits.chunks(8) {
            reply.push(chunk.iter().rev().fold(0, |byte, bit| (byte << 1) | u8::from(*bit != 0)));
        }
        Ok(reply)
    }

    fn read_registers(&mut self, table: Table, pdu: &[u8], plant: &Plant) -> Result<Vec<u8>, u8> {
        let (address, count) = range_of(pdu, self.map.registers_per_read_max)?;
        self.refresh(plant);
        let words = self.collect(table, address, count)?;
        let mut reply = vec![pdu[0], (count * 2) as u8];
        reply.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        Ok(reply)
    }

    /// Words of consecutive addresses; every one must be defined.
    fn collect(&self, table: Table, address: u16, count: u16) -> Result<Vec<u16>, u8> {
        let mut words = Vec::with_capacity(usize::from(count));
        let mut next = u32::from(address);
        let end = next + u32::from(count);
        let mut index = self.point_at(table, address).ok_or(ILLEGAL_ADDRESS)?;
        while next < end {
            let point = self.map.point.get(index).ok_or(ILLEGAL_ADDRESS)?;
            let from = u32::from(point.address);
            if point.table != table || next < from || next >= from + u32::from(point.len()) {
                return Err(ILLEGAL_ADDRESS);
            }
            let skip = (next - from) as usize;
            let take = (end - next) as usize;
            words.extend(self.words[index].iter().skip(skip).take(take));
            next = from + u32::from(point.len());
            index += 1;
        }
        Ok(words)
    }

    fn write(&mut self, function: u8, pdu: &[u8]) -> Result<Vec<u8>, u8> {
        if self.has(FaultKind::RefuseWrites) {
            return Err(DEVICE_FAILURE);
        }
        let (table, address, words) = match function {
            5 => (Table::Coil, word(pdu, 1)?, vec![coil(pdu)?]),
            6 => (Table::Holding, word(pdu, 1)?, single(pdu)?),
            15 => (Table::Coil, word(pdu, 1)?, coils(pdu)?),
            _ => (Table::Holding, word(pdu, 1)?, registers(pdu)?),
        };
        let writes = self.check(function, table, address, &words)?;
        if !self.has(FaultKind::IgnoreWrites) {
            self.take(&writes);
        }
        Ok(pdu.get(..5).unwrap_or(pdu).to_vec())
    }

    /// Which points a write would change, or the exception it earns; nothing is changed here.
    fn check(&self, function: u8, table: Table, address: u16, words: &[u16]) -> Result<Vec<(usize, i64)>, u8> {
        let mut writes = Vec::new();
        let mut done = 0;
        while done < words.len() {
            let at = u16::try_from(usize::from(address) + done).map_err(|_| ILLEGAL_ADDRESS)?;
            let index = self.point_at(table, at).ok_or(ILLEGAL_ADDRESS)?;
            let point = &self.map.point[index];
            if point.write.is_empty() || point.address != at {
                return Err(ILLEGAL_ADDRESS);
            }
            if !point.write.contains(&function) {
                return Err(ILLEGAL_FUNCTION);
            }
            let end = done + usize::from(point.len());
            let raw = point.decode(words.get(done..end).ok_or(ILLEGAL_ADDRESS)?);
            let last = address + words.len() as u16 - 1;
            let all = point.together.iter().all(|other| (address..=last).contains(other));
            if !point.accepts(raw) || !all {
                return Err(ILLEGAL_VALUE);
            }
            writes.push((index, raw));
            done = end;
        }
        Ok(writes)
    }
}

fn word(pdu: &[u8], at: usize) -> Result<u16, u8> {
    match pdu.get(at..at + 2) {
        Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
        _ => Err(ILLEGAL_VALUE),
    }
}

fn range_of(pdu: &[u8], most: u16) -> Result<(u16, u16), u8> {
    let (address, count) = (word(pdu, 1)?, word(pdu, 3)?);
    if pdu.len() != 5 || count == 0 || count > most {
        return Err(ILLEGAL_VALUE);
    }
    if u32::from(address) + u32::from(count) > 0x1_0000 {
        return Err(ILLEGAL_ADDRESS);
    }
    Ok((address, count))
}

fn coil(pdu: &[u8]) -> Result<u16, u8> {
    match (word(pdu, 3)?, pdu.len()) {
        (0xFF00, 5) => Ok(1),
        (0, 5) => Ok(0),
        _ => Err(ILLEGAL_VALUE),
    }
}

fn single(pdu: &[u8]) -> Result<Vec<u16>, u8> {
    if pdu.len() == 5 { Ok(vec![word(pdu, 3)?]) } else { Err(ILLEGAL_VALUE) }
}

fn coils(pdu: &[u8]) -> Result<Vec<u16>, u8> {
    let (_, count) = (word(pdu, 1)?, usize::from(word(pdu, 3)?));
    let bytes = pdu.get(6..).unwrap_or_default();
    let declared = pdu.get(5).copied().map(usize::from);
    if count == 0 || declared != Some(count.div_ceil(8)) || declared != Some(bytes.len()) {
        return Err(ILLEGAL_VALUE);
    }
    let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| u16::from(byte >> (index % 8) & 1));
    Ok((0..count).map(bit).collect())
}

fn registers(pdu: &[u8]) -> Result<Vec<u16>, u8> {
    let count = usize::from(word(pdu, 3)?);
    let bytes = pdu.get(6..).unwrap_or_default();
    let declared = pdu.get(5).copied().map(usize::from);
    if count == 0 || count > 123 || declared != Some(2 * count) || bytes.len() != 2 * count {
        return Err(ILLEGAL_VALUE);
    }
    Ok(bytes.chunks(2).map(|pair| pair.iter().fold(0, |word, byte| (word << 8) | u16::from(*byte))).collect())
}
