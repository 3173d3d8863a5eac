//! The MQTT devices: lighting gateway, charging park, weather station.

use crate::fault::FaultKind;
use crate::noise;
use crate::plant::Plant;
use crate::plant::command::Command;
use serde::Deserialize;

/// One message a device publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Full topic.
    pub topic: String,
    /// Payload bytes, UTF-8 text in every device of the manual.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it.
    pub retain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    Dali,
    EvPark,
    Weather,
}

/// One MQTT device.
pub struct MqttDevice {
    pub id: String,
    pub prefix: String,
    pub model: Model,
    /// Asset it measures and commands; the weather station has none.
    pub asset: Option<usize>,
    pub faults: Vec<FaultKind>,
    pub pending: bool,
    /// The command that stands, kW.
    standing_kw: f64,
    fallback_kw: f64,
    max_kw: f64,
    fixed_s: f64,
    until_s: Option<f64>,
    now_s: f64,
    next_s: f64,
    sequence: u64,
    online: Option<bool>,
    frozen: Option<Reading>,
}

/// What its instruments show.
#[derive(Debug, Clone, Copy)]
struct Reading {
    drawn_kw: f64,
    wanted_kw: f64,
    connected: usize,
    outdoor_c: f64,
    ghi_w_m2: f64,
    wind_m_s: f64,
}

#[derive(Deserialize)]
struct CapOrder {
    cap_kw: f64,
    ttl_s: f64,
}

impl MqttDevice {
    pub fn new(id: &str, prefix: &str, model: Model, asset: Option<usize>, revert_s: Option<f64>) -> Self {
        let (fallback_kw, max_kw) = match model {
            Model::Dali => (40.0, 40.0),
            Model::EvPark => (44.0, 176.0),
            Model::Weather => (0.0, 0.0),
        };
        Self {
            id: id.to_owned(),
            prefix: prefix.to_owned(),
            model,
            asset,
            faults: Vec::new(),
            pending: true,
            standing_kw: fallback_kw,
            fallback_kw,
            max_kw,
            fixed_s: revert_s.map_or(30.0, |bound| bound.min(30.0)),
            until_s: None,
            now_s: 0.0,
            next_s: 0.0,
            sequence: 0,
            online: None,
            frozen: None,
        }
    }

    /// Whether a fault is planted.
    pub fn has(&self, kind: FaultKind) -> bool {
        self.faults.contains(&kind)
    }

    pub fn plant_fault(&mut self, kind: FaultKind, plant: &Plant) {
        if kind == FaultKind::Freeze {
            self.frozen = Some(self.measure(plant));
        }
        self.faults.push(kind);
    }

    pub fn clear(&mut self) {
        self.faults.clear();
        self.frozen = None;
    }

    pub fn in_fallback(&self) -> bool {
        self.until_s.is_none()
    }

    /// The topic it listens on, if any.
    pub fn command_topic(&self) -> Option<String> {
        match self.model {
            Model::Dali => Some(format!("{}/set", self.prefix)),
            Model::EvPark => Some(format!("{}/limit_kw/set", self.prefix)),
            Model::Weather => None,
        }
    }

    /// Topic and payload of its last will, if the manual gives it one.
    pub fn will(&self) -> Option<(String, String)> {
        (self.model == Model::Dali).then(|| (format!("{}/online", self.prefix), "0".to_owned()))
    }

    pub fn elapse(&mut self, now_s: f64) {
        self.now_s = now_s;
        if self.has(FaultKind::OtherWriter) {
            self.stand(0.3 * self.max_kw, 5.0);
        }
        if self.until_s.is_some_and(|until_s| now_s > until_s) {
            self.until_s = None;
            self.standing_kw = self.fallback_kw;
            self.pending = true;
        }
    }

    fn stand(&mut self, kw: f64, for_s: f64) {
        self.standing_kw = kw;
        self.until_s = Some(self.now_s + for_s);
        self.pending = true;
    }

    /// Hands the standing command to the plant.
    pub fn apply(&mut self, plant: &mut Plant) {
        self.pending = false;
        let Some(asset) = self.asset else { return };
        let command = if self.model == Model::EvPark { Command::Limit } else { Command::Cap };
        plant.set_command(asset, command, self.standing_kw);
    }

