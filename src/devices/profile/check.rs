//! From the file as written to a profile that can be believed.

mod modbus;
mod mqtt;
mod sunspec;

use std::collections::BTreeMap;
use std::time::Duration;

use super::file::{FileUnit, ReversionFile, ReversionKind, VectorReason};
use super::load::{ProfileError, Text};
use super::{Conversion, Profile, ProfilePoint, Rule, Vector};
use crate::devices::proof;
use crate::site::{Access, Point, Poll, Reason, RunState, Unit, Value};

pub use modbus::modbus;
pub use mqtt::mqtt;
pub use sunspec::sunspec;

/// Age beyond which a reading is stale unless the profile says otherwise: three missed polls and a time-out.
const fn default_stale_s(poll: Poll) -> f64 {
    match poll {
        Poll::Fast => 5.0,
        Poll::Slow => 35.0,
        Poll::Once => 1e9,
    }
}

struct Check<'a> {
    text: &'a Text<'a>,
    errors: Vec<ProfileError>,
    warnings: Vec<ProfileError>,
}

impl Check<'_> {
    fn error(&mut self, table: &str, key: &str, message: impl Into<String>) {
        self.errors.push(self.text.at(table, key, message.into()));
    }
    fn require(&mut self, ok: bool, table: &str, key: &str, message: &str) {
        if !ok {
            self.error(table, key, message);
        }
    }

    /// Prove the vectors, unless there are mistakes already.
    fn finish(mut self, mut profile: Profile) -> Result<Profile, Vec<ProfileError>> {
        if self.errors.is_empty() {
            for (n, message) in proof::failures(&profile) {
                self.error(&format!("vector#{}", n + 1), "point", message);
            }
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        profile.warnings = self.warnings;
        Ok(profile)
    }
}

/// What the two protocols' points have in common.
struct Number<'a> {
    point: Point,
    scale: f64,
    offset: f64,
    sign: i8,
    unit: Option<FileUnit>,
    valid: Option<[f64; 2]>,
    states: bool,
    boolean: bool,
    access: Access,
    stale_after_s: Option<f64>,
    table: &'a str,
}

impl Number<'_> {
    fn conversion(&self, c: &mut Check<'_>) -> Conversion {
        let t = self.table;
        c.require(self.scale.is_finite() && self.scale != 0.0, t, "scale", "write a finite number other than 0");
        c.require(self.offset.is_finite(), t, "offset", "write a finite number");
        c.require(self.sign == 1 || self.sign == -1, t, "sign", "write 1 or -1");
        let want = self.point.unit();
        let (unit, factor) = self.unit.map_or((Unit::One, 1.0), FileUnit::canonical);
        if unit != want {
            let message = match want {
                Unit::One => format!("{} has no unit; remove the key", self.point.name()),
                _ => format!("{} needs a unit that converts to {}", self.point.name(), want.symbol()),
            };
            c.error(t, "unit", message);
        }
        Conversion { scale: self.scale, offset: self.offset, factor: factor * f64::from(self.sign) }
    }

    /// Canonical bounds; where the sign is negative the ends change places.
    fn valid(&self, c: &mut Check<'_>, conversion: Conversion) -> (f64, f64) {
        if self.states {
            let codes = RunState::ALL.map(RunState::code);
            return (codes.iter().copied().fold(0.0, f64::min), codes.iter().copied().fold(0.0, f64::max));
        }
        let Some([low, high]) = self.valid.or(self.boolean.then_some([0.0, 1.0])) else {
            c.error(
                self.table,
                "valid",
                "missing; write the believable bounds, valid = [low, high] in the point's unit",
            );
            return (0.0, 0.0);
        };
        if !(low.is_finite() && high.is_finite() && low < high) {
            c.error(self.table, "valid", "write two finite numbers, the lower one first");
        }
        let (a, b) = (low * conversion.factor, high * conversion.factor);
        (a.min(b), a.max(b))
    }

    fn access(&self, c: &mut Check<'_>, timer: Option<Point>) {
        let written = self.access != Access::Read;
        if self.point.is_command() && !written {
            c.error(self.table, "access", "a command must be written; write access = \"rw\" or \"w\"");
        }
        if written && !self.point.is_command() && timer != Some(self.point) {
            let message =
                format!("{} is no command; write access = \"r\" or name it as reversion timer", self.point.name());
            c.error(self.table, "access", message);
        }
    }

    fn stale_after(&self, c: &mut Check<'_>, default_s: f64) -> Duration {
        let s = self.stale_after_s.unwrap_or(default_s);
        c.require(
            s.is_finite() && s > 0.0 && s <= 1e9,
            self.table,
            "stale_after_s",
            "write a positive number of seconds",
        );
        Duration::try_from_secs_f64(s).unwrap_or_default()
    }
}

