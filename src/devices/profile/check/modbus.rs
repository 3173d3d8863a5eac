use std::collections::BTreeMap;
use std::time::Duration;

use super::{Check, Number, default_stale_s, expected, proven, rule, safe_of, timer_of, unknown_safe};
use crate::devices::profile::file::{IdentifyFile, Identity, Kind, ModbusFile, ModbusPoint, Type};
use crate::devices::profile::load::{ProfileError, Text};
use crate::devices::profile::{
    Identify, ModbusWire, Profile, ProfilePoint, Register, Rule, Sample, Source, Vector, Wire,
};
use crate::site::{Access, Point, RunState, Write};

/// Largest read of the protocol, registers.
const READ_MAX: u16 = 125;

pub fn modbus(name: &str, text: &Text<'_>, f: ModbusFile) -> Result<Profile, Vec<ProfileError>> {
    let mut c = Check { text, errors: Vec::new(), warnings: Vec::new() };
    let reversion = rule(&mut c, f.reversion, f.point.keys().any(|p| p.is_command()));
    let timer = timer_of(reversion);
    let points: Vec<_> = f.point.iter().map(|(p, m)| modbus_point(&mut c, *p, m, &f, timer)).collect();
    modbus_limits(&mut c, &f);
    modbus_timer(&mut c, &f, reversion);
    overlaps(&mut c, &points);
    unknown_safe(&mut c, &f.safe, |p| f.point.contains_key(&p));
    let identify = f.identify.as_ref().map(|i| identify(&mut c, i));
    let mut vectors = Vec::new();
    for (n, v) in f.vector.iter().enumerate() {
        let table = format!("vector#{}", n + 1);
        match points.iter().position(|p| p.point == v.point) {
            Some(point) => {
                let expect = expected(&mut c, &table, v.value_kw, v.value, v.reason, v.point.unit());
                vectors.push(Vector { point, sample: Sample::Registers(v.registers.clone()), command: None, expect });
            }
            None => c.error(&table, "point", "no such point in this profile"),
        }
    }
    proven(&mut c, &points, &vectors);
    let wire = Wire::Modbus(ModbusWire {
        registers_per_read_max: f.registers_per_read_max,
        read_gap_max: f.read_gap_max,
        min_gap: Duration::from_millis(f.min_gap_ms.into()),
        timeout: Duration::from_millis(f.timeout_ms.into()),
        identify,
    });
    let (class, provenance) = (f.class, f.provenance);
    c.finish(Profile { name: name.to_owned(), class, provenance, reversion, points, wire, vectors, warnings: vec![] })
}

fn modbus_limits(c: &mut Check<'_>, f: &ModbusFile) {
    c.require((1..=READ_MAX).contains(&f.registers_per_read_max), "", "registers_per_read_max", "write 1 to 125");
    c.require(f.read_gap_max < READ_MAX, "", "read_gap_max", "write 0 to 124");
    c.require((10..=60_000).contains(&f.timeout_ms), "", "timeout_ms", "write 10 to 60000");
    c.require(f.min_gap_ms <= 10_000, "", "min_gap_ms", "write 0 to 10000");
    c.require(!f.point.is_empty(), "", "point", "a device without points; write at least one [point.NAME]");
}

/// A timer or heartbeat writes for ever: never into flash.
fn modbus_timer(c: &mut Check<'_>, f: &ModbusFile, rule: Rule) {
    if let Rule::Register { point, .. } = rule {
        match f.point.get(&point) {
            Some(p) if p.access == Access::ReadWrite => {}
            Some(_) => {
                c.error(&format!("point.{}", point.name()), "access", "the reversion timer needs access = \"rw\"")
            }
            None => c.error("", "reversion", format!("there is no [point.{}]; add it", point.name())),
        }
    }
    c.require(
        !matches!(rule, Rule::Ttl(_)),
        "",
        "reversion",
        "a register has no time to live; write register, fixed or none",
    );
    for (p, m) in f.point.iter().filter(|(_, m)| m.write == Write::Flash) {
        let table = format!("point.{}", p.name());
        if rule != Rule::None {
            c.error(
                &table,
                "write",
                "a command that must be refreshed would wear out flash; use a volatile register or reversion none",
            );
        }
        c.require(
            m.writes_per_day.is_some_and(|n| n > 0),
            &table,
            "writes_per_day",
            "flash needs a daily budget of writes",
        );
    }
}

