//! The broker and the wire to it misbehave: killed, stopped, slow, half open, cut in the middle of a packet, away for
//! hours. What is owed: readings that are not believed, subscriptions again, and no command later than its time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hexad::devices::Wires;
use hexad::site::{DeviceFrame, Link, Point, Reason};
use hexad::transport::tcp::{Dial, dial_forgetful};
use nix::sys::signal::Signal;

use crate::wire_mqtt_bench::{ADDRESS, Broker, Cut, Flow, Gateway, Proxy, Rig, rig, rig_by};

const PERSISTENT: &str = "allow_anonymous true\npersistence true\npersistence_location DIR/\nqueue_qos0_messages true";

/// Decides otherwise again and again while the broker takes nothing, until `f`; how often.
async fn decide_until(rig: &mut Rig, from_kw: f64, mut f: impl FnMut(&DeviceFrame) -> bool) -> u32 {
    for n in 0u32.. {
        let kw = from_kw + f64::from(n % 100) / 100.0;
        rig.cap(0, kw, 1000 + u64::from(n));
        let turn = rig.handles[0].frames.borrow().turn;
        let frame = rig.until(0, "its next turn", |x| x.turn > turn).await;
        if f(&frame) {
            return n + 1;
        }
    }
    unreachable!()
}

#[tokio::test]
async fn f38_f40_a_killed_broker_comes_back_with_subscriptions_and_without_old_commands() {
    let mut broker = Broker::start();
    let gateway = Gateway::start(broker.port);
    let mut rig = rig(broker.port);
    rig.up(0).await;
    rig.cap(0, 25.0, 1);
    rig.applied(0, 1).await;
    for round in 2..4u32 {
        broker.kill();
        let frame = rig.down(0).await;
        assert_eq!(frame.link, Link::Down(Reason::Disconnected));
        assert!(frame.readings.iter().all(|r| r.value == Err(Reason::Disconnected)));
        rig.until(1, "down", |f| f.link == Link::Down(Reason::Disconnected)).await;
        // Decided while the broker is away, and changed before it returns: only the last may arrive.
        rig.cap(0, 11.0, u64::from(round) * 10);
        rig.cap(0, 30.0 + f64::from(round), u64::from(round) * 10 + 1);
        broker.restart();
        rig.up(0).await;
        rig.up(1).await;
        rig.applied(0, u64::from(round) * 10 + 1).await;
        assert!(!gateway.caps().contains(&11.0), "an old command arrived");
        assert!(rig.handles[0].frames.borrow().connects >= round);
    }
}

#[tokio::test]
async fn f38_a_broker_that_keeps_sessions_is_subscribed_anew_and_its_memory_is_not_believed() {
    let mut broker = Broker::with(PERSISTENT);
    let gateway = Gateway::start(broker.port);
    let mut rig = rig(broker.port);
    rig.up(0).await;
    rig.cap(0, 25.0, 1);
    rig.applied(0, 1).await;
    gateway.field.lock().unwrap().mute = true;
    broker.stop();
    rig.until(0, "down", |f| f.link == Link::Down(Reason::Disconnected)).await;
    broker.restart();
    let connects = rig.handles[0].frames.borrow().connects;
    rig.until(0, "connected", |f| f.connects > connects).await;
    // The status is retained, and written down by the broker: it is old.
    let frame = rig.until(0, "silent", |f| matches!(f.link, Link::Down(_)) && f.connects > connects).await;
    assert!(frame.readings.iter().all(|r| r.value.is_err()), "an old status was believed");
    gateway.field.lock().unwrap().mute = false;
    rig.up(0).await;
    rig.up(1).await;
    rig.cap(0, 26.0, 2);
    rig.applied(0, 2).await;
}

/// Something takes no more, and goes on once it has been given up; commands decided meanwhile must not arrive.
async fn overtaken(broker: &Broker, wire: Option<&Proxy>) {
    let gateway = Gateway::start(broker.port);
    let mut rig = rig(wire.map_or(broker.port, |w| w.port));
    rig.up(0).await;
    rig.cap(0, 25.0, 1);
    rig.applied(0, 1).await;
    match wire {
        Some(wire) => wire.flow(Flow::Stalled),
        // The process stands still, its sockets take what comes: nothing tells a client.
        None => broker.signal(Signal::SIGSTOP),
    }
    let decided = decide_until(&mut rig, 10.0, |f| f.link == Link::Down(Reason::Disconnected)).await;
    rig.cap(0, 30.0, 9000);
    match wire {
        Some(wire) => wire.flow(Flow::Free),
        None => broker.signal(Signal::SIGCONT),
    }
    rig.up(0).await;
    rig.applied(0, 9000).await;
    let caps = gateway.caps();
    assert!(decided > 2, "{decided} decisions were made while nothing was taken");
    // The one round that was on its way cannot be called back; all others were never sent.
    let old = caps.iter().filter(|kw| **kw < 20.0).count();
    assert!(old <= 1, "commands of the past arrived: {caps:?}");
    assert_eq!(caps.last(), Some(&30.0));
}

#[tokio::test]
async fn f40_what_a_stopped_broker_or_a_stalled_wire_did_not_take_is_not_delivered_later() {
    let (stopped, behind) = (Broker::start(), Broker::start());
    let wire = Proxy::to(behind.port).await;
    tokio::join!(overtaken(&stopped, None), overtaken(&behind, Some(&wire)));
}

