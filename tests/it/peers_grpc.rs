//! Foreign clients of the operators' interface: Python's grpcio, by stubs made from `proto/` and by reflection, against the
//! real daemon and the real rig.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::keys::{Authority, DAY, Says, client, server};
use crate::live::{Daemon, RigProcess, free_address, running, signal};
use crate::peers::python;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs to its end and must succeed; the scripts bound their own time. What it printed.
fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let (said, cried) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{command:?}: {}\n{said}\n{cried}", out.status);
    said.into_owned()
}

fn peer(address: &str, by: &str, checks: &[&str]) -> Command {
    let mut command = python("grpc_peer.py");
    command.args([address, by]).args(checks);
    command
}

/// All checks are done, none left out.
fn all_done(address: &str, by: &str, checks: &[&str]) {
    done(&mut peer(address, by, checks), checks);
}

fn done(peer: &mut Command, checks: &[&str]) {
    let said = run(peer);
    let done: Vec<&str> = said.lines().filter_map(|l| l.strip_prefix("done ")).collect();
    assert_eq!(done, checks, "{said}");
}

/// The README's client, made ready as the README says.
fn readme_client(address: &str) {
    let stubs = tempfile::tempdir().unwrap();
    let out = |kind: &str| format!("--{kind}={}", stubs.path().display());
    let files = std::fs::read_dir(Path::new(ROOT).join("proto/hexad/v1")).unwrap().map(|f| f.unwrap().path());
    let mut make = python("client.py");
    let interpreter = make.get_program().to_owned();
    let mut protoc = Command::new(interpreter);
    protoc.current_dir(ROOT).args(["-m", "grpc_tools.protoc"]).arg(format!("-I{ROOT}/proto"));
    run(protoc.args([out("python_out"), out("grpc_python_out")]).args(files));
    let said = run(make.arg(address).env("PYTHONPATH", stubs.path()));
    let places: Vec<_> = ["grid_connected", "battery", "accepted", "applied", "released"].map(|w| said.find(w)).into();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{said}");
}

struct Reading(Child);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn f53_f55_python_by_stubs_and_by_reflection_asks_falls_behind_and_ends_with_the_daemon() {
    let address = free_address();
    let mut rig = RigProcess::start(&["--speed", "5"]);
    let daemon = Daemon::start(&rig, &address);
    daemon.until(&mut rig, 60, "all good and planned", running);

    let checks = ["site", "snapshot", "stream", "plan", "propose", "errors"];
    all_done(&address, "stubs", &checks);
    all_done(&address, "reflection", &checks);
    all_done(&address, "reflection", &["vanish", "slow"]);
    readme_client(&address);

    let mut end = peer(&address, "stubs", &["end"]);
    let mut reading = Reading(end.stdout(Stdio::piped()).spawn().unwrap());
    let mut said = BufReader::new(reading.0.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "reading");
    signal(daemon.pid(), "TERM");
    assert_eq!(said.next().unwrap().unwrap(), "done end");
    assert!(reading.0.wait().unwrap().success());
    assert_eq!(daemon.stop(), Some(0));
}

/// Certificate and key.
type Person = (PathBuf, PathBuf);

/// Python over TLS: the authority it trusts, and who it is.
fn over_tls(address: &str, by: &str, trusted: &Path, person: Option<&Person>, checks: &[&str]) {
    let mut command = peer(address, by, checks);
    command.arg("--ca").arg(trusted);
    if let Some((certificate, key)) = person {
        command.arg("--cert").arg(certificate).arg("--key").arg(key);
    }
    done(&mut command, checks);
}

#[test]
fn python_over_tls_the_right_certificate_works_and_every_other_is_locked_out() {
    let now = hexad::clock::wall().time.as_second();
    let current = |says: Says<'static>| Says { from: now - 30 * DAY, until: now + 30 * DAY, ..says };
    let ended = |says: Says<'static>| Says { from: now - 30 * DAY, until: now - DAY, ..says };
    let [park, other] = ["park", "other"].map(|name| Authority::lasting(name, now - 100 * DAY, now + 100 * DAY));
    let files = park.server(current(server("daemon")));
    let anna = park.issue("anna", current(client("anna", "operator")));
    let address = free_address();
    let mut rig = RigProcess::start(&["--speed", "5"]);
    let text = |path: &Path| path.display().to_string();
    let set = |key: &str, value: &Path| (format!("HEXAD__TLS__{key}"), text(value));
    let settings = [set("AUTHORITY", &files.authority), set("CERTIFICATE", &files.certificate), set("KEY", &files.key)];
    let mut daemon = Daemon::start_with(&rig, &address, &settings);
    let tell = |key: &str, value: &Path| (format!("HEXCTL_{key}"), text(value));
    daemon.environment = vec![tell("AUTHORITY", &park.file()), tell("CERTIFICATE", &anna.0), tell("KEY", &anna.1)];
    daemon.until(&mut rig, 60, "all good and planned", running);

    over_tls(
        &address,
        "stubs",
        &park.file(),
        Some(&anna),
        &["site", "stream", "plan", "propose", "errors", "narrowed"],
    );
    over_tls(&address, "reflection", &park.file(), Some(&anna), &["snapshot", "propose"]);
    let vera = park.issue("vera", current(client("vera", "viewer")));
    over_tls(&address, "stubs", &park.file(), Some(&vera), &["viewer"]);

    let out = |trusted: &Path, person: Option<&Person>| {
        over_tls(&address, "stubs", trusted, person, &["locked_out"]);
    };
    out(&park.file(), None);
    out(&park.file(), Some(&park.issue("late", ended(client("late", "operator")))));
    out(&park.file(), Some(&other.issue("anna", current(client("anna", "operator")))));
    out(&park.file(), Some(&park.issue("machine", current(server("machine")))));
    // The other way round: a client of another authority does not believe the daemon; nor is plain text answered.
    out(&other.file(), Some(&anna));
    all_done(&address, "stubs", &["locked_out"]);
    // It is not the daemon that is away.
    over_tls(&address, "stubs", &park.file(), Some(&anna), &["site"]);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn the_readme_shows_the_client_that_is_tested() {
    let read = |path: &str| std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let shown = format!("```python\n{}```\n", read("tests/peers/client.py"));
    assert!(read("README.md").contains(&shown), "README.md and tests/peers/client.py differ");
}
