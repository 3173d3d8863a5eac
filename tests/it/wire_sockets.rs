//! Faults of the fieldbus on real sockets, through the real driver, in real time; every wait ends on what happens.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hexad::cycle::{Inputs, Memory, step};
use hexad::site::{Alarm, AlarmKind, Link, Point, Reason};
use hexad::units::{Mono, Now, Park};
use tokio::net::{TcpListener, TcpStream};

use crate::rpc_park::soon;
use crate::wire_bench::{Bench, Reply, Rig, device};

async fn pcs() -> (Bench, Rig) {
    let bench = Bench::new();
    bench.pcs(1);
    let endpoint = bench.listen().await;
    let rig = bench.run_at(&endpoint, vec![device("pcs", "ref-pcs-250", "10.8.1.31:502", 1)]);
    (bench, rig)
}

/// The alarms after the frames have stood as they are for ten seconds.
fn alarms(rig: &Rig, memory: &mut Memory, from_s: u64) -> Vec<Alarm> {
    let mut last = Vec::new();
    for s in from_s..from_s + 10 {
        let park = Park::from_unix(1_782_956_800 + i64::try_from(s).unwrap());
        let now = Now { mono: Mono(s * 1_000_000), park, synchronised: true };
        let frames = (0..rig.handles.len()).map(|n| rig.frame(n)).collect();
        last = step(memory, &rig.site, Inputs { now, frames, plan: None, orders: vec![], reports: vec![] }).alarms;
    }
    last
}

/// What the alarm of a lost device says.
fn lost(alarms: &[Alarm], subject: &str) -> String {
    let found = alarms.iter().find(|a| a.kind == AlarmKind::DeviceLost && a.subject == subject);
    found.unwrap_or_else(|| panic!("{subject} is not lost: {alarms:?}")).text.clone()
}

/// F08 to F12: what comes late, from another unit, in pieces, too short, too long or between other bytes.
#[tokio::test]
async fn f08_f09_f10_f11_f12_what_is_wrong_on_the_wire_is_never_believed() {
    let (bench, mut rig) = pcs().await;
    rig.up(0).await;
    let w = rig.profiles.get("ref-pcs-250").unwrap().index(Point::W).unwrap();
    let other = [&[4, 18, 0xFF, 0xFF, 0xD9, 0x54][..], &[2; 14]].concat();
    type Fault = Box<dyn Fn() -> Reply + Send>;
    let late = other.clone();
    let faults: Vec<(&str, Fault)> = vec![
        ("late", Box::new(move || Reply::Late(Duration::from_millis(1300), late.clone()))),
        ("stale", Box::new(move || Reply::StaleFirst(other.clone()))),
        ("another unit's", Box::new(|| Reply::WrongUnit)),
        ("byte by byte", Box::new(|| Reply::Bytewise)),
        ("cut short", Box::new(|| Reply::Raw(vec![0, 0, 0, 0, 0, 5, 1, 4, 2, 0, 1]))),
        ("too long", Box::new(|| Reply::Raw(vec![0xFF; 300]))),
        ("after noise", Box::new(|| Reply::Noisy(vec![0xFF, 0, 0x55], vec![]))),
        ("before noise", Box::new(|| Reply::Noisy(vec![], vec![0x55; 9]))),
    ];
    for (what, fault) in faults {
        let left = Arc::new(AtomicU32::new(2));
        let count = Arc::clone(&left);
        bench.script(move |_, pdu| {
            let spoiled = pdu[0] == 4 && count.load(Ordering::Relaxed) > 0;
            spoiled.then(|| {
                count.fetch_sub(1, Ordering::Relaxed);
                fault()
            })
        });
        let connects = rig.frame(0).connects;
        let frame = rig
            .until(0, what, |f| {
                let value = f.readings[w].value;
                assert!(value == Ok(30.0) || value.is_err(), "{what}: {value:?}");
                left.load(Ordering::Relaxed) == 0 && f.link == Link::Up && f.readings.iter().all(|r| r.value.is_ok())
            })
            .await;
        let (made, most) = (frame.connects - connects, if what == "byte by byte" { 0 } else { 3 });
        assert!(made <= most, "{what}: {made} connections");
    }
}

#[tokio::test]
async fn f13_a_socket_that_nobody_serves_any_more_is_replaced() {
    let (bench, mut rig) = pcs().await;
    rig.up(0).await;
    bench.park.lock().unwrap().deaf = 1;
    let frame = rig.until(0, "another socket", |f| f.connects > 1 && f.link == Link::Up).await;
    assert_eq!(frame.connects, 2);
    rig.up(0).await;
}

