//! What the wires answer: frames written by hand from the manual.

use super::{rig, rig_of};
use crate::wire::map::Table;
use crate::{Fault, FaultKind, Rig};

const PV: &str = "10.8.1.11:502";
const WIND: &str = "10.8.1.21:502";
const PCS: &str = "10.8.1.31:502";
const CHP: &str = "10.8.2.11:502";
const BOILER: &str = "10.8.2.12:502";
const PUMP: &str = "10.8.2.13:502";
const METER: &str = "10.8.0.11:502";

/// Request and expected reply of unit 1, as bytes.
#[track_caller]
fn check(rig: &mut Rig, address: &str, request: &[u8], reply: &[u8]) {
    let got = rig.modbus(address, 1, request);
    assert_eq!(got.as_deref(), Some(reply), "request {request:02x?}");
}

fn words(rig: &mut Rig, address: &str, function: u8, from: u16, count: u16) -> Vec<u16> {
    let [high, low] = from.to_be_bytes();
    let reply = rig.modbus(address, 1, &[function, high, low, 0, count as u8]).unwrap();
    assert_eq!(reply[0], function, "{reply:02x?}");
    reply[2..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

#[test]
fn identity_is_text_two_characters_a_register() {
    let mut rig = rig(1);
    check(&mut rig, PV, &[3, 0, 0, 0, 4], b"\x03\x08HXPV500\0");
    check(&mut rig, PCS, &[3, 0, 0, 0, 4], b"\x03\x08HXPCS250");
}

#[test]
fn exceptions_follow_the_manual() {
    let mut rig = rig(1);
    // Unknown function, undefined address, a block over a gap, too many registers.
    check(&mut rig, PV, &[7], &[0x87, 1]);
    check(&mut rig, PV, &[4, 0, 99, 0, 1], &[0x84, 2]);
    check(&mut rig, PV, &[4, 0, 108, 0, 2], &[0x84, 2]);
    check(&mut rig, METER, &[3, 0x4A, 0x38, 0, 101], &[0x83, 3]);
    // A cap of 500.01 kW, and the cap written by function 6.
    check(&mut rig, PV, &[16, 0, 200, 0, 2, 4, 0, 0, 0xC3, 0x51], &[0x90, 3]);
    check(&mut rig, PV, &[6, 0, 200, 0, 1], &[0x86, 1]);
    // Half of a 32-bit register, and a measured one.
    check(&mut rig, PV, &[16, 0, 201, 0, 1, 2, 0, 1], &[0x90, 2]);
    check(&mut rig, METER, &[6, 0x4A, 0x52, 0, 1], &[0x86, 2]);
    // A wrong unit is the gateway's answer.
    assert_eq!(rig.modbus(PV, 9, &[3, 0, 0, 0, 4]), Some(vec![0x83, 0x0B]));
    assert_eq!(rig.modbus("10.9.9.9:502", 1, &[3, 0, 0, 0, 4]), None);
}

#[test]
fn engine_takes_zero_or_its_range_by_function_6_and_5_only() {
    let mut rig = rig(1);
    check(&mut rig, CHP, &[6, 7, 0xD0, 0, 0], &[6, 7, 0xD0, 0, 0]);
    check(&mut rig, CHP, &[6, 7, 0xD0, 0, 199], &[0x86, 3]);
    check(&mut rig, CHP, &[16, 7, 0xD0, 0, 1, 2, 1, 0x2C], &[0x90, 1]);
    check(&mut rig, CHP, &[5, 0x12, 0x5C, 0xFF, 0], &[5, 0x12, 0x5C, 0xFF, 0]);
    check(&mut rig, CHP, &[5, 0x12, 0x5C, 0x12, 0], &[0x85, 3]);
    check(&mut rig, CHP, &[1, 0x12, 0x5C, 0, 1], &[1, 1, 1]);
    check(&mut rig, CHP, &[15, 0x12, 0x5C, 0, 1, 1, 1], &[0x8F, 1]);
}

#[test]
fn boiler_wants_both_coils_at_once() {
    let mut rig = rig(1);
    check(&mut rig, BOILER, &[15, 0, 0, 0, 2, 1, 0], &[15, 0, 0, 0, 2]);
    check(&mut rig, BOILER, &[1, 0, 0, 0, 2], &[1, 1, 0]);
    check(&mut rig, BOILER, &[15, 0, 0, 0, 1, 1, 1], &[0x8F, 3]);
    check(&mut rig, BOILER, &[5, 0, 0, 0xFF, 0], &[0x85, 1]);
}

#[test]
fn battery_counts_charging_positive_and_follows() {
    let mut rig = rig(1);
    // Charge with 100.00 kW: +10000 in 10 W.
    check(&mut rig, PCS, &[16, 3, 0xE7, 0, 2, 4, 0, 0, 0x27, 0x10], &[16, 3, 0xE7, 0, 2]);
    check(&mut rig, PCS, &[3, 3, 0xE7, 0, 2], &[3, 4, 0, 0, 0x27, 0x10]);
    for _ in 0..20 {
        rig.step(1.0, 1.0);
    }
    let battery = rig.truth().asset("battery").unwrap().clone();
    assert!((battery.power_kw + 100.0).abs() < 1e-6, "{battery:?}");
    assert_eq!(battery.setpoints["power_kw"], -100.0);
    let raw = words(&mut rig, PCS, 4, 82, 2);
    let read_kw = f64::from((i32::from(raw[0]) << 16) | i32::from(raw[1])) / 100.0;
    assert!((read_kw - 100.0).abs() < 0.003 * 250.0, "{read_kw}");
}

#[test]
fn heat_pump_floats_come_low_word_first() {
    let mut rig = rig(1);
    rig.step(1.0, 1.0);
    let raw = words(&mut rig, PUMP, 3, 104, 2);
    let source_c = f32::from_bits(u32::from(raw[1]) << 16 | u32::from(raw[0]));
    assert!((12.0..20.0).contains(&source_c), "{source_c}");
}

#[test]
fn register_timer_counts_from_the_last_command() {
    let mut rig = rig(1);
    check(&mut rig, PV, &[6, 0, 202, 0, 10], &[6, 0, 202, 0, 10]);
    check(&mut rig, PV, &[16, 0, 200, 0, 2, 4, 0, 0, 0x27, 0x10], &[16, 0, 200, 0, 2]);
    assert!(!rig.truth().asset("pv").unwrap().fallback);
    // Nine seconds of monotonic time, an hour of park time; writing the timer renews nothing.
    for _ in 0..9 {
        rig.step(400.0, 1.0);
        check(&mut rig, PV, &[6, 0, 202, 0, 10], &[6, 0, 202, 0, 10]);
        check(&mut rig, PV, &[3, 0, 200, 0, 2], &[3, 4, 0, 0, 0x27, 0x10]);
    }
    rig.step(1.0, 1.5);
    check(&mut rig, PV, &[3, 0, 200, 0, 2], &[3, 4, 0, 0, 0xC3, 0x50]);
    assert!(rig.truth().asset("pv").unwrap().fallback);
}

#[test]
fn timer_zero_holds_for_ever_and_power_up_is_zero() {
    let mut rig = rig(1);
    check(&mut rig, PCS, &[3, 3, 0xE9, 0, 1], &[3, 2, 0, 0]);
    check(&mut rig, PCS, &[16, 3, 0xE7, 0, 2, 4, 0, 0, 0, 100], &[16, 3, 0xE7, 0, 2]);
    rig.step(1.0, 4000.0);
    check(&mut rig, PCS, &[3, 3, 0xE7, 0, 2], &[3, 4, 0, 0, 0, 100]);
}

#[test]
fn fixed_timer_is_bounded_by_the_option() {
    let mut rig = rig_of(|options| options.revert_s = Some(5.0));
    let cap = [6, 0, 10, 0, 100];
    assert_eq!(rig.modbus(WIND, 2, &cap), Some(cap.to_vec()));
    rig.step(1.0, 4.0);
    assert_eq!(rig.modbus(WIND, 2, &[3, 0, 10, 0, 1]), Some(vec![3, 2, 0, 100]));
    rig.step(1.0, 1.5);
    assert_eq!(rig.modbus(WIND, 2, &[3, 0, 10, 0, 1]), Some(vec![3, 2, 2, 0x58]));
}

fn plant(rig: &mut Rig, kind: FaultKind, device: &str) {
    rig.inject(Fault { kind, device: device.to_owned() }).unwrap();
}

#[test]
fn faults_do_what_they_say_and_heal() {
    let mut rig = rig(1);
    let set = [16, 3, 0xE7, 0, 2, 4, 0, 0, 0x27, 0x10];
    plant(&mut rig, FaultKind::RefuseWrites, "pcs");
    check(&mut rig, PCS, &set, &[0x90, 4]);
    rig.clear("pcs").unwrap();
    plant(&mut rig, FaultKind::IgnoreWrites, "pcs");
    check(&mut rig, PCS, &set, &[16, 3, 0xE7, 0, 2]);
    check(&mut rig, PCS, &[3, 3, 0xE7, 0, 2], &[3, 4, 0, 0, 0, 0]);
    rig.clear("pcs").unwrap();
    plant(&mut rig, FaultKind::Stop, "pcs");
    assert_eq!(rig.modbus(PCS, 1, &set), None);
    assert!(!rig.listens(PCS) && rig.listens(PV));
    rig.clear("pcs").unwrap();
    check(&mut rig, PCS, &set, &[16, 3, 0xE7, 0, 2]);
    plant(&mut rig, FaultKind::OtherWriter, "pcs");
    rig.step(1.0, 1.0);
    assert_ne!(words(&mut rig, PCS, 3, 999, 2), [0, 10_000]);
    assert!(rig.inject("freeze:nobody".parse().unwrap()).is_err());
}

#[test]
fn frozen_meter_repeats_itself_and_a_flipped_one_negates() {
    let mut rig = rig(1);
    rig.step(1.0, 1.0);
    plant(&mut rig, FaultKind::Freeze, "m-pcc");
    let before = words(&mut rig, METER, 3, 19026, 2);
    rig.step(60.0, 60.0);
    assert_eq!(words(&mut rig, METER, 3, 19026, 2), before);
    rig.clear("m-pcc").unwrap();
    rig.step(1.0, 1.0);
    assert_ne!(words(&mut rig, METER, 3, 19026, 2), before);
    let watts = |rig: &mut Rig| {
        let raw = words(rig, METER, 3, 19026, 2);
        f32::from_bits(u32::from(raw[0]) << 16 | u32::from(raw[1]))
    };
    let straight = watts(&mut rig);
    plant(&mut rig, FaultKind::SignFlip, "m-pcc");
    rig.step(0.0, 0.0);
    let flipped = watts(&mut rig);
    assert!((straight + flipped).abs() < 3000.0, "{straight} {flipped}");
}

#[test]
fn lighting_keeps_a_cap_for_its_time_and_ignores_retained_orders() {
    let mut rig = rig(1);
    let cap = |rig: &Rig| rig.truth().asset("lighting").unwrap().setpoints["cap_kw"];
    rig.mqtt_in("park/lighting/set", br#"{"cap_kw":12.0,"ttl_s":15}"#, true);
    assert_eq!(cap(&rig), 40.0);
    rig.mqtt_in("park/lighting/set", br#"{"cap_kw":12.0,"ttl_s":15}"#, false);
    assert_eq!(cap(&rig), 12.0);
    rig.step(1.0, 10.0);
    assert_eq!(rig.truth().asset("lighting").unwrap().power_kw, -12.0);
    rig.step(1.0, 6.0);
    assert_eq!(cap(&rig), 40.0);
}

#[test]
fn mqtt_devices_publish_at_their_pace_by_monotonic_time() {
    let mut rig = rig(1);
    let mut count = std::collections::BTreeMap::new();
    for _ in 0..195 {
        rig.step(6.0, 0.1);
        for message in rig.mqtt_out() {
            *count.entry(message.topic).or_insert(0) += 1;
        }
    }
    assert_eq!(count["park/lighting/status"], 10);
    assert_eq!(count["park/ev/power_kw"], 10);
    assert_eq!(count["park/weather/status"], 4);
    assert_eq!(count["park/lighting/online"], 1);
    plant(&mut rig, FaultKind::Stop, "lighting-gateway");
    let last: Vec<_> = rig.mqtt_out();
    assert!(last.iter().any(|m| m.topic == "park/lighting/online" && m.payload == b"0" && m.retain));
}

#[test]
fn charging_park_takes_a_limit_and_forgets_it() {
    let mut rig = rig(1);
    rig.mqtt_in("park/ev/limit_kw/set", b"120.5", false);
    assert_eq!(rig.truth().asset("ev").unwrap().setpoints["limit_kw"], -120.5);
    rig.mqtt_in("park/ev/limit_kw/set", b"177", false);
    assert_eq!(rig.truth().asset("ev").unwrap().setpoints["limit_kw"], -120.5);
    rig.step(1.0, 31.0);
    assert_eq!(rig.truth().asset("ev").unwrap().setpoints["limit_kw"], -44.0);
}

#[test]
fn every_point_of_every_map_reads() {
    let mut rig = rig(1);
    rig.step(1.0, 1.0);
    for unit in 0..rig.units.len() {
        let (id, points) = (rig.units[unit].id.clone(), rig.units[unit].map.point.clone());
        for point in points {
            let function = match point.table {
                Table::Coil => 1,
                Table::Discrete => 2,
                Table::Holding => 3,
                Table::Input => 4,
            };
            let [high, low] = point.address.to_be_bytes();
            let request = [function, high, low, 0, point.len() as u8];
            let reply = rig.units[unit].answer(&request, &rig.plant).unwrap();
            assert_eq!(reply[0], function, "{id} {}", point.name);
            let known = point.variable.is_none_or(|what| rig.plant.read(rig.units[unit].asset, what).is_some());
            assert!(known, "{id} {} has no value", point.name);
        }
    }
}
