//! How much a device gives at once, learned from what it refuses. A block that is refused is taken apart, half by half:
//! either one register is missing, and in the end its point stands alone and is given up; or all parts are read, and
//! then the block was too large.

use super::codec::{self, ReadBlock};
use crate::devices::profile::Profile;
use crate::devices::profile::file::Kind;

/// What a device has refused to read since it was connected.
#[derive(Debug, Default)]
pub struct Refused {
    blocks: Vec<ReadBlock>,
    missing: Vec<usize>,
    /// Something was refused in this turn: its parts are still to be read.
    open: bool,
}

impl Refused {
    /// The two halves of a refused block; none of a single point, which the device does not have.
    pub fn take_apart(&mut self, profile: &Profile, block: &ReadBlock) -> Vec<ReadBlock> {
        self.open = true;
        if let [point] = *block.points {
            self.missing.push(point);
            return Vec::new();
        }
        self.blocks.push(block.clone());
        let (low, high) = block.points.split_at(block.points.len() / 2);
        [low, high].into_iter().filter_map(|half| codec::joined(profile, half)).collect()
    }

    /// After a turn without fault: the most registers the device is known to give where it refused more, if `read` is
    /// what it is asked for now. A block with a missing register says nothing of the size.
    pub fn limit<'a>(&mut self, read: impl Iterator<Item = &'a ReadBlock>) -> Option<u16> {
        if std::mem::take(&mut self.open) {
            return None;
        }
        let registers = |b: &&ReadBlock| matches!(b.kind, Kind::Holding | Kind::Input);
        let whole = |b: &&ReadBlock| !b.points.iter().any(|p| self.missing.contains(p));
        let too_many = self.blocks.iter().filter(registers).filter(whole).map(|b| b.count).min()?;
        read.filter(registers).map(|b| b.count).filter(|n| *n < too_many).max()
    }
}
