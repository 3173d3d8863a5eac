//! The SunSpec driver against devices made of another library's models (pysunspec2), served by pymodbus over real sockets.

use std::collections::BTreeMap;

use hexad::devices::sunspec::models::{self, Form, MODELS};
use hexad::site::{DeviceFrame, Link, Point, Reason, RunState};
use serde_json::{Value as Json, json};

use crate::peers::Peer;
use crate::peers_modbus::{near, run};
use crate::wire_bench::Rig;

const INVERTER: &str = include_str!("../../config/profiles/sunspec-inverter.toml");
const METER: &str = include_str!("../../config/profiles/sunspec-meter.toml");
const STORAGE: &str = include_str!("../../config/profiles/sunspec-storage.toml");

fn device(models: Json) -> Peer {
    let mut peer = Peer::start("sunspec_device.py");
    peer.tell("models", models);
    peer
}

fn common() -> Json {
    json!([1, { "Mn": "Acme", "Md": "Sun 50", "Opt": "", "Vr": "1.0", "SN": "A1", "DA": 1 }])
}

/// 50 kW, giving 12.34 kW, not capped.
fn measured() -> Json {
    json!([103, {
        "A": 600, "AphA": 181, "AphB": 180, "AphC": 179, "A_SF": -1, "PhVphA": 2301, "PhVphB": 2302, "PhVphC": 2303, "V_SF": -1,
        "W": 1234, "W_SF": 1, "Hz": 4999, "Hz_SF": -2, "VAr": -200, "VAr_SF": 0, "WH": 98_765, "WH_SF": 2,
        "St": 4, "Evt1": 0,
    }])
}

fn settings() -> Json {
    json!([121, { "WMax": 5000, "WMax_SF": 1, "VRef": 230, "VRef_SF": 0 }])
}

fn controls() -> Json {
    json!([123, {
        "Conn": 1, "WMaxLimPct": 10_000, "WMaxLimPct_SF": -2, "WMaxLimPct_RvrtTms": 0, "WMaxLim_Ena": 0,
        "WMaxLimPct_WinTms": 7, "WMaxLimPct_RmpTms": 9, "OutPFSet": 95, "OutPFSet_SF": -2, "OutPFSet_Ena": 0,
    }])
}

fn inverter() -> Peer {
    device(json!([common(), measured(), [120, { "WRtg": 60, "WRtg_SF": 3 }], settings(), [122, {}], controls()]))
}

fn get(peer: &mut Peer, model: u16, point: &str) -> Json {
    peer.tell("get", json!([model, 1, point]))
}

fn set(peer: &mut Peer, model: u16, values: Json) {
    peer.tell("set", json!([model, 1, values]));
}

/// What reads as such.
async fn reads(rig: &mut Rig, profile: &str, point: Point, want: Result<f64, Reason>) {
    let n = hexad::devices::profile::parse("x", "x", profile).unwrap().index(point).unwrap();
    let same = |v: Result<f64, Reason>| match (v, want) {
        (Ok(a), Ok(b)) => (a - b).abs() < 1e-6,
        (a, b) => a == b,
    };
    rig.until(0, &format!("{} reads as {want:?}", point.name()), |f| same(f.readings[n].value)).await;
}

#[test]
fn f66_the_models_here_are_those_of_the_library() {
    let mut peer = Peer::start("sunspec_device.py");
    let numbers: Vec<u16> = MODELS.iter().map(|(id, _)| *id).collect();
    let theirs = peer.tell("definitions", json!(numbers));
    let mut compared = 0;
    for ((id, items), theirs) in MODELS.iter().zip(theirs.as_array().unwrap()) {
        assert_eq!(theirs[0], *id);
        let points = theirs[1].as_array().unwrap();
        for item in *items {
            let at = format!("{id}:{}", item.name);
            let found = points.iter().find(|p| p[0] == item.name);
            // 201 alone names its line voltages otherwise.
            let found = found.or_else(|| points.iter().find(|p| *id == 201 && p[1] == item.at));
            let p = found.unwrap_or_else(|| panic!("{at} is not in the library"));
            assert_eq!((&p[1], &p[2]), (&json!(item.at), &json!(item.form.words())), "{at}: offset and size");
            let form = match p[3].as_str().unwrap() {
                "int16" => Form::I16,
                "uint16" | "count" => Form::U16,
                "enum16" => Form::Enum16,
                "bitfield16" => Form::Bits16,
                "int32" => Form::I32,
                "uint32" => Form::U32,
                "acc32" => Form::Acc32,
                "bitfield32" => Form::Bits32,
                "uint64" => Form::U64,
                "acc64" => Form::Acc64,
                "float32" => Form::F32,
                "sunssf" => Form::Scale,
                "string" => Form::Text(item.form.words()),
                other => panic!("{at}: {other}"),
            };
            assert_eq!(item.form, form, "{at}");
            assert_eq!(item.scale, p[4].as_str().unwrap_or(""), "{at}");
            let means = |n: u16| {
                let symbols: &serde_json::Map<String, Json> = p[6].as_object().unwrap();
                symbols.iter().find(|(_, v)| **v == n).map_or_else(|| panic!("{at} = {n}"), |(k, _)| k.as_str())
            };
            for (n, state) in models::states(*id, item.name) {
                assert_eq!(*state, state_of(means(*n)), "{at} = {n}");
            }
            compared += 1;
        }
    }
    assert!(compared > 600, "{compared} points");
}

