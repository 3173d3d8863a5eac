//! MQTT devices that nobody here wrote, behind the real driver and a real broker: mosquitto's own command-line clients, and
//! a gateway on paho-mqtt.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hexad::devices::profile::{Profile, ProfileStore};
use hexad::devices::{DeviceHandle, spawn};
use hexad::site::{AssetIx, Cause, DeviceFrame, DeviceIx, Link, Point, Reason, Setpoint, Target, Value};
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

use crate::peers::python;
use crate::wire_bench::{Bench, device, site, until};

const ADDRESS: &str = "10.8.0.5:1883";

struct Broker {
    _child: Child,
    port: u16,
    _config: tempfile::NamedTempFile,
}

impl Broker {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut config = tempfile::NamedTempFile::new().unwrap();
        writeln!(config, "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false").unwrap();
        let path =
            if std::path::Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
        let mut broker = Command::new(path);
        broker.arg("-c").arg(config.path()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = broker.spawn().expect("mosquitto is needed: apt install mosquitto");
        // Clients that do not try again need a broker that listens.
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Self { _child: child, port, _config: config }
    }
}

/// One device behind the real driver.
struct Driver {
    bench: Bench,
    handle: DeviceHandle,
    profile: Arc<Profile>,
    shutdown: CancellationToken,
}

impl Driver {
    fn start(port: u16, id: &str, name: &str, profile: &str) -> Self {
        let (bench, shutdown) = (Bench::new(), CancellationToken::new());
        let mut store = ProfileStore::built_in().unwrap();
        store.add(name, "test", profile).unwrap();
        let endpoints = BTreeMap::from([(ADDRESS.to_owned(), format!("127.0.0.1:{port}"))]);
        let site = site(vec![device(id, name, ADDRESS, 0)]);
        let handle = spawn(&site, &store, &endpoints, bench.clock(), shutdown.clone()).remove(0);
        Self { bench, handle, profile: Arc::clone(store.get(name).unwrap()), shutdown }
    }
    fn value(&self, frame: &DeviceFrame, point: Point) -> Value {
        frame.readings[self.profile.index(point).unwrap()].value
    }
    async fn until(&mut self, what: &str, f: impl FnMut(&DeviceFrame) -> bool) -> Arc<DeviceFrame> {
        until(&mut self.handle.frames, what, f).await
    }
    async fn up(&mut self) -> Arc<DeviceFrame> {
        self.until("up", |f| f.link == Link::Up && f.readings.iter().all(|r| r.value.is_ok())).await
    }
    /// The first frame that reads so.
    async fn reads(&mut self, point: Point, wanted: Value) -> Arc<DeviceFrame> {
        let n = self.profile.index(point).unwrap();
        self.until(&format!("{point:?} reads {wanted:?}"), |f| f.readings[n].value == wanted).await
    }
    async fn applied(&mut self, cycle: u64) {
        self.until("applied", |f| f.write.applied_cycle == Some(cycle)).await;
    }
    fn cap(&self, kw: f64, cycle: u64, lease: Duration) {
        let setpoint = Setpoint {
            asset: AssetIx(0),
            device: DeviceIx(0),
            targets: vec![Target { point: Point::WMax, value: kw }],
            cycle,
            lease_until: self.bench.now() + lease,
            renew: true,
            cause: Cause::Plan,
            limited_by: None,
        };
        self.handle.commands.send_replace(Some(Arc::new(setpoint)));
    }
    async fn stop(self) {
        self.shutdown.cancel();
        self.handle.finished().await;
    }
}

fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().unwrap()).lines()
}

/// The next line, in bounded time.
async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = tokio::time::timeout(Duration::from_secs(120), lines.next_line()).await;
    line.expect("it says nothing").unwrap().expect("it has ended")
}

fn client(program: &str, port: u16, arguments: &[&str]) -> Child {
    let mut command = Command::new(program);
    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap_or_else(|e| panic!("{program} is needed: apt install mosquitto-clients: {e}"))
}

/// What an EV park made of mosquitto_pub and mosquitto_sub says and hears.
struct Park {
    says: BTreeMap<&'static str, String>,
    heard: Vec<String>,
    echoes: bool,
}

type Shared = Arc<Mutex<Park>>;

/// One `mosquitto_pub -l` a topic, each fed a line per tick, and one `mosquitto_sub` for the commands (retain flag, payload).
fn ev_park(port: u16) -> (Shared, tokio::task::JoinHandle<()>) {
    let first = [("power_kw", "51.2"), ("wanted_kw", "66"), ("connected", "5"), ("limit_kw", "44.0")];
    let says = first.map(|(topic, value)| (topic, value.to_owned())).into();
    let park: Shared = Arc::new(Mutex::new(Park { says, heard: Vec::new(), echoes: true }));
    let mut mouths =
        first.map(|(topic, _)| (topic, client("mosquitto_pub", port, &["-l", "-t", &format!("park/ev/{topic}")])));
    let mut ear = client("mosquitto_sub", port, &["-t", "park/ev/limit_kw/set", "-F", "%r %p"]);
    let (shared, mut commands) = (Arc::clone(&park), lines(&mut ear));
    let task = tokio::spawn(async move {
        let _ear = ear;
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                command = commands.next_line() => {
                    let Some(command) = command.unwrap() else { return };
                    let mut park = shared.lock().unwrap();
                    if let Some(payload) = command.strip_prefix("0 ").filter(|_| park.echoes) {
                        park.says.insert("limit_kw", payload.to_owned());
                    }
                    park.heard.push(command);
                }
                _ = ticks.tick() => for (topic, mouth) in &mut mouths {
                    let line = shared.lock().unwrap().says[topic].clone() + "\n";
                    mouth.stdin.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
                }
            }
        }
    });
    (park, task)
}

