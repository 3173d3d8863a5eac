//! A test bench: Modbus devices behind in-memory pipes, on tokio's paused clock, with scripted misbehaviour.

#![allow(clippy::disallowed_methods)] // the bench stands in for the clock: tokio's, which tests pause

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hexad::devices::profile::{ProfileStore, Wire};
use hexad::devices::{DeviceHandle, Monotonic, spawn, spawn_over};
use hexad::site::{
    AssetIx, Cause, Device, DeviceFrame, DeviceIx, Link, Point, Setpoint, Site, Stop, Target, Tariff, Value, Values,
};
use hexad::transport::tcp::{Dial, Stream};
use hexad::units::Mono;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a device does with a request instead of answering it well.
pub enum Reply {
    Pdu(Vec<u8>),
    Exception(u8),
    Silence,
    Late(Duration, Vec<u8>),
    /// The right answer, later.
    Slow(Duration),
    /// The right answer between other bytes.
    Noisy(Vec<u8>, Vec<u8>),
    /// The right answer, and the end of the connection.
    Last,
    WrongUnit,
    StaleFirst(Vec<u8>),
    Bytewise,
    Raw(Vec<u8>),
    Close,
}

type Script = Box<dyn FnMut(u8, &[u8]) -> Option<Reply> + Send>;

/// Table 1 coils, 2 discrete, 3 holding, 4 input: as the function code that reads it.
type Registers = BTreeMap<(u8, u8, u16), u16>;

#[derive(Default)]
pub struct Park {
    pub registers: Registers,
    pub log: Vec<(f64, u8, Vec<u8>)>,
    pub dials: u32,
    pub refuse: bool,
    /// The first so many connections are not answered any more.
    pub deaf: u32,
    pub script: Option<Script>,
}

#[derive(Clone)]
pub struct Bench {
    pub park: Arc<Mutex<Park>>,
    start: Instant,
}

impl Bench {
    pub fn new() -> Self {
        Self { park: Arc::default(), start: Instant::now() }
    }

    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    pub fn clock(&self) -> Monotonic {
        let start = self.start;
        Arc::new(move || Mono(u64::try_from(start.elapsed().as_micros()).unwrap()))
    }

    pub fn now(&self) -> Mono {
        (self.clock())()
    }

    pub fn set(&self, unit: u8, table: u8, address: u16, words: &[u16]) {
        let mut park = self.park.lock().unwrap();
        for (n, w) in (address..).zip(words) {
            park.registers.insert((unit, table, n), *w);
        }
    }

    pub fn get(&self, unit: u8, table: u8, address: u16) -> u16 {
        self.park.lock().unwrap().registers[&(unit, table, address)]
    }

    pub fn script(&self, script: impl FnMut(u8, &[u8]) -> Option<Reply> + Send + 'static) {
        self.park.lock().unwrap().script = Some(Box::new(script));
    }

    pub fn dials(&self) -> u32 {
        self.park.lock().unwrap().dials
    }

    pub fn well(&self) {
        self.park.lock().unwrap().script = None;
    }

    /// Requests so far: seconds, unit, PDU.
    pub fn log(&self) -> Vec<(f64, u8, Vec<u8>)> {
        self.park.lock().unwrap().log.clone()
    }

    pub fn writes(&self) -> Vec<(f64, u8, Vec<u8>)> {
        self.log().into_iter().filter(|(_, _, pdu)| matches!(pdu[0], 5 | 6 | 15 | 16)).collect()
    }

    /// A battery system as its manual describes it.
    pub fn pcs(&self, unit: u8) {
        self.set(unit, 3, 0, &[0x4858, 0x5043, 0x5332, 0x3530]);
        self.set(unit, 4, 82, &[0xFFFF, 0xF448, 635, 987, 2500, 2000, 2, 0, 7504]);
        self.set(unit, 3, 999, &[0, 0, 0]);
    }

    pub fn dial(&self) -> Dial {
        let bench = self.clone();
        Arc::new(move |_| {
            let bench = bench.clone();
            Box::pin(async move {
                let refuse = {
                    let mut park = bench.park.lock().unwrap();
                    park.dials += u32::from(park.refuse);
                    park.refuse
                };
                if refuse {
                    return Err(std::io::ErrorKind::ConnectionRefused.into());
                }
                let (near, far) = tokio::io::duplex(4096);
                bench.attend(far);
                Ok(Box::new(near) as Box<dyn Stream>)
            })
        })
    }

    /// Serves one more connection.
    pub fn attend(&self, wire: impl Stream + 'static) -> JoinHandle<()> {
        let mut park = self.park.lock().unwrap();
        park.dials += 1;
        tokio::spawn(self.clone().serve(wire, park.dials))
    }

