//! The Modbus driver against a server nobody here wrote: pymodbus, over real sockets.

use hexad::devices::profile::ProfileStore;
use hexad::site::{Link, Point, Reason};
use hexad::transport::tcp;
use serde_json::json;

use crate::peers::Peer;
use crate::wire_bench::{Bench, Rig, device_of};

const PCS: &str = include_str!("../../config/profiles/ref-pcs-250.toml");

/// Word orders, widths, signs and sentinels beside each other; numbers as meters of the trade have them.
const MIXED: &str = r#"
class = "meter"
protocol = "modbus"
provenance = "third-party"
word_order = "little"
[point.W]
address = 50536
kind = "holding"
type = "i32"
scale = 10.0
sign = -1
unit = "W"
valid = [-1e6, 1e6]
[point.Hz]
address = 50526
kind = "holding"
type = "u32"
word_order = "big"
scale = 0.01
unit = "Hz"
valid = [0.0, 70.0]
[point.PF]
address = 7
kind = "input"
type = "i16"
scale = 0.001
valid = [-1.0, 1.0]
not_implemented = 0x8000
[point.TotWhImp]
address = 20
kind = "input"
type = "u64"
unit = "Wh"
valid = [0.0, 1e15]
[point.PhVphA]
address = 30
kind = "input"
type = "f32"
unit = "V"
valid = [0.0, 400.0]
[[vector]]
point = "W"
registers = [100, 0]
value_kw = -1.0
[[vector]]
point = "Hz"
registers = [0, 5000]
value = 50.0
[[vector]]
point = "PF"
registers = [900]
value = 0.9
[[vector]]
point = "TotWhImp"
registers = [1000, 0, 0, 0]
value = 1.0
[[vector]]
point = "PhVphA"
registers = [0, 0x4366]
value = 230.0
"#;

/// Drivers of one profile per unit, from unit 1 on, at the peer's address.
pub fn run(peer: &Peer, texts: &[&str]) -> Rig {
    let mut profiles = ProfileStore::default();
    let mut devices = Vec::new();
    for (unit, text) in (1..).zip(texts) {
        let name = format!("unit-{unit}");
        profiles.add(&name, "test.toml", text).unwrap();
        devices.push(device_of(&profiles, &name, &name, &peer.address, unit));
    }
    Bench::new().run_over(devices, profiles, tcp::dial())
}

fn set(peer: &mut Peer, table: &str, address: u16, kind: &str, value: impl Into<serde_json::Value>, order: &str) {
    peer.tell("set", json!([table, address, kind, value.into(), order]));
}

/// A battery system as its manual describes it.
fn battery(peer: &mut Peer) {
    set(peer, "holding", 0, "STRING", "HXPCS250", "big");
    set(peer, "input", 82, "INT32", -3000, "big");
    for (address, value) in [(84, 635), (85, 987), (86, 2500), (87, 2000), (88, 2), (89, 0), (90, 7504)] {
        set(peer, "input", address, "UINT16", value, "big");
    }
    set(peer, "holding", 999, "INT32", 0, "big");
    set(peer, "holding", 1001, "UINT16", 0, "big");
}

pub fn near(value: Result<f64, Reason>, want: f64) {
    assert!(value.is_ok_and(|v| (v - want).abs() < 1e-6 * want.abs().max(1.0)), "{value:?} is not {want}");
}

#[tokio::test]
async fn numbers_of_every_width_sign_and_word_order_arrive() {
    let mut peer = Peer::start("modbus_device.py");
    set(&mut peer, "holding", 50536, "INT32", -12_345, "little");
    set(&mut peer, "holding", 50526, "UINT32", 4_998, "big");
    set(&mut peer, "input", 7, "INT16", -950, "little");
    set(&mut peer, "input", 20, "UINT64", 98_765_432_101_u64, "little");
    set(&mut peer, "input", 30, "FLOAT32", 231.5, "little");
    let mut rig = run(&peer, &[MIXED]);
    rig.up(0).await;
    near(rig.value(0, Point::W), 123.45);
    near(rig.value(0, Point::Hz), 49.98);
    near(rig.value(0, Point::PF), -0.95);
    near(rig.value(0, Point::TotWhImp), 98_765_432.101);
    near(rig.value(0, Point::PhVphA), 231.5);

    set(&mut peer, "input", 7, "INT16", -32_768, "little");
    set(&mut peer, "input", 30, "UINT32", 0x7FC0_0000, "little");
    set(&mut peer, "holding", 50526, "UINT32", 9_000, "big");
    rig.until(0, "sentinels and what cannot be", |f| f.readings.iter().filter(|r| r.value.is_err()).count() == 3).await;
    assert_eq!(rig.value(0, Point::PF), Err(Reason::NotImplemented));
    assert_eq!(rig.value(0, Point::PhVphA), Err(Reason::NotImplemented));
    assert_eq!(rig.value(0, Point::Hz), Err(Reason::OutOfRange));
    near(rig.value(0, Point::W), 123.45);
}

