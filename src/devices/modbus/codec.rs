//! Between registers and canonical values. Pure; takes any bytes and never panics.

use super::lever;
use crate::devices::profile::file::{Kind, Type, WordOrder};
use crate::devices::profile::{Profile, ProfilePoint, Register, Source, Wire};
use crate::site::{Access, Point, Poll, Reason, Value};

/// Most bits one request may ask for.
const BITS_PER_READ_MAX: u16 = 2000;
/// A scale factor that is not implemented.
const NO_SCALE: u16 = 0x8000;
/// Relative slack of range checks: decimal scales are not exact in binary.
const SLACK: f64 = 1e-9;

/// One read request and the points it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBlock {
    /// Table.
    pub kind: Kind,
    /// First register or bit.
    pub address: u16,
    /// How many.
    pub count: u16,
    /// Positions in [`Profile::points`].
    pub points: Vec<usize>,
}

/// One write request.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteRequest {
    /// Which command.
    pub point: Point,
    /// Function code: 5, 6, 15 or 16.
    pub function: u8,
    /// First register or coil.
    pub address: u16,
    /// Registers, or 0/1 for coils.
    pub words: Vec<u16>,
    /// The value the device will hold after rounding to its own step, canonical unit.
    pub value: f64,
}

/// Why a reply gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The device's exception code.
    #[error("exception {0}")]
    Exception(u8),
    /// Not an answer to the request.
    #[error("reply breaks the protocol")]
    Malformed,
}

impl ReadBlock {
    /// Takes in another block of the same table, which does not begin before this one.
    fn join(&mut self, part: Self) {
        let end = (self.address + (self.count - 1)).max(part.address + (part.count - 1));
        self.count = end - self.address + 1;
        self.points.extend(part.points);
    }
    /// Function code.
    #[must_use]
    pub const fn function(&self) -> u8 {
        match self.kind {
            Kind::Coil => 1,
            Kind::Discrete => 2,
            Kind::Holding => 3,
            Kind::Input => 4,
        }
    }
    /// The request, function code first.
    #[must_use]
    pub fn pdu(&self) -> Vec<u8> {
        let mut out = vec![self.function()];
        out.extend(self.address.to_be_bytes());
        out.extend(self.count.to_be_bytes());
        out
    }
    /// Registers (or 0/1 per bit) of the reply.
    ///
    /// # Errors
    /// An exception, or bytes that do not answer this request.
    pub fn parse(&self, pdu: &[u8]) -> Result<Vec<u16>, ReplyError> {
        let body = body(self.function(), pdu)?;
        let (length, payload) = body.split_first().ok_or(ReplyError::Malformed)?;
        let bits = matches!(self.kind, Kind::Coil | Kind::Discrete);
        let want = if bits { usize::from(self.count).div_ceil(8) } else { usize::from(self.count) * 2 };
        if usize::from(*length) != want || payload.len() != want {
            return Err(ReplyError::Malformed);
        }
        if bits {
            let unpacked = payload.iter().flat_map(|b| (0..8).map(move |n| u16::from(b >> n & 1)));
            return Ok(unpacked.take(usize::from(self.count)).collect());
        }
        Ok(payload.as_chunks::<2>().0.iter().map(|c| u16::from_be_bytes(*c)).collect())
    }
}

impl WriteRequest {
    /// The request, function code first.
    #[must_use]
    pub fn pdu(&self) -> Vec<u8> {
        let mut out = vec![self.function];
        out.extend(self.address.to_be_bytes());
        let count = u16::try_from(self.words.len()).unwrap_or(u16::MAX);
        match self.function {
            5 => out.extend(if self.words.first() == Some(&1) { [0xFF, 0] } else { [0, 0] }),
            6 => out.extend(self.words.iter().take(1).flat_map(|w| w.to_be_bytes())),
            15 => {
                out.extend(count.to_be_bytes());
                let packed = self.words.chunks(8).map(|c| c.iter().rev().fold(0u8, |b, w| b << 1 | u8::from(*w != 0)));
                let packed: Vec<u8> = packed.collect();
                out.push(u8::try_from(packed.len()).unwrap_or(u8::MAX));
                out.extend(packed);
            }
            _ => {
                out.extend(count.to_be_bytes());
                out.push(u8::try_from(self.words.len() * 2).unwrap_or(u8::MAX));
                out.extend(self.words.iter().flat_map(|w| w.to_be_bytes()));
            }
        }
        out
    }
    /// Whether the reply acknowledges this request.
    ///
    /// # Errors
    /// An exception, or bytes that do not answer this request.
    pub fn parse(&self, pdu: &[u8]) -> Result<(), ReplyError> {
        let body = body(self.function, pdu)?;
        // Every acknowledgement repeats the first four bytes after the function code.
        let request = self.pdu();
        if Some(body) == request.get(1..5) { Ok(()) } else { Err(ReplyError::Malformed) }
    }
}

