//! One Modbus device: measured values as registers, commands, fallback timer and planted faults.

use super::map::{Fallback, Map, Point, Table, Type};
use crate::fault::FaultKind;
use crate::noise;
use crate::plant::Plant;
use crate::plant::read::Variable;

pub struct Unit {
    /// Device id in the site file.
    pub id: String,
    /// Asset it measures and commands.
    pub asset: usize,
    pub map: Map,
    pub faults: Vec<FaultKind>,
    /// What stands in each writable point, raw; parallel to the map's points.
    pub standing: Vec<i64>,
    /// Registers of each point as last refreshed.
    pub(super) words: Vec<Vec<u16>>,
    /// Fixed error of each point, as a share of the rating or in kelvin.
    offsets: Vec<f64>,
    tick: u64,
    fresh: bool,
    now_s: f64,
    last_write_s: Option<f64>,
    revert_s: Option<f64>,
    /// Commands changed and the plant has not heard of it.
    pub pending: bool,
    foreign_at_s: f64,
}

/// How often a second controller rewrites the commands, s.
const FOREIGN_PERIOD_S: f64 = 0.5;

impl Unit {
    pub fn new(id: &str, asset: usize, map: Map, seed: u64, revert_s: Option<f64>) -> Self {
        let power_up = |point: &Point| point.power_up.or(point.fallback).unwrap_or(0);
        let standing = map.point.iter().map(power_up).collect();
        let place = noise::hash_name(id) ^ seed;
        let offset = |(index, _): (usize, &Point)| noise::jitter(place, index as u64);
        Self {
            id: id.to_owned(),
            asset,
            faults: Vec::new(),
            standing,
            words: vec![Vec::new(); map.point.len()],
            offsets: map.point.iter().enumerate().map(offset).collect(),
            map,
            tick: 0,
            fresh: false,
            now_s: 0.0,
            last_write_s: None,
            revert_s,
            pending: true,
            foreign_at_s: 0.0,
        }
    }

    pub fn has(&self, kind: FaultKind) -> bool {
        self.faults.contains(&kind)
    }

    /// Plants a fault; a freeze keeps what stands in the registers now.
    pub fn plant_fault(&mut self, kind: FaultKind, plant: &Plant) {
        if kind == FaultKind::Freeze {
            self.refresh(plant);
        }
        self.faults.push(kind);
    }

    pub fn commands_something(&self) -> bool {
        self.map.point.iter().any(|point| point.command.is_some())
    }

    /// Whether it stands at its fallback values (or never left them).
    pub fn in_fallback(&self) -> bool {
        self.map.fallback != Fallback::None && self.last_write_s.is_none()
    }

    /// Monotonic time goes on: fallback timers, the second controller, new readings.
    pub fn elapse(&mut self, now_s: f64) {
        self.now_s = now_s;
        self.tick += 1;
        self.fresh = false;
        if self.has(FaultKind::OtherWriter) && now_s - self.foreign_at_s >= FOREIGN_PERIOD_S {
            self.foreign_at_s = now_s;
            self.overwrite();
        }
        let due = match (self.last_write_s, self.timeout_s()) {
            (Some(last_s), Some(timeout_s)) => now_s - last_s > timeout_s,
            _ => false,
        };
        if due {
            self.fall_back();
        }
    }

    fn timeout_s(&self) -> Option<f64> {
        match self.map.fallback {
            Fallback::None => None,
            Fallback::Fixed { s } => Some(self.revert_s.map_or(s, |bound| bound.min(s))),
            Fallback::Register => {
                let timer = self.map.point.iter().zip(&self.standing).find(|(point, _)| point.timer);
                timer.map(|(_, raw)| *raw as f64).filter(|s| *s > 0.0)
            }
        }
    }

    fn fall_back(&mut self) {
        self.last_write_s = None;
        self.pending = true;
        for (point, raw) in self.map.point.iter().zip(&mut self.standing) {
            if let Some(fallback) = point.fallback {
                *raw = fallback;
            }
        }
    }

