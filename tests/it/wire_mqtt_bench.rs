//! A real broker, a wire to it that misbehaves on order, and the devices of a gateway that speak through it.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hexad::devices::profile::{Profile, ProfileStore};
use hexad::devices::{DeviceHandle, Reports, Wires, spawn_by};
use hexad::site::{AssetIx, Cause, DeviceFrame, DeviceIx, Link, Point, Setpoint, Target, Value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, LastWill, MqttOptions, PublishOptions, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::wire_bench::{Bench, device, site, until};

/// Nothing that is awaited here takes this long on any machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// The brokers' address in the site file.
pub const ADDRESS: &str = "10.8.0.5:1883";

/// mosquitto on a free loopback port.
pub struct Broker {
    child: Child,
    pub port: u16,
    /// Another, for settings that name `PLAIN`.
    pub plain: u16,
    dir: tempfile::TempDir,
}

impl Broker {
    pub fn start() -> Self {
        Self::with("allow_anonymous true\npersistence false")
    }

    /// `settings` may name files of `DIR` and the port `PORT`.
    pub fn with(settings: &str) -> Self {
        Self::with_files(settings, &[])
    }

    pub fn with_files(settings: &str, files: &[(&str, &str)]) -> Self {
        let free = || crate::live::free_address().rsplit_once(':').unwrap().1.parse().unwrap();
        let (port, plain): (u16, u16) = (free(), free());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let mut config = std::fs::File::create(dir.path().join("mosquitto.conf")).unwrap();
        // As root it would drop its rights and no longer read the files.
        let text = format!("user root\n{settings}\n").replace("PORT", &port.to_string()).replace("DIR", path);
        let text = text.replace("PLAIN", &plain.to_string());
        let listener = if settings.contains("listener ") { "" } else { &format!("listener {port} 127.0.0.1\n") };
        write!(config, "{listener}{text}").unwrap();
        let child = launch(&dir, port);
        Self { child, port, plain, dir }
    }

    /// Another file in its directory; read at a restart.
    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// As by `systemctl stop`: it writes down what it keeps.
    pub fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        self.child.wait().ok();
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    pub fn restart(&mut self) {
        self.kill();
        self.child = launch(&self.dir, self.port);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A broker that listens.
fn launch(dir: &tempfile::TempDir, port: u16) -> Child {
    let path = if std::path::Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
    let mut command = Command::new(path);
    command.arg("-c").arg(dir.path().join("mosquitto.conf")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("mosquitto is needed: apt install mosquitto");
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "mosquitto does not take its configuration");
        std::thread::yield_now();
    }
    child
}

/// What a connection through the proxy suffers.
#[derive(Clone, Debug)]
pub enum Cut {
    /// After so many bytes to the broker.
    Up(usize),
    /// After so many bytes from it.
    Down(usize),
    /// Where this stands on the way to the broker, one byte after it.
    UpAt(&'static str),
    /// Where this stands on the way from it.
    DownAt(&'static str),
}

/// How bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Free,
    /// One by one.
    Bytewise,
    /// Nothing is read any more, in either direction.
    Stalled,
    /// Everything is read and nothing passed on: the other side is gone and no packet says so.
    HalfOpen,
}

/// A wire between a client and the broker.
pub struct Proxy {
    pub port: u16,
    flow: watch::Sender<Flow>,
    cuts: Arc<Mutex<VecDeque<Cut>>>,
    made: watch::Sender<u32>,
}

impl Proxy {
    pub async fn to(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (flow, cuts, made) = (watch::Sender::new(Flow::Free), Arc::default(), watch::Sender::new(0));
        let proxy = Self { port, flow, cuts, made };
        let (flow, cuts, made) = (proxy.flow.clone(), Arc::clone(&proxy.cuts), proxy.made.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                made.send_modify(|n| *n += 1);
                let cut = cuts.lock().unwrap().pop_front();
                tokio::spawn(carry(client, broker, cut, flow.subscribe()));
            }
        });
        proxy
    }

    pub fn flow(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// The next connections suffer these, in order.
    pub fn cut(&self, cuts: &[Cut]) {
        self.cuts.lock().unwrap().extend(cuts.iter().cloned());
    }

    /// How many connections were made.
    pub fn made(&self) -> u32 {
        *self.made.borrow()
    }

    pub fn uncut(&self) -> usize {
        self.cuts.lock().unwrap().len()
    }
}

async fn carry(client: TcpStream, broker: u16, cut: Option<Cut>, flow: watch::Receiver<Flow>) {
    let Ok(broker) = TcpStream::connect(("127.0.0.1", broker)).await else { return };
    let (mut up_from, mut down_to) = client.into_split();
    let (mut down_from, mut up_to) = broker.into_split();
    let up = match &cut {
        Some(Cut::Up(n)) => Some((*n, None)),
        Some(Cut::UpAt(text)) => Some((usize::MAX, Some(*text))),
        _ => None,
    };
    let down = match &cut {
        Some(Cut::Down(n)) => Some((*n, None)),
        Some(Cut::DownAt(text)) => Some((usize::MAX, Some(*text))),
        _ => None,
    };
    // Either side ends both: a cut is a cut.
    tokio::select! {
        () = pump(&mut up_from, &mut up_to, up, flow.clone()) => {}
        () = pump(&mut down_from, &mut down_to, down, flow) => {}
    }
}

type At = Option<(usize, Option<&'static str>)>;

async fn pump(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut cut: At,
    mut flow: watch::Receiver<Flow>,
) {
    let mut buffer = [0; 4096];
    let mut seen: Vec<u8> = Vec::new();
    loop {
        if flow.wait_for(|f| *f != Flow::Stalled).await.is_err() {
            return;
        }
        let n = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            _ = flow.changed() => continue,
        };
        if n == 0 {
            return;
        }
        let now = *flow.borrow();
        if now == Flow::HalfOpen {
            continue;
        }
        let mut part = &buffer[..n];
        let mut last = false;
        if let Some((left, text)) = &mut cut {
            let before = seen.len();
            seen.extend(part);
            let hit = text.and_then(|t| seen.windows(t.len()).position(|w| w == t.as_bytes()).map(|p| p + t.len() + 1));
            let end = hit.map_or(*left, |p| p - before);
            if end <= part.len() {
                (part, last) = (&part[..end], true);
            }
            *left = left.saturating_sub(part.len());
        }
        let step = if now == Flow::Bytewise { 1 } else { part.len().max(1) };
        for bytes in part.chunks(step) {
            if to.write_all(bytes).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        if last {
            return;
        }
    }
}

/// What the devices of the park's gateway say and hear.
#[derive(Default)]
pub struct Field {
    pub cap_kw: f64,
    pub limit_kw: f64,
    pub deaf: bool,
    pub mute: bool,
    sequence: u64,
    /// Topic, payload, retained.
    pub heard: Vec<(String, String, bool)>,
}

pub type Shared = Arc<Mutex<Field>>;

/// A client of the test; ends with it.
pub fn client(port: u16, id: &str, will: Option<LastWill>) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(id, ("127.0.0.1", port));
    options.set_keep_alive(5).set_max_packet_size(1 << 20, 1 << 20);
    if let Some(will) = will {
        options.set_last_will(will);
    }
    AsyncClient::builder(options).capacity(64).build()
}

/// A topic and a payload from an event.
pub fn message(event: Event) -> Option<(String, String, bool)> {
    let Event::Incoming(Incoming::Publish(p)) = event else { return None };
    let text = |b: &[u8]| String::from_utf8(b.to_vec()).unwrap();
    Some((text(&p.topic), text(&p.payload), p.retain))
}

pub const RETAINED: PublishOptions = PublishOptions::at_most_once().retained();
pub const LIVE: PublishOptions = PublishOptions::at_most_once();

/// Devices that end with it.
pub struct Gateway {
    pub field: Shared,
    task: tokio::task::JoinHandle<()>,
}

impl Gateway {
    /// A lighting gateway and an EV park that speak ten times as fast as the manual says.
    pub fn start(port: u16) -> Self {
        let field: Shared = Arc::new(Mutex::new(Field { cap_kw: 40.0, limit_kw: 44.0, ..Field::default() }));
        let will = LastWill::new("park/lighting/online", "0", QoS::AtMostOnce, true);
        let (out, mut events) = client(port, "park", Some(will));
        let shared = field.clone();
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(200));
            loop {
                tokio::select! {
                    event = events.poll() => match event {
                        Ok(Event::Incoming(Incoming::ConnAck(_))) => {
                            out.try_subscribe("park/+/set", QoS::AtMostOnce).unwrap();
                            out.try_subscribe("park/ev/limit_kw/set", QoS::AtMostOnce).unwrap();
                            out.try_publish("park/lighting/online", "1", RETAINED).unwrap();
                        }
                        Ok(event) => if let Some(m) = message(event) { obey(&shared, m) },
                        Err(_) => { ticks.tick().await; }
                    },
                    _ = ticks.tick() => speak(&out, &shared),
                }
            }
        });
        Self { field, task }
    }

    /// The gateway dies: its connection breaks.
    pub fn die(self) {}

    /// Lighting caps that arrived, in order.
    pub fn caps(&self) -> Vec<f64> {
        let field = self.field.lock().unwrap();
        let json = |t: &str| serde_json::from_str::<serde_json::Value>(t).unwrap()["cap_kw"].as_f64().unwrap();
        field.heard.iter().filter(|h| h.0 == "park/lighting/set").map(|h| json(&h.1)).collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn obey(shared: &Shared, (topic, text, retained): (String, String, bool)) {
    let mut field = shared.lock().unwrap();
    if !field.deaf && topic == "park/lighting/set" {
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["ttl_s"], 15);
        field.cap_kw = json["cap_kw"].as_f64().unwrap();
    } else if !field.deaf {
        field.limit_kw = text.parse().unwrap();
    }
    field.heard.push((topic, text, retained));
}

