//! The product's core against the rig's plant, in one process and in virtual time. Registers and payloads are exchanged as
//! raw bytes through the product's codecs and the rig's own maps, so that a wrong sign or address cannot cancel itself.

use std::sync::Arc;
use std::time::Duration;

use hexad::cycle::{self, Memory};
use hexad::devices::modbus::codec as modbus;
use hexad::devices::mqtt::codec as mqtt;
use hexad::devices::profile::{Profile, ProfileStore, Rule, Wire};
use hexad::dispatch::{self, Plan, Solve};
use hexad::forecast::{self, History, TimeGrid};
use hexad::site::{DeviceFrame, DeviceIx, Link, Mode, Point, Poll, Reading, Reason, Site, WriteReport};
use hexad::snapshot::Snapshot;
use hexad::units::{Mono, Now, Park};
use hexad_hil::{Options, Rig};

/// The reference site file.
pub const SITE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/sites/suzhou-six-in-one.toml"));

/// The reference site, resolved against the built-in profiles.
pub fn reference() -> (Site, ProfileStore) {
    let profiles = ProfileStore::built_in().expect("built-in profiles are sound");
    let site =
        hexad::config::load_site(SITE, "suzhou-six-in-one.toml", &profiles).expect("the reference site is sound");
    (site, profiles)
}

/// What a device was last told, and when.
type Sent = (Mono, Vec<(Point, f64)>);

/// Both sides, and the wires between them.
pub struct Twin {
    pub site: Site,
    pub rig: Rig,
    pub history: History,
    pub plan: Option<Arc<Plan>>,
    profiles: Vec<Arc<Profile>>,
    memory: Memory,
    frames: Vec<DeviceFrame>,
    sent: Vec<Option<Sent>>,
    now: Now,
    next_slow: Mono,
}

impl Twin {
    /// A park of this seed from `start` (RFC 3339).
    pub fn new(seed: u64, start: &str) -> Self {
        let (site, store) = reference();
        let start: jiff::Timestamp = start.parse().expect("a time");
        let rig = Rig::new(SITE, Options { seed, start, ..Options::default() }).expect("the rig takes the site");
        let profiles: Vec<_> = site.devices.iter().map(|d| Arc::clone(store.get(&d.profile).expect("known"))).collect();
        let frames = site.devices.iter().enumerate().map(|(i, d)| blank(DeviceIx(i), d.points.len())).collect();
        let sent = vec![None; site.devices.len()];
        let now = Now { mono: Mono(1_000_000), park: Park(start), synchronised: true };
        Self {
            site,
            rig,
            history: History::default(),
            plan: None,
            profiles,
            memory: Memory::default(),
            frames,
            sent,
            now,
            next_slow: Mono(0),
        }
    }

    /// One cycle: the plant moves on, all points are read, the core decides, the commands are written.
    pub fn cycle(&mut self, seconds: f64) -> Snapshot {
        self.rig.step(seconds, seconds);
        self.now.mono = self.now.mono + Duration::from_secs_f64(seconds);
        self.now.park = self.now.park.plus_s(seconds);
        self.read();
        let frames = self.frames.iter().cloned().map(Arc::new).collect();
        let inputs = cycle::Inputs { now: self.now, frames, plan: self.plan.clone(), orders: vec![], reports: vec![] };
        let snapshot = cycle::step(&mut self.memory, &self.site, inputs);
        self.write(&snapshot);
        self.history.observe(&self.site, &snapshot.state);
        snapshot
    }

    /// A new plan from a snapshot.
    pub fn replan(&mut self, snapshot: &Snapshot, solve: &mut dyn Solve) -> Arc<Plan> {
        let horizon = forecast::horizon(&self.site, &snapshot.state, &self.history, TimeGrid::new(snapshot.now.park));
        let last = self.plan.clone();
        let inputs = dispatch::Inputs {
            site: &self.site,
            state: &snapshot.state,
            horizon: &horizon,
            last: last.as_deref(),
            id: last.as_ref().map_or(1, |p| p.id + 1),
            islanded: snapshot.mode != Mode::GridConnected,
            limits: &[],
        };
        let plan = Arc::new(dispatch::plan(&inputs, solve));
        self.plan = Some(Arc::clone(&plan));
        plan
    }

