//! More faults of the fieldbus, through the real driver in virtual time: what a device refuses, what it loses, and what its
//! neighbours must not feel of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hexad::devices::profile::ProfileStore;
use hexad::site::{Link, Point, Reason};

use crate::wire_bench::{Bench, Reply, Rig, device, flash_relay};

const WSET: [u8; 3] = [16, 0x03, 0xE7];

fn pcs() -> (Bench, Rig) {
    let bench = Bench::new();
    bench.pcs(1);
    let rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
    (bench, rig)
}

fn is_input(pdu: &[u8]) -> bool {
    pdu[0] == 4
}

/// Writes of the battery's power.
fn sets(bench: &Bench) -> usize {
    bench.writes().iter().filter(|w| w.2[..3] == WSET).count()
}

/// Requests to a unit since `from` seconds.
fn asked(bench: &Bench, unit: u8, from: f64) -> usize {
    bench.log().iter().filter(|(at, u, _)| *u == unit && *at >= from).count()
}

/// A generator of numbers for noise; the same for every run.
fn numbers(mut seed: u64) -> impl FnMut() -> u8 {
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) as u8
    }
}

#[tokio::test(start_paused = true)]
async fn f01_a_command_register_that_does_not_exist_is_not_tried_with_every_value() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    bench.script(|_, pdu| (pdu[..3] == WSET).then_some(Reply::Exception(2)));
    for n in 0..30_u32 {
        rig.command(0, &[(Point::WSet, 50.0 + f64::from(n))], n.into(), 60);
        rig.pass(1.0).await;
    }
    assert_eq!(sets(&bench), 1);
    assert_eq!(rig.frame(0).write.refused, Some((Point::WSet, Reason::IllegalAddress)));
    rig.command(0, &[(Point::WSet, 99.0)], 99, 600);
    rig.pass(35.0).await;
    assert_eq!(
        sets(&bench),
        2,
        "offered again after a minute: remote control may have been switched off at the device"
    );
    bench.well();
    rig.until(0, "taken in the end", |f| f.write.applied_cycle == Some(99) && f.write.refused.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn f02_a_refused_value_that_does_not_change_is_offered_again_each_minute() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    bench.script(|_, pdu| (pdu[..3] == WSET).then_some(Reply::Exception(3)));
    rig.command(0, &[(Point::WSet, 50.0)], 7, 3600);
    rig.pass(630.0).await;
    assert!((10..=12).contains(&sets(&bench)), "{} in ten minutes", sets(&bench));
    assert_eq!(rig.frame(0).write.applied_cycle, None);
    bench.well();
    rig.until(0, "taken in the end", |f| f.write.applied_cycle == Some(7) && f.write.refused.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn f03_a_device_that_is_silent_to_writes_alone_is_still_read() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    bench.script(|_, pdu| (pdu[..3] == WSET).then_some(Reply::Silence));
    rig.command(0, &[(Point::WSet, 50.0)], 7, 3600);
    rig.until(0, "refused", |f| f.write.refused == Some((Point::WSet, Reason::DeviceTimeout))).await;
    rig.up(0).await;
    let (from, before) = (bench.seconds(), sets(&bench));
    rig.pass(60.0).await;
    let writes = sets(&bench) - before;
    assert!((4..=7).contains(&writes), "{writes} attempts in a minute");
    assert!(asked(&bench, 1, from) > 100, "it is read all the while");
    assert_eq!((rig.frame(0).link, rig.value(0, Point::SoC)), (Link::Up, Ok(63.5)));
    bench.well();
    rig.until(0, "taken in the end", |f| f.write.applied_cycle == Some(7) && f.write.refused.is_none()).await;
}

/// What is read once or seldom is read again soon after the device was busy, or failed, just then.
#[tokio::test(start_paused = true)]
async fn f04_what_is_read_once_is_not_lost_to_a_device_that_is_busy_just_then() {
    for code in [4, 6] {
        let bench = Bench::new();
        bench.pcs(1);
        let text = include_str!("../../config/profiles/ref-pcs-250.toml");
        let text = text.replace("[point.SoH]\n", "[point.SoH]\npoll = \"once\"\n");
        let mut store = ProfileStore::built_in().unwrap();
        store.add("ref-pcs-250", "once.toml", &text).unwrap();
        let mut left = 2;
        bench.script(move |_, pdu| {
            let spoiled = pdu[..3] == [4, 0, 85] && left > 0;
            left -= i32::from(spoiled);
            spoiled.then_some(Reply::Exception(code))
        });
        let mut rig = bench.run_with(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)], store);
        rig.up(0).await;
        assert_eq!((rig.value(0, Point::SoH), rig.frame(0).connects), (Ok(98.7), 1));
        let before = bench.log().len();
        rig.pass(60.0).await;
        let again = bench.log().iter().skip(before).filter(|(_, _, p)| p[..3] == [4, 0, 85]).count();
        assert_eq!(again, 0, "read once, and no more");
    }
}

