use std::time::Duration;

use super::{Check, Number, expected, proven, rule, safe_of, timer_of, unknown_safe};
use crate::devices::profile::file::{MqttFile, MqttPoint, ReversionFile, ReversionKind};
use crate::devices::profile::load::{ProfileError, Text};
use crate::devices::profile::{MqttWire, Profile, ProfilePoint, Sample, Source, Topic, Vector, Wire};
use crate::site::{Access, Point, Poll};

pub fn mqtt(name: &str, text: &Text<'_>, f: MqttFile) -> Result<Profile, Vec<ProfileError>> {
    let mut c = Check { text, errors: Vec::new(), warnings: Vec::new() };
    let reversion = rule(&mut c, f.reversion, f.point.keys().any(|p| p.is_command()));
    c.require(timer_of(reversion).is_none(), "", "reversion", "MQTT has no timer register; write ttl, fixed or none");
    c.require(!f.point.is_empty(), "", "point", "a device without points; write at least one [point.NAME]");
    let points: Vec<_> = f.point.iter().map(|(p, m)| mqtt_point(&mut c, *p, m, &f)).collect();
    unknown_safe(&mut c, &f.safe, |p| f.point.contains_key(&p));
    if let Some(o) = &f.online {
        topic(&mut c, "", "online", &o.topic);
    }
    c.require(
        f.sequence.is_none() || f.point.values().any(|p| p.json.is_some()),
        "",
        "sequence",
        "a counter stands in a JSON payload, and no point is read from one; remove it",
    );
    let mut vectors = Vec::new();
    for (n, v) in f.vector.iter().enumerate() {
        let table = format!("vector#{}", n + 1);
        let Some(point) = points.iter().position(|p| p.point == v.point) else {
            c.error(&table, "point", "no such point in this profile");
            continue;
        };
        c.require(v.payload.is_some() || v.command.is_some(), &table, "point", "write payload, command, or both");
        let expect = expected(&mut c, &table, v.value_kw, v.value, v.reason, v.point.unit());
        let sample = v.payload.clone().map_or(Sample::None, Sample::Payload);
        vectors.push(Vector { point, sample, command: v.command.clone(), expect });
    }
    proven(&mut c, &points, &vectors);
    let silence = Duration::try_from_secs_f64(f.stale_after_s).unwrap_or_default();
    let wire = Wire::Mqtt(MqttWire { online: f.online, silence, sequence: f.sequence });
    let (class, provenance) = (f.class, f.provenance);
    c.finish(Profile { name: name.to_owned(), class, provenance, reversion, points, wire, vectors, warnings: vec![] })
}

fn mqtt_point(c: &mut Check<'_>, point: Point, m: &MqttPoint, f: &MqttFile) -> ProfilePoint {
    let table = format!("point.{}", point.name());
    let number = Number {
        point,
        scale: m.scale,
        offset: m.offset,
        sign: m.sign,
        unit: m.unit,
        valid: m.valid,
        states: !m.states.is_empty(),
        boolean: false,
        access: m.access,
        stale_after_s: m.stale_after_s,
        table: &table,
    };
    let conversion = number.conversion(c);
    let valid = number.valid(c, conversion);
    number.access(c, None);
    mqtt_topics(c, &table, m, f);
    ProfilePoint {
        point,
        access: m.access,
        poll: Poll::Fast,
        conversion,
        valid,
        safe: safe_of(c, &f.safe, point, valid),
        readback: m.readback.unwrap_or(m.access == Access::ReadWrite),
        lively: m.lively,
        stale_after: number.stale_after(c, f.stale_after_s),
        source: Source::Topic(Topic {
            topic: m.topic.clone(),
            json: m.json.as_ref().map(|p| p.split('.').map(str::to_owned).collect()),
            ignore_retained: m.ignore_retained.unwrap_or(f.ignore_retained),
            states: m.states.clone(),
            command: m.command.clone(),
        }),
    }
}

fn mqtt_topics(c: &mut Check<'_>, table: &str, m: &MqttPoint, f: &MqttFile) {
    if let Some(t) = &m.topic {
        topic(c, table, "topic", t);
    }
    c.require(
        m.topic.is_some() == (m.access != Access::Write),
        table,
        "topic",
        "a point that is read has a topic, a write-only one has none",
    );
    c.require(
        m.command.is_some() == (m.access != Access::Read),
        table,
        "command",
        "a point that is written has a command, a read-only one has none",
    );
    c.require(m.states.is_empty() || m.access == Access::Read, table, "states", "a state cannot be written");
    if let Some(command) = &m.command {
        topic(c, table, "command", &command.topic);
        let ttl = matches!(f.reversion, Some(ReversionFile { kind: ReversionKind::Ttl, .. }));
        c.require(command.ttl.is_some() == ttl, table, "command", "`ttl` and reversion kind = \"ttl\" go together");
        c.require(
            command.ttl.is_none() || command.json.is_some(),
            table,
            "command",
            "a time to live needs a JSON object; name the key of the value with `json`",
        );
    }
}

fn topic(c: &mut Check<'_>, table: &str, key: &str, topic: &str) {
    let ok = !topic.is_empty() && !topic.starts_with('/') && !topic.contains(['+', '#', '\0', ' ']);
    c.require(ok, table, key, "write a topic below the device's prefix, without wildcards and leading slash");
}