#[tokio::test]
async fn f40_of_what_is_decided_while_a_broker_stands_still_only_the_last_word_is_sent_when_it_goes_on() {
    let broker = Broker::start();
    let gateway = Gateway::start(broker.port);
    let mut rig = rig(broker.port);
    rig.up(0).await;
    rig.cap(0, 25.0, 1);
    rig.applied(0, 1).await;
    broker.signal(Signal::SIGSTOP);
    let mut left = 20;
    decide_until(&mut rig, 10.0, |_| {
        left -= 1;
        left == 0
    })
    .await;
    rig.cap(0, 30.0, 9000);
    broker.signal(Signal::SIGCONT);
    rig.up(0).await;
    rig.applied(0, 9000).await;
    let caps = gateway.caps();
    assert!(caps.iter().filter(|kw| **kw < 20.0).count() <= 1, "nineteen of twenty were overtaken: {caps:?}");
}

/// The other side is gone and no packet says so.
async fn half_open(busy: bool) {
    let broker = Broker::start();
    let wire = Proxy::to(broker.port).await;
    let gateway = Gateway::start(broker.port);
    let mut rig = rig(wire.port);
    rig.up(0).await;
    rig.up(1).await;
    wire.flow(Flow::HalfOpen);
    if busy {
        decide_until(&mut rig, 10.0, |f| f.link == Link::Down(Reason::Disconnected)).await;
    }
    let frame = rig.until(1, "down", |f| f.link == Link::Down(Reason::Disconnected)).await;
    assert!(frame.readings.iter().all(|r| r.value.is_err()));
    wire.flow(Flow::Free);
    rig.cap(0, 31.0, 1);
    rig.applied(0, 1).await;
    assert!(gateway.caps().iter().all(|kw| *kw > 20.0), "swallowed commands reappeared: {:?}", gateway.caps());
}

#[tokio::test]
async fn a_half_open_wire_is_noticed_with_and_without_commands() {
    tokio::join!(half_open(false), half_open(true));
}

/// Torn in these places one after the other, it converges each time.
async fn torn(cuts: &[Cut]) {
    let broker = Broker::start();
    let wire = Proxy::to(broker.port).await;
    let gateway = Gateway::start(broker.port);
    wire.cut(cuts);
    let mut rig = rig(wire.port);
    rig.cap(0, 27.0, 1);
    rig.cap(1, 55.0, 1);
    rig.until(0, "whole again", |f| f.connects > 0 && wire.uncut() == 0 && f.link == Link::Up).await;
    rig.applied(0, 1).await;
    rig.applied(1, 1).await;
    let frame = rig.up(0).await;
    assert!((rig.value(0, &frame, Point::W).unwrap() + 26.4).abs() < 1e-9);
    assert!(gateway.caps().iter().all(|kw| *kw == 27.0), "{:?}", gateway.caps());
    assert_eq!(wire.made() as usize, cuts.len() + 1, "one connection after each cut");
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_packet_either_way_is_made_anew_and_nothing_is_torn() {
    let up = [Cut::Up(5), Cut::UpAt("lighting/set"), Cut::UpAt("limit_kw/set")];
    let down = [Cut::Down(2), Cut::DownAt("park/lighting/sta"), Cut::DownAt("power_w")];
    tokio::join!(torn(&up), torn(&down));
}

#[tokio::test]
async fn a_wire_that_trickles_is_slow_and_not_lost() {
    let broker = Broker::start();
    let wire = Proxy::to(broker.port).await;
    let _gateway = Gateway::start(broker.port);
    wire.flow(Flow::Bytewise);
    let mut rig = rig(wire.port);
    rig.up(0).await;
    rig.up(1).await;
    for cycle in 1..20u32 {
        rig.cap(0, 20.0 + f64::from(cycle) / 10.0, cycle.into());
        rig.applied(0, cycle.into()).await;
    }
    assert_eq!(wire.made(), 1);
    assert_eq!(rig.handles[0].frames.borrow().connects, 1);
}

/// Refuses while `away`, and counts.
fn counting(away: Arc<Mutex<bool>>, attempts: Arc<AtomicU32>) -> Dial {
    let real = dial_forgetful();
    Arc::new(move |address| {
        attempts.fetch_add(1, Ordering::Relaxed);
        if *away.lock().unwrap() {
            return Box::pin(async { Err(std::io::ErrorKind::ConnectionRefused.into()) });
        }
        real(address)
    })
}

#[tokio::test(start_paused = true)]
async fn f17_f40_a_broker_away_for_six_hours_costs_attempts_at_a_capped_pace_and_keeps_only_the_last_word() {
    let broker = Broker::start();
    let (away, attempts) = (Arc::new(Mutex::new(true)), Arc::new(AtomicU32::new(0)));
    let wires = Wires { mqtt: counting(away.clone(), attempts.clone()), ..Wires::default() };
    let mut rig = rig_by(broker.port, wires, ADDRESS);
    let hours = Duration::from_secs(6 * 3600);
    let start = rig.bench.now();
    let mut decided = 0u32;
    while rig.bench.now().since(start) < hours {
        decided += 1;
        rig.cap(0, 10.0 + f64::from(decided % 1000) / 1000.0, decided.into());
        tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await.ok();
    }
    let tried = attempts.load(Ordering::Relaxed);
    // Between 7.5 and 12.5 s apart once the waits have grown, and never given up.
    assert!((1700..=2900).contains(&tried), "{tried} attempts in six hours");
    assert!(decided > 20_000);
    tokio::time::resume();
    let gateway = Gateway::start(broker.port);
    rig.cap(0, 30.0, 1_000_000);
    *away.lock().unwrap() = false;
    rig.up(0).await;
    rig.applied(0, 1_000_000).await;
    assert_eq!(gateway.caps(), [30.0], "only the last word arrives, once");
}