    fn overwrite(&mut self) {
        for (point, raw) in self.map.point.iter().zip(&mut self.standing) {
            if point.command.is_none() {
                continue;
            }
            *raw = match point.kind {
                Type::Bit => 1 - point.fallback.unwrap_or(1),
                _ => point.min + (point.max - point.min) * 3 / 10,
            };
        }
        self.last_write_s = Some(self.now_s);
        self.pending = true;
    }

    /// Takes validated writes, all at once: (index of the point, raw value).
    pub(super) fn take(&mut self, writes: &[(usize, i64)]) {
        for &(index, raw) in writes {
            self.standing[index] = raw;
            if self.map.point[index].command.is_some() {
                self.last_write_s = Some(self.now_s);
                self.pending = true;
            }
        }
        self.fresh = false;
    }

    /// Hands the standing commands to the plant.
    pub fn apply(&mut self, plant: &mut Plant) {
        self.pending = false;
        for (point, raw) in self.map.point.iter().zip(&self.standing) {
            if let Some(command) = point.command {
                plant.set_command(self.asset, command, point.sign * *raw as f64 / point.per_unit);
            }
        }
    }

    /// Brings the registers up to date, once per step and only when somebody reads.
    pub(super) fn refresh(&mut self, plant: &Plant) {
        if self.fresh {
            return;
        }
        self.fresh = true;
        let frozen = self.has(FaultKind::Freeze);
        for index in 0..self.map.point.len() {
            let measured = self.map.point[index].variable.is_some();
            if frozen && measured && !self.words[index].is_empty() {
                continue;
            }
            self.words[index] = self.registers(index, plant);
        }
    }

    fn registers(&self, index: usize, plant: &Plant) -> Vec<u16> {
        let point = &self.map.point[index];
        if point.kind == Type::String {
            return point.text_words();
        }
        let Some(variable) = point.variable else {
            return point.encode(self.standing[index] as f64);
        };
        let Some(value) = plant.read(self.asset, variable) else {
            return point.split(point.not_available.unwrap_or(0));
        };
        let rated_kw = plant.truth.assets[self.asset].rated_kw;
        let mut shown = value + self.error(index, variable, value, rated_kw);
        if point.power && self.has(FaultKind::SignFlip) {
            shown = -shown;
        }
        point.encode(point.sign * shown * point.per_unit)
    }

    /// Meter error: at most 0.15 % of rating fixed and 0.08 % noise; nothing where nothing flows.
    fn error(&self, index: usize, variable: Variable, value: f64, rated_kw: f64) -> f64 {
        let offset = self.offsets[index];
        let flutter = noise::jitter(noise::hash_name(&self.id) ^ (index as u64) << 32, self.tick);
        match variable {
            Variable::PowerKw
            | Variable::DrawnKw
            | Variable::HeatKw
            | Variable::HeatHighKw
            | Variable::CoolKw
            | Variable::FuelKw
            | Variable::ReactiveKvar
                if value != 0.0 =>
            {
                rated_kw * (0.0015 * offset + 0.0008 * flutter)
            }
            Variable::TopC | Variable::MiddleC | Variable::BottomC | Variable::SupplyC | Variable::SourceC => {
                0.08 * offset + 0.05 * flutter
            }
            Variable::Voltage1V | Variable::Voltage2V | Variable::Voltage3V => 0.2 * offset + 0.1 * flutter,
            Variable::Current1A | Variable::Current2A | Variable::Current3A => {
                value * (0.001 * offset + 0.0005 * flutter)
            }
            Variable::FrequencyHz | Variable::UpstreamHz => 0.004 * flutter,
            _ => 0.0,
        }
    }

    /// Index of the point that covers an address.
    pub(super) fn point_at(&self, table: Table, address: u16) -> Option<usize> {
        let points = &self.map.point;
        let after = points.partition_point(|point| (point.table, point.address) <= (table, address));
        let index = after.checked_sub(1)?;
        let point = &points[index];
        let end = u32::from(point.address) + u32::from(point.len());
        (point.table == table && u32::from(address) < end).then_some(index)
    }
}
