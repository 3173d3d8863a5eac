//! The small example site: it is sound, it is planned, and the daemon starts with not one of its devices there (F49).

use std::path::Path;
use std::process::{Command, Stdio};

use hexad::dispatch::{Inputs, plan};
use hexad::forecast::{History, TimeGrid, horizon};
use hexad::site::Site;
use hexad::solver::InProcess;
use hexad::units::Park;
use serde_json::Value as Json;

use crate::live::{free_address, signal};
use crate::park;

const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sites/small-office.toml");

fn site() -> Site {
    let profiles = hexad::devices::profile::ProfileStore::load(&[]).unwrap();
    hexad::config::read_site(Path::new(SITE), &profiles).unwrap()
}

#[test]
fn it_is_checked_and_planned() {
    let out = Command::new(env!("CARGO_BIN_EXE_hexad")).args(["check", "--site", SITE]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));

    let site = site();
    // 2026-07-15 12:00 in Berlin.
    let state = park::state(&site, Park::from_unix(1_784_109_600), 0.5, 0.4, 0.5);
    let horizon = horizon(&site, &state, &History::default(), TimeGrid::new(state.now.park));
    let inputs =
        Inputs { site: &site, state: &state, horizon: &horizon, last: None, id: 1, islanded: false, limits: &[] };
    let plan = plan(&inputs, &mut InProcess);
    assert_eq!((plan.status.name(), plan.note.as_str()), ("optimal", ""));
    assert!(plan.slacks.is_empty(), "{:?}", plan.slacks);
    let battery = site.asset("battery").unwrap().0;
    assert!(plan.assets[battery].power_kw[0].iter().any(|kw| kw.abs() > 1.0), "the battery works");
}

/// A daemon whose devices are all at addresses where nobody listens.
pub struct Alone {
    child: std::process::Child,
    pub address: String,
}

impl Alone {
    /// Started by a shell that does `first` before.
    pub fn start(dir: &Path, first: &str) -> Self {
        let nobody = free_address();
        let endpoints: String = site().devices.iter().map(|d| format!("{:?} = {nobody:?}\n", d.address)).collect();
        let mut lines: Vec<&str> = endpoints.lines().collect();
        lines.dedup();
        let clock =
            "[clock]\npark_epoch = \"2026-07-15T10:00:00Z\"\nwall_epoch = \"2026-01-01T00:00:00Z\"\nspeed = 1.0\n";
        let rig = dir.join("rig.toml");
        std::fs::write(&rig, format!("{clock}[endpoints]\n{}\n", lines.join("\n"))).unwrap();
        let address = free_address();
        let child = Command::new("sh")
            .args(["-c", &format!("{first} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_hexad")])
            .args(["run", "--site", SITE, "--listen", &address, "--rig"])
            .arg(&rig)
            .arg("--state-dir")
            .arg(dir.join("state"))
            .env("HEXAD__PLAINTEXT_LOOPBACK", "true")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address }
    }

    /// The first of the daemon's own cycles that fulfils `wanted`, of at most `cycles` (1 s each).
    pub fn until(&self, cycles: u32, wanted: impl Fn(&Json) -> bool) -> Json {
        let mut last = String::new();
        for _ in 0..50 {
            let out = Command::new(env!("CARGO_BIN_EXE_hexctl"))
                .args(["--addr", &self.address, "watch", "--json", "--count", &cycles.to_string()])
                .output()
                .unwrap();
            last = String::from_utf8_lossy(&out.stdout).into_owned();
            let found = last.lines().filter_map(|l| serde_json::from_str(l).ok()).find(|s| wanted(s));
            if let Some(status) = found {
                return status;
            }
            if out.status.success() {
                break;
            }
            // Not listening yet.
            std::thread::yield_now();
        }
        panic!("not within {cycles} cycles: {last}");
    }

    /// What hexctl prints; it must succeed.
    pub fn hexctl(&self, arguments: &[&str]) -> Json {
        let out = Command::new(env!("CARGO_BIN_EXE_hexctl"))
            .args(["--addr", &self.address])
            .args(arguments)
            .output()
            .unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// Ordered stop; the exit code.
    pub fn stop(mut self) -> Option<i32> {
        signal(self.child.id(), "TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn f49_the_daemon_starts_with_every_device_missing_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Alone::start(dir.path(), "");
    // All with one cause, as far as anybody can tell.
    let lost = |s: &Json| -> Vec<String> {
        let alarms = s["alarms"].as_array().unwrap().iter().filter(|a| a["kind"] == "devices_lost");
        let members = alarms.flat_map(|a| a["members"].as_array().unwrap());
        let mut ids: Vec<String> = members.map(|m| m.as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let status = daemon.until(10, |s| lost(s).len() == 4 && s["plan"]["status"] == "optimal");
    assert_eq!(lost(&status), ["m-load", "m-pcc", "pcs", "pv-inverter"]);
    for asset in status["assets"].as_array().unwrap() {
        assert_eq!((&asset["available"], &asset["power_kw"]), (&Json::Bool(false), &Json::Null), "{asset}");
        assert_eq!((&asset["quality"], &asset["setpoint_kw"]), (&Json::from("disconnected"), &Json::Null), "{asset}");
    }
    assert_eq!(status["health"]["good"], false);
    assert_eq!(daemon.stop(), Some(0));
}
