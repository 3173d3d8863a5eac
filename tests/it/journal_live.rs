//! What the journal and the alarms tell of a whole park on real sockets: a dead switch, a conflict of proposals, a client that
//! vanishes, a daemon that is killed, a disk without room.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use hexad::store::journal::Book;
use serde_json::Value as Json;

use crate::live::{Daemon, RigProcess, asset, free_address, running};
use crate::small_office::Alone;

fn list<'a>(json: &'a Json, key: &str) -> &'a Vec<Json> {
    json[key].as_array().unwrap_or_else(|| panic!("no list {key} in {json:#}"))
}

/// Alarms that stand, by kind.
fn standing<'a>(status: &'a Json, kind: &'a str) -> impl Iterator<Item = &'a Json> {
    list(status, "alarms").iter().filter(move |a| a["kind"] == kind && a["state"] != "ended")
}

fn group(status: &Json) -> Option<&Json> {
    standing(status, "devices_lost").find(|a| a["subject"] == "suzhou-six-in-one")
}

fn members(group: &Json) -> usize {
    group["members"].as_array().map_or(0, Vec::len)
}

/// How fast an asset may be moved, kW/s, and its lowest load, kW (0: it has none).
type Ramps = BTreeMap<String, (f64, f64)>;

fn ramps() -> Ramps {
    let profiles = hexad::devices::profile::ProfileStore::load(&[]).unwrap();
    let site = hexad::config::read_site(std::path::Path::new(crate::live::SITE), &profiles).unwrap();
    let least = |k: &hexad::site::Kind| k.commitment().map_or(0.0, |c| c.min_load * k.rated().kw());
    site.assets.iter().filter_map(|a| Some((a.id.clone(), (a.kind.ramp_kw_per_s()?, least(&a.kind))))).collect()
}

/// What stands in a device, what its asset gives, kW, and whether the device itself put it there.
struct Told {
    kw: f64,
    gives: f64,
    fallback: bool,
}

/// Of assets with a ramp, and the true park time.
fn told(truth: &Json, ramps: &Ramps) -> (f64, BTreeMap<String, Told>) {
    let found = list(truth, "assets").iter().filter(|a| ramps.contains_key(a["id"].as_str().unwrap()));
    let of = |a: &Json| {
        let kw = a["setpoints"].as_object()?.iter().find(|(k, _)| k.ends_with("_kw"))?.1.as_f64()?;
        let flows = ["power_kw", "heat_kw", "cool_kw"].map(|k| a[k].as_f64().unwrap());
        let machine = ramps[a["id"].as_str()?].1 > 0.0;
        let gives = if machine { flows.into_iter().fold(0.0, f64::max) } else { flows[0] };
        Some((a["id"].as_str()?.to_owned(), Told { kw, gives, fallback: a["fallback"] == true }))
    };
    (truth["park_s"].as_f64().unwrap(), found.filter_map(of).collect())
}

