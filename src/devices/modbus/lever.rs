//! Commands that depend on other registers of the device: a scale factor, an enable, a timer, a rating. What stands there
//! is read right before each write. Pure.

use super::codec::{self, ReadBlock, WriteRequest, within};
use crate::devices::profile::file::WordOrder;
use crate::devices::profile::{Lever, Profile, ProfilePoint, Register, Source, Timer};
use crate::devices::sunspec::rate;
use crate::site::{Point, Reason};

const ENABLED: u16 = 1;

/// Whether the number beside counts: `Ok(Ok(()))` if so, `Ok(Err(full))` where no cap is in force and the rating stands.
pub fn in_force(lever: &Lever, base: u16, words: &[u16]) -> Result<Result<(), f64>, Reason> {
    if !lever.share_of.is_empty() && lever.full.is_none() {
        return Err(Reason::NotImplemented);
    }
    let is = |address, value| Ok(codec::cut(base, words, address, 1)?.first() == Some(&value));
    let meant = match lever.mode {
        Some((address, value)) => is(address, value)?,
        None => true,
    };
    match (meant && is(lever.enable, ENABLED)?, lever.full) {
        (true, _) => Ok(Ok(())),
        (false, Some(full)) => Ok(Err(full)),
        (false, None) => Err(Reason::Disabled),
    }
}

/// The lever of a command, and the request that reads what it depends on.
pub fn of(profile: &Profile, point: Point) -> Option<(usize, ReadBlock)> {
    let n = profile.index(point)?;
    match &profile.points.get(n)?.source {
        Source::Register(Register { lever: Some(_), .. }) => Some((n, codec::single(profile, n)?)),
        _ => None,
    }
}

/// The requests that read the ratings a command may be a share of, in the order of preference.
pub fn ratings(profile: &Profile, n: usize) -> Vec<ReadBlock> {
    let found = profile.points.get(n).map(|p| &p.source);
    let Some(Source::Register(Register { lever: Some(lever), .. })) = found else { return Vec::new() };
    let block = |r: &Register| {
        let (address, count) = r.extent();
        ReadBlock { kind: r.kind, address, count, points: Vec::new() }
    };
    lever.share_of.iter().map(block).collect()
}

/// Takes what the `which`-th rating reads as; whether it is one.
pub fn take_rating(profile: &mut Profile, n: usize, which: usize, words: &[u16]) -> bool {
    let Some(point) = profile.points.get_mut(n) else { return false };
    let full = match &point.source {
        Source::Register(Register { lever: Some(l), .. }) => l.share_of.get(which).and_then(|r| {
            let watts = codec::scaled(r, r.extent().0, words).ok()?;
            (watts > 0.0).then_some(watts / 1000.0)
        }),
        _ => None,
    };
    rate(point, full);
    full.is_some()
}

/// The requests that put a command in force, in their order. `words` hold what stands beside it now, from `base` on.
///
/// # Errors
/// [`Reason::NotImplemented`] where the device has no such command, no timer to end it or no rating to take a share of;
/// [`Reason::OutOfRange`] outside the allowed values.
pub fn encode(
    profile: &Profile,
    n: usize,
    canonical: f64,
    base: u16,
    words: &[u16],
) -> Result<Vec<WriteRequest>, Reason> {
    let p = profile.points.get(n).ok_or(Reason::NotImplemented)?;
    let Source::Register(r) = &p.source else { return Err(Reason::NotImplemented) };
    let lever = r.lever.as_ref().ok_or(Reason::NotImplemented)?;
    let (number, held) = value(p, r, lever, canonical, codec::power(r, base, words)?)?;
    let mut out = Vec::new();
    let write = |address: u16, words: Vec<u16>| {
        let function = if words.len() == 1 { lever.write_function } else { 16 };
        WriteRequest { point: p.point, function, address, words, value: held }
    };
    if let Some(timer) = lever.timer.filter(|t| !armed(t, base, words)) {
        out.push(write(timer.address, arm(&timer, base, words)?));
    }
    if let Some((address, meant)) = lever.mode
        && codec::cut(base, words, address, 1)?.first() != Some(&meant)
    {
        out.push(write(address, vec![meant]));
    }
    if let Some(address) = lever.window
        && !matches!(codec::cut(base, words, address, 1)?, [0 | 0xFFFF])
    {
        out.push(write(address, vec![0]));
    }
    out.push(write(r.address, number));
    // Always: it is what makes many devices take the number and start their timer.
    out.push(write(lever.enable, vec![ENABLED]));
    Ok(out)
}

/// The registers of the command, and the value they mean.
fn value(p: &ProfilePoint, r: &Register, lever: &Lever, canonical: f64, power: i32) -> Result<(Vec<u16>, f64), Reason> {
    if !lever.share_of.is_empty() && lever.full.is_none() {
        return Err(Reason::NotImplemented);
    }
    // No cap is above what the device can do anyway.
    let canonical = within(p, lever.full.map_or(canonical, |full| canonical.min(full)))?;
    let raw = codec::by_power(p.conversion.raw(canonical), -power);
    // A cap is never rounded up.
    let raw = if p.point == Point::WMax { (raw + 1e-9 * raw.abs().max(1.0)).floor() } else { raw.round() };
    let words = codec::to_words(r, raw)?;
    Ok((words, p.conversion.canonical(codec::by_power(raw, power))))
}

fn seconds(timer: &Timer, base: u16, words: &[u16]) -> Option<u64> {
    let words = codec::cut(base, words, timer.address, timer.ty.words()).ok()?;
    Some(codec::pattern(words, WordOrder::Big))
}

fn armed(timer: &Timer, base: u16, words: &[u16]) -> bool {
    seconds(timer, base, words) == Some(u64::from(timer.s))
}

/// What to write to the timer; a device without one takes no command that only a timer would end.
fn arm(timer: &Timer, base: u16, words: &[u16]) -> Result<Vec<u16>, Reason> {
    let all = if timer.ty.words() == 1 { 0xFFFF } else { 0xFFFF_FFFF };
    match seconds(timer, base, words) {
        Some(n) if n != all => Ok((0..timer.ty.words()).rev().map(|n| (timer.s >> (16 * n)) as u16).collect()),
        Some(_) => Err(Reason::NotImplemented),
        None => Err(Reason::BadReply),
    }
}

/// `profile` with the ratings of a device whose registers are `image`, from address 0 on.
pub fn rated(mut profile: Profile, image: &[u16]) -> Profile {
    for n in 0..profile.points.len() {
        for (which, block) in ratings(&profile, n).into_iter().enumerate() {
            let words = codec::cut(0, image, block.address, block.count).unwrap_or_default();
            if take_rating(&mut profile, n, which, words) {
                break;
            }
        }
    }
    profile
}
