//! What comes through the broker is wrong: delivered twice, out of order, too large, refused, under somebody else's name.

use std::os::unix::fs::PermissionsExt;

use hexad::devices::Wires;
use hexad::devices::mqtt::access::Keys;
use hexad::site::{AlarmKind, Link, Point, Reason};
use rumqttc::{AsyncClient, EventLoop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire_mqtt_bench::{ADDRESS, Broker, Gateway, LIVE, PATIENCE, RETAINED, Rig, client, rig, rig_by, status};

/// A client that speaks bytes: a real one decides by itself when to deliver again.
struct Device(TcpStream);

impl Device {
    async fn connect(port: u16, id: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut connect = vec![0x10, (12 + id.len()) as u8, 0, 4];
        connect.extend(b"MQTT\x04\x02\x00\x00\x00");
        connect.push(id.len() as u8);
        connect.extend(id.bytes());
        stream.write_all(&connect).await.unwrap();
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).await.unwrap();
        assert_eq!(connack, [0x20, 2, 0, 0]);
        Self(stream)
    }

    /// QoS 1; taken by the broker when it returns.
    async fn publish(&mut self, topic: &str, payload: &str, packet: u8, again: bool) {
        let mut bytes = vec![if again { 0x3A } else { 0x32 }];
        let length = 2 + topic.len() + 2 + payload.len();
        assert!(length < 1 << 14);
        bytes.extend([(length & 0x7F) as u8 | 0x80, (length >> 7) as u8]);
        bytes.extend([0, topic.len() as u8]);
        bytes.extend(topic.bytes());
        bytes.extend([0, packet]);
        bytes.extend(payload.bytes());
        self.0.write_all(&bytes).await.unwrap();
        let mut ack = [0; 4];
        tokio::time::timeout(PATIENCE, self.0.read_exact(&mut ack)).await.unwrap().unwrap();
        assert_eq!(ack, [0x40, 2, 0, packet]);
    }

    async fn status(&mut self, sequence: u8, kw: f64, again: bool) {
        self.publish("park/lighting/status", &status(sequence.into(), kw * 1e3, 40.0), sequence, again).await;
    }

    /// Returns when the driver has read all that was published before.
    async fn seen(&mut self, rig: &mut Rig, mark: f64) {
        self.publish("park/ev/connected", &mark.to_string(), 200, false).await;
        let n = rig.profiles[1].index(Point::EvNum).unwrap();
        rig.until(1, "the mark", |f| f.readings[n].value == Ok(mark)).await;
    }
}

#[tokio::test]
async fn f41_what_is_delivered_twice_or_late_is_read_once_and_in_order() {
    let broker = Broker::start();
    let mut rig = rig(broker.port);
    rig.until(0, "connected", |f| f.connects > 0).await;
    let mut device = Device::connect(broker.port, "gateway").await;
    let value = |rig: &Rig| rig.value(0, &rig.handles[0].frames.borrow().clone(), Point::W);
    // The subscription may come after the first message: until it is in place, marks are lost.
    let mut mark = 0.0;
    loop {
        mark = 1.0 - mark;
        device.publish("park/ev/connected", &mark.to_string(), 200, false).await;
        if rig.handles[1].frames.borrow().link == Link::Up {
            break;
        }
    }
    device.status(10, 20.0, false).await;
    // The same sample again is no second opinion.
    device.status(10, 20.0, true).await;
    device.seen(&mut rig, 2.0).await;
    assert_eq!(value(&rig), Err(Reason::Unconfirmed));
    device.status(11, 20.0, false).await;
    device.seen(&mut rig, 3.0).await;
    assert_eq!(value(&rig), Ok(-20.0));
    device.status(12, 30.0, false).await;
    // Delivered again after a newer one: the past.
    device.status(11, 20.0, true).await;
    device.status(10, 20.0, true).await;
    device.seen(&mut rig, 4.0).await;
    assert_eq!(value(&rig), Ok(-30.0));
    device.status(13, 31.0, false).await;
    device.seen(&mut rig, 5.0).await;
    assert_eq!(value(&rig), Ok(-31.0));
    // A device that has started anew counts anew.
    device.publish("park/lighting/online", "1", 201, false).await;
    device.status(1, 32.0, false).await;
    device.seen(&mut rig, 6.0).await;
    assert_eq!(value(&rig), Ok(-32.0));
}

#[tokio::test]
async fn a_message_without_bounds_costs_its_device_a_value_and_the_others_nothing() {
    let broker = Broker::start();
    let (other, mut events) = client(broker.port, "other", None);
    // Retained: it comes back with each subscription.
    other.try_publish("park/lighting/status", vec![b'7'; 300_000], RETAINED).unwrap();
    let poller = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let mut rig = rig(broker.port);
    rig.until(0, "passed over", |f| f.readings.iter().any(|r| r.value == Err(Reason::BadReply))).await;
    let gateway = Gateway::start(broker.port);
    rig.up(0).await;
    rig.up(1).await;
    gateway.field.lock().unwrap().mute = true;
    other.try_publish("park/lighting/status", vec![b'7'; 70_000], LIVE).unwrap();
    rig.until(0, "passed over", |f| f.readings.iter().any(|r| r.value == Err(Reason::BadReply))).await;
    gateway.field.lock().unwrap().mute = false;
    rig.up(0).await;
    rig.cap(1, 60.0, 1);
    rig.applied(1, 1).await;
    assert_eq!(rig.handles[1].frames.borrow().connects, 1, "the connection stood");
    poller.abort();
}

