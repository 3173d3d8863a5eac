//! Between messages and canonical values. Pure; takes any bytes and never panics.

use serde_json::Value as Json;

use crate::devices::modbus::codec::within;
use crate::devices::profile::{Profile, ProfilePoint, Rule, Source, Topic};
use crate::site::{Access, Point, Reason, Value};

/// Values of all points on `topic` (below the device's prefix). Points that do not take retained messages are left out
/// of an answer to one.
#[must_use]
pub fn decode_message(profile: &Profile, topic: &str, payload: &[u8], retained: bool) -> Vec<(usize, Value)> {
    let here = profile.points.iter().enumerate().filter_map(|(n, p)| match &p.source {
        Source::Topic(t) if t.topic.as_deref() == Some(topic) && !(retained && t.ignore_retained) => Some((n, p, t)),
        _ => None,
    });
    let mut json = None;
    here.map(|(n, p, t)| {
        let value = match &t.json {
            None => plain(t, payload).and_then(|raw| finish(p, raw)),
            Some(path) => {
                let document = json.get_or_insert_with(|| serde_json::from_slice::<Json>(payload).ok());
                member(t, document.as_ref(), path).and_then(|raw| finish(p, raw))
            }
        };
        (n, value)
    })
    .collect()
}

/// The counter in a JSON payload, if there is one.
#[must_use]
pub fn sequence(payload: &[u8], key: &str) -> Option<u64> {
    serde_json::from_slice::<Json>(payload).ok()?.get(key)?.as_u64()
}

/// A raw number, or a canonical code that needs no conversion.
enum Raw {
    Number(f64),
    State(f64),
}

fn finish(point: &ProfilePoint, raw: Raw) -> Value {
    match raw {
        Raw::Number(n) if n.is_nan() => Err(Reason::NotImplemented),
        Raw::Number(n) => within(point, point.conversion.canonical(n)),
        Raw::State(code) => Ok(code),
    }
}

fn plain(topic: &Topic, payload: &[u8]) -> Result<Raw, Reason> {
    let text = std::str::from_utf8(payload).map_err(|_| Reason::BadReply)?.trim();
    if !topic.states.is_empty() {
        return state(topic, text);
    }
    text.parse().map(Raw::Number).map_err(|_| Reason::BadReply)
}

fn state(topic: &Topic, text: &str) -> Result<Raw, Reason> {
    topic.states.get(text).map(|s| Raw::State(s.code())).ok_or(Reason::OutOfRange)
}

fn member(topic: &Topic, document: Option<&Json>, path: &[String]) -> Result<Raw, Reason> {
    let mut at = document.ok_or(Reason::BadReply)?;
    for key in path {
        let next = match at {
            Json::Array(items) => key.parse().ok().and_then(|n: usize| items.get(n)),
            _ => at.get(key),
        };
        at = next.ok_or(Reason::NotImplemented)?;
    }
    match at {
        Json::Null => Err(Reason::NotImplemented),
        Json::String(s) if !topic.states.is_empty() => state(topic, s),
        Json::Number(n) if !topic.states.is_empty() => state(topic, &n.to_string()),
        Json::Number(n) => n.as_f64().map(Raw::Number).ok_or(Reason::BadReply),
        Json::Bool(b) => Ok(Raw::Number(f64::from(u8::from(*b)))),
        _ => Err(Reason::BadReply),
    }
}

/// Topic (below the device's prefix), payload, and the value that stands there in canonical unit.
pub type Message = (String, String, f64);

/// The message that sets `point` to `canonical`.
///
/// # Errors
/// [`Reason::NotImplemented`] where the profile has no such command, [`Reason::OutOfRange`] outside the allowed values.
pub fn encode_command(profile: &Profile, point: Point, canonical: f64) -> Result<Message, Reason> {
    let p = profile.index(point).and_then(|n| profile.points.get(n)).ok_or(Reason::NotImplemented)?;
    let Source::Topic(Topic { command: Some(command), .. }) = &p.source else { return Err(Reason::NotImplemented) };
    if p.access == Access::Read {
        return Err(Reason::NotImplemented);
    }
    // A tenth of a watt is beyond any device; the shortest decimal keeps the echo comparable.
    let raw = (p.conversion.raw(within(p, canonical)?) * 1e4).round() / 1e4;
    let number = serde_json::Number::from_f64(raw).ok_or(Reason::OutOfRange)?;
    let payload = match &command.json {
        None => number.to_string(),
        Some(key) => {
            let mut object = serde_json::Map::new();
            object.insert(key.clone(), Json::Number(number));
            if let (Some(ttl), Rule::Ttl(s)) = (&command.ttl, profile.reversion) {
                object.insert(ttl.clone(), Json::from(s));
            }
            Json::Object(object).to_string()
        }
    };
    Ok((command.topic.clone(), payload, p.conversion.canonical(raw)))
}
