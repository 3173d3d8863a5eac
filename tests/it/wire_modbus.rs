//! Modbus sessions against devices that behave and devices that do not. Virtual time throughout.

use std::collections::BTreeMap;
use std::time::Duration;

use hexad::devices::profile::ProfileStore;
use hexad::site::{Link, Point, Reason, Stop};
use tokio_util::sync::CancellationToken;

use crate::wire_bench::{Bench, Reply, Rig, device, flash_relay, site, until};

fn pcs() -> (Bench, Rig) {
    let bench = Bench::new();
    bench.pcs(1);
    let rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
    (bench, rig)
}

/// Reads of the measurements.
fn is_input(pdu: &[u8]) -> bool {
    pdu[0] == 4
}

#[tokio::test(start_paused = true)]
async fn values_arrive_by_block_reads_each_second() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    assert_eq!(rig.value(0, Point::W), Ok(30.0));
    assert_eq!(rig.value(0, Point::SoC), Ok(63.5));
    assert_eq!(rig.value(0, Point::WDisChaMax), Ok(200.0));
    let before = bench.log().len();
    rig.pass(10.0).await;
    let log = bench.log();
    let reads: Vec<_> = log.iter().skip(before).map(|(_, _, pdu)| pdu.clone()).collect();
    assert!((18..=22).contains(&reads.len()), "{} requests in 10 s", reads.len());
    assert!(reads.contains(&vec![4, 0, 82, 0, 9]) && reads.contains(&vec![3, 0x03, 0xE7, 0, 3]));
    let frame = rig.frame(0);
    assert!(frame.next_turn > bench.now() && frame.turn <= bench.now());
}

#[tokio::test]
async fn a_real_socket_and_a_moved_endpoint_work() {
    let bench = Bench::new();
    bench.pcs(1);
    let endpoint = bench.listen().await;
    let shutdown = CancellationToken::new();
    let site = site(vec![device("pcs", "ref-pcs-250", "10.8.1.31:502", 1)]);
    let endpoints = BTreeMap::from([("10.8.1.31:502".to_owned(), endpoint)]);
    let profiles = ProfileStore::built_in().unwrap();
    let mut handles = hexad::devices::spawn(&site, &profiles, &endpoints, bench.clock(), shutdown.clone());
    until(&mut handles[0].frames, "up", |f| f.link == Link::Up && f.readings.iter().all(|r| r.value.is_ok())).await;
    shutdown.cancel();
    handles.remove(0).finished().await;
}

#[tokio::test(start_paused = true)]
async fn f01_a_register_the_device_lacks_disables_its_point_alone() {
    let bench = Bench::new();
    bench.pcs(1);
    bench.park.lock().unwrap().registers.remove(&(1, 4, 90));
    let mut rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
    rig.until(0, "all but one", |f| f.readings.iter().filter(|r| r.value.is_ok()).count() == 9).await;
    assert_eq!(rig.value(0, Point::DCV), Err(Reason::IllegalAddress));
    assert_eq!(rig.value(0, Point::W), Ok(30.0));
    let before = bench.log().len();
    rig.pass(20.0).await;
    let asked = bench.log().into_iter().skip(before).filter(|(_, _, p)| p[..3] == [4, 0, 90]).count();
    assert_eq!(asked, 0, "asked again for a register that does not exist");
}