#[test]
fn a_dead_switch_is_one_alarm_and_everything_is_back_without_a_step() {
    let address = free_address();
    let mut rig = RigProcess::start(&[]);
    let daemon = Daemon::start(&rig, &address);
    let calm = daemon.until(&mut rig, 60, "all good and planned", running);
    let devices = list(&calm, "devices").len();
    let listed = list(&calm, "alarms").len();

    rig.ask("fault stop *");
    let dead = daemon.until(&mut rig, 90, "one alarm names them all", |s| {
        assert_eq!(standing(s, "device_lost").count(), 0, "no alarm of a single device: {:#}", s["alarms"]);
        group(s).is_some_and(|g| members(g) == devices)
    });
    let alarm = group(&dead).unwrap();
    let text = alarm["text"].as_str().unwrap();
    assert!(
        text.starts_with(&format!("{devices} of {devices} devices are silent: switch, network or power?")),
        "{text}"
    );
    assert_eq!(alarm["severity"], "critical");
    let id = alarm["id"].as_str().unwrap().to_owned();
    daemon.json(&["ack", &id, "--as", "anna", "--note", "looking at the switch"]);
    // For as long as everything is away: the cycle runs, plans are made, the console answers, and no flood comes after.
    let plan = |s: &Json| s["plan"]["id"].as_u64().unwrap_or(0);
    let later = daemon.until(&mut rig, 60, "newer cycles and plans", |s| {
        let more = list(s, "alarms").len().saturating_sub(listed);
        assert!(more <= 3, "a flood: {:#}", s["alarms"]);
        plan(s) > plan(&dead) + 2 && s["cycle"].as_u64() > dead["cycle"].as_u64().map(|c| c + 20)
    });
    let known = group(&later).unwrap();
    assert_eq!((&known["id"], &known["state"]), (&Json::from(id.as_str()), &Json::from("acknowledged")));
    assert_eq!((&known["acknowledged_by"], &known["note"]), (&"anna".into(), &"looking at the switch".into()));

    // What stands in the devices moves by their ramps only, from wherever their own fallback has left them.
    let ramps = ramps();
    assert!(ramps.contains_key("battery") && ramps.len() >= 3, "{ramps:?}");
    rig.ask("clear *");
    let (mut last_s, mut last) = told(&rig.ask("truth"), &ramps);
    assert!(last.contains_key("battery") && last.contains_key("chp"), "{:?}", last.keys());
    let mut calm_for = 0;
    for _ in 0..600 {
        rig.ask("wait 0.25");
        let truth = rig.ask("truth");
        // Nobody curtails what shines and blows: not for a moment, not by a plan that did not know of it.
        for source in list(&truth, "assets").iter().filter(|a| a["kind"] == "pv" || a["kind"] == "wind") {
            let (gives, could) = (source["power_kw"].as_f64().unwrap(), source["available_kw"].as_f64().unwrap());
            assert!(gives >= 0.5 * could, "{} gives {gives} of {could} kW", source["id"]);
        }
        let (now_s, now) = told(&truth, &ramps);
        for (id, new) in &now {
            let (old, (rate, least)) = (&last[id], ramps[id]);
            // A cycle's step is made at once, and the cycle may have been two beats late.
            let most = rate * (now_s - last_s + 2.0) + 1.0;
            // Towards what it gives a machine does not move, and it begins at its lowest load.
            let (low, high) = (old.kw.min(old.gives) - most, old.kw.max(old.gives).max(least) + most);
            let own = new.fallback || old.fallback;
            assert!(own || (low..=high).contains(&new.kw), "{id}: {} -> {} kW in {} s", old.kw, new.kw, now_s - last_s);
        }
        (last_s, last) = (now_s, now);
        calm_for = if daemon.status().is_some_and(|s| running(&s) && group(&s).is_none()) { calm_for + 1 } else { 0 };
        if calm_for > 20 {
            break;
        }
    }
    assert!(calm_for > 20, "not all good again: {:#}", daemon.status().unwrap()["alarms"]);
    let after = daemon.until(&mut rig, 60, "as before", |s| running(s) && standing(s, "devices_lost").count() == 0);
    assert!(after["cycle"].as_u64() > later["cycle"].as_u64(), "the same process all the while");
    assert!(!list(&after, "alarms").iter().any(|a| a["id"] == id.as_str()), "known, and over");
    let story = daemon.json(&["journal", "--kind", "alarm", "--subject", "suzhou-six-in-one", "--limit", "1000"]);
    let of_group = list(&story, "entries").iter().filter(|e| e["alarm"] == id.as_str());
    let events: Vec<&str> = of_group.map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["raised", "acknowledged", "ended"]);
    assert_eq!(daemon.stop(), Some(0));
}

/// Events of proposals in their order, as `identity event`.
fn story(daemon: &Daemon) -> Vec<(String, Json)> {
    let told = daemon.json(&["journal", "--kind", "proposal", "--limit", "1000"]);
    let entries = list(&told, "entries").iter();
    entries
        .map(|e| (format!("{} {}", e["identity"].as_str().unwrap(), e["event"].as_str().unwrap()), e.clone()))
        .collect()
}

/// Waits until the story has `event`, asking four times a second of the rig's clock.
fn told_of(daemon: &Daemon, rig: &mut RigProcess, event: &str) -> Json {
    for _ in 0..240 {
        if let Some((_, entry)) = story(daemon).into_iter().rfind(|(e, _)| e == event) {
            return entry;
        }
        rig.ask("wait 0.25");
    }
    panic!("{event} does not come; {:?}", story(daemon).iter().map(|(e, _)| e.clone()).collect::<Vec<_>>());
}

fn ask(daemon: &Daemon, identity: &str, rest: &[&str]) {
    let reason = format!("{identity}'s reason");
    let said = daemon.json(&[&["propose", "--as", identity, "--reason", &reason], rest].concat());
    assert_eq!(said["state"], "accepted", "{said}");
}

fn why(daemon: &Daemon, at: &Json) -> Json {
    daemon.json(&["why", "battery", "--at", at.as_str().unwrap()])
}