#[tokio::test]
async fn mosquitto_pub_and_sub_are_a_device() {
    let broker = Broker::start();
    let (park, task) = ev_park(broker.port);
    let profile = include_str!("../../config/profiles/ref-ev-park.toml");
    let mut driver = Driver::start(broker.port, "park-ev", "ref-ev-park", profile);
    let frame = driver.up().await;
    assert_eq!(driver.value(&frame, Point::W), Ok(-51.2), "it draws");
    assert_eq!(driver.value(&frame, Point::WWanted), Ok(-66.0));
    assert_eq!(driver.value(&frame, Point::EvNum), Ok(5.0));
    assert_eq!(driver.value(&frame, Point::WMax), Ok(44.0));

    let minute = Duration::from_secs(60);
    driver.cap(88.0, 3, minute);
    driver.applied(3).await;
    driver.reads(Point::WMax, Ok(88.0)).await;
    assert!(park.lock().unwrap().heard.contains(&"0 88.0".to_owned()), "a plain number, not retained");

    // What is no number is no reading, what no such device can do is not believed, and the others go on.
    let say = |topic: &'static str, value: &str| park.lock().unwrap().says.insert(topic, value.to_owned());
    for (wrong, reason) in [("n/a", Reason::BadReply), ("nan", Reason::NotImplemented), ("5000", Reason::OutOfRange)] {
        say("power_kw", wrong);
        let frame = driver.reads(Point::W, Err(reason)).await;
        assert_eq!((frame.link, driver.value(&frame, Point::WWanted)), (Link::Up, Ok(-66.0)), "{wrong}");
    }
    say("power_kw", "12.5");
    driver.reads(Point::W, Ok(-12.5)).await;

    // A command that is heard and not echoed was not applied.
    park.lock().unwrap().echoes = false;
    driver.cap(22.0, 4, minute);
    let frame = driver.until("mismatch", |f| !f.write.mismatches.is_empty()).await;
    assert_eq!((frame.write.mismatches[0].wanted, frame.write.mismatches[0].got), (22.0, 88.0));
    assert_eq!(frame.write.applied_cycle, Some(3));
    assert!(park.lock().unwrap().heard.contains(&"0 22.0".to_owned()));

    // Its programs end: silence.
    task.abort();
    let frame = driver.until("silent", |f| f.link == Link::Down(Reason::DeviceTimeout)).await;
    assert!(frame.readings.iter().all(|r| r.value.is_err()));
    driver.stop().await;
}

/// A gateway on paho-mqtt, as a process.
struct Gateway {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
}

impl Gateway {
    async fn start(port: u16) -> Self {
        let mut command = Command::from(python("mqtt_gateway.py"));
        command.args([&port.to_string(), "park/lighting"]).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let told = lines(&mut child);
        let mut gateway = Self { child, told };
        assert_eq!(gateway.next().await["connected"], "Success");
        gateway
    }
    async fn next(&mut self) -> Json {
        serde_json::from_str(&next(&mut self.told).await).unwrap()
    }
    /// Until it goes back to its full cap by itself.
    async fn reverts(&mut self) {
        while self.next().await.get("reverted_kw").is_none() {}
    }
}

#[tokio::test]
async fn a_paho_gateway_is_read_steered_and_reverts() {
    let broker = Broker::start();
    let mut gateway = Gateway::start(broker.port).await;
    // A shorter reversion than in the manual, so that the test does not wait for it.
    let profile = include_str!("../../config/profiles/ref-dali-gateway.toml").replace("s = 15 }", "s = 3 }");
    let profile = profile.replace("\"ttl_s\":15", "\"ttl_s\":3");
    let mut driver = Driver::start(broker.port, "park-lighting", "ref-dali-gateway", &profile);
    let frame = driver.up().await;
    assert_eq!(driver.value(&frame, Point::W), Ok(-33.0), "watts, drawn");
    assert_eq!(driver.value(&frame, Point::WMax), Ok(40.0));

    let minute = Duration::from_secs(60);
    driver.cap(20.0, 1, minute);
    driver.applied(1).await;
    driver.reads(Point::W, Ok(-20.0)).await;
    // Longer than the device holds a command by itself: it is renewed until the lease ends; then it reverts.
    let mut orders = 0;
    while orders < 4 {
        let told = gateway.next().await;
        if told.get("reverted_kw").is_none() {
            assert_eq!(told, serde_json::json!({"cap_kw": 20.0, "ttl_s": 3, "retained": false}));
            orders += 1;
        }
    }
    driver.cap(20.0, 2, Duration::from_secs(1));
    gateway.reverts().await;
    driver.reads(Point::WMax, Ok(40.0)).await;

    // Killed: its will takes it down, and what the broker kept of it brings nothing back.
    gateway.child.kill().await.unwrap();
    let frame = driver.until("down by its will", |f| f.link == Link::Down(Reason::Disconnected)).await;
    assert!(frame.readings.iter().all(|r| r.value.is_err()));
    driver.cap(25.0, 3, minute);
    let mut gateway = Gateway::start(broker.port).await;
    driver.up().await;
    driver.applied(3).await;
    assert_eq!(gateway.next().await["cap_kw"], 25.0, "the wish of now, and none of before");

    // The controller ends: the device does not keep what it was told.
    driver.stop().await;
    gateway.reverts().await;
}