fn modbus_point(
    c: &mut Check<'_>,
    point: Point,
    m: &ModbusPoint,
    f: &ModbusFile,
    timer: Option<Point>,
) -> ProfilePoint {
    let table = format!("point.{}", point.name());
    let number = Number {
        point,
        scale: m.scale,
        offset: m.offset,
        sign: m.sign,
        unit: m.unit,
        valid: m.valid,
        states: !m.states.is_empty(),
        boolean: m.ty == Type::Bool || m.bits.is_some_and(|b| b.len == 1),
        access: m.access,
        stale_after_s: m.stale_after_s,
        table: &table,
    };
    let conversion = number.conversion(c);
    let valid = number.valid(c, conversion);
    number.access(c, timer);
    layout(c, &table, m, f.registers_per_read_max);
    if point == Point::St && m.states.is_empty() {
        c.error(&table, "states", "missing; map the device's numbers, states = { 0 = \"off\", 2 = \"on\" }");
    }
    let written = m.access != Access::Read;
    ProfilePoint {
        point,
        access: m.access,
        poll: m.poll,
        conversion,
        valid,
        safe: safe_of(c, &f.safe, point, valid),
        readback: m.readback.unwrap_or(m.access == Access::ReadWrite),
        lively: m.lively,
        stale_after: number.stale_after(c, default_stale_s(m.poll)),
        source: Source::Register(Register {
            address: m.address,
            kind: m.kind,
            ty: m.ty,
            word_order: m.word_order.unwrap_or(f.word_order),
            bits: m.bits,
            sum: m.sum.clone(),
            not_implemented: m.not_implemented.map(|n| n as u64 & mask(m.ty)),
            states: states(c, &table, &m.states),
            write: m.write,
            writes_per_day: m.writes_per_day,
            write_function: write_function(c, &table, m, written),
            write_length: m.write_length.unwrap_or(1),
            scale_factor: None,
            lever: None,
        }),
    }
}

/// All bits of a type.
const fn mask(ty: Type) -> u64 {
    match ty.words() {
        1 => 0xFFFF,
        2 => 0xFFFF_FFFF,
        _ => u64::MAX,
    }
}

fn states(c: &mut Check<'_>, table: &str, named: &BTreeMap<String, RunState>) -> BTreeMap<i64, RunState> {
    let mut out = BTreeMap::new();
    for (k, v) in named {
        match k.parse::<i64>() {
            Ok(n) => {
                out.insert(n, *v);
            }
            Err(_) => c.error(table, "states", format!("`{k}` is no register value; write a whole number")),
        }
    }
    out
}

fn layout(c: &mut Check<'_>, table: &str, m: &ModbusPoint, read_max: u16) {
    let bit = matches!(m.kind, Kind::Coil | Kind::Discrete);
    c.require(bit == (m.ty == Type::Bool), table, "type", "coils and discrete inputs are `bool`, registers are not");
    c.require(m.ty != Type::String, table, "type", "a point is a number; strings serve `identify` only");
    let end = m.sum.iter().copied().fold(m.address, u16::max);
    c.require(end.checked_add(m.ty.words() - 1).is_some(), table, "address", "runs over the end of the table, 65535");
    let span = end - m.sum.iter().copied().fold(m.address, u16::min);
    c.require(
        span.saturating_add(m.ty.words()) <= read_max,
        table,
        "sum",
        "must fit into one read, registers_per_read_max",
    );
    if let Some(b) = m.bits {
        let width = u32::from(m.ty.words()) * 16;
        let fits = b.len > 0 && u32::from(b.from) + u32::from(b.len) <= width.min(63);
        c.require(fits && !m.ty.is_float() && !bit, table, "bits", "must lie inside an integer register");
        c.require(m.sum.is_empty(), table, "sum", "bits cannot be summed");
    }
    if (30_001..=49_999).contains(&m.address) {
        let message = "looks like 3xxxx/4xxxx notation; addresses are 0-based PDU addresses (40001 is holding 0)";
        c.warnings.push(c.text.at(table, "address", message.into()));
    }
}

