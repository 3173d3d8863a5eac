//! The codecs: any bytes in, a value or a reason out; what is written reads back.

use std::sync::Arc;

use hexad::devices::modbus::codec::{ReadBlock, ReplyError, decode, encode, plan_reads, single};
use hexad::devices::modbus::lever;
use hexad::devices::mqtt::codec::{decode_message, encode_command};
use hexad::devices::profile::{Profile, ProfileStore, Source, Wire, parse};
use hexad::devices::sunspec::{self, Found, models};
use hexad::site::{Point, Poll, Reason};
use proptest::prelude::*;

const EVERY_TYPE: &str = r#"
class = "meter"
protocol = "modbus"
provenance = "synthetic"
reversion = { kind = "none" }
[point.W]
address = 0
kind = "input"
type = "f64"
word_order = "little"
unit = "kW"
valid = [-1e6, 1e6]
[point.VAr]
address = 4
kind = "input"
type = "i64"
scale = 0.001
unit = "kvar"
valid = [-1e15, 1e15]
[point.TotWhImp]
address = 8
kind = "input"
type = "u64"
unit = "Wh"
valid = [0.0, 1e17]
not_implemented = -1
[point.AphA]
address = 12
kind = "input"
type = "i16"
sum = [13, 15]
scale = 0.1
unit = "A"
valid = [-1e4, 1e4]
not_implemented = -32768
[point.TSup]
address = 16
kind = "input"
type = "u16"
scale = 0.5
offset = -40.0
unit = "degC"
valid = [-40.0, 200.0]
[point.St]
address = 14
kind = "input"
type = "u16"
bits = { from = 4, len = 3 }
states = { 0 = "off", 3 = "on" }
[point.WSet]
address = 0
kind = "holding"
type = "i32"
word_order = "little"
sign = -1
unit = "W"
valid = [-5e5, 5e5]
access = "rw"
[point.On]
address = 5
kind = "coil"
type = "bool"
access = "rw"
[safe]
WSet = 0.0
On = 0
[[vector]]
point = "W"
registers = [0, 0, 0, 0x3FF0]
value_kw = 1.0
[[vector]]
point = "VAr"
registers = [0xFFFF, 0xFFFF, 0xFFFF, 0xFC18]
value = -1.0
[[vector]]
point = "TotWhImp"
registers = [0, 0, 0, 5000]
value = 5.0
[[vector]]
point = "TotWhImp"
registers = [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF]
reason = "not_implemented"
[[vector]]
point = "AphA"
registers = [100, 0xFFFF, 0, 11]
value = 11.0
[[vector]]
point = "AphA"
registers = [100, 0x8000, 0, 11]
reason = "not_implemented"
[[vector]]
point = "TSup"
registers = [160]
value = 40.0
[[vector]]
point = "St"
registers = [0x0F3F]
value = 2
[[vector]]
point = "St"
registers = [0x0010]
reason = "out_of_range"
[[vector]]
point = "WSet"
registers = [0x86A0, 0x0001]
value_kw = -100.0
[[vector]]
point = "On"
registers = [1]
value = 1
"#;

fn every_type() -> Profile {
    parse("every", "every.toml", EVERY_TYPE).unwrap_or_else(|e| panic!("{e:?}"))
}

fn profiles() -> Vec<Arc<Profile>> {
    let store = ProfileStore::built_in().unwrap();
    let mut all: Vec<_> = store.names().map(|n| found(store.get(n).unwrap())).collect();
    all.push(Arc::new(every_type()));
    all
}

/// A SunSpec profile as on a device that has every model, rated 50 kW.
fn found(profile: &Arc<Profile>) -> Arc<Profile> {
    let Wire::Sunspec(wire) = &profile.wire else { return Arc::clone(profile) };
    let (mut chain, mut at) = (Vec::new(), 40_002);
    for (model, items) in models::MODELS {
        let length = items.iter().map(|i| i.at + i.form.words()).max().unwrap() - 2;
        chain.push(Found { model: *model, at, length });
        at += length + 2;
    }
    let mut profile = sunspec::resolve(profile, wire, &chain);
    profile.points.iter_mut().for_each(|p| sunspec::rate(p, Some(50.0)));
    assert!(profile.points.iter().all(|p| matches!(p.source, Source::Register(_))));
    Arc::new(profile)
}

