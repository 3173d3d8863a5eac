//! A profile proves itself: each vector is decoded, and each command's value encoded back, when it is loaded.

use super::modbus::codec as registers;
use super::modbus::lever;
use super::mqtt::codec as messages;
use super::profile::{Profile, ProfilePoint, Sample, Source, Vector, Wire};
use super::sunspec;
use crate::site::{Access, Reason, Value};

/// Vectors that do not hold: their position and what came out.
#[must_use]
pub fn failures(profile: &Profile) -> Vec<(usize, String)> {
    profile.vectors.iter().enumerate().filter_map(|(n, v)| failure(profile, v).map(|text| (n, text))).collect()
}

fn failure(profile: &Profile, vector: &Vector) -> Option<String> {
    let point = profile.points.get(vector.point)?;
    let name = point.point.name();
    if point.access != Access::Write {
        let got = decoded(profile, vector, point)?;
        if !agree(got, vector.expect) {
            return Some(format!("{name} reads as {}, the vector says {}", show(got), show(vector.expect)));
        }
    }
    match vector.expect {
        Ok(value) if point.access != Access::Read => written(profile, vector, point, value),
        _ => None,
    }
}

fn decoded(profile: &Profile, vector: &Vector, point: &ProfilePoint) -> Option<Value> {
    let out = match (&vector.sample, &point.source) {
        (Sample::Image(image), _) => {
            let on_device = found(profile, image);
            let Some(block) = registers::single(&on_device, vector.point) else {
                return Some(Err(Reason::NotImplemented));
            };
            let words = registers::cut(0, image, block.address, block.count).unwrap_or_default();
            registers::decode(&on_device, &block, words)
        }
        (Sample::Registers(words), Source::Register(_)) => {
            let block = registers::single(profile, vector.point)?;
            registers::decode(profile, &block, words)
        }
        (Sample::Payload(text), Source::Topic(t)) => {
            messages::decode_message(profile, t.topic.as_deref()?, text.as_bytes(), false)
        }
        _ => return None,
    };
    out.into_iter().find(|(n, _)| *n == vector.point).map(|(_, v)| v)
}

/// `profile` on a device whose registers are `image`.
fn found(profile: &Profile, image: &[u16]) -> Profile {
    match &profile.wire {
        Wire::Sunspec(wire) => lever::rated(sunspec::resolve(profile, wire, &sunspec::walk(image)), image),
        _ => profile.clone(),
    }
}

/// What the image holds is what a write of its value would leave there.
fn written_to(image: &[u16], profile: &Profile, vector: &Vector, value: f64) -> Option<String> {
    let on_device = found(profile, image);
    let name = on_device.points.get(vector.point)?.point;
    let requests = match lever::of(&on_device, name) {
        Some((n, block)) => {
            let words = registers::cut(0, image, block.address, block.count).unwrap_or_default();
            lever::encode(&on_device, n, value, block.address, words)
        }
        None => registers::encode(&on_device, name, value).map(|r| vec![r]),
    };
    let mut after = image.to_vec();
    for request in requests.iter().flatten() {
        for (slot, word) in after.iter_mut().skip(request.address.into()).zip(&request.words) {
            *slot = *word;
        }
    }
    match requests {
        Err(reason) => Some(format!("{} = {value} cannot be written: {reason}", name.name())),
        Ok(_) if after != image => Some(format!("{} = {value} is not written as the vector says", name.name())),
        Ok(_) => None,
    }
}

fn written(profile: &Profile, vector: &Vector, point: &ProfilePoint, value: f64) -> Option<String> {
    let name = point.point.name();
    match (&vector.sample, &vector.command) {
        (Sample::Image(image), _) => written_to(image, profile, vector, value),
        (Sample::Registers(words), _) => match registers::encode(profile, point.point, value) {
            Ok(w) if w.words.starts_with(words) => None,
            Ok(w) => Some(format!("{name} = {value} is written as {:?}, the vector says {words:?}", w.words)),
            Err(reason) => Some(format!("{name} = {value} cannot be written: {reason}")),
        },
        (_, Some(command)) => match messages::encode_command(profile, point.point, value) {
            Ok((_, payload, _)) if payload == *command => None,
            Ok((_, payload, _)) => Some(format!("{name} = {value} is sent as {payload}, the vector says {command}")),
            Err(reason) => Some(format!("{name} = {value} cannot be sent: {reason}")),
        },
        _ => None,
    }
}

fn agree(got: Value, want: Value) -> bool {
    match (got, want) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-6 * b.abs().max(1.0),
        (a, b) => a == b,
    }
}

fn show(value: Value) -> String {
    value.map_or_else(|r| r.to_string(), |v| v.to_string())
}