fn safe_of(c: &mut Check<'_>, safe: &BTreeMap<Point, f64>, point: Point, valid: (f64, f64)) -> Option<f64> {
    let value = safe.get(&point).copied();
    match value {
        None if point.is_command() => {
            c.error("safe", "", format!("missing {}; write the value the device falls back to", point.name()));
        }
        Some(_) if !point.is_command() => c.error("safe", point.name(), "not a command of this profile; remove it"),
        Some(v) if !(v.is_finite() && v >= valid.0 - 1e-9 && v <= valid.1 + 1e-9) => {
            let message = format!("{v} lies outside `valid` ({} to {} {})", valid.0, valid.1, point.unit().symbol());
            c.error("safe", point.name(), message);
        }
        _ => {}
    }
    value
}

fn unknown_safe(c: &mut Check<'_>, safe: &BTreeMap<Point, f64>, has: impl Fn(Point) -> bool) {
    for p in safe.keys().filter(|p| !has(**p)) {
        c.error("safe", p.name(), "no such point in this profile; remove it or add the point");
    }
}

fn rule(c: &mut Check<'_>, r: Option<ReversionFile>, commands: bool) -> Rule {
    let Some(r) = r else {
        c.require(!commands, "", "reversion", "missing; say how commands end, or kind = \"none\"");
        return Rule::None;
    };
    let seconds = r.s.filter(|s| (1..=3600).contains(s));
    if r.kind != ReversionKind::None && seconds.is_none() {
        c.error("", "reversion", "write s = seconds, 1 to 3600");
    }
    if r.kind != ReversionKind::Register && r.point.is_some() {
        c.error("", "reversion", "only kind = \"register\" has a point; remove it");
    }
    let s = seconds.unwrap_or(1);
    match r.kind {
        ReversionKind::Register => match r.point {
            Some(point) => Rule::Register { point, s },
            None => {
                c.error("", "reversion", "name the timer, point = \"RvrtTms\"");
                Rule::None
            }
        },
        ReversionKind::Fixed => Rule::Fixed(s),
        ReversionKind::Ttl => Rule::Ttl(s),
        ReversionKind::None => Rule::None,
    }
}

fn expected(
    c: &mut Check<'_>,
    table: &str,
    kw: Option<f64>,
    value: Option<f64>,
    r: Option<VectorReason>,
    unit: Unit,
) -> Value {
    if kw.is_some() && unit != Unit::Kw {
        c.error(table, "value_kw", format!("this point is in {}; write value = ...", unit.symbol()));
    }
    match (kw.or(value), r) {
        (Some(v), None) if v.is_finite() && !(kw.is_some() && value.is_some()) => Ok(v),
        (None, Some(VectorReason::NotImplemented)) => Err(Reason::NotImplemented),
        (None, Some(VectorReason::OutOfRange)) => Err(Reason::OutOfRange),
        (None, Some(VectorReason::BadReply)) => Err(Reason::BadReply),
        _ => {
            c.error(table, "point", "write exactly one of value, value_kw and reason");
            Err(Reason::NeverRead)
        }
    }
}

fn proven(c: &mut Check<'_>, points: &[ProfilePoint], vectors: &[Vector]) {
    for (n, p) in points.iter().enumerate() {
        if !vectors.iter().any(|v| v.point == n && v.expect.is_ok()) {
            c.error(
                &format!("point.{}", p.point.name()),
                "",
                "not proven; add a [[vector]] with a value from the manual",
            );
        }
    }
}

const fn timer_of(rule: Rule) -> Option<Point> {
    match rule {
        Rule::Register { point, .. } => Some(point),
        _ => None,
    }
}