/// The library's names of states.
fn state_of(name: &str) -> RunState {
    // A slip in the published model 111.
    match name.trim_start_matches("gg") {
        "OFF" | "DISCONNECTED" => RunState::Off,
        "STARTING" | "INITIALIZING" => RunState::Starting,
        "ON" | "MPPT" | "RUNNING" | "THROTTLED" | "CONNECTED" => RunState::On,
        "SHUTTING_DOWN" | "SUSPENDING" => RunState::Stopping,
        "FAULT" => RunState::Fault,
        "SLEEPING" | "STANDBY" | "SOC PROTECTION" => RunState::Standby,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_inverter_is_read_and_capped_and_nothing_else_of_it_changes() {
    let mut peer = inverter();
    let mut rig = run(&peer, &[INVERTER]);
    rig.up(0).await;
    let expected = [
        (Point::W, 12.34),
        (Point::VAr, -0.2),
        (Point::Hz, 49.99),
        (Point::PhVphA, 230.1),
        (Point::PhVphB, 230.2),
        (Point::PhVphC, 230.3),
        (Point::AphA, 18.1),
        (Point::AphB, 18.0),
        (Point::AphC, 17.9),
        (Point::TotWhExp, 9_876.5),
        (Point::St, RunState::On.code()),
        (Point::Alm, 0.0),
        (Point::WMax, 50.0),
        (Point::RvrtTms, 30.0),
    ];
    for (point, want) in expected {
        near(rig.value(0, point), want);
    }

    rig.command(0, &[(Point::WMax, 33.3349)], 4, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(4)).await;
    assert_eq!(peer.tell("cget", json!([123, 1, "WMaxLimPct"])), 66.66, "a cap is rounded down");
    assert_eq!(get(&mut peer, 123, "WMaxLim_Ena"), 1);
    assert_eq!(get(&mut peer, 123, "WMaxLimPct_RvrtTms"), 30);
    assert_eq!(get(&mut peer, 123, "WMaxLimPct_WinTms"), 0, "a cap is not put off at random");
    let kept = [("Conn", 1), ("WMaxLimPct_RmpTms", 9), ("OutPFSet", 95), ("OutPFSet_Ena", 0), ("WMaxLimPct_SF", -2)];
    for (point, want) in kept {
        assert_eq!(get(&mut peer, 123, point), want, "{point}");
    }
    assert_eq!(get(&mut peer, 121, "WMax"), 5000);
    reads(&mut rig, INVERTER, Point::WMax, Ok(33.33)).await;

    rig.command(0, &[(Point::WMax, 9_000.0)], 5, 600);
    rig.until(0, "no cap", |f| f.write.applied_cycle == Some(5)).await;
    assert_eq!(peer.tell("cget", json!([123, 1, "WMaxLimPct"])), 100.0);
}

#[tokio::test]
async fn a_cap_is_refreshed_before_its_timer_ends_it() {
    let mut peer = inverter();
    let text = INVERTER
        .replace("reversion = {", "write_function = 6\nreversion = {")
        .replace("s = 30 }", "s = 1 }")
        .replace("RvrtTms\" = 30", "RvrtTms\" = 1")
        .replace("\nvalue = 30\n", "\nvalue = 1\n");
    let mut rig = run(&peer, &[&text]);
    rig.up(0).await;
    rig.command(0, &[(Point::WMax, 10.0)], 2, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(2)).await;
    // Whatever ends it, it is put in force again.
    for _ in 0..3 {
        set(&mut peer, 123, json!({ "WMaxLim_Ena": 0 }));
        let mut looks = 0;
        while get(&mut peer, 123, "WMaxLim_Ena") != 1 {
            let turn = rig.frame(0).turn;
            rig.until(0, "another turn", |f| f.turn > turn).await;
            looks += 1;
            assert!(looks < 100, "the cap is not refreshed");
        }
    }
    let writes = peer.tell("writes", json!(null));
    assert!(writes.as_array().unwrap().iter().all(|w| w[0] == 6), "a device may take function 6 alone: {writes}");
}

#[tokio::test]
async fn f22_a_scale_factor_that_changes_never_meets_another_ones_number() {
    let mut peer = inverter();
    let mut rig = run(&peer, &[INVERTER]);
    rig.up(0).await;
    peer.tell("requests", json!(null));
    let (mut nine, mut ninety) = (0, 0);
    for k in 0..14 {
        set(&mut peer, 103, if k % 2 == 0 { json!({ "W": 9000, "W_SF": 0 }) } else { json!({ "W": 900, "W_SF": 2 }) });
        let turn = rig.frame(0).turn;
        rig.until(0, "another turn", |f| f.turn > turn).await;
        match rig.value(0, Point::W) {
            Ok(w) if (w - 9.0).abs() < 1e-9 => nine += 1,
            Ok(w) if (w - 90.0).abs() < 1e-9 => ninety += 1,
            Ok(w) if (w - 12.34).abs() < 1e-9 && k == 0 => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(nine > 0 && ninety > 0, "{nine} {ninety}");
    let w = 40_000 + 2 + 68 + 14;
    for r in peer.tell("requests", json!(null)).as_array().unwrap() {
        let (at, count) = (r[1].as_u64().unwrap(), r[2].as_u64().unwrap_or(0));
        assert_eq!((at..at + count).contains(&w), (at..at + count).contains(&(w + 1)), "{r}");
    }

    // A command, too, is scaled by what stands there when it is written.
    set(&mut peer, 123, json!({ "WMaxLimPct": 100, "WMaxLimPct_SF": 0 }));
    rig.command(0, &[(Point::WMax, 20.0)], 3, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(3)).await;
    assert_eq!(get(&mut peer, 123, "WMaxLimPct"), 40);
    // And the share is one of the rating that stands there then.
    set(&mut peer, 121, json!({ "WMax": 4000 }));
    rig.command(0, &[(Point::WMax, 10.0)], 4, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(4)).await;
    assert_eq!(get(&mut peer, 123, "WMaxLimPct"), 25);
}

#[tokio::test]
async fn f21_what_is_not_implemented_is_no_number() {
    let mut peer = inverter();
    let mut rig = run(&peer, &[INVERTER]);
    rig.up(0).await;
    set(&mut peer, 103, json!({ "W": null, "VAr_SF": null, "St": null, "WH": 0, "A_SF": 11 }));
    for (point, reason) in [
        (Point::W, Reason::NotImplemented),
        (Point::VAr, Reason::NotImplemented),
        (Point::St, Reason::NotImplemented),
        (Point::TotWhExp, Reason::NotImplemented),
        (Point::AphA, Reason::BadReply),
    ] {
        reads(&mut rig, INVERTER, point, Err(reason)).await;
    }
    near(rig.value(0, Point::Hz), 49.99);
}

#[tokio::test]
async fn without_a_timer_or_a_rating_no_cap_is_written() {
    let mut peer = inverter();
    set(&mut peer, 123, json!({ "WMaxLimPct_RvrtTms": null }));
    let mut rig = run(&peer, &[INVERTER]);
    rig.until(0, "up", |f| f.link == Link::Up).await;
    // Arming a timer that is not there changes nothing on this device.
    set(&mut peer, 123, json!({ "WMaxLimPct_RvrtTms": null }));
    rig.command(0, &[(Point::WMax, 10.0)], 2, 600);
    let n = rig.profiles.get("unit-1").unwrap().index(Point::WMax).unwrap();
    rig.until(0, "refused", |f| f.write.refused == Some((Point::WMax, Reason::NotImplemented))).await;
    assert_eq!(get(&mut peer, 123, "WMaxLim_Ena"), 0);

    peer.tell("models", json!([common(), measured(), controls()]));
    peer.tell("hang up", json!(null));
    rig.until(0, "no model with the rating", |f| f.readings[n].value == Err(Reason::NotImplemented)).await;
    rig.command(0, &[(Point::WMax, 10.0)], 3, 600);
    rig.until(0, "refused", |f| f.write.refused == Some((Point::WMax, Reason::NotImplemented))).await;
    assert_eq!(get(&mut peer, 123, "WMaxLim_Ena"), 0);
    reads(&mut rig, INVERTER, Point::W, Ok(12.34)).await;

    // A rating that comes late is found without a new connection.
    peer.tell("models", json!([common(), measured(), [121, {}], controls()]));
    peer.tell("hang up", json!(null));
    rig.command(0, &[(Point::WMax, 10.0)], 4, 600);
    let late = |f: &DeviceFrame| f.link == Link::Up && f.write.refused == Some((Point::WMax, Reason::NotImplemented));
    rig.until(0, "no rating", late).await;
    set(&mut peer, 121, json!({ "WMax": 5000, "WMax_SF": 1 }));
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(4)).await;
    assert_eq!(peer.tell("cget", json!([123, 1, "WMaxLimPct"])), 20.0);
}

#[tokio::test]
async fn a_map_that_moved_is_found_again_on_the_next_connection() {
    let mut peer = inverter();
    let mut rig = run(&peer, &[INVERTER]);
    rig.up(0).await;
    peer.tell("models", json!([common(), [122, {}], controls(), settings(), measured()]));
    peer.tell("base", json!(50_000));
    peer.tell("hang up", json!(null));
    let connects = rig.frame(0).connects;
    rig.until(0, "a new connection", |f| f.connects > connects && f.link == Link::Up).await;
    rig.up(0).await;
    reads(&mut rig, INVERTER, Point::W, Ok(12.34)).await;
    reads(&mut rig, INVERTER, Point::PhVphC, Ok(230.3)).await;
    rig.command(0, &[(Point::WMax, 25.0)], 9, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(9)).await;
    assert_eq!(peer.tell("cget", json!([123, 1, "WMaxLimPct"])), 50.0);
    assert_eq!(get(&mut peer, 121, "WMax"), 5000);

    peer.tell("base", json!(0));
    peer.tell("hang up", json!(null));
    rig.until(0, "at address 0", |f| f.connects > connects + 1 && f.link == Link::Up).await;
    reads(&mut rig, INVERTER, Point::Hz, Ok(49.99)).await;
}

#[tokio::test]
async fn f18_another_device_at_the_address_is_neither_believed_nor_written() {
    let mut peer = inverter();
    let mut rig = run(&peer, &[INVERTER]);
    rig.up(0).await;
    set(&mut peer, 1, json!({ "SN": "B2" }));
    peer.tell("hang up", json!(null));
    rig.until(0, "down", |f| f.link == Link::Down(Reason::IdentityMismatch)).await;
    peer.tell("requests", json!(null));
    rig.command(0, &[(Point::WMax, 25.0)], 9, 600);
    let errors = rig.frame(0).errors;
    rig.until(0, "looked at again", |f| f.errors > errors).await;
    assert_eq!(peer.tell("writes", json!(null)), json!([]));
    assert!(rig.frame(0).readings.iter().all(|r| r.value == Err(Reason::IdentityMismatch)));
    set(&mut peer, 1, json!({ "SN": "A1" }));
    rig.up(0).await;

    let other = INVERTER.replace("[point.W]", "identify = { Mn = \"Acme\", Md = \"Sun 60\" }\n[point.W]");
    let mut rig = run(&peer, &[&other]);
    rig.until(0, "another model than written", |f| f.link == Link::Down(Reason::IdentityMismatch)).await;
}

#[tokio::test]
async fn meters_are_told_apart_and_floats_are_read() {
    let first = json!([203, { "W": -1500, "W_SF": 1, "Hz": 5001, "Hz_SF": -2, "TotWhImp": 12_345, "TotWh_SF": 1 }]);
    let second = json!([203, { "W": 321, "W_SF": 2, "Hz": 4_990, "Hz_SF": -2, "TotWhImp": 700, "TotWh_SF": 3 }]);
    let mut peer = device(json!([common(), measured(), first, second]));
    let text = METER.replace("\"203:", "\"203#2:");
    let mut rig = run(&peer, &[METER]);
    let mut other = run(&peer, &[&text]);
    reads(&mut rig, METER, Point::W, Ok(-15.0)).await;
    reads(&mut rig, METER, Point::TotWhImp, Ok(123.45)).await;
    reads(&mut other, METER, Point::W, Ok(32.1)).await;
    reads(&mut other, METER, Point::TotWhImp, Ok(700.0)).await;
    assert_eq!(rig.value(0, Point::TotWhExp), Err(Reason::NotImplemented));

    peer.tell("models", json!([common(), [213, { "W": -4_321.5, "Hz": 50.5, "PhVphA": 229.5 }]]));
    peer.tell("hang up", json!(null));
    reads(&mut rig, METER, Point::W, Ok(-4.3215)).await;
    reads(&mut rig, METER, Point::PhVphA, Ok(229.5)).await;
    assert_eq!(rig.value(0, Point::VAr), Err(Reason::NotImplemented));
}

#[test]
fn the_meters_of_an_inverter_may_share_its_address_but_not_its_commands() {
    let profiles = hexad::devices::profile::ProfileStore::built_in().unwrap();
    let site = |pv: &str, meter: &str| {
        include_str!("../../config/sites/small-office.toml")
            .replace("profile = \"ref-pv-500\"", &format!("profile = \"{pv}\""))
            .replace("profile = \"janitza-umg96rm-grid\"\naddress = \"192.168.10.11:502\"", meter)
    };
    let at_pv = |profile: &str| format!("profile = \"{profile}\"\naddress = \"192.168.10.21:502\"");
    let check = |text: &str| hexad::config::load_site(text, "site.toml", &profiles);
    let good = site("sunspec-inverter", &at_pv("sunspec-meter"));
    assert_eq!(check(&good).unwrap().devices.len(), 4);
    for (pv, meter) in [
        ("ref-pv-500", "sunspec-meter"),
        ("sunspec-inverter", "janitza-umg96rm-grid"),
        ("sunspec-inverter", "sunspec-inverter"),
        ("sunspec-inverter", "sunspec-storage"),
    ] {
        let errors = check(&site(pv, &at_pv(meter))).unwrap_err();
        assert!(errors.iter().any(|e| e.to_string().contains("same address and unit")), "{pv} {meter}: {errors:?}");
    }
}

/// A storage inverter of the 700 models.
fn storage() -> Peer {
    device(json!([
        common(),
        [701, { "W": -1234, "W_SF": 1, "Var": 5, "Var_SF": 1, "Hz": 50_010, "Hz_SF": -3, "InvSt": 3, "Alrm": 0,
            "TotWhInj": 123_456_789_012_u64, "TotWh_SF": 0, "VL1": 2301, "VL2": 2302, "VL3": 2303, "V_SF": -1,
            "AL1": 181, "AL2": 180, "AL3": 179, "A_SF": -1 }],
        [702, { "WMax": 500, "WMaxRtg": 600, "WChaRteMax": 400, "WDisChaRteMax": 450, "W_SF": 2 }],
        [704, { "WSetEna": 0, "WSetMod": 0, "WSet": 0, "WSet_SF": 0, "WSetRvrtTms": 0, "WMaxLimPctEna": 0,
            "WMaxLimPct": 1000, "WMaxLimPct_SF": -1, "WMaxLimPctRvrtTms": 0, "VarSet": 77, "VarSet_SF": 0 }],
        [713, { "SoC": 635, "SoH": 987, "Pct_SF": -1, "Sta": 0 }],
    ]))
}

#[tokio::test]
async fn a_storage_follows_a_setpoint_in_watts_and_one_that_lapsed_is_noticed() {
    let mut peer = storage();
    let mut rig = run(&peer, &[STORAGE]);
    reads(&mut rig, STORAGE, Point::W, Ok(-12.34)).await;
    for (point, want) in [
        (Point::SoC, 63.5),
        (Point::SoH, 98.7),
        (Point::Hz, 50.01),
        (Point::WChaMax, 40.0),
        (Point::WDisChaMax, 45.0),
        (Point::St, RunState::On.code()),
    ] {
        near(rig.value(0, point), want);
    }
    assert_eq!(rig.value(0, Point::WSet), Err(Reason::Disabled), "the device follows something else");

    rig.command(0, &[(Point::WSet, -25.5)], 6, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(6)).await;
    assert_eq!(peer.tell("cget", json!([704, 1, "WSet"])), -25_500);
    let values: BTreeMap<&str, Json> =
        ["WSetEna", "WSetMod", "WSetRvrtTms", "VarSet", "WMaxLimPctEna"].map(|p| (p, get(&mut peer, 704, p))).into();
    let want =
        BTreeMap::from([("WSetEna", 1), ("WSetMod", 1), ("WSetRvrtTms", 30), ("VarSet", 77), ("WMaxLimPctEna", 0)]);
    assert!(values.iter().all(|(p, v)| *v == want[p]), "{values:?}");
    reads(&mut rig, STORAGE, Point::WSet, Ok(-25.5)).await;

    set(&mut peer, 704, json!({ "WSetEna": 0 }));
    rig.until(0, "noticed", |f| f.write.refused == Some((Point::WSet, Reason::Disabled))).await;
    rig.until(0, "put in force again", |f| f.write.refused.is_none()).await;
    assert_eq!(get(&mut peer, 704, "WSetEna"), 1);
}

#[tokio::test]
async fn f65_a_cap_is_written_before_the_setpoint_and_each_arms_its_own_timer() {
    let cap = "[point.WMax]\npoint = \"704:WMaxLimPct\"\nvalid = [0.0, 1e7]\n";
    let proof = "[[vector]]\npoint = \"WMax\"\nraw = { \"704:WMaxLimPct\" = 100, \"704:WMaxLimPct_SF\" = 0, \
        \"704:WMaxLimPctEna\" = 1, \"704:WMaxLimPctRvrtTms\" = 30, \"702:WMax\" = 500, \"702:W_SF\" = 2 }\nvalue_kw = 50.0\n";
    let text = STORAGE.replace("[safe]\n", &format!("{cap}[safe]\nWMax = 1000.0\n")) + proof;
    let mut peer = storage();
    let mut rig = run(&peer, &[&text]);
    reads(&mut rig, &text, Point::SoC, Ok(63.5)).await;
    rig.command(0, &[(Point::WSet, 30.0), (Point::WMax, 20.0)], 3, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(3)).await;
    let base = 40_000 + 2 + 68 + 155 + 52;
    let written: Vec<u64> =
        peer.tell("writes", json!(null)).as_array().unwrap().iter().map(|w| w[1].as_u64().unwrap()).collect();
    let first = |offset: u64| written.iter().position(|a| *a == base + offset);
    let (cap, set) = (first(15).expect("WMaxLimPct"), first(24).expect("WSet"));
    assert!(cap < set, "{written:?}");
    for timer in ["WMaxLimPctRvrtTms", "WSetRvrtTms"] {
        assert_eq!(get(&mut peer, 704, timer), 30);
    }
    assert_eq!(peer.tell("cget", json!([704, 1, "WMaxLimPct"])), 40.0);
    assert_eq!(peer.tell("cget", json!([704, 1, "WSet"])), 30_000);
}

#[tokio::test]
async fn the_newer_models_are_preferred_and_their_states_read_in_their_own_numbers() {
    let mut peer = storage();
    let mut rig = run(&peer, &[INVERTER]);
    rig.up(0).await;
    near(rig.value(0, Point::W), -12.34);
    near(rig.value(0, Point::PhVphB), 230.2);
    near(rig.value(0, Point::TotWhExp), 123_456_789.012);
    near(rig.value(0, Point::St), RunState::On.code());
    near(rig.value(0, Point::WMax), 50.0);
    rig.command(0, &[(Point::WMax, 20.0)], 2, 600);
    rig.until(0, "applied", |f| f.write.applied_cycle == Some(2)).await;
    assert_eq!(peer.tell("cget", json!([704, 1, "WMaxLimPct"])), 40.0);
    assert_eq!(get(&mut peer, 704, "WMaxLimPctEna"), 1);
    assert_eq!(get(&mut peer, 704, "WMaxLimPctRvrtTms"), 30);
    assert_eq!(get(&mut peer, 704, "WSetEna"), 0);

    // The same number is another state in another model.
    peer.tell("models", json!([common(), [103, { "St": 3 }]]));
    peer.tell("hang up", json!(null));
    reads(&mut rig, INVERTER, Point::St, Ok(RunState::Starting.code())).await;
}