fn blocks(profile: &Profile) -> Vec<ReadBlock> {
    [Poll::Fast, Poll::Slow, Poll::Once].into_iter().flat_map(|p| plan_reads(profile, p)).collect()
}

#[test]
fn requests_are_the_bytes_of_the_specification() {
    let p = every_type();
    let read = single(&p, p.index(Point::AphA).unwrap()).unwrap();
    assert_eq!(read.pdu(), [4, 0, 12, 0, 4]);
    let set = encode(&p, Point::WSet, -100.0).unwrap();
    assert_eq!(set.pdu(), [16, 0, 0, 0, 2, 4, 0x86, 0xA0, 0, 1]);
    assert_eq!(set.parse(&[16, 0, 0, 0, 2]), Ok(()));
    assert_eq!(set.parse(&[16, 0, 0, 0, 3]), Err(ReplyError::Malformed));
    assert_eq!(set.parse(&[0x90, 3]), Err(ReplyError::Exception(3)));
    assert_eq!(encode(&p, Point::On, 1.0).unwrap().pdu(), [5, 0, 5, 0xFF, 0]);
    let store = ProfileStore::built_in().unwrap();
    let boiler = store.get("ref-boiler-500").unwrap();
    assert_eq!(encode(boiler, Point::On, 1.0).unwrap().pdu(), [15, 0, 0, 0, 2, 1, 1]);
    let heat_pump = store.get("ref-heat-pump-300").unwrap();
    assert_eq!(encode(heat_pump, Point::On, 1.0).unwrap().pdu(), [6, 0, 120, 0, 1]);
}

#[test]
fn f21_sentinels_and_non_finite_numbers_are_reasons() {
    let p = every_type();
    let w = single(&p, p.index(Point::W).unwrap()).unwrap();
    for (bits, reason) in
        [(f64::NAN, Reason::NotImplemented), (f64::INFINITY, Reason::OutOfRange), (2e6, Reason::OutOfRange)]
    {
        let words: Vec<u16> = (0..4).map(|n| (bits.to_bits() >> (16 * n)) as u16).collect();
        assert_eq!(decode(&p, &w, &words), [(w.points[0], Err(reason))]);
    }
    assert_eq!(decode(&p, &w, &[0, 0]), [(w.points[0], Err(Reason::BadReply))]);
}

#[test]
fn what_may_not_be_written_is_refused() {
    let p = every_type();
    assert_eq!(encode(&p, Point::WSet, 500.1), Err(Reason::OutOfRange));
    assert_eq!(encode(&p, Point::WSet, f64::NAN), Err(Reason::OutOfRange));
    assert_eq!(encode(&p, Point::W, 1.0), Err(Reason::NotImplemented));
    assert_eq!(encode(&p, Point::HeatSet, 1.0), Err(Reason::NotImplemented));
}