#[tokio::test(start_paused = true)]
async fn flash_that_may_have_been_written_counts() {
    let (bench, store) = flash_relay();
    bench.script(|_, pdu| (pdu[0] == 5).then_some(Reply::Silence));
    let mut rig = bench.run_with(vec![device("feeder", "ref-feeder-relay", "feeder:502", 3)], store);
    rig.up(0).await;
    rig.command(0, &[(Point::On, 0.0)], 1, 86_400);
    rig.pass(3600.0).await;
    assert_eq!(bench.writes().len(), 3, "within its daily budget, of which one is kept");
    assert_eq!(rig.frame(0).write.refused, Some((Point::On, Reason::Disabled)));
    bench.well();
    bench.set(3, 1, 0, &[0]);
    rig.command(0, &[(Point::On, 0.0)], 2, 0);
    rig.pass(60.0).await;
    assert_eq!((bench.writes().len(), bench.get(3, 1, 0)), (4, 1), "at the end of the lease the fallback is written");
}

#[tokio::test(start_paused = true)]
async fn f05_a_write_that_is_not_acknowledged_or_fails_its_parity_is_bounded_and_counted() {
    for code in [7, 8] {
        let (bench, mut rig) = pcs();
        rig.up(0).await;
        bench.script(move |_, pdu| (pdu[..3] == WSET).then_some(Reply::Exception(code)));
        rig.command(0, &[(Point::WSet, 50.0)], 7, 3600);
        rig.until(0, "failing", |f| f.write.refused == Some((Point::WSet, Reason::DeviceFailure))).await;
        assert_eq!(sets(&bench), 3);
        rig.pass(60.0).await;
        assert!((8..=10).contains(&sets(&bench)), "{} in a minute", sets(&bench));
        assert_eq!((rig.frame(0).link, rig.frame(0).write.applied_cycle, rig.frame(0).connects), (Link::Up, None, 1));
        bench.well();
        rig.until(0, "taken in the end", |f| f.write.applied_cycle == Some(7)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn f03_a_timer_that_is_refused_is_shown_before_a_value_that_is() {
    let bench = Bench::new();
    bench.pcs(1);
    bench.script(|_, pdu| match pdu[..3] {
        [16, 0x03, 0xE7] => Some(Reply::Exception(3)),
        [6, 0x03, 0xE9] | [16, 0x03, 0xE9] => Some(Reply::Exception(4)),
        _ => None,
    });
    let mut rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
    rig.command(0, &[(Point::WSet, 50.0)], 7, 3600);
    rig.pass(10.0).await;
    assert_eq!(rig.frame(0).write.refused, Some((Point::RvrtTms, Reason::DeviceFailure)));
    assert!(rig.frame(0).link == Link::Up && rig.handles.len() == 1);
    rig.shutdown.cancel();
    rig.handles.remove(0).finished().await;
}

#[tokio::test(start_paused = true)]
async fn f48_without_its_timer_a_device_is_told_nothing_that_only_the_timer_would_end() {
    // Without an exception it is acknowledged, and 0 stands there as before.
    for (code, reason) in
        [(Some(2), Reason::IllegalAddress), (Some(4), Reason::DeviceFailure), (None, Reason::Disabled)]
    {
        let bench = Bench::new();
        bench.pcs(1);
        bench.script(move |_, pdu| {
            (pdu[..3] == [6, 0x03, 0xE9]).then(|| code.map_or(Reply::Pdu(pdu.to_vec()), Reply::Exception))
        });
        let mut rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
        rig.command(0, &[(Point::WSet, 50.0)], 7, 600);
        rig.until(0, "its timer is not armed", |f| f.write.refused == Some((Point::RvrtTms, reason))).await;
        rig.pass(5.0).await;
        assert_eq!((bench.get(1, 3, 999), bench.get(1, 3, 1000)), (0, 0), "{reason}: the fallback stands");
        rig.command(0, &[(Point::WSet, 60.0)], 8, 600);
        rig.pass(30.0).await;
        let told: Vec<_> = bench.writes().into_iter().filter(|w| w.2[..3] == WSET).collect();
        let other = told.iter().filter(|w| w.2[6..] != [0; 4]).count();
        assert!(other <= usize::from(reason == Reason::Disabled), "{reason}: {told:?}");
        assert_ne!(rig.frame(0).write.applied_cycle, Some(8));
        bench.well();
        rig.until(0, "armed, and told", |f| f.write.applied_cycle == Some(8)).await;
        assert_eq!(bench.get(1, 3, 1001), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn f69_a_command_that_reads_as_what_nobody_may_write_is_noticed() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    rig.command(0, &[(Point::WSet, 50.0)], 7, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(7)).await;
    bench.script(|_, pdu| (pdu[..3] == WSET).then(|| Reply::Pdu(pdu[..5].to_vec())));
    bench.set(1, 3, 999, &[0x8000, 0]);
    rig.until(0, "noticed", |f| f.write.refused == Some((Point::WSet, Reason::Disabled))).await;
    bench.well();
    rig.until(0, "stands again", |f| f.write.refused.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn f06_f16_many_dead_units_together_do_not_slow_the_one_that_answers() {
    let bench = Bench::new();
    bench.set(9, 4, 0, &[300, 400, 80, 2]);
    bench.set(9, 3, 10, &[600]);
    bench.script(|unit, _| (unit != 9).then_some(Reply::Silence));
    let unit = |n: u8| device(&format!("wt{n}"), "ref-wind-60", "gw:502", n);
    let mut rig = bench.run((1..=9).map(unit).collect());
    rig.until(8, "up though eight silent ones were asked first", |f| f.link == Link::Up).await;
    assert!(bench.seconds() < 15.0, "the first turn came after {} s", bench.seconds());
    for _ in 0..6 {
        // One silent unit may cost it one time-out, never two in a row: a turn in 2.1 s at worst.
        let from = bench.seconds();
        rig.pass(21.0).await;
        let polls = bench.log().iter().filter(|(at, u, p)| *u == 9 && is_input(p) && *at >= from).count();
        assert!(polls >= 10, "{polls} polls in 21 s");
    }
    for n in 0..8 {
        assert_eq!(rig.frame(n).link, Link::Down(Reason::DeviceTimeout));
        assert!(rig.frame(n).next_turn > bench.now(), "a driver that waits its turn is not stuck");
        assert!(asked(&bench, u8::try_from(n).unwrap() + 1, 60.0) > 0, "it is still looked for");
    }
    bench.well();
    (1..=8).for_each(|n| bench.set(n, 4, 0, &[300, 400, 80, 2]));
    (1..=8).for_each(|n| bench.set(n, 3, 10, &[600]));
    for n in 0..8 {
        rig.up(n).await;
    }
}

#[tokio::test(start_paused = true)]
async fn f07_f11_no_reply_ends_the_driver_or_becomes_a_number_out_of_bounds() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    let mut next = numbers(7);
    let mut n = 0u32;
    bench.script(move |_, pdu| {
        n += 1;
        let length = usize::from(next()) % 40;
        let mut reply: Vec<u8> = (0..length).map(|_| next()).collect();
        if !n.is_multiple_of(3) {
            reply.insert(0, pdu[0] | if n % 3 == 1 { 0x80 } else { 0 });
        }
        Some(Reply::Pdu(reply))
    });
    for _ in 0..4000 {
        rig.pass(0.25).await;
        let frame = rig.frame(0);
        for (point, reading) in rig.profiles.get("ref-pcs-250").unwrap().points.iter().zip(&frame.readings) {
            assert!(reading.value.is_err() || reading.value.is_ok_and(|v| v >= point.valid.0 && v <= point.valid.1));
        }
    }
    assert!(rig.frame(0).errors > 200, "{} errors", rig.frame(0).errors);
    bench.well();
    rig.up(0).await;
}

#[tokio::test(start_paused = true)]
async fn f12_noise_on_the_line_is_shed_within_one_reply_and_never_read() {
    for seed in 1..=40 {
        let (bench, mut rig) = pcs();
        rig.up(0).await;
        let (mut next, connects) = (numbers(seed), rig.frame(0).connects);
        let mut left = 12;
        bench.script(move |_, _| {
            left -= 1;
            let mut noise = |most: u8| (0..1 + next() % most).map(|_| next()).collect();
            match (left > 0, left % 3) {
                (false, _) => None,
                (true, 0) => Some(Reply::Noisy(noise(24), vec![])),
                (true, 1) => Some(Reply::Noisy(vec![], noise(24))),
                (true, _) => Some(Reply::Noisy(noise(5), noise(200))),
            }
        });
        let from = bench.seconds();
        let mut quiet_since = from;
        while quiet_since + 10.0 > bench.seconds() {
            rig.pass(0.05).await;
            let w = rig.value(0, Point::W);
            assert!(w == Ok(30.0) || w.is_err(), "{w:?} from noise {seed}");
            if rig.frame(0).link != Link::Up || w.is_err() {
                quiet_since = bench.seconds();
            }
            assert!(bench.seconds() - from < 60.0, "not back after noise {seed}");
        }
        let made = rig.frame(0).connects - connects;
        assert!((1..=14).contains(&made), "{made} connections for 12 replies with noise");
    }
}

#[tokio::test(start_paused = true)]
async fn f13_a_half_open_connection_is_left_for_a_new_one_within_5_s() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    let from = bench.seconds();
    bench.park.lock().unwrap().deaf = 1;
    rig.until(0, "a new connection is read", |f| f.connects == 2 && f.link == Link::Up).await;
    rig.up(0).await;
    assert!(bench.seconds() - from < 5.0, "{} s", bench.seconds() - from);
}

#[tokio::test(start_paused = true)]
async fn f13_a_converter_that_starts_anew_has_all_its_devices_back_within_5_s() {
    for outage_s in [3.0, 30.0, 1000.0] {
        for refuse in [false, true] {
            let bench = Bench::new();
            (1..=4).for_each(|n| bench.set(n, 4, 0, &[300, 400, 80, 2]));
            (1..=4).for_each(|n| bench.set(n, 3, 10, &[600]));
            let unit = |n: u8| device(&format!("wt{n}"), "ref-wind-60", "gw:502", n);
            let mut rig = bench.run((1..=4).map(unit).collect());
            for n in 0..4 {
                rig.up(n).await;
            }
            bench.park.lock().unwrap().refuse = refuse;
            bench.script(move |_, _| Some(if refuse { Reply::Close } else { Reply::Silence }));
            rig.pass(outage_s).await;
            let from = bench.seconds();
            bench.park.lock().unwrap().refuse = false;
            bench.well();
            for n in 0..4 {
                rig.until(n, "up", |f| f.link == Link::Up && f.turn.seconds() > from).await;
                let took = bench.seconds() - from;
                assert!(took <= 5.0, "unit {n} took {took} s after {outage_s} s, refused: {refuse}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f16_a_slow_device_costs_another_connection_not_one_turn() {
    let turns = async |slow: bool| {
        let bench = Bench::new();
        (1..=2).for_each(|n| bench.set(n, 4, 0, &[300, 400, 80, 2]));
        (1..=2).for_each(|n| bench.set(n, 3, 10, &[600]));
        bench.script(move |unit, _| (slow && unit == 1).then_some(Reply::Slow(Duration::from_millis(950))));
        let at = |n: u8| device(&format!("wt{n}"), "ref-wind-60", &format!("wt{n}:502"), n);
        let mut rig = bench.run(vec![at(1), at(2)]);
        rig.up(1).await;
        rig.up(0).await;
        let from = bench.seconds();
        rig.pass(120.0).await;
        assert_eq!(rig.frame(0).link, Link::Up, "slow is not lost");
        (asked(&bench, 1, from), asked(&bench, 2, from))
    };
    let (well, with_a_slow_one) = (turns(false).await, turns(true).await);
    assert!(well.1.abs_diff(with_a_slow_one.1) <= 2, "{well:?} requests without, {with_a_slow_one:?} with");
    assert!(with_a_slow_one.0 < well.0, "the slow one is asked less often");
}

#[tokio::test(start_paused = true)]
async fn f18_a_device_exchanged_while_the_line_was_cut_is_told_nothing() {
    let (bench, mut rig) = pcs();
    rig.up(0).await;
    rig.command(0, &[(Point::WSet, 10.0)], 1, 3600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(1)).await;
    let writes = bench.writes().len();
    bench.set(1, 3, 0, &[0x4143]);
    let mut once = Some(Reply::Close);
    bench.script(move |_, _| once.take());
    rig.until(0, "mismatch", |f| f.link == Link::Down(Reason::IdentityMismatch)).await;
    rig.command(0, &[(Point::WSet, 20.0)], 2, 3600);
    rig.pass(120.0).await;
    assert_eq!(bench.writes().len(), writes, "another device was told something");
    assert_eq!(rig.value(0, Point::W), Err(Reason::IdentityMismatch));
    bench.pcs(1);
    rig.until(0, "applied to the right one", |f| f.write.applied_cycle == Some(2)).await;
}

/// Answers no read of more than `most` registers; keeps what was asked for.
fn limited(bench: &Bench, most: u16, code: u8) -> Arc<Mutex<Vec<(u16, u16)>>> {
    let refused: Arc<Mutex<Vec<(u16, u16)>>> = Arc::default();
    let keep = Arc::clone(&refused);
    bench.script(move |_, pdu| {
        let (at, count) = (u16::from_be_bytes([pdu[1], pdu[2]]), u16::from_be_bytes([pdu[3], pdu[4]]));
        if !matches!(pdu[0], 3 | 4) || count <= most {
            return None;
        }
        keep.lock().unwrap().push((at, count));
        Some(Reply::Exception(code))
    });
    refused
}

#[tokio::test(start_paused = true)]
async fn f19_a_smaller_limit_than_documented_is_learned_once_and_no_point_is_lost() {
    for code in [2, 3] {
        let bench = Bench::new();
        bench.pcs(1);
        let refused = limited(&bench, 4, code);
        let mut rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
        rig.up(0).await;
        let learned = refused.lock().unwrap().len();
        assert!((1..=3).contains(&learned), "{:?}", refused.lock().unwrap());
        rig.pass(30.0).await;
        assert_eq!(refused.lock().unwrap().len(), learned, "asked again for what was refused");
        let from = bench.seconds();
        rig.pass(10.0).await;
        assert!(asked(&bench, 1, from) <= 45, "read point by point");
        // The connection is made anew, and the limit is still known.
        bench.park.lock().unwrap().deaf = bench.dials();
        let connects = rig.frame(0).connects;
        rig.until(0, "again", |f| f.connects > connects && f.link == Link::Up).await;
        rig.up(0).await;
        rig.pass(30.0).await;
        assert_eq!(refused.lock().unwrap().len(), learned, "forgotten with the connection");
    }
}

#[tokio::test(start_paused = true)]
async fn f01_f19_a_missing_register_behind_a_small_limit_disables_its_point_alone() {
    let bench = Bench::new();
    bench.pcs(1);
    bench.park.lock().unwrap().registers.remove(&(1, 4, 86));
    let refused = limited(&bench, 4, 2);
    let mut rig = bench.run(vec![device("pcs", "ref-pcs-250", "pcs:502", 1)]);
    rig.until(0, "all but one", |f| f.readings.iter().filter(|r| r.value.is_ok()).count() == 9).await;
    assert_eq!(rig.value(0, Point::WChaMax), Err(Reason::IllegalAddress));
    let before = (refused.lock().unwrap().len(), bench.log().len());
    rig.pass(20.0).await;
    assert_eq!(refused.lock().unwrap().len(), before.0);
    let blocks: BTreeSet<_> = bench.log().into_iter().skip(before.1).map(|(_, _, pdu)| pdu).collect();
    assert!(!blocks.iter().any(|p| is_input(p) && p[2] <= 86 && p[2] + p[4] > 86), "{blocks:?}");
}

#[tokio::test(start_paused = true)]
async fn flash_is_not_worn_because_the_line_breaks() {
    let (bench, store) = flash_relay();
    let mut rig = bench.run_with(vec![device("feeder", "ref-feeder-relay", "feeder:502", 3)], store);
    rig.up(0).await;
    rig.command(0, &[(Point::On, 0.0)], 1, 86_400);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(1)).await;
    for _ in 0..20 {
        let connects = rig.frame(0).connects;
        bench.park.lock().unwrap().deaf = bench.dials();
        rig.until(0, "connected anew", |f| f.connects > connects && f.link == Link::Up).await;
        rig.up(0).await;
    }
    assert_eq!(bench.writes().len(), 1, "written again though it stands");
    rig.command(0, &[(Point::On, 0.0)], 2, 86_400);
    rig.until(0, "still applied", |f| f.write.applied_cycle == Some(2)).await;
    // What does not stand any more is written again.
    bench.park.lock().unwrap().deaf = bench.dials();
    bench.set(3, 1, 0, &[1]);
    rig.pass(60.0).await;
    assert_eq!((bench.writes().len(), bench.get(3, 1, 0)), (2, 0));
}
