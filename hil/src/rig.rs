//! The rig in one object: plant, devices and judge, moved on by whoever holds it.

use crate::baseline::Baseline;
use crate::fault::{Fault, FaultKind};
use crate::judge::{Judge, Report};
use crate::plant::Plant;
use crate::site::{Device, Site};
use crate::truth::Truth;
use crate::wire::map::Map;
use crate::wire::mqtt::{Model, MqttDevice, Publication};
use crate::wire::pdu;
use crate::wire::unit::Unit;
use anyhow::{Context, bail};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How to run a rig.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Seed of everything random: true parameters, weather, demand, meter errors.
    pub seed: u64,
    /// Park time at the start.
    pub start: Timestamp,
    /// No controller: every device in its own autonomous mode.
    pub baseline: bool,
    /// Faults planted from the start.
    pub faults: Vec<Fault>,
    /// Upper bound of the fixed fallback timers, s of monotonic time.
    pub revert_s: Option<f64>,
}

/// One MQTT device's session with the broker.
#[derive(Debug, Clone)]
pub struct MqttSession {
    /// Device id in the site file.
    pub device: String,
    /// All its topics begin with this and a slash.
    pub prefix: String,
    /// Topic it listens on.
    pub command_topic: Option<String>,
    /// Topic and payload of its retained last will.
    pub will: Option<(String, String)>,
}

/// Park time a run starts at unless told otherwise: 2026-07-15 09:00 in the site's zone.
///
/// # Errors
/// When the site file does not parse or names no known zone.
pub fn default_start(site_toml: &str) -> anyhow::Result<Timestamp> {
    let site = Site::parse(site_toml)?;
    let zone = jiff::tz::TimeZone::get(&site.site.zone)?;
    let civil = jiff::civil::date(2026, 7, 15).at(9, 0, 0, 0);
    Ok(zone.to_timestamp(civil)?)
}

/// A simulated park behind its devices' own registers and topics.
pub struct Rig {
    pub(crate) plant: Plant,
    pub(crate) units: Vec<Unit>,
    mqtt: Vec<MqttDevice>,
    /// Modbus address of the site file: (unit id, index of the unit).
    addresses: BTreeMap<String, Vec<(u8, usize)>>,
    brokers: Vec<String>,
    high_bus: String,
    judge: Judge,
    baseline: Option<Baseline>,
    mono_s: f64,
}

/// In place of a device: all of them.
const ALL: &str = "*";
/// Longest step of the physics, park seconds.
const STEP_MAX_S: f64 = 1.0;

impl Rig {
    /// A park from the text of a site file.
    ///
    /// # Errors
    /// When the file does not parse, a device model has no register map, or the park's topology is not
    /// one the plant models.
    pub fn new(site_toml: &str, options: Options) -> anyhow::Result<Self> {
        let site = Site::parse(site_toml)?;
        let plant = Plant::new(&site, options.seed, options.start)?;
        let mut rig = Self {
            plant,
            units: Vec::new(),
            mqtt: Vec::new(),
            addresses: BTreeMap::new(),
            brokers: Vec::new(),
            high_bus: site.heat_exchanger.first().map(|x| x.from_bus.clone()).unwrap_or_default(),
            judge: Judge::new(&site, options.seed),
            baseline: options.baseline.then(|| Baseline::new(&site)),
            mono_s: 0.0,
        };
        let owners = site.owners();
        for device in &site.device {
            rig.connect(device, &site, &owners, &options).with_context(|| format!("device {}", device.id))?;
        }
        rig.hand_over();
        rig.plant.settle();
        rig.judge.begin(&rig.plant);
        for fault in &options.faults {
            rig.inject(fault.clone())?;
        }
        Ok(rig)
    }

    fn connect(
        &mut self,
        device: &Device,
        site: &Site,
        owners: &BTreeMap<String, String>,
        options: &Options,
    ) -> anyhow::Result<()> {
        let owner = owners.get(&device.id);
        let asset = owner.and_then(|id| self.plant.truth.assets.iter().position(|asset| &asset.id == id));
        if let Some(prefix) = &device.topic {
            let model = match device.model() {
                "dali-gateway" => Model::Dali,
                "ev-park" => Model::EvPark,
                "weather" => Model::Weather,
                other => bail!("no MQTT device model {other}"),
            };
            if site.site.weather.as_ref() != Some(&device.id) && asset.is_none() {
                bail!("no asset uses it");
            }
            if !self.brokers.contains(&device.address) {
                self.brokers.push(device.address.clone());
            }
            self.mqtt.push(MqttDevice::new(&device.id, prefix, model, asset, options.revert_s));
            return Ok(());
        }
        let asset = asset.context("no asset uses it")?;
        let map = Map::of(device.model())?;
        self.units.push(Unit::new(&device.id, asset, map, options.seed, options.revert_s));
        let place = (device.unit.unwrap_or(1), self.units.len() - 1);
        self.addresses.entry(device.address.clone()).or_default().push(place);
        Ok(())
    }

    /// Moves on by `park_dt_s` of park time and `mono_dt_s` of monotonic time (never scaled).
    pub fn step(&mut self, park_dt_s: f64, mono_dt_s: f64) {
        self.mono_s += mono_dt_s;
        for unit in &mut self.units {
            unit.elapse(self.mono_s);
        }
        for device in &mut self.mqtt {
            device.elapse(self.mono_s);
        }
        self.hand_over();
        let steps = (park_dt_s / STEP_MAX_S).ceil().max(0.0);
        let dt_s = park_dt_s / steps.max(1.0);
        for _ in 0..steps as usize {
            if let Some(baseline) = &mut self.baseline {
                baseline.step(&mut self.plant);
            }
            self.plant.step(dt_s);
            self.judge.observe(&self.plant, dt_s);
        }
    }

