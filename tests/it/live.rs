//! The whole loop on real sockets: the rig and the daemon as processes of their own. Waiting is paced by the rig's clock and
//! by the daemon's own cycles; every wait is bounded.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value as Json;

pub const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sites/suzhou-six-in-one.toml");

/// A port that nobody listens on, below those the kernel hands out by itself: the rig's own listeners and connections, which
/// come between this look and the daemon's bind, cannot take it.
pub fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let n = std::process::id().wrapping_mul(32).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let address = format!("127.0.0.1:{}", 20_000 + n % 12_000);
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

/// The rig as a process, obeying orders on its standard input.
pub struct RigProcess {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub dir: tempfile::TempDir,
}

impl RigProcess {
    pub fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_hexad")).with_file_name("hexad-hil");
        assert!(program.exists(), "{} is missing: cargo build --workspace", program.display());
        let mut child = Command::new(program)
            .args(["run", "--site", SITE, "--control", "--rig-file"])
            .arg(dir.path().join("rig.toml"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut rig = Self { child, orders, answers, dir };
        // The first answer comes when everything listens and the rig file is written.
        rig.ask("wait 0");
        assert!(rig.file().exists());
        rig
    }
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("rig.toml")
    }
    pub fn ask(&mut self, order: &str) -> Json {
        writeln!(self.orders, "{order}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Json = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{order}: {line:?}: {e}"));
        assert!(answer.get("error").is_none(), "{order}: {answer}");
        answer
    }
    pub fn truth(&mut self, asset: &str) -> Json {
        let truth = self.ask("truth");
        let found = truth["assets"].as_array().unwrap().iter().find(|a| a["id"] == asset);
        found.unwrap_or_else(|| panic!("no asset {asset}")).clone()
    }
}

impl Drop for RigProcess {
    fn drop(&mut self) {
        writeln!(self.orders, "quit").ok();
        self.child.wait().ok();
    }
}

/// The daemon as a process.
pub struct Daemon {
    child: Child,
    pub address: String,
    /// What hexctl is told by its environment.
    pub environment: Vec<(String, String)>,
}

impl Daemon {
    pub fn start(rig: &RigProcess, address: &str) -> Self {
        Self::start_with(rig, address, &[("HEXAD__PLAINTEXT_LOOPBACK".to_owned(), "true".to_owned())])
    }
    /// With these settings in its environment.
    pub fn start_with(rig: &RigProcess, address: &str, settings: &[(String, String)]) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(rig.dir.path().join("daemon.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_hexad"))
            .args(["run", "--site", SITE, "--listen", address, "--rig"])
            .arg(rig.file())
            .arg("--state-dir")
            .arg(rig.dir.path().join("state"))
            .envs(settings.iter().cloned())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, address: address.to_owned(), environment: Vec::new() }
    }
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    pub fn hexctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hexctl"));
        command.args(["--addr", &self.address]).args(arguments).envs(self.environment.iter().cloned());
        command
    }
    /// What hexctl prints; it must succeed.
    pub fn json(&self, arguments: &[&str]) -> Json {
        let out = self.hexctl(arguments).arg("--json").output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }
    pub fn status(&self) -> Option<Json> {
        let out = self.hexctl(&["status", "--json"]).output().unwrap();
        serde_json::from_slice(&out.stdout).ok()
    }
    /// The first status that fulfils `wanted`, looking four times a second of the rig's clock for at most `seconds`.
    pub fn until(&self, rig: &mut RigProcess, seconds: u32, what: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let mut last = None;
        for _ in 0..seconds * 4 {
            last = self.status().or(last);
            if let Some(status) = last.as_ref().filter(|s| wanted(s)) {
                return status.clone();
            }
            rig.ask("wait 0.25");
        }
        let log = std::fs::read_to_string(rig.dir.path().join("daemon.log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(15).collect();
        panic!("{what}: not within {seconds} s; last status {last:#?}\nlog, newest first: {tail:#?}");
    }
    /// Children of the daemon: the solver.
    pub fn solver(&self) -> Option<u32> {
        children(self.pid()).into_iter().next()
    }
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
    /// Ordered stop; the exit code.
    pub fn stop(mut self) -> Option<i32> {
        signal(self.pid(), "TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

/// Process ids whose parent is `pid` (proc(5), `/proc/<pid>/stat`, field 4).
fn children(pid: u32) -> Vec<u32> {
    let parent = |entry: &std::fs::DirEntry| -> Option<(u32, u32)> {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let after = stat.rsplit_once(") ")?.1;
        Some((id, after.split(' ').nth(1)?.parse().ok()?))
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|e| parent(&e)).filter(|(_, p)| *p == pid).map(|(id, _)| id).collect()
}

fn assets(status: &Json) -> &Vec<Json> {
    status["assets"].as_array().unwrap()
}

pub fn asset<'a>(status: &'a Json, id: &str) -> &'a Json {
    assets(status).iter().find(|a| a["id"] == id).unwrap_or_else(|| panic!("no asset {id}"))
}

pub fn alarm<'a>(status: &'a Json, kind: &str, subject: &str) -> Option<&'a Json> {
    status["alarms"].as_array().unwrap().iter().find(|a| a["kind"] == kind && a["subject"] == subject)
}