    /// A real listener, and its address.
    pub async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let bench = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                bench.attend(stream);
            }
        });
        address
    }

    async fn serve(self, mut wire: impl Stream, number: u32) {
        let mut head = [0u8; 7];
        while wire.read_exact(&mut head).await.is_ok() {
            let mut pdu = vec![0; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
            if wire.read_exact(&mut pdu).await.is_err() {
                return;
            }
            let unit = head[6];
            let reply = {
                let mut park = self.park.lock().unwrap();
                if number <= park.deaf {
                    continue;
                }
                park.log.push((self.seconds(), unit, pdu.clone()));
                let scripted = park.script.as_mut().and_then(|s| s(unit, &pdu));
                scripted.unwrap_or_else(|| Reply::Pdu(answer(&mut park.registers, unit, &pdu)))
            };
            let well = answer(&mut self.park.lock().unwrap().registers.clone(), unit, &pdu);
            let frame = |tid: [u8; 2], unit: u8, pdu: &[u8]| {
                let length = u16::try_from(pdu.len() + 1).unwrap().to_be_bytes();
                [&tid[..], &[0, 0], &length, &[unit], pdu].concat()
            };
            let tid = [head[0], head[1]];
            let bytes = match reply {
                Reply::Pdu(pdu) => frame(tid, unit, &pdu),
                Reply::Exception(code) => frame(tid, unit, &[pdu[0] | 0x80, code]),
                Reply::Silence => continue,
                Reply::Late(delay, pdu) => {
                    pass(delay).await;
                    frame(tid, unit, &pdu)
                }
                Reply::Slow(delay) => {
                    pass(delay).await;
                    frame(tid, unit, &well)
                }
                Reply::Noisy(before, after) => [before, frame(tid, unit, &well), after].concat(),
                Reply::Last => {
                    wire.write_all(&frame(tid, unit, &well)).await.ok();
                    return;
                }
                Reply::WrongUnit => frame(tid, unit + 1, &well),
                Reply::StaleFirst(pdu) => {
                    let old = u16::from_be_bytes(tid).wrapping_sub(1).to_be_bytes();
                    [frame(old, unit, &pdu), frame(tid, unit, &well)].concat()
                }
                Reply::Bytewise => {
                    for byte in frame(tid, unit, &well) {
                        wire.write_all(&[byte]).await.ok();
                        pass(Duration::from_millis(10)).await;
                    }
                    continue;
                }
                Reply::Raw(bytes) => bytes,
                Reply::Close => return,
            };
            if wire.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
}

/// A well-behaved device: exception 2 for what it does not have.
fn answer(registers: &mut Registers, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let word = |n: usize| u16::from_be_bytes([pdu[n], pdu[n + 1]]);
    let function = pdu[0];
    let refuse = vec![function | 0x80, 2];
    let (address, count) = (word(1), word(3));
    match function {
        1..=4 => {
            let found: Option<Vec<u16>> =
                (address..address + count).map(|a| registers.get(&(unit, function, a)).copied()).collect();
            let Some(words) = found else { return refuse };
            let body: Vec<u8> = if function < 3 {
                words.chunks(8).map(|c| c.iter().rev().fold(0, |b, w| b << 1 | u8::from(*w != 0))).collect()
            } else {
                words.iter().flat_map(|w| w.to_be_bytes()).collect()
            };
            [&[function, u8::try_from(body.len()).unwrap()], &body[..]].concat()
        }
        5 | 6 => {
            let (table, value) = if function == 5 { (1, u16::from(count != 0)) } else { (3, count) };
            registers.insert((unit, table, address), value);
            pdu.to_vec()
        }
        15 => {
            for n in 0..count {
                let bit = pdu[6 + usize::from(n / 8)] >> (n % 8) & 1;
                registers.insert((unit, 1, address + n), bit.into());
            }
            pdu[..5].to_vec()
        }
        16 => {
            for n in 0..count {
                registers.insert((unit, 3, address + n), word(6 + 2 * usize::from(n)));
            }
            pdu[..5].to_vec()
        }
        _ => vec![function | 0x80, 1],
    }
}

/// A feeder relay, unit 3, whose switch is a flash register with four writes a day, and the profiles that say so.
pub fn flash_relay() -> (Bench, ProfileStore) {
    let bench = Bench::new();
    bench.set(3, 4, 10, &[500]);
    bench.set(3, 1, 0, &[1]);
    let text = include_str!("../../config/profiles/ref-feeder-relay.toml");
    let text = text.replace("access = \"rw\"", "access = \"rw\"\nwrite = \"flash\"\nwrites_per_day = 4");
    let mut store = ProfileStore::built_in().unwrap();
    store.add("ref-feeder-relay", "flash.toml", &text).unwrap();
    (bench, store)
}

pub fn device(id: &str, profile: &str, address: &str, unit: u8) -> Device {
    device_of(&ProfileStore::built_in().unwrap(), id, profile, address, unit)
}

pub fn device_of(store: &ProfileStore, id: &str, profile: &str, address: &str, unit: u8) -> Device {
    let known = store.get(profile);
    let (points, reversion) = known.map_or((4, hexad::site::Reversion::None), |p| (p.points.len(), p.reversion()));
    let mqtt = known.is_some_and(|p| matches!(p.wire, Wire::Mqtt(_)));
    Device {
        id: id.into(),
        profile: profile.into(),
        address: address.into(),
        unit,
        topic: mqtt.then(|| id.replace('-', "/")),
        stop: Stop::Hold,
        points: 0..points,
        reversion,
    }
}

/// A site of nothing but these devices.
pub fn site(devices: Vec<Device>) -> Site {
    let values = Values {
        lost_load_critical_per_kwh: 1.0,
        lost_load_normal_per_kwh: 1.0,
        lost_load_sheddable_per_kwh: 1.0,
        lost_heat_per_kwh: 1.0,
        lost_cooling_per_kwh: 1.0,
        lost_hydrogen_per_kwh: 1.0,
        surplus_per_kwh: 1.0,
        co2_per_kg: 0.0,
    };
    Site {
        id: "bench".into(),
        name: "bench".into(),
        zone: jiff::tz::TimeZone::UTC,
        latitude_deg: 0.0,
        longitude_deg: 0.0,
        currency: "CNY".into(),
        values,
        tariff: Tariff { export_per_kwh: 0.0, demand_per_kw_month: 0.0, demand_window_min: 15, period: vec![] },
        co2: Default::default(),
        reserve: None,
        survival: None,
        members: vec![],
        buses: vec![],
        assets: vec![],
        devices,
        points: vec![],
        weather: None,
    }
}

/// Running drivers.
pub struct Rig {
    pub handles: Vec<DeviceHandle>,
    pub shutdown: CancellationToken,
    pub bench: Bench,
    pub profiles: ProfileStore,
    pub site: Site,
}

impl Bench {
    pub fn run(&self, devices: Vec<Device>) -> Rig {
        self.run_with(devices, ProfileStore::built_in().unwrap())
    }

    pub fn run_with(&self, devices: Vec<Device>, profiles: ProfileStore) -> Rig {
        self.run_over(devices, profiles, self.dial())
    }

    /// On connections of `dial`, and on the clock that runs.
    pub fn run_over(&self, devices: Vec<Device>, profiles: ProfileStore, dial: Dial) -> Rig {
        let (site, shutdown) = (site(devices), CancellationToken::new());
        let handles = spawn_over(&site, &profiles, &BTreeMap::new(), self.clock(), shutdown.clone(), dial);
        Rig { handles, shutdown, bench: self.clone(), profiles, site }
    }

    /// The same over TCP: whatever the devices' addresses, they are behind `endpoint`.
    pub fn run_at(&self, endpoint: &str, devices: Vec<Device>) -> Rig {
        let (site, shutdown, profiles) = (site(devices), CancellationToken::new(), ProfileStore::built_in().unwrap());
        let endpoints = site.devices.iter().map(|d| (d.address.clone(), endpoint.to_owned())).collect();
        let handles = spawn(&site, &profiles, &endpoints, self.clock(), shutdown.clone());
        Rig { handles, shutdown, bench: self.clone(), profiles, site }
    }
}

impl Rig {
    pub fn command(&self, n: usize, targets: &[(Point, f64)], cycle: u64, lease_s: u64) {
        let targets = targets.iter().map(|(point, value)| Target { point: *point, value: *value }).collect();
        let setpoint = Setpoint {
            asset: AssetIx(0),
            device: DeviceIx(n),
            targets,
            cycle,
            lease_until: self.bench.now() + Duration::from_secs(lease_s),
            renew: true,
            cause: Cause::Plan,
            limited_by: None,
        };
        self.handles[n].commands.send_replace(Some(Arc::new(setpoint)));
    }

    pub fn frame(&self, n: usize) -> Arc<DeviceFrame> {
        Arc::clone(&self.handles[n].frames.borrow())
    }

    pub fn value(&self, n: usize, point: Point) -> Value {
        let profile = self.profiles.get(&self.site.devices[n].profile).unwrap();
        self.frame(n).readings[profile.index(point).unwrap()].value
    }

    pub async fn until(&mut self, n: usize, what: &str, f: impl FnMut(&DeviceFrame) -> bool) -> Arc<DeviceFrame> {
        until(&mut self.handles[n].frames, what, f).await
    }

    pub async fn up(&mut self, n: usize) {
        self.until(n, "up with all readings", |f| f.link == Link::Up && f.readings.iter().all(|r| r.value.is_ok()))
            .await;
    }

    /// Lets `seconds` of virtual time pass.
    pub async fn pass(&self, seconds: f64) {
        pass(Duration::from_secs_f64(seconds)).await;
    }
}

/// Lets virtual time pass.
async fn pass(time: Duration) {
    tokio::time::timeout(time, std::future::pending::<()>()).await.ok();
}

/// Waits for a frame, on whatever clock runs, at most two minutes.
pub async fn until(
    frames: &mut watch::Receiver<Arc<DeviceFrame>>,
    what: &str,
    mut f: impl FnMut(&DeviceFrame) -> bool,
) -> Arc<DeviceFrame> {
    let wait = tokio::time::timeout(Duration::from_secs(120), frames.wait_for(|x| f(x))).await;
    let found = wait.ok().and_then(Result::ok).map(|x| Arc::clone(&x));
    found.unwrap_or_else(|| panic!("never: {what}; last {:?}", frames.borrow()))
}
