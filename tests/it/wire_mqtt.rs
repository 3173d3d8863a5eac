//! MQTT sessions against a real broker (a child process on a free loopback port).

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hexad::devices::profile::{Profile, ProfileStore};
use hexad::devices::{DeviceHandle, spawn};
use hexad::site::{AssetIx, Cause, DeviceFrame, DeviceIx, Link, Point, Reason, Setpoint, Target, Value};
use rumqttc::{AsyncClient, Event, Incoming, LastWill, MqttOptions, Publish, QoS};
use tokio_util::sync::CancellationToken;

use crate::wire_bench::{Bench, device, site, until};

struct Broker {
    child: Child,
    port: u16,
    config: tempfile::NamedTempFile,
}

impl Broker {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut config = tempfile::NamedTempFile::new().unwrap();
        writeln!(config, "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false").unwrap();
        let child = launch(&config);
        Self { child, port, config }
    }
    fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
    fn restart(&mut self) {
        self.kill();
        self.child = launch(&self.config);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(config: &tempfile::NamedTempFile) -> Child {
    let path = if std::path::Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
    let mut command = Command::new(path);
    command.arg("-c").arg(config.path()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("mosquitto is needed: apt install mosquitto")
}

/// What the devices of the park's gateway say and hear.
#[derive(Default)]
struct Field {
    cap_kw: f64,
    limit_kw: f64,
    deaf: bool,
    mute: bool,
    heard: Vec<Publish>,
}

type Shared = Arc<Mutex<Field>>;

/// A lighting gateway and an EV park that speak ten times as fast as the manual says.
fn devices(port: u16) -> (AsyncClient, Shared, tokio::task::JoinHandle<()>) {
    let field: Shared = Arc::new(Mutex::new(Field { cap_kw: 40.0, limit_kw: 44.0, ..Field::default() }));
    let mut options = MqttOptions::new("park", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(5));
    options.set_last_will(LastWill::new("park/lighting/online", "0", QoS::AtMostOnce, true));
    let (client, mut events) = AsyncClient::new(options, 64);
    let (out, shared) = (client.clone(), field.clone());
    let task = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                event = events.poll() => match event {
                    Ok(Event::Incoming(Incoming::ConnAck(_))) => {
                        out.try_subscribe("park/+/set", QoS::AtMostOnce).unwrap();
                        out.try_subscribe("park/ev/limit_kw/set", QoS::AtMostOnce).unwrap();
                        out.try_publish("park/lighting/online", QoS::AtMostOnce, true, "1").unwrap();
                    }
                    Ok(Event::Incoming(Incoming::Publish(p))) => obey(&shared, p),
                    Ok(_) => {}
                    Err(_) => { ticks.tick().await; }
                },
                _ = ticks.tick() => speak(&out, &shared),
            }
        }
    });
    (client, field, task)
}

fn obey(shared: &Shared, p: Publish) {
    let mut field = shared.lock().unwrap();
    let text = String::from_utf8(p.payload.to_vec()).unwrap();
    if !field.deaf && p.topic == "park/lighting/set" {
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["ttl_s"], 15);
        field.cap_kw = json["cap_kw"].as_f64().unwrap();
    } else if !field.deaf {
        field.limit_kw = text.parse().unwrap();
    }
    field.heard.push(p);
}

fn speak(out: &AsyncClient, shared: &Shared) {
    let field = shared.lock().unwrap();
    if field.mute {
        return;
    }
    let status = format!("{{\"seq\":1,\"power_w\":26400.0,\"wanted_w\":33000.0,\"cap_kw\":{}}}", field.cap_kw);
    out.try_publish("park/lighting/status", QoS::AtMostOnce, true, status).ok();
    for (topic, value) in [("power_kw", 51.2), ("wanted_kw", 66.0), ("connected", 5.0), ("limit_kw", field.limit_kw)] {
        out.try_publish(format!("park/ev/{topic}"), QoS::AtMostOnce, false, value.to_string()).ok();
    }
}

struct Rig {
    bench: Bench,
    handles: Vec<DeviceHandle>,
    profiles: Vec<Arc<Profile>>,
    shutdown: CancellationToken,
}

