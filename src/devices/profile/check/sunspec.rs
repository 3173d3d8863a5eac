use std::collections::BTreeMap;
use std::time::Duration;

use super::{Check, Number, default_stale_s, expected, proven, rule, safe_of, timer_of, unknown_safe};
use crate::devices::profile::file::{At, FileUnit, SunspecFile, SunspecPoint};
use crate::devices::profile::load::{ProfileError, Text};
use crate::devices::profile::{ModbusWire, Profile, ProfilePoint, Rule, Sample, Source, SunspecWire, Vector, Wire};
use crate::devices::sunspec::{self, BASES, MARKER, Reference, models};
use crate::site::{Access, Point, Unit};

pub fn sunspec(name: &str, text: &Text<'_>, f: SunspecFile) -> Result<Profile, Vec<ProfileError>> {
    let mut c = Check { text, errors: Vec::new(), warnings: Vec::new() };
    let reversion = rule(&mut c, f.reversion, f.point.keys().any(|p| p.is_command()));
    let timer = timer_of(reversion);
    limits(&mut c, &f, reversion);
    let points: Vec<_> = f.point.iter().map(|(p, m)| sunspec_point(&mut c, *p, m, &f, timer)).collect();
    timers(&mut c, &points, timer);
    unknown_safe(&mut c, &f.safe, |p| f.point.contains_key(&p));
    let mut vectors = Vec::new();
    for (n, v) in f.vector.iter().enumerate() {
        let table = format!("vector#{}", n + 1);
        let Some(point) = points.iter().position(|p| p.point == v.point) else {
            c.error(&table, "point", "no such point in this profile");
            continue;
        };
        let expect = expected(&mut c, &table, v.value_kw, v.value, v.reason, v.point.unit());
        let sample = Sample::Image(image(&mut c, &table, &v.raw));
        vectors.push(Vector { point, sample, command: None, expect });
    }
    proven(&mut c, &points, &vectors);
    let (manufacturer, model) = f.identify.map_or((None, None), |i| (i.manufacturer, i.model));
    let wire = Wire::Sunspec(SunspecWire {
        modbus: ModbusWire {
            registers_per_read_max: f.registers_per_read_max,
            // A model is read through, with what it does not implement.
            read_gap_max: f.registers_per_read_max,
            min_gap: Duration::from_millis(f.min_gap_ms.into()),
            timeout: Duration::from_millis(f.timeout_ms.into()),
            identify: None,
        },
        bases: f.base.map_or(BASES.to_vec(), |b| vec![b]),
        manufacturer,
        model,
        write_function: f.write_function.unwrap_or(16),
    });
    let (class, provenance) = (f.class, f.provenance);
    c.finish(Profile { name: name.to_owned(), class, provenance, reversion, points, wire, vectors, warnings: vec![] })
}

fn limits(c: &mut Check<'_>, f: &SunspecFile, reversion: Rule) {
    c.require((1..=125).contains(&f.registers_per_read_max), "", "registers_per_read_max", "write 1 to 125");
    c.require((10..=60_000).contains(&f.timeout_ms), "", "timeout_ms", "write 10 to 60000");
    c.require(f.min_gap_ms <= 10_000, "", "min_gap_ms", "write 0 to 10000");
    c.require(matches!(f.write_function, None | Some(6 | 16)), "", "write_function", "write 6 or 16");
    c.require(!f.point.is_empty(), "", "point", "a device without points; write at least one [point.NAME]");
    let known = matches!(reversion, Rule::Register { .. } | Rule::Fixed(_) | Rule::None);
    c.require(known, "", "reversion", "a register has no time to live; write register, fixed or none");
}

fn sunspec_point(
    c: &mut Check<'_>,
    point: Point,
    m: &SunspecPoint,
    f: &SunspecFile,
    timer: Option<Point>,
) -> ProfilePoint {
    let table = format!("point.{}", point.name());
    let at = references(c, &table, point, m, timer);
    for r in &at {
        let far = extent(r);
        if far > f.registers_per_read_max {
            let message = format!("{r} and what belongs to it take {far} registers of one read; write {far} or more");
            c.error("", "registers_per_read_max", message);
        }
    }
    let access = if point.is_command() || timer == Some(point) { Access::ReadWrite } else { Access::Read };
    let number = Number {
        point,
        scale: 1.0,
        offset: 0.0,
        sign: m.sign,
        unit: base_unit(point.unit()),
        valid: m.valid,
        states: point == Point::St,
        boolean: false,
        access,
        stale_after_s: m.stale_after_s,
        table: &table,
    };
    let conversion = number.conversion(c);
    let valid = number.valid(c, conversion);
    ProfilePoint {
        point,
        access,
        poll: m.poll,
        conversion,
        valid,
        safe: safe_of(c, &f.safe, point, valid),
        readback: access == Access::ReadWrite,
        lively: m.lively,
        stale_after: number.stale_after(c, default_stale_s(m.poll)),
        source: Source::Model(at),
    }
}

fn references(c: &mut Check<'_>, table: &str, point: Point, m: &SunspecPoint, timer: Option<Point>) -> Vec<Reference> {
    let texts = match &m.point {
        At::One(text) => std::slice::from_ref(text),
        At::FirstOf(texts) => texts,
    };
    c.require(!texts.is_empty(), table, "point", "write at least one, \"103:W\"");
    let mut out = Vec::new();
    for text in texts {
        match Reference::parse(text).and_then(|r| fits(point, &r, timer).map(|()| r)) {
            Ok(r) => out.push(r),
            Err(message) => c.error(table, "point", message),
        }
    }
    out
}