    /// Takes a message on its command topic; anything it cannot read it ignores, as such devices do.
    pub fn take(&mut self, payload: &[u8], retained: bool) {
        let deaf = [FaultKind::Stop, FaultKind::Hang, FaultKind::RefuseWrites, FaultKind::IgnoreWrites];
        if deaf.iter().any(|kind| self.has(*kind)) {
            return;
        }
        match self.model {
            Model::Dali if !retained => {
                if let Ok(order) = serde_json::from_slice::<CapOrder>(payload)
                    && order.cap_kw >= 0.0
                    && order.ttl_s > 0.0
                {
                    self.stand(order.cap_kw.min(self.max_kw), order.ttl_s);
                }
            }
            Model::EvPark => {
                let text = std::str::from_utf8(payload).unwrap_or_default();
                let limit = text.trim().parse::<f64>().ok();
                if let Some(kw) = limit.filter(|kw| (0.0..=self.max_kw).contains(kw)) {
                    self.stand(kw, self.fixed_s);
                }
            }
            Model::Dali | Model::Weather => {}
        }
    }

    /// Appends what is due by monotonic time.
    pub fn publish(&mut self, plant: &Plant, out: &mut Vec<Publication>) {
        let silent = self.has(FaultKind::Stop) || self.has(FaultKind::Hang);
        let online = !self.has(FaultKind::Stop);
        if let Some((topic, _)) = self.will()
            && self.online != Some(online)
        {
            let payload = if online { b"1".to_vec() } else { b"0".to_vec() };
            out.push(Publication { topic, payload, retain: true });
        }
        self.online = Some(online);
        if silent || self.now_s < self.next_s {
            return;
        }
        let period_s = if self.model == Model::Weather { 5.0 } else { 2.0 };
        // Behind by more than a period there is nothing to catch up with.
        self.next_s = (self.next_s + period_s).max(self.now_s);
        self.sequence += 1;
        let reading = self.frozen.unwrap_or_else(|| self.measure(plant));
        self.report(reading, out);
    }

    fn measure(&self, plant: &Plant) -> Reading {
        let asset = self.asset.and_then(|at| plant.truth.assets.get(at));
        let rated_kw = asset.map_or(0.0, |asset| asset.rated_kw);
        let flutter = |index: u64| noise::jitter(noise::hash_name(&self.id) ^ index, self.sequence);
        let error = |kw: f64, index: u64| {
            if kw == 0.0 { 0.0 } else { 0.001 * rated_kw * flutter(index) }
        };
        let drawn_kw = asset.map_or(0.0, |asset| -asset.power_kw);
        Reading {
            drawn_kw: (drawn_kw + error(drawn_kw, 1)).max(0.0),
            wanted_kw: asset.map_or(0.0, |asset| asset.available_kw),
            connected: plant.ev.connected(),
            outdoor_c: plant.sky.outdoor_c + 0.1 * flutter(2),
            ghi_w_m2: (plant.sky.ghi_w_m2 * (1.0 + 0.01 * flutter(3))).max(0.0),
            wind_m_s: (plant.sky.wind_m_s + 0.1 * flutter(4)).max(0.0),
        }
    }

    fn report(&self, reading: Reading, out: &mut Vec<Publication>) {
        let Reading { drawn_kw, wanted_kw, connected, outdoor_c, ghi_w_m2, wind_m_s } = reading;
        let drawn_kw = if self.has(FaultKind::SignFlip) { -drawn_kw } else { drawn_kw };
        let mut push = |topic: &str, payload: String, retain: bool| {
            let topic = format!("{}/{topic}", self.prefix);
            out.push(Publication { topic, payload: payload.into_bytes(), retain });
        };
        match self.model {
            Model::Dali => {
                let (power, wanted) = (drawn_kw * 1000.0, wanted_kw * 1000.0);
                let (sequence, cap) = (self.sequence, self.standing_kw);
                let payload =
                    format!(r#"{{"seq":{sequence},"power_w":{power:.1},"wanted_w":{wanted:.1},"cap_kw":{cap:.3}}}"#);
                push("status", payload, true);
            }
            Model::EvPark => {
                push("power_kw", format!("{drawn_kw:.3}"), false);
                push("wanted_kw", format!("{wanted_kw:.3}"), false);
                push("connected", connected.to_string(), false);
                push("limit_kw", format!("{:.3}", self.standing_kw), false);
            }
            Model::Weather => {
                let payload =
                    format!(r#"{{"outdoor_c":{outdoor_c:.2},"ghi_w_m2":{ghi_w_m2:.1},"wind_m_s":{wind_m_s:.2}}}"#);
                push("status", payload, false);
            }
        }
    }
}