#[tokio::test(start_paused = true)]
async fn f02_f03_refused_writes_are_reported_and_bounded() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    bench.script(|_, pdu| (pdu[..3] == [16, 0x03, 0xE7]).then_some(Reply::Exception(3)));
    rig.command(0, &[(Point::WSet, 50.0)], 7, 60);
    let frame = rig.until(0, "refused", |f| f.write.refused.is_some()).await;
    assert_eq!(frame.write.refused, Some((Point::WSet, Reason::OutOfRange)));
    assert_eq!(frame.write.applied_cycle, None);
    let tries = bench.writes().len();
    rig.command(0, &[(Point::WSet, 50.0)], 8, 60);
    rig.pass(20.0).await;
    assert_eq!(bench.writes().len(), tries, "the same refused value was sent again");
    assert_eq!(rig.frame(0).write.applied_cycle, None);

    bench.script(|_, pdu| (pdu[..3] == [16, 0x03, 0xE7]).then_some(Reply::Exception(4)));
    rig.command(0, &[(Point::WSet, 60.0)], 9, 60);
    let tries = bench.writes().len();
    rig.until(0, "failing", |f| f.write.refused == Some((Point::WSet, Reason::DeviceFailure))).await;
    assert_eq!(bench.writes().len() - tries, 3);
    bench.well();
    let frame = rig.until(0, "taken in the end", |f| f.write.refused.is_none()).await;
    assert_eq!(frame.write.applied_cycle, Some(9));
    assert_eq!(frame.link, Link::Up);
}

