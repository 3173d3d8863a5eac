//! The operator's console against the interface, as programs run it.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::keys::{Authority, DAY, Says, client};
use crate::rpc_park::{Served, soon};

fn hexctl(address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hexctl"));
    command.args(arguments).env("HEXCTL_ADDR", address).env_remove("COLUMNS").kill_on_drop(true).stdin(Stdio::null());
    command
}

async fn run(address: &str, arguments: &[&str]) -> Output {
    soon(hexctl(address, arguments).output()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn shown(served: &Served, arguments: &[&str]) -> String {
    let output = run(&served.address, arguments).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

async fn json(served: &Served, arguments: &[&str]) -> Value {
    serde_json::from_str(&shown(served, arguments).await).unwrap()
}

/// What stands first in an object is written first: the order of the keys in the text.
fn ordered(text: &str, keys: &[&str]) -> bool {
    let places: Vec<_> = keys.iter().map(|k| text.find(&format!("\"{k}\":"))).collect();
    places.iter().all(Option::is_some) && places.is_sorted()
}

#[tokio::test]
async fn status_as_json_has_its_keys_in_order() {
    let served = Served::running().await;
    let text = shown(&served, &["status", "--json"]).await;
    assert!(ordered(&text, &["time", "mode", "cycle", "plan", "assets", "buses", "alarms", "health"]), "{text}");
    let asset = ["id", "kind", "group", "power_kw", "heat_kw", "cool_kw", "setpoint_kw", "reason", "quality"];
    assert!(ordered(&text[text.find("\"assets\"").unwrap()..], &asset), "{text}");
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["time"], "2026-07-02T01:46:41Z");
    assert_eq!((&status["mode"], &status["cycle"]), (&"grid_connected".into(), &1.into()));
    let plan = &status["plan"];
    assert_eq!((&plan["age_s"], &plan["status"], &plan["gap"]), (&3.0.into(), &"optimal".into(), &0.001.into()));
    assert_eq!(plan["cost"], 123.5);
    let (battery, heat) = (&status["assets"][1], &status["assets"][3]);
    assert_eq!((&battery["kind"], &battery["group"]), (&"battery".into(), &"storage".into()));
    assert_eq!((&battery["power_kw"], &battery["heat_kw"]), (&(-40.0).into(), &Value::Null));
    assert_eq!((&battery["setpoint_kw"], &battery["reason"]), (&(-40.0).into(), &"balance, limited by ramp".into()));
    assert_eq!((&heat["heat_kw"], &heat["quality"]), (&Value::Null, &"device_timeout".into()), "unknown is no number");
    let bus = &status["buses"][0];
    assert_eq!((&bus["id"], &bus["carrier"]), (&"elec".into(), &"electricity".into()));
    assert_eq!((&bus["balance_kw"], &bus["price_per_kwh"]), (&1.0.into(), &0.69.into()));
    assert_eq!((&status["alarms"][0]["kind"], &status["health"]["good"]), (&"device_lost".into(), &true.into()));
}

#[tokio::test]
async fn status_as_text_fits_a_page() {
    let served = Served::running().await;
    let page = shown(&served, &["status"]).await;
    for part in [
        "Tiny park   2026-07-02 09:46:41 +08:00   grid_connected   cycle 1",
        "plan 7 optimal, 3 s old, gap 0.10 %, cost 123.50 CNY, solved in 41 ms",
        "healthy   imported 12.5 kWh since 09:40, month's peak 612 kW",
        "WARNING device_lost hm-heat: no answer for 12 s (since 09:46:40)",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    let battery: Vec<_> = page.lines().find(|l| l.starts_with("battery ")).unwrap().split_whitespace().collect();
    assert_eq!(battery.join(" "), "battery storage -40.0 - - - -40.0 good balance, limited by ramp");
}

async fn watching(served: &Served, arguments: &[&str]) -> (Child, BufReader<tokio::process::ChildStdout>) {
    let mut child = hexctl(&served.address, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let out = child.stdout.take().unwrap();
    (child, BufReader::new(out))
}

#[tokio::test]
async fn watch_prints_a_line_of_json_per_cycle() {
    let served = Served::running().await;
    let (mut child, out) = watching(&served, &["watch", "--json", "--count", "3"]).await;
    let mut lines = out.lines();
    for cycle in 1..=3_u64 {
        let line: Value = serde_json::from_str(&soon(lines.next_line()).await.unwrap().unwrap()).unwrap();
        assert_eq!((&line["cycle"], &line["skipped"]), (&cycle.into(), &0.into()));
        assert_eq!(line["assets"][0]["power_kw"], 120.0 + cycle as f64);
        served.cycle(cycle + 1);
    }
    assert_eq!(soon(child.wait()).await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn watch_prints_tables_where_there_is_no_terminal() {
    let served = Served::running().await;
    let page = shown(&served, &["watch", "--count", "1"]).await;
    assert!(page.contains("cycle 1") && page.contains("ASSET") && !page.contains('\u{1b}'), "{page}");
}

#[tokio::test]
async fn watch_draws_a_picture() {
    let served = Served::running().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("park.svg");
    assert_eq!(shown(&served, &["watch", "--count", "1", "--svg", file.to_str().unwrap()]).await, "");
    let picture = std::fs::read_to_string(&file).unwrap();
    for part in ["<title>Tiny park: hexctl watch</title>", ">battery</text>", ">-40.0</text>", ">balance,</text>"] {
        assert!(picture.contains(part), "{part} is not in\n{picture}");
    }
    let nowhere = run(&served.address, &["watch", "--count", "1", "--svg", "/nowhere/park.svg"]).await;
    assert!(text(&nowhere.stderr).contains("/nowhere/park.svg cannot be written"), "{}", text(&nowhere.stderr));
}

#[tokio::test]
async fn f55_watch_ends_with_the_daemon() {
    let served = Served::running().await;
    let (child, out) = watching(&served, &["watch", "--json"]).await;
    let mut lines = out.lines();
    soon(lines.next_line()).await.unwrap().unwrap();
    served.stop.cancel();
    let ended = soon(child.wait_with_output()).await.unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(text(&ended.stderr).contains("the daemon is stopping"), "{}", text(&ended.stderr));
}

/// It ends once, with words and a code, and does not try again without end.
#[tokio::test]
async fn f55_watch_ends_when_the_stream_is_cut() {
    let served = Served::running().await;
    for arguments in [&["watch", "--json"][..], &["watch", "--plain"]] {
        let served = Served::running().await;
        let (child, out) = watching(&served, arguments).await;
        let mut lines = out.lines();
        soon(lines.next_line()).await.unwrap().unwrap();
        served.task.abort();
        let ended = soon(child.wait_with_output()).await.unwrap();
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("broke") && said.contains(&served.address) && said.lines().count() < 4, "{said}");
    }
    served.stop.cancel();
}

#[tokio::test]
async fn plan_as_json_is_whole() {
    let served = Served::running().await;
    let plan = json(&served, &["plan", "--json"]).await;
    assert_eq!((&plan["summary"]["id"], &plan["summary"]["status"]), (&7.into(), &"optimal".into()));
    assert_eq!(plan["made_at"], "2026-07-02T01:46:38Z");
    assert_eq!(plan["intervals"][1], serde_json::json!({"start": "2026-07-02T02:01:40Z", "hours": 1.0}));
    assert_eq!(plan["assets"][1]["ports"][0], serde_json::json!({"bus": "elec", "power_kw": [-40.0, 95.0]}));
    assert_eq!(plan["buses"][0], serde_json::json!({"id": "elec", "price_per_kwh": [0.69, 1.18]}));
    assert_eq!(plan["slacks"][0]["what"], "heat: not enough");
    assert_eq!(plan["summary"]["bound"], 123.4);
    assert_eq!(plan["conflicts"][0]["because"][1]["worth_per_kwh"], Value::Null);
    assert_eq!(plan["binding"][0]["limit"], "grid: import limit (import_max_kw 500)");
    assert_eq!((&plan["limits"][0]["by"], &plan["limits"][0]["binding"]), (&"grid-company".into(), &vec![0].into()));
    assert_eq!(plan["co2"], serde_json::json!({"horizon_kg": 80.0, "today_kg": 300.0, "budget_kg": 500.0}));
}

#[tokio::test]
async fn plan_is_drawn_to_the_width() {
    let served = Served::running().await;
    let page = shown(&served, &["plan", "--width", "72"]).await;
    let chart = page.split("ASSET").next().unwrap();
    assert!(chart.lines().skip(3).all(|l| l.chars().count() <= 72), "{chart}");
    let line = |name: &str, skip: usize| chart.lines().filter(|l| l.starts_with(name)).nth(skip).unwrap();
    assert!(line("price elec", 0).contains("▁▁▁▁▁▁████████████████████████"), "{chart}");
    assert!(line("price elec", 0).ends_with("0.69 to 1.18 CNY/kWh"), "{chart}");
    assert!(line("battery", 0).contains("      ████████████████████████"), "discharge later\n{chart}");
    assert!(line("battery", 1).contains("██████ "), "charge first\n{chart}");
    assert!(!chart.contains("heat_load"), "heat is no electricity\n{chart}");
    for told in [
        "limits in conflict, 10:01 to 11:01: heat: not enough, by up to 100.0 kW; a unit of relief is worth 10.00/kWh\n",
        "    because boiler: its rating at 475 kW, one kW more is worth 9.50/kWh\n    because chp: out (device_timeout)\n",
        "limits that hold\n09:46 to 11:01  grid: import limit (import_max_kw 500) at 475 kW, one kW more is worth 0.25/kWh\n",
        "cost 123.50 CNY (no plan costs less than 123.40), gap 0.10 %",
    ] {
        assert!(page.contains(told), "{told}\n{page}");
    }
    let limit = page.lines().find(|l| l.starts_with("import")).unwrap();
    for words in ["125.0", "grid-company (grid_operator)", "10:46:40"] {
        assert!(limit.contains(words), "{limit}");
    }
    assert!(page.contains("CO2: 300 kg today of a budget of 500 kg, 80 kg in the plan"), "{page}");
}

#[tokio::test]
async fn points_have_a_value_or_a_reason() {
    let served = Served::running().await;
    let all = json(&served, &["points", "--json"]).await;
    assert_eq!((all["points"].as_array().unwrap().len(), &all["cycle"]), (6, &1.into()));
    let soc = json(&served, &["points", "pcs.SoC", "--json"]).await;
    let expected = serde_json::json!({"name": "pcs.SoC", "value": 57.0, "reason": null, "unit": "%", "age_s": 0.5});
    assert_eq!(soc["points"], Value::Array(vec![expected]));
    let page = shown(&served, &["points", "pcs.*"]).await;
    assert!(page.lines().any(|l| l.starts_with("pcs.SoC    57.000  %")), "{page}");
    let wrong = run(&served.address, &["points", "pcz.*"]).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).contains("no point of this site matches \"pcz.*\""), "{}", text(&wrong.stderr));
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_with_a_remedy() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for command in ["status", "watch", "plan", "points"] {
        let failed = run(&format!("http://{free}"), &[command]).await;
        let said = text(&failed.stderr);
        assert_eq!(failed.status.code(), Some(1), "{said}");
        assert!(said.contains(&free.to_string()) && said.contains("hexad run --site"), "{said}");
    }
}

#[tokio::test]
async fn a_daemon_without_a_cycle_is_an_error_in_words() {
    let served = Served::start().await;
    let failed = run(&served.address, &["status"]).await;
    assert_eq!((failed.status.code(), text(&failed.stderr).contains("no cycle yet")), (Some(1), true));
}

#[tokio::test]
async fn wrong_use_is_another_code() {
    for arguments in [&["nonsense"][..], &["status", "--addr", "ftp://x:1"], &["status", "--addr", "localhost"], &[]] {
        assert_eq!(run("http://127.0.0.1:1", arguments).await.status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn https_is_explained_where_it_does_not_work() {
    let served = Served::running().await;
    let address = served.address.replace("http://", "https://");
    let park = Authority::new("park");
    let (certificate, key) = park.issue("anna", Says { from: 0, until: DAY, ..client("anna", "viewer") });
    let said = async |files: &[(&str, &std::path::Path)]| {
        let output = soon(hexctl(&address, &["status"]).envs(files.iter().copied()).output()).await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let file = park.file();
    let authority = ("HEXCTL_AUTHORITY", file.as_path());
    let (certificate, key) = (("HEXCTL_CERTIFICATE", certificate.as_path()), ("HEXCTL_KEY", key.as_path()));
    for (files, told) in [
        (&[][..], "give --authority or HEXCTL_AUTHORITY"),
        (&[authority], "it does not answer in TLS: write http://"),
        (&[authority, certificate], "--certificate and --key-file go together"),
        (&[authority, certificate, key], "anna.pem: the certificate of anna ended at 1970-01-02T00:00:00Z"),
        (&[("HEXCTL_AUTHORITY", std::path::Path::new("/nonexistent.pem"))], "/nonexistent.pem: there is no such file"),
    ] {
        let page = said(files).await;
        assert!(page.contains(told), "{told:?} is not in {page:?}");
    }
}

#[tokio::test]
async fn alarms_and_journal_are_told_in_words_and_as_json() {
    use hexad::store::journal::{Draft, EntryKind};
    let served = Served::running().await;
    let alarms = json(&served, &["alarms", "--json"]).await;
    assert_eq!((&alarms[0]["kind"], &alarms[0]["state"]), (&"device_lost".into(), &"unacknowledged".into()));
    assert!(shown(&served, &["alarms"]).await.contains(alarms[0]["id"].as_str().unwrap()));
    let now = crate::rpc_park::snapshot(1).now;
    let text = "battery: 0.0 kW -> -40.0 kW: plan 7 (optimal)";
    served.journal.add(Draft::new(now, 1, EntryKind::Setpoint, "battery", "moved", text));
    let listed = json(&served, &["journal", "--since", "1h", "--subject", "battery", "--json"]).await;
    assert_eq!((&listed["entries"][0]["text"], &listed["more"]), (&text.into(), &false.into()));
    assert_eq!(listed["entries"][0]["new_kw"], Value::Null);
    assert_eq!(shown(&served, &["journal"]).await, format!("07-02 09:46:41 setpoint {text}\n"));
    assert_eq!(json(&served, &["why", "battery", "--json"]).await["text"], text);
    assert_eq!(
        shown(&served, &["why", "battery", "--at", "09:46:50"]).await,
        format!("07-02 09:46:41 setpoint {text}\n")
    );
}