fn rig(port: u16) -> Rig {
    let (bench, shutdown) = (Bench::new(), CancellationToken::new());
    let mut store = ProfileStore::built_in().unwrap();
    // Silence is noticed sooner than in the manual, so that the test does not wait for it.
    let dali = include_str!("../../config/profiles/ref-dali-gateway.toml")
        .replace("stale_after_s = 7.0", "stale_after_s = 1.5");
    store.add("ref-dali-gateway", "dali", &dali).unwrap();
    let names = [("park-lighting", "ref-dali-gateway"), ("park-ev", "ref-ev-park")];
    let devices = names.map(|(id, profile)| device(id, profile, "10.8.0.5:1883", 0)).to_vec();
    let endpoints = BTreeMap::from([("10.8.0.5:1883".to_owned(), format!("127.0.0.1:{port}"))]);
    let handles = spawn(&site(devices), &store, &endpoints, bench.clock(), shutdown.clone());
    let profiles = names.map(|(_, p)| store.get(p).unwrap().clone()).to_vec();
    Rig { bench, handles, profiles, shutdown }
}

impl Rig {
    fn value(&self, n: usize, frame: &DeviceFrame, point: Point) -> Value {
        frame.readings[self.profiles[n].index(point).unwrap()].value
    }
    async fn until(&mut self, n: usize, what: &str, f: impl FnMut(&DeviceFrame) -> bool) -> Arc<DeviceFrame> {
        until(&mut self.handles[n].frames, what, f).await
    }
    async fn up(&mut self, n: usize) -> Arc<DeviceFrame> {
        self.until(n, "up", |f| f.link == Link::Up && f.readings.iter().all(|r| r.value.is_ok())).await
    }
    fn cap(&self, n: usize, kw: f64, cycle: u64) {
        let setpoint = Setpoint {
            asset: AssetIx(n),
            device: DeviceIx(n),
            targets: vec![Target { point: Point::WMax, value: kw }],
            cycle,
            lease_until: self.bench.now() + Duration::from_secs(60),
            renew: true,
            cause: Cause::Plan,
            limited_by: None,
        };
        self.handles[n].commands.send_replace(Some(Arc::new(setpoint)));
    }
}