#[tokio::test(start_paused = true)]
async fn f04_busy_backs_off_on_the_same_connection() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    for code in [5, 6] {
        bench.script(move |_, pdu| is_input(pdu).then_some(Reply::Exception(code)));
        let (dials, before) = (bench.dials(), bench.log().len());
        rig.until(0, "busy", |f| f.readings.iter().any(|r| r.value == Err(Reason::DeviceBusy))).await;
        rig.pass(60.0).await;
        assert_eq!((bench.dials(), rig.frame(0).link), (dials, Link::Up));
        assert!(bench.log().len() - before < 40, "a storm of requests to a busy device");
        bench.well();
        rig.up(0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn f05_f07_every_exception_code_has_its_reason_and_recovers() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    for (code, reason) in [
        (0, Reason::BadReply),
        (4, Reason::DeviceFailure),
        (7, Reason::DeviceFailure),
        (8, Reason::DeviceFailure),
        (9, Reason::BadReply),
        (10, Reason::GatewayPath),
        (11, Reason::GatewayPath),
        (255, Reason::BadReply),
    ] {
        bench.script(move |_, pdu| is_input(pdu).then_some(Reply::Exception(code)));
        let dials = bench.dials();
        rig.until(0, &format!("reason of {code}"), |f| f.readings.iter().any(|r| r.value == Err(reason))).await;
        assert_eq!(rig.value(0, Point::W), Err(reason), "exception {code}");
        bench.well();
        rig.up(0).await;
        assert_eq!(bench.dials(), dials, "an exception needs no new connection");
    }
    for code in 1..=3 {
        bench.script(move |_, pdu| is_input(pdu).then_some(Reply::Exception(code)));
        let frame =
            rig.until(0, "disabled", |f| f.readings.iter().any(|r| r.value == Err(Reason::IllegalAddress))).await;
        assert_eq!(frame.link, Link::Up);
        bench.script(|_, _| Some(Reply::Close));
        rig.until(0, "down", |f| matches!(f.link, Link::Down(_))).await;
        bench.well();
        rig.up(0).await;
    }
}

/// Longest time between two good readings of the first device's frequency over `seconds`.
async fn worst_gap(rig: &Rig, n: usize, seconds: f64) -> f64 {
    let (mut worst, mut last) = (0.0f64, rig.bench.seconds());
    let (end, mut at) = (last + seconds, None);
    while rig.bench.seconds() < end {
        let stamp = rig.frame(n).readings.iter().filter(|r| r.value.is_ok()).map(|r| r.at).max();
        if stamp.is_some() && stamp != at {
            worst = worst.max(rig.bench.seconds() - last);
            (at, last) = (stamp, rig.bench.seconds());
        }
        rig.pass(0.05).await;
    }
    worst.max(rig.bench.seconds() - last)
}

#[tokio::test(start_paused = true)]
async fn f06_f16_a_dead_unit_does_not_slow_its_siblings() {
    for dead in [Reply::Silence, Reply::Exception(11)] {
        let bench = Bench::new();
        for unit in [1, 2] {
            bench.set(unit, 4, 0, &[300, 400, 80, 2]);
            bench.set(unit, 3, 10, &[600]);
        }
        let silent = matches!(dead, Reply::Silence);
        bench.script(move |unit, _| (unit == 2).then_some(if silent { Reply::Silence } else { Reply::Exception(11) }));
        let mut rig =
            bench.run(vec![device("wt1", "ref-wind-60", "gw:502", 1), device("wt2", "ref-wind-60", "gw:502", 2)]);
        rig.up(0).await;
        rig.until(1, "down", |f| matches!(f.link, Link::Down(_))).await;
        let worst = worst_gap(&rig, 0, 120.0).await;
        assert!(worst < if silent { 2.2 } else { 1.2 }, "the sibling waited {worst} s");
        assert_eq!(rig.frame(0).link, Link::Up);
        let expected = if silent { Reason::DeviceTimeout } else { Reason::GatewayPath };
        assert_eq!(rig.frame(1).link, Link::Down(expected));
        let asked = bench.log().iter().filter(|(at, unit, _)| *unit == 2 && *at > 30.0).count();
        assert!(asked <= 6, "a dead unit was asked {asked} times");
        bench.well();
        rig.up(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn f08_late_reply_is_never_delivered_to_a_later_request() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    // W = +99 kW arrives half a second after its request has been given up.
    let late = [&[4, 18, 0xFF, 0xFF, 0xD9, 0x54][..], &[2; 14]].concat();
    let mut once = Some(late);
    bench.script(move |_, pdu| {
        let late = is_input(pdu).then(|| once.take()).flatten()?;
        Some(Reply::Late(Duration::from_millis(1500), late))
    });
    for _ in 0..200 {
        rig.pass(0.05).await;
        assert_eq!(rig.value(0, Point::W), Ok(30.0));
    }
    assert_eq!(rig.frame(0).connects, 2, "the context was not dropped");
    // A frame of an earlier transaction in front of the right one.
    let stale = [&[4, 18, 0xFF, 0xFF, 0xD9, 0x54][..], &[2; 14]].concat();
    let mut once = Some(stale);
    bench.script(move |_, pdu| is_input(pdu).then(|| once.take()).flatten().map(Reply::StaleFirst));
    for _ in 0..200 {
        rig.pass(0.05).await;
        assert_eq!(rig.value(0, Point::W), Ok(30.0));
    }
    assert_eq!(rig.frame(0).connects, 3);
}

#[tokio::test(start_paused = true)]
async fn f09_a_reply_of_another_unit_is_rejected() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    bench.script(|_, pdu| is_input(pdu).then_some(Reply::WrongUnit));
    let frame = rig.until(0, "down", |f| matches!(f.link, Link::Down(_))).await;
    assert_eq!(frame.link, Link::Down(Reason::BadReply));
    assert_eq!(rig.value(0, Point::W), Err(Reason::BadReply));
    bench.well();
    rig.up(0).await;
}

#[tokio::test(start_paused = true)]
async fn f10_a_frame_split_into_single_bytes_is_reassembled() {
    let bench = Bench::new();
    bench.pcs(1);
    bench.script(|_, _| Some(Reply::Bytewise));
    let mut rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
    rig.up(0).await;
    assert_eq!(rig.value(0, Point::W), Ok(30.0));
    assert_eq!(rig.frame(0).connects, 1);
}

#[tokio::test(start_paused = true)]
async fn f11_garbage_never_becomes_a_value_and_the_session_recovers() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    let garbage: Vec<Vec<u8>> = vec![
        vec![0; 7],
        vec![0xFF; 300],
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        vec![0, 0, 0, 0, 0, 1, 1],
        vec![0, 0, 0, 0, 0xFF, 0xFF, 1, 4, 18],
        vec![0, 0, 0, 0, 0, 3, 1, 4, 18],
        vec![0, 0, 0, 0, 0, 5, 1, 4, 2, 0, 1],
    ];
    for (n, bytes) in garbage.into_iter().enumerate() {
        bench.script(move |_, _| Some(Reply::Raw(bytes.clone())));
        rig.until(0, &format!("down after garbage {n}"), |f| matches!(f.link, Link::Down(_))).await;
        bench.well();
        rig.up(0).await;
        assert_eq!(rig.value(0, Point::W), Ok(30.0));
    }
    // Right header, wrong length for the request: fewer registers than asked for.
    bench.script(|_, pdu| is_input(pdu).then(|| Reply::Pdu(vec![4, 2, 0, 1])));
    rig.until(0, "down after a short reply", |f| f.link == Link::Down(Reason::BadReply)).await;
    bench.script(|_, pdu| is_input(pdu).then(|| Reply::Pdu([&[4, 20][..], &[1; 20]].concat())));
    rig.until(0, "still down after a long reply", |f| f.errors > 10).await;
    assert_eq!(rig.value(0, Point::W), Err(Reason::BadReply));
}

#[tokio::test(start_paused = true)]
async fn f13_silent_then_back_is_noticed_and_reconnected() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    let from = bench.seconds();
    bench.script(|_, _| Some(Reply::Silence));
    let frame = rig.until(0, "down", |f| matches!(f.link, Link::Down(_))).await;
    assert_eq!(frame.link, Link::Down(Reason::DeviceTimeout));
    assert!(bench.seconds() - from < 4.0, "noticed after {} s", bench.seconds() - from);
    assert!(frame.readings.iter().all(|r| r.value == Err(Reason::DeviceTimeout)));
    rig.pass(300.0).await;
    assert!(rig.frame(0).next_turn > bench.now(), "a driver that waits is not stuck");
    bench.well();
    let from = bench.seconds();
    rig.up(0).await;
    assert!(bench.seconds() - from < 5.0, "back after {} s", bench.seconds() - from);
}