fn write_function(c: &mut Check<'_>, table: &str, m: &ModbusPoint, written: bool) -> u8 {
    let coil = m.kind == Kind::Coil;
    if !written {
        let set = m.write_function.is_some() || m.write_length.is_some() || m.writes_per_day.is_some();
        c.require(
            !set,
            table,
            "write_function",
            "a read-only point is not written; remove it or write access = \"rw\"",
        );
        return 0;
    }
    c.require(coil || m.kind == Kind::Holding, table, "kind", "only coils and holding registers can be written");
    c.require(m.sum.is_empty(), table, "sum", "a sum cannot be written");
    c.require(m.states.is_empty(), table, "states", "a state cannot be written");
    let length = m.write_length.unwrap_or(1);
    c.require((1..=64).contains(&length) && (coil || length == 1), table, "write_length", "only coils, 1 to 64");
    let default = match (coil, m.ty.words(), length) {
        (true, _, 1) => 5,
        (true, ..) => 15,
        (false, 1, _) => 6,
        _ => 16,
    };
    let function = m.write_function.unwrap_or(default);
    let ok = match function {
        5 => coil && length == 1,
        15 => coil,
        6 => !coil && m.ty.words() == 1,
        16 => !coil,
        _ => false,
    };
    c.require(ok, table, "write_function", "write 5 or 15 for coils, 6 (one register) or 16 for holding registers");
    function
}

/// Two points may share registers only as bit fields that do not touch, and only one of them written.
fn overlaps(c: &mut Check<'_>, points: &[ProfilePoint]) {
    let registers: Vec<_> = points
        .iter()
        .filter_map(|p| match &p.source {
            Source::Register(r) => Some((p, r)),
            Source::Model(_) | Source::Topic(_) => None,
        })
        .collect();
    for (n, (p, r)) in registers.iter().enumerate() {
        for (q, other) in registers.iter().take(n) {
            if r.kind != other.kind || !touches(r, other) {
                continue;
            }
            let table = format!("point.{}", p.point.name());
            let apart = matches!((r.bits, other.bits), (Some(a), Some(b)) if a.from >= b.from + b.len || b.from >= a.from + a.len);
            if !apart {
                let message =
                    format!("overlaps [point.{}]; give each its own registers or disjoint `bits`", q.point.name());
                c.error(&table, "address", message);
            } else if p.access != Access::Read && q.access != Access::Read {
                c.error(&table, "access", format!("shares a written register with [point.{}]", q.point.name()));
            }
        }
    }
}

fn touches(a: &Register, b: &Register) -> bool {
    let spans = |r: &Register| {
        let width = if r.ty == Type::Bool { u32::from(r.write_length) } else { u32::from(r.ty.words()) };
        std::iter::once(r.address)
            .chain(r.sum.iter().copied())
            .map(|s| (u32::from(s), u32::from(s) + width))
            .collect::<Vec<_>>()
    };
    let others = spans(b);
    spans(a).iter().any(|(s, e)| others.iter().any(|(t, f)| s < f && t < e))
}

fn identify(c: &mut Check<'_>, i: &IdentifyFile) -> Identify {
    c.require(matches!(i.kind, Kind::Holding | Kind::Input), "", "identify", "kind must be holding or input");
    let count = match (i.ty, &i.equals) {
        (Type::String, Identity::Text(s)) => {
            let length = i.length.filter(|n| (1..=READ_MAX).contains(n));
            c.require(length.is_some(), "", "identify", "write length = registers of the string, 1 to 125");
            c.require(
                s.len() <= usize::from(length.unwrap_or(1)) * 2 && s.is_ascii(),
                "",
                "identify",
                "`equals` does not fit into `length`",
            );
            length.unwrap_or(1)
        }
        (Type::U16, Identity::Number(_)) => 1,
        _ => {
            c.error("", "identify", "write type = \"string\" with a text, or type = \"u16\" with a number");
            1
        }
    };
    Identify { kind: i.kind, address: i.address, count, equals: i.equals.clone() }
}