/// What is logged while this lives, on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn f14_a_peer_that_closes_idle_connections_makes_no_alarm_and_no_noise() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let _logged_here = tracing::subscriber::set_default(subscriber);
    let (bench, mut rig) = pcs().await;
    rig.up(0).await;
    let said = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(said().contains("up"), "the log is heard: {}", said());
    log.0.lock().unwrap().clear();
    let mut n = 0;
    bench.script(move |_, _| {
        n += 1;
        (n % 7 == 0).then_some(Reply::Last)
    });
    rig.until(0, "three more connections", |f| {
        assert_eq!((f.link, f.readings.iter().find_map(|r| r.value.err())), (Link::Up, None));
        f.connects > 3
    })
    .await;
    assert_eq!(said(), "");
    assert!(!alarms(&rig, &mut Memory::default(), 1).iter().any(|a| a.kind == AlarmKind::DeviceLost));
}

/// A device that serves one client and closes every other connection at once; counts those it has served.
async fn one_client(bench: &Bench) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (bench, served) = (bench.clone(), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&served);
    tokio::spawn(async move {
        let place = Arc::new(tokio::sync::Semaphore::new(1));
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(taken) = Arc::clone(&place).try_acquire_owned() {
                count.fetch_add(1, Ordering::Relaxed);
                let serving = bench.attend(stream);
                tokio::spawn(async move {
                    serving.await.ok();
                    drop(taken);
                });
            }
        }
    });
    (address, served)
}

#[tokio::test]
async fn f15_another_client_on_the_only_connection_is_named_and_one_connection_serves_all_units() {
    let bench = Bench::new();
    bench.pcs(1);
    bench.pcs(2);
    let (address, served) = one_client(&bench).await;
    let holder = TcpStream::connect(&address).await.unwrap();
    soon(async {
        while served.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let at = "10.8.1.31:502";
    let devices = vec![device("pcs1", "ref-pcs-250", at, 1), device("pcs2", "ref-pcs-250", at, 2)];
    let mut rig = bench.run_at(&address, devices);
    let mut memory = Memory::default();
    rig.until(0, "turned away often", |f| f.link == Link::Down(Reason::Disconnected) && f.connects >= 3).await;
    rig.until(1, "turned away often", |f| f.link == Link::Down(Reason::Disconnected) && f.connects >= 3).await;
    let all = alarms(&rig, &mut memory, 1);
    let group = all.iter().find(|a| a.kind == AlarmKind::DevicesLost).expect("one alarm for both units");
    assert_eq!(group.members, ["pcs1", "pcs2"]);
    assert!(group.text.contains("another client may hold its only connection") && group.text.contains(at), "{group:?}");
    drop(holder);
    rig.up(0).await;
    rig.up(1).await;
    assert_eq!(served.load(Ordering::Relaxed), 2, "the other client's, and one for both units");
    let lost = |a: &Alarm| !a.ended && matches!(a.kind, AlarmKind::DeviceLost | AlarmKind::DevicesLost);
    let healed = [20, 30, 40].map(|from_s| alarms(&rig, &mut memory, from_s));
    assert!(!healed[2].iter().any(lost), "{:?}", healed[2]);
}

/// Connections pile up in the listener's queue: taken by the kernel, never by the device.
#[tokio::test]
async fn f15_f20_a_connection_that_is_taken_and_never_served_is_said() {
    let bench = Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut rig = bench.run_at(&address, vec![device("pcs", "ref-pcs-250", "10.8.1.31:502", 7)]);
    rig.until(0, "down", |f| f.link == Link::Down(Reason::DeviceTimeout) && f.connects >= 2).await;
    let text = lost(&alarms(&rig, &mut Memory::default(), 1), "pcs");
    assert!(text.contains("unit 7 does not answer and has not since the start; is the unit id right"), "{text}");
    assert!(text.contains("another client"), "{text}");
    drop(listener);
    rig.until(0, "refused", |f| f.link == Link::Down(Reason::Disconnected)).await;
}

#[tokio::test]
async fn f20_a_wrong_unit_id_is_told_from_a_dead_line() {
    let bench = Bench::new();
    bench.pcs(1);
    let endpoint = bench.listen().await;
    let at = "10.8.1.31:502";
    for silent in [true, false] {
        bench.script(move |unit, _| (unit != 1).then_some(if silent { Reply::Silence } else { Reply::Exception(11) }));
        let devices = vec![device("pcs1", "ref-pcs-250", at, 1), device("pcs2", "ref-pcs-250", at, 12)];
        let mut rig = bench.run_at(&endpoint, devices);
        rig.until(1, "down", |f| matches!(f.link, Link::Down(_))).await;
        rig.up(0).await;
        let text = lost(&alarms(&rig, &mut Memory::default(), 1), "pcs2");
        let answers = if silent { "others at this address answer" } else { "the gateway answers" };
        assert!(text.contains(answers) && text.contains("unit 12") && text.contains("is the unit id right"), "{text}");
        rig.shutdown.cancel();
    }
    // Nobody there at all is said otherwise.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let mut rig = bench.run_at(&nobody, vec![device("pcs", "ref-pcs-250", at, 1)]);
    rig.until(0, "down", |f| f.link == Link::Down(Reason::Disconnected)).await;
    let text = lost(&alarms(&rig, &mut Memory::default(), 1), "pcs");
    assert!(text.contains("no connection since the start; is the address right") && !text.contains("unit"), "{text}");
}