#[test]
fn f39_a_retained_reading_is_taken_only_where_the_profile_allows() {
    let store = ProfileStore::built_in().unwrap();
    let dali = store.get("ref-dali-gateway").unwrap();
    let payload = br#"{"power_w":1000.0,"wanted_w":2000.0,"cap_kw":40}"#;
    assert_eq!(decode_message(dali, "status", payload, false).len(), 3);
    assert_eq!(decode_message(dali, "status", payload, true), []);
    assert_eq!(decode_message(dali, "other", payload, false), []);
    let bad = decode_message(dali, "status", br#"{"power_w":"x","wanted_w":null}"#, false);
    let reasons: Vec<_> = bad.iter().map(|(_, v)| v.unwrap_err()).collect();
    assert_eq!(reasons, [Reason::BadReply, Reason::NotImplemented, Reason::NotImplemented]);
    let torn = decode_message(dali, "status", br#"{"power_w":1000.0,"wa"#, false);
    assert!(torn.iter().all(|(_, v)| *v == Err(Reason::BadReply)));
}

proptest! {
    #[test]
    fn f07_f11_no_reply_panics_or_passes_a_number_that_is_none(pdu in proptest::collection::vec(any::<u8>(), 0..260)) {
        for profile in profiles() {
            for block in blocks(&profile) {
                let mut answer = vec![block.function()];
                answer.extend(&pdu);
                for bytes in [&pdu, &answer] {
                    if let Ok(words) = block.parse(bytes) {
                        prop_assert_eq!(words.len(), usize::from(block.count));
                    }
                }
            }
        }
    }

    #[test]
    fn any_registers_give_a_believable_value_or_a_reason(words in proptest::collection::vec(any::<u16>(), 0..130)) {
        for profile in profiles() {
            for block in blocks(&profile) {
                let values = decode(&profile, &block, &words);
                prop_assert_eq!(values.len(), block.points.len());
                for (n, v) in values {
                    let (low, high) = profile.points[n].valid;
                    if let Ok(v) = v {
                        prop_assert!(v.is_finite() && v >= low - 1e-6 * low.abs().max(1.0) && v <= high + 1e-6 * high.abs().max(1.0));
                    }
                }
            }
        }
    }

    #[test]
    fn any_payload_gives_a_believable_value_or_a_reason(payload in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,60}") {
        for profile in profiles() {
            for topic in ["status", "power_kw", "limit_kw"] {
                for bytes in [&payload[..], text.as_bytes()] {
                    let all = decode_message(&profile, topic, bytes, false);
                    prop_assert!(all.iter().all(|(_, v)| v.is_err() || v.is_ok_and(f64::is_finite)));
                }
            }
        }
    }

    #[test]
    fn what_is_written_reads_back(share in 0.0..=1.0f64) {
        for profile in profiles() {
            for (n, p) in profile.points.iter().enumerate().filter(|(_, p)| p.point.is_command()) {
                let value = p.valid.0 + share * (p.valid.1 - p.valid.0);
                if lever::of(&profile, p.point).is_some() {
                    continue;
                }
                if let Ok(w) = encode(&profile, p.point, value) {
                    let block = single(&profile, n).unwrap();
                    let got = decode(&profile, &block, &w.words)[0].1;
                    prop_assert_eq!(got, Ok(w.value));
                    let step = p.conversion.scale.abs() * p.conversion.factor.abs();
                    prop_assert!((w.value - value).abs() <= step / 2.0 + 1e-9);
                } else {
                    let (_, payload, echo) = encode_command(&profile, p.point, value).unwrap();
                    prop_assert!((echo - value).abs() < 1e-3, "{}", payload);
                }
            }
        }
    }

    #[test]
    fn a_command_that_depends_on_others_reads_back_and_no_cap_is_rounded_up(kw in 0.0..60.0f64, power in -3..=3i16, before in any::<u16>()) {
        for profile in profiles() {
            for point in [Point::WMax, Point::WSet] {
                let Some((n, block)) = lever::of(&profile, point) else { continue };
                let Source::Register(r) = &profile.points[n].source else { continue };
                let mut words = vec![before.min(0x7FFE); usize::from(block.count)];
                words[usize::from(r.scale_factor.unwrap() - block.address)] = power as u16;
                let Ok(requests) = lever::encode(&profile, n, kw, block.address, &words) else { continue };
                for w in &requests {
                    let at = usize::from(w.address - block.address);
                    words[at..at + w.words.len()].copy_from_slice(&w.words);
                }
                let got = decode(&profile, &block, &words)[0].1;
                let held = requests.last().unwrap().value;
                prop_assert!(got.is_ok_and(|v| (v - held).abs() < 1e-9), "{:?} is not {}", got, held);
                let wanted = if point == Point::WMax { kw.min(50.0) } else { kw };
                let step = profile.points[n].conversion.factor.abs() * 10f64.powi(power.into());
                prop_assert!((held - wanted).abs() <= step + 1e-9);
                prop_assert!(point != Point::WMax || held <= wanted + 1e-6);
            }
        }
    }
}
