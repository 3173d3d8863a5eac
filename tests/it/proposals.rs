//! Commands from outside against the whole loop on real sockets: two that conflict, a limit of the grid on top, and the
//! leases that end them in their order.

use serde_json::Value as Json;

use crate::live::{Daemon, RigProcess, asset, free_address, running};

fn proposal<'a>(list: &'a Json, identity: &str) -> Option<&'a Json> {
    list["proposals"].as_array()?.iter().find(|p| p["identity"] == identity)
}

fn state(list: &Json, identity: &str) -> String {
    proposal(list, identity).map_or("", |p| p["state"].as_str().unwrap_or("")).to_owned()
}

/// The first list that fulfils `wanted`, looking four times a second of the rig's clock for at most `seconds`.
fn until(daemon: &Daemon, rig: &mut RigProcess, seconds: u32, what: &str, wanted: impl Fn(&Json) -> bool) -> Json {
    let mut last = Json::Null;
    for _ in 0..seconds * 4 {
        last = daemon.json(&["proposals"]);
        if wanted(&last) {
            return last;
        }
        rig.ask("wait 0.25");
    }
    panic!("{what}: not within {seconds} s; last {last:#?}\nstatus {:#?}", daemon.status());
}

#[test]
fn two_that_conflict_a_grid_limit_on_top_and_leases_that_end_in_order() {
    let address = free_address();
    let mut rig = RigProcess::start(&[]);
    let daemon = Daemon::start(&rig, &address);
    let calm = daemon.until(&mut rig, 60, "all good and planned", running);
    let import_kw = asset(&calm, "grid")["power_kw"].as_f64().unwrap();

    let ask = |identity: &str, rest: &[&str]| {
        let all = [&["propose", "--as", identity, "--reason", "live test"], rest].concat();
        let said = daemon.json(&all);
        assert_eq!(said["state"], "accepted", "{said}");
        said["id"].as_str().unwrap().to_owned()
    };
    ask("anna", &["--asset", "battery", "--kw", "-60", "--lease", "60", "--key", "charge"]);
    let applied = until(&daemon, &mut rig, 10, "anna's is applied", |l| state(l, "anna") == "applied");
    assert!(proposal(&applied, "anna").unwrap()["seconds_left"].as_f64().unwrap() > 40.0);
    daemon.until(&mut rig, 10, "and the setpoint names her", |s| {
        let battery = asset(s, "battery");
        battery["setpoint_kw"] == -60.0 && battery["reason"] == "proposal of operator anna"
    });

    ask("trader", &["--asset", "battery", "--kw", "80", "--class", "market", "--lease", "40"]);
    let list = until(&daemon, &mut rig, 5, "the market is overridden", |l| state(l, "trader") == "overridden");
    assert_eq!(proposal(&list, "trader").unwrap()["by"], "operator anna");

    // So low that the battery must give way, wherever the park's import stands.
    let limit = (import_kw - 100.0).max(0.0).to_string();
    ask("dso", &["--asset", "grid", "--max", &limit, "--class", "grid_operator", "--lease", "20"]);
    let list = until(&daemon, &mut rig, 10, "anna is limited by the grid operator", |l| {
        state(l, "anna") == "limited_by" && proposal(l, "anna").unwrap()["by"] == "grid_operator dso"
    });
    assert_eq!(list["pcc"]["max_by"], "grid_operator dso");
    let seen = daemon.status().unwrap();
    assert!(asset(&seen, "battery")["reason"].as_str().unwrap().contains("grid_operator dso"), "{seen:#}");

    // The leases end in their order, and each end frees what it held.
    until(&daemon, &mut rig, 40, "the limit ends", |l| state(l, "dso") == "expired");
    until(&daemon, &mut rig, 20, "anna's is applied again", |l| state(l, "anna") == "applied");
    until(&daemon, &mut rig, 40, "the market's ends", |l| state(l, "trader") == "expired");
    let before = daemon.json(&["proposals"]);
    assert_eq!(state(&before, "anna"), "applied");
    until(&daemon, &mut rig, 60, "anna's ends", |l| state(l, "anna") == "expired");
    daemon.until(&mut rig, 10, "the plan again", |s| {
        !asset(s, "battery")["reason"].as_str().unwrap_or("").contains("proposal")
    });
    assert_eq!(daemon.stop(), Some(0));
}