fn keys(keys: Keys) -> Wires {
    Wires { keys, ..Wires::default() }
}

#[tokio::test]
async fn somebody_with_our_client_id_is_met_with_growing_patience() {
    let broker = Broker::start();
    let _gateway = Gateway::start(broker.port);
    let wires = keys(Keys { client_id: Some("hexad-1".into()), ..Keys::default() });
    let mut rig = rig_by(broker.port, wires, ADDRESS);
    let mut waits = Vec::new();
    for round in 1..3 {
        rig.until(0, "up", |f| f.link == Link::Up && f.connects == round).await;
        let (_other, mut events): (AsyncClient, EventLoop) = client(broker.port, "hexad-1", None);
        events.poll().await.unwrap();
        let frame = rig.until(0, "thrown out", |f| f.link == Link::Down(Reason::Disconnected)).await;
        waits.push(frame.next_turn.since(frame.turn));
    }
    // The announced next turn is the wait and what is constant.
    assert!(waits.windows(2).all(|w| w[0] < w[1]), "{waits:?}");
    rig.up(0).await;
}

const DENYING: &str = r#"{
  "defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true, "subscribe": true, "unsubscribe": false},
  "anonymousGroup": "all",
  "groups": [{"groupname": "all", "roles": [{"rolename": "less"}], "clients": []}],
  "roles": [{"rolename": "less", "acls": [
    {"acltype": "subscribeLiteral", "topic": "park/ev/power_kw", "priority": 1, "allow": false}]}]
}"#;

fn security_plugin() -> String {
    let found = ["x86_64", "aarch64"].map(|arch| format!("/usr/lib/{arch}-linux-gnu/mosquitto_dynamic_security.so"));
    found.into_iter().find(|p| std::path::Path::new(p).exists()).expect("the plugin comes with mosquitto")
}

#[tokio::test]
async fn a_topic_the_brokers_rules_refuse_is_named_and_its_point_disabled_the_others_serve() {
    let settings = format!("plugin {}\nplugin_opt_config_file DIR/rules.json\nallow_anonymous true", security_plugin());
    let broker = Broker::with_files(&settings, &[("rules.json", DENYING)]);
    let _gateway = Gateway::start(broker.port);
    let mut rig = rig(broker.port);
    let report = rig.reported("refuse").await;
    assert_eq!((report.kind, report.subject.as_str()), (AlarmKind::PointRefused, "park-ev"));
    assert!(report.text.contains("park/ev/power_kw"), "{}", report.text);
    rig.up(0).await;
    let ev = |rig: &Rig, point| rig.profiles[1].index(point).unwrap();
    let (w, limit) = (ev(&rig, Point::W), ev(&rig, Point::WMax));
    let frame = rig.until(1, "the rest", |f| f.readings[limit].value == Ok(44.0)).await;
    assert_eq!(frame.readings[w].value, Err(Reason::Disabled));
    // The question at the end of a round is refused as well, and answered all the same.
    for cycle in 1..4u32 {
        rig.cap(1, 60.0 + f64::from(cycle), cycle.into());
        rig.applied(1, cycle.into()).await;
    }
    assert_eq!(rig.handles[1].frames.borrow().connects, 1);
}

#[tokio::test]
async fn a_broker_that_refuses_us_is_named_and_tried_again_with_the_password_as_it_is_then() {
    let dir = tempfile::tempdir().unwrap();
    let (users, password) = (dir.path().join("users"), dir.path().join("password"));
    let mut make = std::process::Command::new("mosquitto_passwd");
    let made = make.arg("-c").arg("-b").arg(&users).args(["park", "right"]).status();
    assert!(made.expect("mosquitto_passwd comes with mosquitto").success());
    let guarded = |text: &str| {
        std::fs::write(&password, text).unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    guarded("wrong\n");
    let settings = format!("allow_anonymous false\npassword_file {}\npersistence false", users.display());
    let broker = Broker::with(&settings);
    let wires = keys(Keys { username: Some("park".into()), password: Some(password.clone()), ..Keys::default() });
    let mut rig = rig_by(broker.port, wires, ADDRESS);
    let report = rig.reported("refuses us").await;
    assert_eq!(report.kind, AlarmKind::DeviceLost);
    assert!(report.subject.starts_with("broker "));
    assert!(report.text.contains("not authorised") || report.text.contains("password"), "{}", report.text);
    let frame = rig.until(0, "waiting", |f| f.link == Link::Down(Reason::Disconnected)).await;
    assert!(frame.next_turn > frame.turn);
    std::fs::remove_file(&password).unwrap();
    rig.reported("no such file").await;
    guarded("right\n");
    rig.until(0, "connected", |f| f.connects > 0).await;
    rig.quiet().await;
}