pub fn status(sequence: u64, power_w: f64, cap_kw: f64) -> String {
    format!("{{\"seq\":{sequence},\"power_w\":{power_w:.1},\"wanted_w\":33000.0,\"cap_kw\":{cap_kw}}}")
}

fn speak(out: &AsyncClient, shared: &Shared) {
    let mut field = shared.lock().unwrap();
    if field.mute {
        return;
    }
    field.sequence += 1;
    out.try_publish("park/lighting/status", status(field.sequence, 26400.0, field.cap_kw), RETAINED).ok();
    for (topic, value) in [("power_kw", 51.2), ("wanted_kw", 66.0), ("connected", 5.0), ("limit_kw", field.limit_kw)] {
        out.try_publish(format!("park/ev/{topic}"), value.to_string(), LIVE).ok();
    }
}

/// The drivers of lighting (device 0) and EV park (device 1).
pub struct Rig {
    pub bench: Bench,
    pub handles: Vec<DeviceHandle>,
    pub profiles: Vec<Arc<Profile>>,
    pub reports: Reports,
    pub shutdown: CancellationToken,
}

pub fn rig(port: u16) -> Rig {
    rig_by(port, Wires::default(), ADDRESS)
}

/// With other wires than the usual; `address` stands in the site file.
pub fn rig_by(port: u16, wires: Wires, address: &str) -> Rig {
    let (bench, shutdown) = (Bench::new(), CancellationToken::new());
    let mut store = ProfileStore::built_in().unwrap();
    // Silence is noticed sooner than in the manual, so that the test does not wait for it.
    let dali = include_str!("../../config/profiles/ref-dali-gateway.toml")
        .replace("stale_after_s = 7.0", "stale_after_s = 1.5");
    store.add("ref-dali-gateway", "dali", &dali).unwrap();
    let names = [("park-lighting", "ref-dali-gateway"), ("park-ev", "ref-ev-park")];
    let devices = names.map(|(id, profile)| device(id, profile, address, 0)).to_vec();
    let scheme = address.split_once("://").map_or(String::new(), |(s, _)| format!("{s}://"));
    let endpoints = BTreeMap::from([(address.to_owned(), format!("{scheme}127.0.0.1:{port}"))]);
    let reports = wires.reports.clone();
    let handles = spawn_by(&site(devices), &store, Wires { endpoints, ..wires }, bench.clock(), shutdown.clone());
    let profiles = names.map(|(_, p)| store.get(p).unwrap().clone()).to_vec();
    Rig { bench, handles, profiles, reports, shutdown }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Rig {
    pub fn value(&self, n: usize, frame: &DeviceFrame, point: Point) -> Value {
        frame.readings[self.profiles[n].index(point).unwrap()].value
    }
    pub async fn until(&mut self, n: usize, what: &str, f: impl FnMut(&DeviceFrame) -> bool) -> Arc<DeviceFrame> {
        until(&mut self.handles[n].frames, what, f).await
    }
    pub async fn up(&mut self, n: usize) -> Arc<DeviceFrame> {
        self.until(n, "up", |f| f.link == Link::Up && f.readings.iter().all(|r| r.value.is_ok())).await
    }
    pub async fn down(&mut self, n: usize) -> Arc<DeviceFrame> {
        self.until(n, "down", |f| matches!(f.link, Link::Down(_))).await
    }
    pub async fn applied(&mut self, n: usize, cycle: u64) {
        self.until(n, "applied", |f| f.write.applied_cycle == Some(cycle)).await;
    }
    pub fn cap(&self, n: usize, kw: f64, cycle: u64) {
        self.told(n, kw, cycle, true);
    }
    /// `renew`: said again before the device would end it by itself.
    pub fn told(&self, n: usize, kw: f64, cycle: u64, renew: bool) {
        let setpoint = Setpoint {
            asset: AssetIx(n),
            device: DeviceIx(n),
            targets: vec![Target { point: Point::WMax, value: kw }],
            cycle,
            lease_until: self.bench.now() + Duration::from_secs(60),
            renew,
            cause: Cause::Plan,
            limited_by: None,
        };
        self.handles[n].commands.send_replace(Some(Arc::new(setpoint)));
    }
    /// A report with this in its text.
    pub async fn reported(&self, part: &str) -> hexad::site::Report {
        let mut reports = self.reports.subscribe();
        let found = |all: &BTreeMap<_, hexad::site::Report>| all.values().any(|r| r.text.contains(part));
        let wait = tokio::time::timeout(PATIENCE, reports.wait_for(found)).await;
        let all = wait.ok().and_then(Result::ok).unwrap_or_else(|| panic!("never said: {part}")).clone();
        all.into_values().find(|r| r.text.contains(part)).unwrap()
    }
    /// Nothing is reported any more.
    pub async fn quiet(&self) {
        let mut reports = self.reports.subscribe();
        tokio::time::timeout(PATIENCE, reports.wait_for(BTreeMap::is_empty)).await.expect("never taken back").unwrap();
    }
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        for h in self.handles.drain(..) {
            h.finished().await;
        }
    }
}

/// What `filter` yields until `done`.
pub async fn listen(port: u16, id: &str, filter: &str, mut done: impl FnMut(&[(String, String, bool)]) -> bool) {
    let (asker, mut events) = client(port, id, None);
    asker.try_subscribe(filter, QoS::AtMostOnce).unwrap();
    let mut got = Vec::new();
    let all = async {
        while !done(&got) {
            got.extend(events.poll().await.ok().and_then(message));
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, all).await.is_ok();
    assert!(in_time, "never; heard {got:?}");
}