#[test]
fn the_journal_tells_a_conflict_in_order_and_who_moved_the_battery() {
    let address = free_address();
    let mut rig = RigProcess::start(&[]);
    let daemon = Daemon::start(&rig, &address);
    let calm = daemon.until(&mut rig, 60, "all good and planned", running);
    let import_kw = asset(&calm, "grid")["power_kw"].as_f64().unwrap();
    ask(&daemon, "anna", &["--asset", "battery", "--kw", "-60", "--lease", "45"]);
    let applied = told_of(&daemon, &mut rig, "anna applied");
    ask(&daemon, "trader", &["--asset", "battery", "--kw", "80", "--class", "market", "--lease", "30"]);
    told_of(&daemon, &mut rig, "trader overridden");
    let limit = (import_kw - 100.0).max(0.0).to_string();
    ask(&daemon, "dso", &["--asset", "grid", "--max", &limit, "--class", "grid_operator", "--lease", "15"]);
    let limited = told_of(&daemon, &mut rig, "anna limited_by");
    assert_eq!(limited["limited_by"], "grid_operator dso", "{limited:#}");
    told_of(&daemon, &mut rig, "anna expired");
    rig.ask("wait 3");
    let told = story(&daemon);
    let order = [
        "anna made",
        "anna applied",
        "trader made",
        "trader overridden",
        "dso made",
        "anna limited_by",
        "dso expired",
        "anna applied",
        "trader expired",
        "anna expired",
    ];
    let mut rest = told.iter();
    for event in order {
        assert!(
            rest.any(|(e, _)| e == event),
            "{event} is not in its place: {:?}",
            told.iter().map(|(e, _)| e).collect::<Vec<_>>()
        );
    }
    assert!(told.windows(2).all(|w| w[0].1["seq"].as_u64() < w[1].1["seq"].as_u64()));

    let moved = why(&daemon, &applied["time"]);
    assert_eq!((&moved["cause"], &moved["identity"]), (&"proposal".into(), &"anna".into()), "{moved:#}");
    assert_eq!((&moved["new_kw"], &moved["reason"]), (&Json::from(-60.0), &"anna's reason".into()));
    assert!(list(&moved, "chain").iter().any(|e| e["event"] == "made" && e["identity"] == "anna"), "{moved:#}");
    let cut = why(&daemon, &limited["time"]);
    assert_eq!(cut["limited_by"], "grid_operator dso", "{cut:#}");
    assert!(list(&cut, "chain").iter().any(|e| e["event"] == "made" && e["identity"] == "dso"), "{cut:#}");
    let planned = daemon.json(&["why", "battery"]);
    assert!(["plan", "balance"].contains(&planned["cause"].as_str().unwrap()), "{planned:#}");
    assert!(planned["plan"].is_u64() && planned["price_per_kwh"].is_number() && planned["stored_per_kwh"].is_number());
    assert_eq!(planned["proposal"], Json::Null);
    // In words, too.
    let words = Command::new(env!("CARGO_BIN_EXE_hexctl"))
        .args(["--addr", &daemon.address, "why", "battery", "--at", applied["time"].as_str().unwrap()])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&words.stdout).into_owned();
    assert!(words.contains("operator anna asks for it: \"anna's reason\""), "{words}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn f47_a_client_or_a_daemon_that_is_killed_leaves_its_end_in_the_journal() {
    let address = free_address();
    let mut rig = RigProcess::start(&[]);
    let mut daemon = Daemon::start(&rig, &address);
    daemon.until(&mut rig, 60, "all good and planned", running);
    let mut client = Command::new(env!("CARGO_BIN_EXE_hexctl"))
        .args(["--addr", &address, "propose", "--as", "ghost", "--reason", "none", "--asset", "battery", "--kw", "-40"])
        .args(["--lease", "8", "--follow"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    told_of(&daemon, &mut rig, "ghost made");
    client.kill().unwrap();
    client.wait().unwrap();
    told_of(&daemon, &mut rig, "ghost applied");
    told_of(&daemon, &mut rig, "ghost expired");
    let at = |event: &str| -> jiff::Timestamp {
        let (_, entry) = story(&daemon).into_iter().rfind(|(e, _)| e == event).unwrap();
        entry["time"].as_str().unwrap().parse().unwrap()
    };
    let stood = at("ghost expired").duration_since(at("ghost made")).as_secs_f64();
    assert!((7.0..12.0).contains(&stood), "it stood for {stood} s");
    daemon.until(&mut rig, 10, "nothing of it stands", |s| {
        !asset(s, "battery")["reason"].as_str().unwrap_or("").contains("ghost")
    });

    let before = story(&daemon);
    daemon.kill();
    let daemon = Daemon::start(&rig, &address);
    daemon.until(&mut rig, 60, "a new daemon", |s| s["cycle"].as_u64() > Some(2));
    assert_eq!(story(&daemon)[..before.len()], before[..], "nothing of it is lost");
    let starts = daemon.json(&["journal", "--kind", "daemon"]);
    let events: Vec<&str> = list(&starts, "entries").iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["started", "started_after_crash"]);
    assert_eq!(daemon.stop(), Some(0));

    let book = Book::new(Some(&rig.dir.path().join("state")), 100_000);
    let found = book.load().unwrap();
    assert_eq!((found.damaged, found.breaks), (0, 0));
    assert_eq!(book.last().unwrap().said.event, "stopped");
}

#[test]
fn f51_without_room_for_the_journal_control_goes_on_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    // setrlimit(2): files of at most 4 blocks of 512 bytes; signal(7): writing more is an error, not the end.
    let daemon = Alone::start(dir.path(), "trap '' XFSZ; ulimit -f 4;");
    let disk = |s: &Json| standing(s, "disk").any(|a| a["subject"] == "journal");
    let full = daemon.until(10, disk);
    let later = daemon.until(10, |s| s["cycle"].as_u64() > full["cycle"].as_u64().map(|c| c + 4));
    assert!(disk(&later), "it stands while it lasts: {:#}", later["alarms"]);
    let told = daemon.hexctl(&["journal", "--json", "--limit", "1000"]);
    assert!(list(&told, "entries").iter().any(|e| e["kind"] == "alarm" && e["subject"] == "journal"), "{told:#}");
    assert_eq!(daemon.stop(), Some(0));
}