    /// Lets changed commands stand in the plant.
    fn hand_over(&mut self) {
        for unit in self.units.iter_mut().filter(|unit| unit.pending) {
            unit.apply(&mut self.plant);
        }
        for device in self.mqtt.iter_mut().filter(|device| device.pending) {
            device.apply(&mut self.plant);
        }
        for unit in &self.units {
            if unit.commands_something() {
                self.plant.truth.assets[unit.asset].fallback = unit.in_fallback();
            }
        }
        for device in &self.mqtt {
            if let Some(asset) = device.asset {
                self.plant.truth.assets[asset].fallback = device.in_fallback();
            }
        }
    }

    /// One raw Modbus request to the address of the site file; `None` is silence.
    pub fn modbus(&mut self, address: &str, unit: u8, request: &[u8]) -> Option<Vec<u8>> {
        let units = self.addresses.get(address)?;
        let Some((_, index)) = units.iter().find(|(id, _)| *id == unit) else {
            let function = *request.first()?;
            return Some(pdu::exception(function, pdu::TARGET_FAILED));
        };
        let unit = self.units.get_mut(*index)?;
        let reply = unit.answer(request, &self.plant);
        if unit.pending {
            self.hand_over();
        }
        reply
    }

    /// One message that arrived at the devices' broker.
    pub fn mqtt_in(&mut self, topic: &str, payload: &[u8], retained: bool) {
        for device in &mut self.mqtt {
            if device.command_topic().as_deref() == Some(topic) {
                device.take(payload, retained);
            }
        }
        self.hand_over();
    }

    /// What the MQTT devices publish since the last call, by monotonic time.
    pub fn mqtt_out(&mut self) -> Vec<Publication> {
        let mut out = Vec::new();
        for device in &mut self.mqtt {
            device.publish(&self.plant, &mut out);
        }
        out
    }

    /// What really happens, at the park time of the last step.
    pub fn truth(&self) -> &Truth {
        &self.plant.truth
    }

    /// The judge's verdict so far.
    pub fn report(&self) -> Report {
        self.judge.report(&self.plant)
    }

    /// Notes how far a daemon's value was off, as a share of the rating.
    pub fn note_value_error(&mut self, share: f64, at: &str) {
        self.judge.note_value_error(share, at);
    }

    /// Plants a fault in a device, or in all of them (`*`).
    ///
    /// # Errors
    /// When the site has no such device.
    pub fn inject(&mut self, fault: Fault) -> anyhow::Result<()> {
        if fault.device == ALL {
            self.units.iter_mut().for_each(|unit| unit.plant_fault(fault.kind, &self.plant));
            self.mqtt.iter_mut().for_each(|device| device.plant_fault(fault.kind, &self.plant));
        } else if let Some(unit) = self.units.iter_mut().find(|unit| unit.id == fault.device) {
            unit.plant_fault(fault.kind, &self.plant);
        } else if let Some(device) = self.mqtt.iter_mut().find(|device| device.id == fault.device) {
            device.plant_fault(fault.kind, &self.plant);
        } else {
            bail!("no device {}", fault.device);
        }
        Ok(())
    }

    /// Heals every fault of a device, or of all (`*`).
    ///
    /// # Errors
    /// When the site has no such device.
    pub fn clear(&mut self, device: &str) -> anyhow::Result<()> {
        if device == ALL {
            self.units.iter_mut().for_each(|unit| unit.faults.clear());
            self.mqtt.iter_mut().for_each(MqttDevice::clear);
        } else if let Some(unit) = self.units.iter_mut().find(|unit| unit.id == device) {
            unit.faults.clear();
        } else if let Some(found) = self.mqtt.iter_mut().find(|found| found.id == device) {
            found.clear();
        } else {
            bail!("no device {device}");
        }
        Ok(())
    }

    /// Every distinct Modbus address of the site.
    pub fn modbus_addresses(&self) -> Vec<String> {
        self.addresses.keys().cloned().collect()
    }

    /// Every distinct broker address of the site.
    pub fn broker_addresses(&self) -> &[String] {
        &self.brokers
    }

    /// What each MQTT device needs of a broker.
    pub fn mqtt_sessions(&self) -> Vec<MqttSession> {
        let session = |device: &MqttDevice| MqttSession {
            device: device.id.clone(),
            prefix: device.prefix.clone(),
            command_topic: device.command_topic(),
            will: device.will(),
        };
        self.mqtt.iter().map(session).collect()
    }

    /// Bus id of the high side of the heat exchanger.
    pub fn high_bus(&self) -> &str {
        &self.high_bus
    }

    /// Whether anything still listens at an address: not when all its devices are stopped.
    pub fn listens(&self, address: &str) -> bool {
        let units = self.addresses.get(address).map(Vec::as_slice).unwrap_or_default();
        units.iter().any(|(_, index)| self.units.get(*index).is_some_and(|unit| !unit.has(FaultKind::Stop)))
    }

    /// Whether the broker is there: not when all its devices are stopped, it stands behind the same switch.
    pub fn broker_listens(&self) -> bool {
        self.mqtt.iter().any(|device| !device.has(FaultKind::Stop))
    }

    /// Shortest time between two requests that an address takes, ms.
    pub fn min_gap_ms(&self, address: &str) -> u64 {
        let units = self.addresses.get(address).map(Vec::as_slice).unwrap_or_default();
        let gaps = units.iter().filter_map(|(_, index)| self.units.get(*index));
        gaps.map(|unit| unit.map.min_gap_ms).max().unwrap_or(0)
    }
}
