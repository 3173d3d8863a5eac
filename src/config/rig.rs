use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::document::{Document, Place};
use super::{FileError, endpoint, load, shape};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    clock: ClockTable,
    endpoints: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClockTable {
    park_epoch: String,
    wall_epoch: String,
    #[schemars(range(min = 0.001, max = 100_000))]
    speed: f64,
}

/// What the rig tells the daemon: where its simulated devices listen, and how park time runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Rig {
    /// Park time at `wall_epoch`.
    pub park_epoch: Timestamp,
    /// The wall time it belongs to.
    pub wall_epoch: Timestamp,
    /// Park seconds per wall second.
    pub speed: f64,
    /// Address as in the site file -> address to connect to instead.
    pub endpoints: BTreeMap<String, String>,
}

/// Reads a rig file.
///
/// # Errors
/// Every mistake in it.
pub fn read_rig(path: &Path) -> Result<Rig, Vec<FileError>> {
    let name = path.display().to_string();
    let text = load::read_text(path, &name).map_err(|e| vec![e])?;
    parse_rig(&text, &name)
}

/// [`read_rig`] on text; `file` is the name shown in errors.
///
/// # Errors
/// As [`read_rig`].
pub fn parse_rig(text: &str, file: &str) -> Result<Rig, Vec<FileError>> {
    let mut doc = Document::parse(text, file)?;
    shape::check(&mut doc, &schemars::schema_for!(Written).to_value());
    if !doc.is_clean() {
        return Err(doc.into_mistakes());
    }
    let written: Written = match toml::from_str(text) {
        Ok(w) => w,
        Err(e) => {
            doc.mistake_at_offset(
                e.span().map_or(0, |s| s.start),
                e.message().to_owned(),
                "let the rig write it".to_owned(),
            );
            return Err(doc.into_mistakes());
        }
    };
    let clock = Place::root().key("clock");
    let park = instant(&mut doc, &clock.key("park_epoch"), &written.clock.park_epoch);
    let wall = instant(&mut doc, &clock.key("wall_epoch"), &written.clock.wall_epoch);
    for (from, to) in &written.endpoints {
        let at = Place::root().key("endpoints").key(from);
        if let Err(message) = endpoint::broker(from) {
            doc.mistake(&at, message, "write the address as in the site file, \"host:port\"");
        }
        if !to.parse::<SocketAddr>().is_ok_and(|a| a.ip().is_loopback() && a.port() > 0) {
            let message = format!("`{to}` is not an address on loopback");
            doc.mistake(&at, message, "a rig is on this machine: write \"127.0.0.1:port\"");
        }
    }
    match (park, wall, doc.is_clean()) {
        (Some(park_epoch), Some(wall_epoch), true) => {
            Ok(Rig { park_epoch, wall_epoch, speed: written.clock.speed, endpoints: written.endpoints })
        }
        _ => Err(doc.into_mistakes()),
    }
}

fn instant(doc: &mut Document<'_>, at: &Place, text: &str) -> Option<Timestamp> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        doc.mistake(
            at,
            format!("`{text}` is not an instant"),
            "write RFC 3339 with zone, such as \"2026-07-15T04:00:00Z\"",
        );
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[clock]\npark_epoch = \"2026-07-15T04:00:00Z\"\nwall_epoch = \"2026-11-24T02:00:00.250Z\"\nspeed = 60\n\
                        [endpoints]\n\"10.8.0.11:502\" = \"127.0.0.1:40001\"\n";

    #[test]
    fn what_the_rig_writes_is_read() {
        let rig = parse_rig(GOOD, "rig.toml").unwrap();
        assert_eq!((rig.speed, rig.park_epoch.as_second()), (60.0, 1_784_088_000));
        assert_eq!(rig.endpoints["10.8.0.11:502"], "127.0.0.1:40001");
    }

    #[test]
    fn a_rig_elsewhere_or_out_of_time_is_refused() {
        for (from, to, place) in [
            ("127.0.0.1:40001", "10.0.0.1:502", "rig.toml:6: endpoints.10.8.0.11:502: "),
            ("2026-07-15T04:00:00Z", "2026-07-15", "rig.toml:2: clock.park_epoch: "),
            ("speed = 60", "speed = 0", "rig.toml:4: clock.speed: "),
            ("speed = 60", "speed = inf", "rig.toml:4: clock.speed: "),
            ("speed", "sped", "rig.toml:4: clock.sped: "),
        ] {
            let shown = parse_rig(&GOOD.replace(from, to), "rig.toml").unwrap_err();
            assert!(shown.iter().any(|e| e.to_string().starts_with(place)), "{shown:?}");
        }
    }
}
