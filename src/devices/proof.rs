//! A profile proves itself: each vector is decoded, and each command's value encoded back, when it is loaded.

use super::modbus::codec as registers;
use super::mqtt::codec as messages;
use super::profile::{Profile, ProfilePoint, Sample, Source, Vector};
use crate::site::{Access, Value};

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

fn written(profile: &Profile, vector: &Vector, point: &ProfilePoint, value: f64) -> Option<String> {
    let name = point.point.name();
    match (&vector.sample, &vector.command) {
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