#[tokio::test]
async fn a_meter_of_floats_is_read_through_its_shipped_profile() {
    let mut peer = Peer::start("modbus_device.py");
    for address in (18_990..19_150).step_by(2) {
        set(&mut peer, "holding", address, "FLOAT32", f64::from(address - 18_990), "big");
    }
    set(&mut peer, "holding", 19_026, "FLOAT32", -54_321.5, "big");
    set(&mut peer, "holding", 19_050, "FLOAT32", 50.02, "big");
    let mut rig = run(&peer, &[include_str!("../../config/profiles/janitza-umg96rm-grid.toml")]);
    rig.until(0, "power", |f| f.link == Link::Up && f.readings[0].value.is_ok()).await;
    near(rig.value(0, Point::W), -54.3215);
    assert!((rig.value(0, Point::Hz).unwrap() - 50.02).abs() < 1e-4);
}

#[tokio::test]
async fn a_command_is_written_read_back_refreshed_and_ends_with_its_lease() {
    let mut peer = Peer::start("modbus_device.py");
    battery(&mut peer);
    let mut rig = run(&peer, &[&PCS.replace("s = 10 }", "s = 1 }")]);
    rig.up(0).await;
    near(rig.value(0, Point::W), 30.0);
    rig.command(0, &[(Point::WSet, -80.0)], 7, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(7)).await;
    assert_eq!(peer.tell("get", json!(["holding", 999, "INT32", "big"])), 8_000, "charging is positive in the device");
    assert_eq!(peer.tell("get", json!(["holding", 1001, "UINT16", "big"])), 1);
    let first = peer.tell("writes", json!(null));
    assert_eq!(first[0], json!([6, 1001, [1]]), "the timer is armed before anything may stand");
    assert_eq!(first[1], json!([16, 999, [0, 8_000]]));
    let writes = |peer: &mut Peer| peer.tell("writes", json!(null)).as_array().unwrap().len();
    let mut looks = 0;
    while writes(&mut peer) < 6 {
        let turn = rig.frame(0).turn;
        rig.until(0, "another turn", |f| f.turn > turn).await;
        looks += 1;
        assert!(looks < 100, "the command is not refreshed");
    }
    rig.command(0, &[(Point::WSet, -80.0)], 8, 0);
    let turn = rig.frame(0).turn;
    rig.until(0, "the end of the lease is seen", |f| f.turn > turn).await;
    let ended = writes(&mut peer);
    let turn = rig.frame(0).turn;
    rig.until(0, "three reversion times more", |f| f.turn.since(turn).as_secs() >= 3).await;
    assert_eq!(writes(&mut peer), ended, "a setpoint outlives its lease");
}

#[tokio::test]
async fn f69_a_command_somebody_else_overwrites_is_noticed() {
    let mut peer = Peer::start("modbus_device.py");
    battery(&mut peer);
    let mut rig = run(&peer, &[PCS]);
    rig.up(0).await;
    rig.command(0, &[(Point::WSet, 50.0)], 3, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(3)).await;
    set(&mut peer, "holding", 999, "INT32", 1, "big");
    let frame = rig.until(0, "noticed", |f| !f.write.mismatches.is_empty()).await;
    assert_eq!(frame.write.mismatches[0].point, Point::WSet);
    rig.until(0, "and put right by the next refresh", |f| f.write.mismatches.is_empty()).await;
    assert_eq!(peer.tell("get", json!(["holding", 999, "INT32", "big"])), -5_000);
}

#[tokio::test]
async fn exceptions_and_hang_ups_of_one_unit_are_its_own() {
    let mut peer = Peer::start("modbus_device.py");
    battery(&mut peer);
    for (address, kind) in [(50_526, "UINT32"), (50_536, "INT32")] {
        peer.ask(&json!({ "do": "set", "unit": 2, "with": ["holding", address, kind, 0, "big"] }));
    }
    for (address, kind) in [(7, "INT16"), (20, "UINT64"), (30, "FLOAT32")] {
        peer.ask(&json!({ "do": "set", "unit": 2, "with": ["input", address, kind, 0, "big"] }));
    }
    let mut rig = run(&peer, &[PCS, MIXED]);
    rig.up(0).await;
    rig.up(1).await;

    peer.tell("refuse", json!([16, 3]));
    rig.command(0, &[(Point::WSet, 10.0)], 5, 600);
    let frame = rig.until(0, "refused", |f| f.write.refused.is_some()).await;
    assert_eq!(frame.write.refused, Some((Point::WSet, Reason::OutOfRange)));
    assert_eq!(frame.write.applied_cycle, None);

    peer.tell("refuse", json!([4, 6]));
    rig.until(0, "busy", |f| f.readings.iter().any(|r| r.value == Err(Reason::DeviceBusy))).await;
    let other = rig.frame(1);
    assert!(other.link == Link::Up && other.readings.iter().all(|r| r.value.is_ok()), "{other:?}");
    peer.tell("refuse", json!(null));
    rig.up(0).await;

    let connects = rig.frame(0).connects;
    peer.tell("hang up", json!(null));
    rig.until(0, "a new connection", |f| f.connects > connects && f.link == Link::Up).await;
    rig.up(0).await;
    rig.up(1).await;
}