/// Whether a point of a model can be what the house calls `point`.
fn fits(point: Point, at: &Reference, timer: Option<Point>) -> Result<(), String> {
    let commands =
        || sunspec::COMMANDS.iter().filter(|c| c.point == point).map(|c| format!("\"{}:{}\"", c.model, c.item));
    match sunspec::command(at) {
        Some(c) if c.point != point => return Err(format!("{at} is a command; write [point.{}]", c.point.name())),
        None if point.is_command() => {
            let known = commands().collect::<Vec<_>>().join(" or ");
            let message =
                if known.is_empty() { "no known model has one; remove it".into() } else { format!("write {known}") };
            return Err(format!("{at} does not command {}: {message}", point.name()));
        }
        _ => {}
    }
    if timer == Some(point) && !sunspec::COMMANDS.iter().any(|c| c.model == at.model && c.timer == at.item.name) {
        return Err(format!("{at} is no timer of a command"));
    }
    if point == Point::St && models::states(at.model, at.item.name).is_empty() {
        return Err(format!("the numbers of {at} are no operating states"));
    }
    let text = matches!(at.item.form, models::Form::Text(_) | models::Form::Scale);
    match sunspec::factor(point, at) {
        Some(_) if !text => Ok(()),
        _ => Err(format!(
            "{at} cannot be given in {}",
            if point.unit() == Unit::One { "a number" } else { point.unit().symbol() }
        )),
    }
}

/// Every command arms the timer of its own model; the one that is read and watched must be one of these.
fn timers(c: &mut Check<'_>, points: &[ProfilePoint], timer: Option<Point>) {
    let Some(timer) = timer else { return };
    let of = |p: &ProfilePoint| match &p.source {
        Source::Model(at) => at.clone(),
        _ => Vec::new(),
    };
    let Some(have) = points.iter().find(|p| p.point == timer).map(of) else {
        c.error("", "reversion", format!("there is no [point.{}]; add it", timer.name()));
        return;
    };
    let commands = points.iter().filter(|p| p.point.is_command()).map(of);
    let wanted: Vec<Vec<Reference>> =
        commands.map(|at| at.iter().filter_map(|r| r.beside(sunspec::command(r)?.timer)).collect()).collect();
    if !wanted.contains(&have) {
        let names = |at: &Vec<Reference>| format!("{:?}", at.iter().map(ToString::to_string).collect::<Vec<_>>());
        let remedy = wanted.iter().map(names).collect::<Vec<_>>().join(" or ");
        c.error(&format!("point.{}", timer.name()), "point", format!("ends no command as written: write {remedy}"));
    }
}

/// Registers that must be read in one request to understand a point.
fn extent(at: &Reference) -> u16 {
    let command = sunspec::command(at);
    let names = [Some(at.item.scale), command.map(|c| c.enable), command.map(|c| c.timer)];
    let others = names.into_iter().flatten().filter_map(|n| models::find(at.model, n));
    let spans: Vec<_> = others.chain([at.item]).map(|i| (i.at, i.at + i.form.words())).collect();
    let (first, end) = spans.iter().fold((u16::MAX, 0), |(a, b), (s, e)| (a.min(*s), b.max(*e)));
    end.saturating_sub(first)
}

const fn base_unit(unit: Unit) -> Option<FileUnit> {
    Some(match unit {
        Unit::Kw => FileUnit::W,
        Unit::Kvar => FileUnit::Var,
        Unit::Kva => FileUnit::VA,
        Unit::Kwh => FileUnit::Wh,
        Unit::V => FileUnit::V,
        Unit::A => FileUnit::A,
        Unit::Hz => FileUnit::Hz,
        Unit::Percent => FileUnit::Percent,
        Unit::C => FileUnit::DegC,
        Unit::KgPerH => FileUnit::KgPerH,
        Unit::WPerM2 => FileUnit::WPerM2,
        Unit::MPerS => FileUnit::MPerS,
        Unit::S => FileUnit::S,
        Unit::One => return None,
    })
}

/// A device of the models named, in which everything else is not implemented.
fn image(c: &mut Check<'_>, table: &str, raw: &BTreeMap<String, i64>) -> Vec<u16> {
    let mut models: BTreeMap<(u16, u16), Vec<u16>> = BTreeMap::new();
    for (text, value) in raw {
        let r = match Reference::parse(text) {
            Ok(r) => r,
            Err(message) => {
                c.error(table, "raw", message);
                continue;
            }
        };
        for nth in 1..=r.nth {
            models.entry((r.model, nth)).or_insert_with(|| blank(r.model));
        }
        if let Some(words) = models.get_mut(&(r.model, r.nth)) {
            put(words, r.item, *value as u64);
        }
    }
    let end = [0xFFFF, 0];
    MARKER.into_iter().chain(models.into_values().flatten()).chain(end).collect()
}

fn blank(model: u16) -> Vec<u16> {
    let items = models::items(model).unwrap_or_default();
    let end = items.iter().map(|i| i.at + i.form.words()).max().unwrap_or(2);
    let mut words = vec![0; usize::from(end)];
    for item in items {
        put(&mut words, item, item.form.not_implemented());
    }
    if let [id, length, ..] = words.as_mut_slice() {
        (*id, *length) = (model, end - 2);
    }
    words
}

fn put(words: &mut [u16], item: &models::Item, pattern: u64) {
    let n = item.form.words().min(4);
    for (k, word) in words.iter_mut().skip(usize::from(item.at)).take(usize::from(n)).enumerate() {
        *word = (pattern >> (16 * (usize::from(n) - 1 - k))) as u16;
    }
}