fn body(function: u8, pdu: &[u8]) -> Result<&[u8], ReplyError> {
    match pdu.split_first() {
        Some((f, rest)) if *f == function => Ok(rest),
        Some((f, [code])) if *f == function | 0x80 => Err(ReplyError::Exception(*code)),
        _ => Err(ReplyError::Malformed),
    }
}

/// The read requests of one poll group: neighbours merged up to the device's limits, bits with bits, tables apart.
#[must_use]
pub fn plan_reads(profile: &Profile, poll: Poll) -> Vec<ReadBlock> {
    plan_reads_of(profile, poll, u16::MAX)
}

/// As [`plan_reads`], with at most `registers_max` registers in a request.
#[must_use]
pub fn plan_reads_of(profile: &Profile, poll: Poll, registers_max: u16) -> Vec<ReadBlock> {
    let Wire::Modbus(wire) = &profile.wire else { return Vec::new() };
    let registers_max = wire.registers_per_read_max.min(registers_max);
    let mut parts: Vec<ReadBlock> = profile
        .points
        .iter()
        .enumerate()
        .filter(|(_, p)| p.poll == poll && p.access != Access::Write)
        .filter_map(|(n, _)| single(profile, n))
        .collect();
    parts.sort_by_key(|b| (b.kind, b.address, b.count));
    let mut blocks: Vec<ReadBlock> = Vec::new();
    for part in parts {
        match blocks.last_mut() {
            Some(last) if fits(last, &part, registers_max, wire.read_gap_max) => last.join(part),
            _ => blocks.push(part),
        }
    }
    blocks
}

/// The request that reads these points of one table, and what lies between them.
#[must_use]
pub fn joined(profile: &Profile, points: &[usize]) -> Option<ReadBlock> {
    let parts = points.iter().filter_map(|p| single(profile, *p));
    parts.reduce(|mut all, part| {
        all.join(part);
        all
    })
}

/// The request that reads one point alone.
#[must_use]
pub fn single(profile: &Profile, point: usize) -> Option<ReadBlock> {
    let Source::Register(r) = &profile.points.get(point)?.source else { return None };
    let (address, count) = r.extent();
    Some(ReadBlock { kind: r.kind, address, count, points: vec![point] })
}

fn fits(last: &ReadBlock, part: &ReadBlock, registers_max: u16, gap_max: u16) -> bool {
    let bits = matches!(part.kind, Kind::Coil | Kind::Discrete);
    let max = u32::from(if bits { BITS_PER_READ_MAX } else { registers_max });
    let last_end = u32::from(last.address) + u32::from(last.count);
    let end = (u32::from(part.address) + u32::from(part.count)).max(last_end);
    last.kind == part.kind
        && u32::from(part.address) <= last_end + u32::from(gap_max)
        && end - u32::from(last.address) <= max
}

/// Values of all points of a block. `words` holds registers (or 0/1 per bit) from the block's address on; a point that
/// does not lie inside them is a [`Reason::BadReply`].
#[must_use]
pub fn decode(profile: &Profile, block: &ReadBlock, words: &[u16]) -> Vec<(usize, Value)> {
    block
        .points
        .iter()
        .filter_map(|n| {
            let point = profile.points.get(*n)?;
            let Source::Register(r) = &point.source else { return None };
            Some((*n, value_of(point, r, block.address, words)))
        })
        .collect()
}

fn value_of(point: &ProfilePoint, r: &Register, base: u16, words: &[u16]) -> Value {
    let number = scaled(r, base, words)?;
    if !r.states.is_empty() {
        return r.states.get(&(number as i64)).map(|s| s.code()).ok_or(Reason::OutOfRange);
    }
    match &r.lever {
        Some(l) => {
            lever::in_force(l, base, words)?.map_or_else(|full| within(point, full), |()| canonical(point, number))
        }
        None => canonical(point, number),
    }
}

fn canonical(point: &ProfilePoint, number: f64) -> Value {
    within(point, point.conversion.canonical(number))
}

/// The number of a register in the unit of its model, with its scale factor from the same `words`.
pub(super) fn scaled(r: &Register, base: u16, words: &[u16]) -> Value {
    let mut total = 0.0;
    for address in std::iter::once(&r.address).chain(&r.sum) {
        let raw = cut(base, words, *address, r.ty.words())?;
        total += number(r, pattern(raw, r.word_order))?;
    }
    Ok(by_power(total, power(r, base, words)?))
}

/// The registers at `address`, out of `words` from `base` on.
pub(in crate::devices) fn cut(base: u16, words: &[u16], address: u16, count: u16) -> Result<&[u16], Reason> {
    let cut = address.checked_sub(base).map(usize::from).and_then(|o| words.get(o..o + usize::from(count)));
    cut.ok_or(Reason::BadReply)
}

/// The power of ten that stands beside a number.
pub(super) fn power(r: &Register, base: u16, words: &[u16]) -> Result<i32, Reason> {
    let Some(address) = r.scale_factor else { return Ok(0) };
    let word = cut(base, words, address, 1)?.first().copied().unwrap_or(NO_SCALE);
    match i32::from(word as i16) {
        p @ -10..=10 => Ok(p),
        _ if word == NO_SCALE => Err(Reason::NotImplemented),
        _ => Err(Reason::BadReply),
    }
}