/// All assets are read well and a plan of the solver is in force.
pub fn running(status: &Json) -> bool {
    let planned = ["optimal", "feasible"].iter().any(|s| status["plan"]["status"] == *s);
    planned && assets(status).iter().all(|a| a["quality"] == "good")
}

#[test]
fn the_loop_closes_over_real_wires() {
    let address = free_address();
    let mut rig = RigProcess::start(&["--speed", "5", "--judge", &address]);
    let daemon = Daemon::start(&rig, &address);
    let first = daemon.until(&mut rig, 60, "all good and planned", running);
    for group in ["pv", "wind", "cchp", "low_grade_heat", "storage", "efficiency", "grid", "load"] {
        assert!(assets(&first).iter().any(|a| a["group"] == group), "group {group} is missing");
    }
    rig.ask("wait 20");
    let later = daemon.until(&mut rig, 20, "still good, and a newer cycle", |s| {
        running(s) && s["cycle"].as_u64() > first["cycle"].as_u64().map(|c| c + 20)
    });
    assert!(later["plan"]["age_s"].as_f64().unwrap() < 5.0 * 15.0, "the plan is re-solved: {}", later["plan"]);
    assert_eq!(later["health"]["unverified"], serde_json::json!([]), "every command is read back and followed");
    let report = rig.ask("report");
    assert_eq!(report["limit_violations"], 0, "{}", report["violations"]);
    let error = report["value_error_max"].as_f64().unwrap();
    assert!(error > 0.0 && error <= 0.01, "the judge compared: {error} at {}", report["value_error_at"]);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_is_wrong_is_named_and_the_rest_goes_on() {
    let address = free_address();
    let mut rig = RigProcess::start(&["--speed", "5"]);
    let daemon = Daemon::start(&rig, &address);
    daemon.until(&mut rig, 60, "all good and planned", running);

    rig.ask("fault sign_flip m-normal");
    let seen =
        daemon.until(&mut rig, 90, "the reversed meter is named", |s| alarm(s, "sign_flipped", "m-normal.W").is_some());
    assert_ne!(asset(&seen, "load_normal")["quality"], "good", "a number that is doubted is not shown as good");
    rig.ask("clear m-normal");
    rig.ask("fault freeze m-critical");
    daemon.until(&mut rig, 90, "the frozen meter is named", |s| alarm(s, "frozen", "m-critical.W").is_some());
    rig.ask("clear m-critical");
    daemon.until(&mut rig, 90, "all good again", running);

    rig.ask("fault stop pcs");
    let without = daemon.until(&mut rig, 60, "the battery is out and the plan goes on without it", |s| {
        alarm(s, "device_lost", "pcs").is_some()
            && s["plan"]["status"] == "optimal"
            && asset(s, "battery")["available"] == false
    });
    let others = assets(&without).iter().filter(|a| a["id"] != "battery");
    assert!(others.clone().all(|a| a["quality"] == "good"), "others keep their rate");
    assert!(others.clone().all(|a| a["age_s"].as_f64().is_none_or(|age| age < 6.0)));
    rig.ask("clear pcs");
    daemon.until(&mut rig, 90, "and back again", running);

    let solver = daemon.solver().expect("a solver child");
    signal(solver, "STOP");
    let cycle = daemon.status().unwrap()["cycle"].as_u64().unwrap();
    let log = rig.dir.path().join("daemon.log");
    let deadlines = || std::fs::read_to_string(&log).unwrap().matches("deadline passed").count();
    let before = deadlines();
    daemon.until(&mut rig, 60, "the plan falls back, setpoints go on", |s| {
        deadlines() > before
            && s["cycle"].as_u64().unwrap() > cycle + 10
            && asset(s, "battery")["setpoint_kw"].is_number()
    });
    daemon.until(&mut rig, 60, "a fresh solver plans again", running);
    let killed = daemon.solver().expect("a solver child");
    assert_ne!(killed, solver, "the stopped one was killed");
    signal(killed, "KILL");
    daemon.until(&mut rig, 60, "and after a kill", |s| running(s) && daemon.solver().is_some_and(|p| p != killed));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn f03_f05_a_device_that_fails_its_writes_is_planned_without() {
    let address = free_address();
    let mut rig = RigProcess::start(&["--speed", "5"]);
    let daemon = Daemon::start(&rig, &address);
    let before = daemon.until(&mut rig, 60, "all good and planned", running);
    rig.ask("fault refuse_writes pcs");
    let plan = before["plan"]["id"].as_u64();
    let without = daemon.until(&mut rig, 90, "the battery is out, and it is said", |s| {
        alarm(s, "write_refused", "battery").is_some()
            && asset(s, "battery")["available"] == false
            && s["plan"]["status"] == "optimal"
            && s["plan"]["id"].as_u64() > plan
    });
    let text = alarm(&without, "write_refused", "battery").unwrap()["text"].as_str().unwrap();
    assert!(text.contains("device_failure") && text.contains("left out of the plan"), "{text}");
    let others = assets(&without).iter().filter(|a| a["id"] != "battery");
    assert!(others.clone().all(|a| a["available"] != false), "{without:#?}");
    // A plan made before the battery was out may still be in force: the next is made without it.
    let rests = |plan: &Json| {
        let battery = plan["assets"].as_array().unwrap().iter().find(|a| a["id"] == "battery").unwrap();
        battery["ports"][0]["power_kw"].as_array().unwrap().iter().all(|kw| kw.as_f64() == Some(0.0))
    };
    daemon.until(&mut rig, 60, "the plan is made without it", |_| rests(&daemon.json(&["plan"])));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn f47_f48_a_killed_daemon_leaves_safe_devices_and_a_new_one_takes_over_without_a_step() {
    let address = free_address();
    let mut rig = RigProcess::start(&["--revert-s", "5"]);
    let mut daemon = Daemon::start(&rig, &address);
    daemon.until(&mut rig, 60, "all good and planned", running);
    let solver = daemon.solver().expect("a solver child");
    rig.ask("wait 8");

    // Restarted within its devices' reversion: nothing that stands moves until the new process has a plan.
    let before = rig.truth("battery")["setpoints"].clone();
    daemon.kill();
    let mut daemon = Daemon::start(&rig, &address);
    let mut looked = 0;
    while daemon.status().is_none_or(|s| s["plan"]["status"] == "none") {
        // On a machine that takes longer to start than the reversion lasts, the device has ended it by itself.
        let battery = rig.truth("battery");
        assert!(battery["setpoints"] == before || battery["fallback"] == true, "a step at the restart: {battery}");
        rig.ask("wait 0.1");
        looked += 1;
        assert!(looked < 600, "no plan after a restart");
    }
    assert!(!Path::new(&format!("/proc/{solver}")).exists(), "the old solver is an orphan");

    daemon.until(&mut rig, 60, "all good and planned again", running);
    let solver = daemon.solver().expect("a solver child");
    daemon.kill();
    // The slowest reversion of the park is the heat pump's register timer, 30 s.
    let steered = [
        "battery",
        "pv",
        "wind1",
        "wind2",
        "chp",
        "boiler",
        "heat_pump",
        "chiller",
        "absorption_chiller",
        "dump_cooler",
        "lighting",
        "ev",
    ];
    let mut standing: Vec<&str> = steered.to_vec();
    for _ in 0..45 {
        standing.retain(|id| rig.truth(id)["fallback"] != true);
        if standing.is_empty() {
            break;
        }
        rig.ask("wait 1");
    }
    assert!(standing.is_empty(), "a setpoint outlived its controller: {standing:?}");
    assert!(!Path::new(&format!("/proc/{solver}")).exists(), "the solver is an orphan");
}
