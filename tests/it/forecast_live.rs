//! Forecasts of others reach the plan of the real daemon, over gRPC by hexctl and over MQTT by mosquitto's own client.

use std::process::Command;

use serde_json::Value as Json;

use crate::live::{Daemon, RigProcess, free_address, running};

fn forecast_until(daemon: &Daemon, rig: &mut RigProcess, what: &str, wanted: impl Fn(&Json) -> bool) -> Json {
    let mut last = Json::Null;
    for _ in 0..240 {
        last = daemon.json(&["forecast"]);
        if wanted(&last) {
            return last;
        }
        rig.ask("wait 0.25");
    }
    panic!("{what}: not within a minute; {last:#}");
}

fn values<'a>(forecast: &'a Json, asset: &str) -> &'a Vec<Json> {
    let found = forecast["assets"].as_array().unwrap().iter().find(|a| a["id"] == asset).unwrap();
    found["power_kw"].as_array().unwrap()
}

fn publish(port: &str, topic: &str, payload: &str) {
    let sent = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", port, "-r", "-q", "1", "-t", topic, "-m", payload])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn f45_forecasts_of_others_come_by_grpc_and_mqtt_and_leave_no_hole_when_they_expire() {
    let address = free_address();
    let mut rig = RigProcess::start(&["--speed", "5"]);
    let daemon = Daemon::start(&rig, &address);
    daemon.until(&mut rig, 60, "all good and planned", running);
    let first = daemon.json(&["forecast"]);
    assert!(first["standing"].as_array().unwrap().is_empty());
    let now: jiff::Timestamp = first["made_at"].as_str().unwrap().parse().unwrap();
    let hour = now.as_second() / 3600 * 3600;
    let time = |seconds: i64| jiff::Timestamp::from_second(hour + seconds).unwrap();

    // Over gRPC.
    let csv = rig.dir.path().join("prices.csv");
    let rows: String = (0..30).map(|h| format!("{},3.21\n", time(h * 3600))).collect();
    std::fs::write(&csv, format!("time,grid.import_price\n{rows}")).unwrap();
    daemon.json(&["forecast", "send", csv.to_str().unwrap(), "--as", "anna"]);
    let all = |f: &Json| f["import_price_per_kwh"].as_array().unwrap().iter().all(|p| *p == 3.21);
    forecast_until(&daemon, &mut rig, "the price that was sent is planned with", all);
    std::fs::write(&csv, format!("time,load_normal.power_kw\n{},100\n{},100\n", time(0), time(3600))).unwrap();
    let out = daemon.hexctl(&["forecast", "send", csv.to_str().unwrap(), "--as", "anna"]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && said.contains("load_normal draws"), "{said}");

    // Over MQTT, for four minutes of park time.
    let file = std::fs::read_to_string(rig.file()).unwrap();
    let broker = file.lines().find(|l| l.contains("10.8.0.5:1883")).unwrap();
    let port = broker.trim_end_matches(['"', ' ']).rsplit_once(':').unwrap().1;
    let topic = |of: &str| format!("hexad/suzhou-six-in-one/forecast/{of}");
    let expires = now.checked_add(jiff::SignedDuration::from_secs(240)).unwrap();
    let list = vec!["77.5"; 120].join(",");
    let text = format!(r#"{{"start":"{}","step_s":900,"values":[{list}],"expires":"{expires}"}}"#, time(0));
    publish(port, &topic("pv/available_kw"), &text);
    let told = |f: &Json| values(f, "pv").iter().all(|kw| *kw == 77.5);
    let seen = forecast_until(&daemon, &mut rig, "the sun that was sent is planned with", told);
    assert!(
        seen["standing"].as_array().unwrap().iter().any(|s| s["subject"] == "pv.available_kw" && s["by"] == "mqtt")
    );
    publish(port, &topic("wind1/available_kw"), r#"{"start":"2026-07-15T00:00:00Z","step_s":900,"values":[1]}"#);
    let refused = |f: &Json| {
        f["refused"].as_array().unwrap().iter().any(|r| r["why"].as_str().unwrap().contains("missing field `expires`"))
    };
    forecast_until(&daemon, &mut rig, "an undated forecast is refused, and that is shown", refused);

    // What expires, and what is taken back.
    let own = forecast_until(&daemon, &mut rig, "own forecasts again", |f| !told(f));
    let made: jiff::Timestamp = own["made_at"].as_str().unwrap().parse().unwrap();
    assert!(made >= expires, "not before it expires");
    assert!(values(&own, "pv").iter().all(|kw| kw.as_f64().is_some_and(|kw| (0.0..=500.0).contains(&kw))));
    daemon.json(&["forecast", "withdraw", "grid.import_price", "--as", "anna"]);
    forecast_until(&daemon, &mut rig, "the tariff again", |f| !all(f));
    let shown = daemon.hexctl(&["forecast"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("EXPECTED") && shown.contains("not taken at"), "{shown}");
    assert_eq!(daemon.stop(), Some(0));
}