#[tokio::test(start_paused = true)]
async fn f14_a_peer_that_closes_idle_connections_is_no_fault() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    let mut n = 0;
    bench.script(move |_, _| {
        n += 1;
        (n % 10 == 0).then_some(Reply::Close)
    });
    for _ in 0..600 {
        rig.pass(0.1).await;
        assert_eq!(rig.frame(0).link, Link::Up);
        assert_eq!(rig.value(0, Point::W), Ok(30.0));
    }
    assert!(rig.frame(0).connects > 5);
}

#[tokio::test(start_paused = true)]
async fn f17_offline_for_days_is_a_capped_number_of_attempts() {
    let bench = Bench::new();
    bench.pcs(1);
    bench.park.lock().unwrap().refuse = true;
    let mut rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
    rig.until(0, "down", |f| f.link == Link::Down(Reason::Disconnected)).await;
    rig.pass(60.0).await;
    let held = |rig: &Rig| {
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        (tasks, rig.frame(0).readings.len(), rig.frame(0).write.clone())
    };
    let (before, dials) = (held(&rig), bench.dials());
    rig.pass(48.0 * 3600.0).await;
    let dials = bench.dials() - dials;
    assert!((46_000..77_000).contains(&dials), "{dials} attempts in two days, about one in 3 s");
    assert_eq!(held(&rig), before, "something grows");
    bench.park.lock().unwrap().refuse = false;
    rig.up(0).await;
}

#[tokio::test(start_paused = true)]
async fn f18_nothing_is_written_to_another_device_than_expected() {
    let bench = Bench::new();
    bench.pcs(1);
    bench.set(1, 3, 0, &[0x4143]);
    let mut rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
    rig.command(0, &[(Point::WSet, 10.0)], 1, 3600);
    rig.until(0, "mismatch", |f| f.link == Link::Down(Reason::IdentityMismatch)).await;
    rig.pass(120.0).await;
    assert_eq!(bench.writes(), []);
    assert_eq!(rig.value(0, Point::W), Err(Reason::IdentityMismatch));
    bench.pcs(1);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(1)).await;
}