/// Decimal places divided off, not multiplied by an inexact 0.1.
pub(super) fn by_power(number: f64, power: i32) -> f64 {
    if power < 0 { number / 10f64.powi(-power) } else { number * 10f64.powi(power) }
}

/// The registers as one bit pattern, high word first.
pub(super) fn pattern(words: &[u16], order: WordOrder) -> u64 {
    let join = |acc: u64, w: &u16| acc << 16 | u64::from(*w);
    match order {
        WordOrder::Big => words.iter().fold(0, join),
        WordOrder::Little => words.iter().rev().fold(0, join),
    }
}

fn number(r: &Register, pattern: u64) -> Value {
    if r.not_implemented == Some(pattern) {
        return Err(Reason::NotImplemented);
    }
    if let Some(bits) = r.bits {
        return Ok((pattern >> bits.from & ((1 << bits.len) - 1)) as f64);
    }
    let n = match r.ty {
        Type::Bool | Type::U16 | Type::U32 | Type::U64 | Type::String => pattern as f64,
        Type::I16 => f64::from(pattern as u16 as i16),
        Type::I32 => f64::from(pattern as u32 as i32),
        Type::I64 => pattern as i64 as f64,
        Type::F32 => f64::from(f32::from_bits(pattern as u32)),
        Type::F64 => f64::from_bits(pattern),
    };
    if n.is_nan() { Err(Reason::NotImplemented) } else { Ok(n) }
}

/// `value` if it is believable.
pub(in crate::devices) fn within(point: &ProfilePoint, value: f64) -> Value {
    let slack = SLACK * value.abs().max(1.0);
    let ok = value.is_finite() && value >= point.valid.0 - slack && value <= point.valid.1 + slack;
    if ok { Ok(value) } else { Err(Reason::OutOfRange) }
}

/// The request that sets `point` to `canonical` (in the point's canonical unit).
///
/// # Errors
/// [`Reason::NotImplemented`] where the profile has no such command or the number would read as the device's sentinel,
/// [`Reason::OutOfRange`] outside the allowed values.
pub fn encode(profile: &Profile, point: Point, canonical: f64) -> Result<WriteRequest, Reason> {
    let p = profile.index(point).and_then(|n| profile.points.get(n)).ok_or(Reason::NotImplemented)?;
    let Source::Register(r) = &p.source else { return Err(Reason::NotImplemented) };
    // What depends on other registers cannot be written blindly.
    if p.access == Access::Read || r.lever.is_some() || r.scale_factor.is_some() {
        return Err(Reason::NotImplemented);
    }
    let canonical = within(p, canonical)?;
    let mut words = to_words(r, p.conversion.raw(canonical))?;
    let value = value_of(p, r, r.address, &words)?;
    words.resize(words.len().max(usize::from(r.write_length)), 0);
    Ok(WriteRequest { point, function: r.write_function, address: r.address, words, value })
}

/// The registers that hold the device's number `raw`.
pub(super) fn to_words(r: &Register, raw: f64) -> Result<Vec<u16>, Reason> {
    let pattern = to_pattern(r, raw)?;
    let mut words: Vec<u16> = (0..r.ty.words()).rev().map(|n| (pattern >> (16 * n)) as u16).collect();
    if r.word_order == WordOrder::Little {
        words.reverse();
    }
    Ok(words)
}

fn to_pattern(r: &Register, raw: f64) -> Result<u64, Reason> {
    let whole = raw.round();
    let (low, high) = match (r.bits, r.ty) {
        (Some(b), _) => (0.0, ((1u64 << b.len) - 1) as f64),
        (None, Type::Bool) => (0.0, 1.0),
        (None, Type::U16 | Type::String) => (0.0, f64::from(u16::MAX)),
        (None, Type::I16) => (f64::from(i16::MIN), f64::from(i16::MAX)),
        (None, Type::U32) => (0.0, f64::from(u32::MAX)),
        (None, Type::I32) => (f64::from(i32::MIN), f64::from(i32::MAX)),
        // Beyond 2^53 a float no longer names one integer.
        (None, Type::U64) => (0.0, 9e15),
        (None, Type::I64) => (-9e15, 9e15),
        (None, Type::F32) => return float(f64::from(raw as f32), u64::from((raw as f32).to_bits())),
        (None, Type::F64) => return float(raw, raw.to_bits()),
    };
    if !(low..=high).contains(&whole) {
        return Err(Reason::OutOfRange);
    }
    let bits = match r.ty {
        Type::I16 => u64::from(whole as i16 as u16),
        Type::I32 => u64::from(whole as i32 as u32),
        Type::I64 => whole as i64 as u64,
        _ => (whole as u64) << r.bits.map_or(0, |b| b.from),
    };
    if r.not_implemented == Some(bits) { Err(Reason::NotImplemented) } else { Ok(bits) }
}

fn float(value: f64, bits: u64) -> Result<u64, Reason> {
    if value.is_finite() { Ok(bits) } else { Err(Reason::OutOfRange) }
}