#[tokio::test]
async fn json_and_plain_topics_are_read_and_commands_are_confirmed_by_their_echo() {
    let broker = Broker::start();
    let (_client, field, _task) = devices(broker.port);
    let mut rig = rig(broker.port);
    let frame = rig.up(0).await;
    assert!((rig.value(0, &frame, Point::W).unwrap() + 26.4).abs() < 1e-9);
    assert_eq!(rig.value(0, &frame, Point::WWanted), Ok(-33.0));
    assert_eq!(rig.value(0, &frame, Point::WMax), Ok(40.0));
    let frame = rig.up(1).await;
    assert_eq!(rig.value(1, &frame, Point::W), Ok(-51.2));
    assert_eq!(rig.value(1, &frame, Point::EvNum), Ok(5.0));
    rig.cap(0, 30.0, 3);
    rig.cap(1, 88.0, 3);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(3)).await;
    rig.until(1, "applied", |f| f.write.applied_cycle == Some(3)).await;
    let said: Vec<_> = {
        let f = field.lock().unwrap();
        assert!(f.heard.iter().all(|p| !p.retain));
        f.heard.iter().map(|p| (p.topic.clone(), String::from_utf8(p.payload.to_vec()).unwrap())).collect()
    };
    assert!(said.contains(&("park/lighting/set".into(), r#"{"cap_kw":30.0,"ttl_s":15}"#.into())));
    assert!(said.contains(&("park/ev/limit_kw/set".into(), "88.0".into())));
    // A command without its echo is a mismatch, never applied.
    field.lock().unwrap().deaf = true;
    rig.cap(1, 22.0, 4);
    let frame = rig.until(1, "mismatch", |f| !f.write.mismatches.is_empty()).await;
    assert_eq!((frame.write.mismatches[0].wanted, frame.write.mismatches[0].got), (22.0, 88.0));
    assert_eq!(frame.write.applied_cycle, Some(3));
    rig.shutdown.cancel();
    for h in rig.handles.drain(..) {
        h.finished().await;
    }
}

#[tokio::test]
async fn f39_retained_readings_are_not_believed_and_no_command_is_left_on_the_broker() {
    let broker = Broker::start();
    let (client, _field, task) = devices(broker.port);
    let mut first = rig(broker.port);
    first.up(0).await;
    first.cap(0, 20.0, 1);
    first.until(0, "applied", |f| f.write.applied_cycle == Some(1)).await;
    first.shutdown.cancel();
    // The gateway dies; its last status is retained by the broker.
    task.abort();
    drop(client);
    let mut second = rig(broker.port);
    let frame = second.until(0, "down", |f| matches!(f.link, Link::Down(_))).await;
    assert!(frame.readings.iter().all(|r| r.value.is_err()), "an old status was believed");
    // What the broker keeps below the prefix: the status and the will, no command.
    let (late, mut events) = AsyncClient::new(MqttOptions::new("late", "127.0.0.1", broker.port), 8);
    late.try_subscribe("park/#", QoS::AtMostOnce).unwrap();
    let mut kept = Vec::new();
    while !kept.contains(&"park/lighting/status".to_owned()) || !kept.contains(&"park/lighting/online".to_owned()) {
        let event = tokio::time::timeout(Duration::from_secs(20), events.poll()).await.unwrap().unwrap();
        if let Event::Incoming(Incoming::Publish(p)) = event {
            kept.push(p.topic);
        }
    }
    assert!(kept.iter().all(|t| !t.contains("set")), "{kept:?}");
    second.shutdown.cancel();
}

#[tokio::test]
async fn the_last_will_and_silence_take_a_device_down_and_its_return_brings_it_back() {
    let broker = Broker::start();
    let (_client, field, _task) = devices(broker.port);
    let mut rig = rig(broker.port);
    rig.up(0).await;
    field.lock().unwrap().mute = true;
    let frame = rig.until(0, "silent", |f| matches!(f.link, Link::Down(_))).await;
    assert_eq!(frame.link, Link::Down(Reason::DeviceTimeout));
    field.lock().unwrap().mute = false;
    rig.up(0).await;
    field.lock().unwrap().mute = true;
    let (other, mut events) = AsyncClient::new(MqttOptions::new("other", "127.0.0.1", broker.port), 8);
    other.try_publish("park/lighting/online", QoS::AtMostOnce, true, "0").unwrap();
    let poller = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let frame = rig.until(0, "its will", |f| matches!(f.link, Link::Down(_))).await;
    assert!(matches!(frame.link, Link::Down(Reason::Disconnected | Reason::DeviceTimeout)));
    assert!(frame.readings.iter().all(|r| r.value.is_err()));
    // The EV park on the same broker has no will and is unaffected by the other's.
    field.lock().unwrap().mute = false;
    rig.up(0).await;
    rig.up(1).await;
    poller.abort();
    rig.shutdown.cancel();
}

#[tokio::test]
async fn f38_f40_a_killed_broker_comes_back_with_subscriptions_and_without_old_commands() {
    let mut broker = Broker::start();
    let (_client, field, _task) = devices(broker.port);
    let mut rig = rig(broker.port);
    rig.up(0).await;
    rig.cap(0, 25.0, 1);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(1)).await;
    for round in 2..4u32 {
        broker.kill();
        let frame = rig.until(0, "down", |f| f.link == Link::Down(Reason::Disconnected)).await;
        assert!(frame.readings.iter().all(|r| r.value == Err(Reason::Disconnected)));
        rig.until(1, "down", |f| f.link == Link::Down(Reason::Disconnected)).await;
        // Decided while the broker is away, and changed before it returns: only the last may arrive.
        rig.cap(0, 11.0, u64::from(round) * 10);
        rig.cap(0, 30.0 + f64::from(round), u64::from(round) * 10 + 1);
        field.lock().unwrap().heard.clear();
        broker.restart();
        rig.up(0).await;
        rig.up(1).await;
        rig.until(0, "applied", |f| f.write.applied_cycle == Some(u64::from(round) * 10 + 1)).await;
        let heard = field.lock().unwrap().heard.clone();
        assert!(heard.iter().all(|p| !String::from_utf8_lossy(&p.payload).contains("11.0")), "an old command arrived");
        assert!(rig.handles[0].frames.borrow().connects >= round);
    }
    rig.shutdown.cancel();
}