#[tokio::test(start_paused = true)]
async fn f24_the_first_power_sample_after_a_break_must_be_confirmed() {
    let (bench, mut rig) = pcs();
    let first = rig.until(0, "first turn", |f| f.link == Link::Up).await;
    let w = rig.profiles.get("ref-pcs-250").unwrap().index(Point::W).unwrap();
    assert_eq!(first.readings[w].value, Err(Reason::Unconfirmed));
    rig.up(0).await;
    bench.script(|_, _| Some(Reply::Close));
    rig.until(0, "down", |f| matches!(f.link, Link::Down(_))).await;
    // Back with one sample of garbage: +290 kW.
    let mut n = 0;
    bench.script(move |_, pdu| {
        n += u32::from(is_input(pdu));
        let garbage = [&[4, 18, 0xFF, 0xFF, 0x8E, 0xB8][..], &[0; 14]].concat();
        (is_input(pdu) && n == 1).then_some(Reply::Pdu(garbage))
    });
    let mut seen = Vec::new();
    rig.until(0, "up", |f| {
        seen.push(f.readings[w].value);
        f.readings[w].value.is_ok()
    })
    .await;
    assert!(seen.contains(&Err(Reason::Unconfirmed)));
    assert_eq!(seen.last(), Some(&Ok(30.0)));
}

#[tokio::test(start_paused = true)]
async fn f61_commands_are_renewed_by_writing_until_the_lease_ends() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    let begin = bench.seconds();
    rig.command(0, &[(Point::WSet, 100.0)], 5, 30);
    let frame = rig.until(0, "applied", |f| f.write.applied_cycle == Some(5)).await;
    assert!(frame.write.acked_at.is_some() && bench.seconds() - begin < 0.5, "written at once");
    assert_eq!((bench.get(1, 3, 999), bench.get(1, 3, 1000)), (0xFFFF, 0xD8F0));
    rig.command(0, &[(Point::WSet, 100.0)], 6, 30);
    rig.until(0, "the same value again counts at once", |f| f.write.applied_cycle == Some(6)).await;
    rig.pass(60.0).await;
    let sets: Vec<f64> = bench.writes().iter().filter(|w| w.2[..3] == [16, 0x03, 0xE7]).map(|w| w.0 - begin).collect();
    assert!(sets.windows(2).all(|w| w[1] - w[0] <= 5.0), "{sets:?}");
    assert!(sets.last().unwrap() < &31.0 && sets.len() < 12, "renewed after the lease: {sets:?}");
    assert_eq!(rig.frame(0).write.mismatches, []);
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_path_is_not_renewed() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    rig.command(0, &[(Point::WSet, 100.0)], 5, 60);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(5)).await;
    rig.handles[0].commands.send_modify(|s| {
        let mut held = s.as_deref().cloned().unwrap();
        held.renew = false;
        *s = Some(held.into());
    });
    let before = bench.writes().len();
    rig.pass(30.0).await;
    assert_eq!(bench.writes().len(), before);
}

#[tokio::test(start_paused = true)]
async fn f62_a_leftover_timer_is_owned_and_watched() {
    let bench = Bench::new();
    bench.pcs(1);
    bench.set(1, 3, 1001, &[3600]);
    let mut rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
    rig.up(0).await;
    assert_eq!(rig.value(0, Point::RvrtTms), Ok(10.0));
    bench.set(1, 3, 1001, &[0]);
    let frame = rig.until(0, "alarm", |f| !f.write.mismatches.is_empty()).await;
    let m = frame.write.mismatches[0];
    assert_eq!((m.point, m.wanted, m.got), (Point::RvrtTms, 10.0, 0.0));
    rig.until(0, "owned again", |f| f.write.mismatches.is_empty()).await;
    assert_eq!(bench.get(1, 3, 1001), 10);
}