    fn read(&mut self) {
        let slow = self.now.mono >= self.next_slow;
        if slow {
            self.next_slow = self.now.mono + Duration::from_secs(10);
        }
        for ((frame, device), profile) in self.frames.iter_mut().zip(&self.site.devices).zip(&self.profiles) {
            frame.turn = self.now.mono;
            frame.next_turn = self.now.mono + Duration::from_secs(1);
            if !matches!(profile.wire, Wire::Modbus(_)) {
                continue;
            }
            frame.link = Link::Up;
            let polls: &[Poll] = if slow { &[Poll::Fast, Poll::Slow, Poll::Once] } else { &[Poll::Fast] };
            for block in polls.iter().flat_map(|p| modbus::plan_reads(profile, *p)) {
                let reply = self.rig.modbus(&device.address, device.unit, &block.pdu());
                let values = match reply.map(|r| block.parse(&r)) {
                    Some(Ok(words)) => modbus::decode(profile, &block, &words),
                    Some(Err(_)) => block.points.iter().map(|p| (*p, Err(Reason::IllegalAddress))).collect(),
                    None => block.points.iter().map(|p| (*p, Err(Reason::DeviceTimeout))).collect(),
                };
                for (point, value) in values {
                    frame.readings[point] = Reading { value, at: self.now.mono };
                }
            }
        }
        for message in self.rig.mqtt_out() {
            for ((frame, device), profile) in self.frames.iter_mut().zip(&self.site.devices).zip(&self.profiles) {
                let Some(topic) = device.topic.as_ref().and_then(|t| message.topic.strip_prefix(&format!("{t}/")))
                else {
                    continue;
                };
                frame.link = Link::Up;
                for (point, value) in mqtt::decode_message(profile, topic, &message.payload, false) {
                    frame.readings[point] = Reading { value, at: self.now.mono };
                }
            }
        }
    }

    fn write(&mut self, snapshot: &Snapshot) {
        for setpoint in &snapshot.setpoints {
            let ix = setpoint.device.0;
            let wanted: Vec<(Point, f64)> = setpoint.targets.iter().map(|t| (t.point, t.value)).collect();
            let fresh = self.sent[ix]
                .as_ref()
                .is_some_and(|(at, w)| *w == wanted && self.now.mono.since(*at) < Duration::from_secs(4));
            if fresh {
                continue;
            }
            let profile = Arc::clone(&self.profiles[ix]);
            let mut report = WriteReport {
                applied_cycle: Some(setpoint.cycle),
                acked_at: Some(self.now.mono),
                ..WriteReport::default()
            };
            if let Rule::Register { point, s } = profile.reversion {
                self.send(ix, &profile, point, f64::from(s), &mut report);
            }
            for (point, value) in &wanted {
                self.send(ix, &profile, *point, *value, &mut report);
            }
            self.frames[ix].write = report;
            self.sent[ix] = Some((self.now.mono, wanted));
        }
    }

    fn send(&mut self, ix: usize, profile: &Profile, point: Point, value: f64, report: &mut WriteReport) {
        let device = &self.site.devices[ix];
        if let Some(prefix) = &device.topic {
            let (topic, payload, _) = mqtt::encode_command(profile, point, value).expect("a command the profile takes");
            self.rig.mqtt_in(&format!("{prefix}/{topic}"), payload.as_bytes(), false);
            return;
        }
        let request =
            modbus::encode(profile, point, value).unwrap_or_else(|e| panic!("{} {point:?} {value}: {e}", device.id));
        let reply = self.rig.modbus(&device.address, device.unit, &request.pdu());
        if !matches!(reply.map(|r| request.parse(&r)), Some(Ok(()))) {
            report.refused = Some((point, Reason::DeviceFailure));
        }
    }
}

fn blank(device: DeviceIx, points: usize) -> DeviceFrame {
    DeviceFrame {
        device,
        readings: vec![Reading::NEVER; points],
        link: Link::Connecting,
        write: WriteReport::default(),
        turn: Mono(0),
        next_turn: Mono(0),
        connects: 1,
        errors: 0,
    }
}
