//! MQTT sessions against a real broker (a child process on a free loopback port): readings, commands, presence.

use hexad::devices::mqtt::presence_topic;
use hexad::site::{Link, Point, Reason};
use rumqttc::{Event, Incoming, QoS};

use crate::wire_mqtt_bench::{Broker, Cut, Gateway, PATIENCE, Proxy, RETAINED, client, listen, message, rig};

#[tokio::test]
async fn json_and_plain_topics_are_read_and_commands_are_confirmed_by_their_echo() {
    let broker = Broker::start();
    let gateway = Gateway::start(broker.port);
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
    rig.applied(0, 3).await;
    rig.applied(1, 3).await;
    let said = gateway.field.lock().unwrap().heard.clone();
    assert!(said.iter().all(|(_, _, retained)| !retained));
    assert!(said.contains(&("park/lighting/set".into(), r#"{"cap_kw":30.0,"ttl_s":15}"#.into(), false)));
    assert!(said.contains(&("park/ev/limit_kw/set".into(), "88.0".into(), false)));
    // A command without its echo is a mismatch, never applied.
    gateway.field.lock().unwrap().deaf = true;
    rig.cap(1, 22.0, 4);
    let frame = rig.until(1, "mismatch", |f| !f.write.mismatches.is_empty()).await;
    assert_eq!((frame.write.mismatches[0].wanted, frame.write.mismatches[0].got), (22.0, 88.0));
    assert_eq!(frame.write.applied_cycle, Some(3));
    rig.stop().await;
}

#[tokio::test]
async fn f39_retained_readings_are_not_believed_and_no_command_is_left_on_the_broker() {
    let broker = Broker::start();
    let gateway = Gateway::start(broker.port);
    let mut first = rig(broker.port);
    first.up(0).await;
    first.cap(0, 20.0, 1);
    first.applied(0, 1).await;
    first.stop().await;
    // The gateway dies; its last status is retained by the broker.
    gateway.die();
    let mut second = rig(broker.port);
    let frame = second.down(0).await;
    assert!(frame.readings.iter().all(|r| r.value.is_err()), "an old status was believed");
    // What the broker keeps below the prefix: the status and the will, no command.
    let kept = |got: &[(String, String, bool)], topic: &str| got.iter().any(|(t, _, retained)| t == topic && *retained);
    listen(broker.port, "late", "park/#", |got| {
        assert!(got.iter().all(|(topic, _, _)| !topic.contains("set")), "{got:?}");
        kept(got, "park/lighting/status") && kept(got, "park/lighting/online")
    })
    .await;
}

#[tokio::test]
async fn the_last_will_and_silence_take_a_device_down_and_its_return_brings_it_back() {
    let broker = Broker::start();
    let gateway = Gateway::start(broker.port);
    let mut rig = rig(broker.port);
    rig.up(0).await;
    gateway.field.lock().unwrap().mute = true;
    let frame = rig.down(0).await;
    assert_eq!(frame.link, Link::Down(Reason::DeviceTimeout));
    gateway.field.lock().unwrap().mute = false;
    rig.up(0).await;
    gateway.field.lock().unwrap().mute = true;
    let (other, mut events) = client(broker.port, "other", None);
    other.try_publish("park/lighting/online", "0", RETAINED).unwrap();
    let poller = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let frame = rig.down(0).await;
    assert!(matches!(frame.link, Link::Down(Reason::Disconnected | Reason::DeviceTimeout)));
    assert!(frame.readings.iter().all(|r| r.value.is_err()));
    // The EV park on the same broker has no will and is unaffected by the other's.
    gateway.field.lock().unwrap().mute = false;
    rig.up(0).await;
    rig.up(1).await;
    poller.abort();
}

#[tokio::test]
async fn a_broken_device_is_down_by_its_will_and_a_birth_brings_its_commands_again() {
    let broker = Broker::start();
    let wire = Proxy::to(broker.port).await;
    let gateway = Gateway::start(wire.port);
    let mut rig = rig(broker.port);
    rig.up(0).await;
    rig.cap(0, 21.0, 1);
    rig.applied(0, 1).await;
    // The will arrives long before the silence is noticed.
    wire.cut(&[Cut::Up(0)]);
    gateway.die();
    let frame = rig.down(0).await;
    assert_eq!(frame.link, Link::Down(Reason::Disconnected));
    let gateway = Gateway::start(broker.port);
    rig.up(0).await;
    // It started at its own fallback, and is told again without a new decision.
    rig.until(0, "21 kW again", |f| f.readings.iter().any(|r| r.value == Ok(21.0))).await;
    // A birth without a will before it: it has started anew and forgotten. Nothing else would say it again.
    rig.told(0, 22.0, 2, false);
    rig.applied(0, 2).await;
    let before = gateway.caps().len();
    let (other, mut events) = client(broker.port, "other", None);
    other.try_publish("park/lighting/online", "1", RETAINED).unwrap();
    let poller = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let told = async {
        while gateway.caps().len() == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("never told again");
    assert_eq!(gateway.caps().last(), Some(&22.0));
    poller.abort();
}

#[tokio::test]
async fn the_daemon_says_whether_it_is_there_and_the_broker_says_so_when_it_is_not() {
    let broker = Broker::start();
    let wire = Proxy::to(broker.port).await;
    let (watcher, mut events) = client(broker.port, "watcher", None);
    watcher.try_subscribe("hexad/+/status", QoS::AtMostOnce).unwrap();
    let subscribed = async { while !matches!(events.poll().await, Ok(Event::Incoming(Incoming::SubAck(_)))) {} };
    tokio::time::timeout(PATIENCE, subscribed).await.expect("never subscribed");
    let mut next = async || {
        let heard = async {
            loop {
                if let Some((topic, text, _)) = events.poll().await.ok().and_then(message) {
                    assert_eq!(topic, presence_topic("bench"));
                    break text;
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("never said")
    };
    // Cut in the middle of a message from the broker: no goodbye.
    wire.cut(&[Cut::DownAt("power_w")]);
    let mut rig = rig(wire.port);
    assert_eq!(next().await, "online");
    let gateway = Gateway::start(broker.port);
    assert_eq!(next().await, "offline", "the will");
    assert_eq!(next().await, "online");
    rig.up(0).await;
    rig.stop().await;
    assert_eq!(next().await, "offline", "the goodbye");
    gateway.die();
    // It is retained: who asks later hears it too.
    listen(broker.port, "late", "hexad/#", |got| got.iter().any(|(_, text, kept)| text == "offline" && *kept)).await;
}