#[tokio::test(start_paused = true)]
async fn f69_a_write_that_is_acknowledged_and_lost_is_reported() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    bench.script(|_, pdu| (pdu[..3] == [16, 0x03, 0xE7]).then(|| Reply::Pdu(pdu[..5].to_vec())));
    rig.command(0, &[(Point::WSet, 100.0)], 5, 60);
    let frame = rig.until(0, "mismatch", |f| !f.write.mismatches.is_empty()).await;
    let m = frame.write.mismatches[0];
    assert_eq!((m.point, m.wanted, m.got), (Point::WSet, 100.0, 0.0));
    rig.command(0, &[(Point::WSet, 100.0)], 9, 60);
    rig.pass(10.0).await;
    assert!(rig.frame(0).write.applied_cycle < Some(9), "a write that does not stand is not applied");
    bench.well();
    rig.until(0, "stands", |f| f.write.mismatches.is_empty() && f.write.applied_cycle == Some(9)).await;
}

#[tokio::test(start_paused = true)]
async fn commands_are_ordered_and_a_device_without_reversion_gets_its_safe_value_once() {
    let bench = Bench::new();
    bench.set(1, 3, 1020, &[0, 0, 0, 700]);
    bench.set(1, 3, 1298, &[0]);
    bench.set(1, 3, 2000, &[200]);
    bench.set(1, 1, 4700, &[0]);
    bench.set(3, 4, 10, &[500]);
    bench.set(3, 1, 0, &[1]);
    let mut rig = bench
        .run(vec![device("chp", "ref-chp-400", "chp:502", 1), device("feeder", "ref-feeder-relay", "feeder:502", 3)]);
    rig.up(0).await;
    rig.up(1).await;
    rig.command(0, &[(Point::On, 1.0), (Point::WSet, 300.0)], 1, 60);
    rig.command(1, &[(Point::On, 0.0)], 1, 20);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(1)).await;
    rig.until(1, "applied", |f| f.write.applied_cycle == Some(1)).await;
    let chp: Vec<u8> = bench.writes().iter().filter(|w| w.1 == 1).map(|w| w.2[0]).collect();
    assert_eq!(chp, [6, 5], "how much before that it runs");
    assert_eq!(bench.get(3, 1, 0), 0);
    rig.pass(120.0).await;
    let feeder: Vec<_> = bench.writes().into_iter().filter(|w| w.1 == 3).map(|w| w.2).collect();
    assert_eq!(
        feeder,
        [vec![5, 0, 0, 0, 0], vec![5, 0, 0, 0xFF, 0]],
        "opened, then closed once at the end of the lease"
    );
}

#[tokio::test(start_paused = true)]
async fn an_ordered_stop_holds_or_writes_the_safe_values() {
    for stop in [Stop::Hold, Stop::Safe] {
        let bench = Bench::new();
        bench.pcs(1);
        let mut d = device("pcs", "ref-pcs-250", "pcs:502", 1);
        d.stop = stop;
        let mut rig = bench.run(vec![d]);
        rig.up(0).await;
        rig.command(0, &[(Point::WSet, 100.0)], 5, 3600);
        rig.until(0, "applied", |f| f.write.applied_cycle == Some(5)).await;
        let before = bench.writes().len();
        rig.shutdown.cancel();
        rig.handles.remove(0).finished().await;
        let last: Vec<_> = bench.writes().into_iter().skip(before).map(|w| w.2).collect();
        match stop {
            Stop::Hold => assert_eq!(last, Vec::<Vec<u8>>::new()),
            Stop::Safe => assert_eq!(last, [vec![16, 0x03, 0xE7, 0, 2, 4, 0, 0, 0, 0]]),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_flash_register_is_written_within_its_daily_budget() {
    let (bench, store) = flash_relay();
    let mut rig = bench.run_with(vec![device("feeder", "ref-feeder-relay", "feeder:502", 3)], store);
    rig.up(0).await;
    for cycle in 0..40 {
        rig.command(0, &[(Point::On, (cycle % 2) as f64)], cycle, 86_400);
        rig.pass(2.0).await;
    }
    assert_eq!(bench.writes().len(), 4);
    assert_eq!(rig.frame(0).write.refused, Some((Point::On, Reason::Disabled)));
}
