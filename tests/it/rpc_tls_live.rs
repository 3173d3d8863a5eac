//! The daemon and the console as processes, over TLS.

use std::process::Output;
use std::time::Duration;

use hexad::proto::v1;
use hexad::proto::v1::snapshot_service_client::SnapshotServiceClient;
use hexad::transport::tls;

use crate::keys::{Authority, Clock, DAY, Says, channel, client, server};
use crate::live::{Daemon, RigProcess, alarm, asset, free_address, running, signal};
use crate::pki;

fn pairs(pairs: &[(&str, &std::path::Path)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), v.display().to_string())).collect()
}

fn said(out: &Output) -> String {
    assert!(!out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn the_console_and_the_daemon_over_tls_with_a_site_authority_of_their_own() {
    let keys = tempfile::tempdir().unwrap();
    let dir = keys.path().to_str().unwrap();
    pki::done(&["init", "--dir", dir, "--name", "Suzhou park"]);
    pki::done(&["issue", "daemon", "--role", "server", "--host", "127.0.0.1", "--dir", dir]);
    for (name, role) in [("anna", "operator"), ("vera", "viewer")] {
        pki::done(&["issue", name, "--role", role, "--dir", dir]);
    }
    let of = |name: &str| keys.path().join(name);
    let address = free_address();
    let mut rig = RigProcess::start(&["--speed", "5"]);
    let settings = pairs(&[
        ("HEXAD__TLS__AUTHORITY", &of("authority.pem")),
        ("HEXAD__TLS__CERTIFICATE", &of("daemon.pem")),
        ("HEXAD__TLS__KEY", &of("daemon.key")),
    ]);
    let mut daemon = Daemon::start_with(&rig, &address, &settings);
    let as_person = |name: &str| {
        pairs(&[
            ("HEXCTL_AUTHORITY", &of("authority.pem")),
            ("HEXCTL_CERTIFICATE", &of(&format!("{name}.pem"))),
            ("HEXCTL_KEY", &of(&format!("{name}.key"))),
        ])
    };
    daemon.environment = as_person("anna");
    daemon.until(&mut rig, 60, "all good and planned", running);
    let proposal = ["propose", "--asset", "battery", "--kw", "-20", "--lease", "60", "--reason", "over TLS"];
    assert_eq!(daemon.json(&proposal)["state"], "accepted");
    let listed = daemon.json(&["proposals"]);
    assert_eq!(listed["proposals"][0]["identity"], "anna", "{listed}");

    let run = |daemon: &Daemon, arguments: &[&str]| daemon.hexctl(arguments).output().unwrap();
    let above = [&proposal[..], &["--class", "grid_operator"]].concat();
    assert!(said(&run(&daemon, &above)).contains("anna may not ask as grid_operator"));
    let claimed = [&proposal[..], &["--as", "ben"]].concat();
    assert!(said(&run(&daemon, &claimed)).contains("the certificate says anna, the request ben"));
    daemon.environment = as_person("vera");
    assert!(daemon.status().is_some());
    assert!(said(&run(&daemon, &proposal)).contains("vera may look, not ask for anything"));

    daemon.environment = as_person("anna")[..1].to_vec();
    let text = said(&run(&daemon, &["status"]));
    assert!(
        text.contains("the client's certificate is refused: it wants one: give --certificate and --key-file"),
        "{text}"
    );
    daemon.environment = vec![];
    let text = said(&run(&daemon, &["status"]));
    assert!(text.contains("it speaks TLS: write https://, and give --authority"), "{text}");
    let other = tempfile::tempdir().unwrap();
    let elsewhere = other.path().to_str().unwrap();
    pki::done(&["init", "--dir", elsewhere]);
    pki::done(&["issue", "anna", "--role", "operator", "--dir", elsewhere]);
    daemon.environment = as_person("anna");
    daemon.environment[0].1 = other.path().join("authority.pem").display().to_string();
    let text = said(&run(&daemon, &["status"]));
    assert!(text.contains("the server is not trusted: the authority given does not vouch for it"), "{text}");
    daemon.environment = as_person("anna");
    daemon.environment[1].1 = other.path().join("anna.pem").display().to_string();
    daemon.environment[2].1 = other.path().join("anna.key").display().to_string();
    let text = said(&run(&daemon, &["status"]));
    assert!(text.contains("refused: the site's authority does not vouch for it"), "{text}");
    assert_eq!(daemon.stop(), Some(0));
}

/// F42: the park is controlled with a certificate that has ended, the alarm says so, and another file heals it.
#[test]
fn f42_control_goes_on_with_an_expired_certificate_and_a_new_file_heals_it() {
    let now = hexad::clock::wall().time.as_second();
    let authority = Authority::lasting("park", now - 100 * DAY, now + 100 * DAY);
    let ended = Says { from: now - 90 * DAY, until: now - DAY, ..server("daemon") };
    let files = authority.server(ended);
    let (certificate, key) =
        authority.issue("anna", Says { from: now - 90 * DAY, until: now + 90 * DAY, ..client("anna", "operator") });
    let address = free_address();
    let mut rig = RigProcess::start(&["--speed", "5"]);
    let settings = pairs(&[
        ("HEXAD__TLS__AUTHORITY", &files.authority),
        ("HEXAD__TLS__CERTIFICATE", &files.certificate),
        ("HEXAD__TLS__KEY", &files.key),
    ]);
    let mut daemon = Daemon::start_with(&rig, &address, &settings);
    daemon.environment =
        pairs(&[("HEXCTL_AUTHORITY", &files.authority), ("HEXCTL_CERTIFICATE", &certificate), ("HEXCTL_KEY", &key)]);
    // A client whose clock is two days late is the only one that can look.
    let late = tls::client(&files.authority, Some((&certificate, &key)), &[tls::H2], Clock::at(now - 2 * DAY).shared())
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let look = || -> Option<v1::Snapshot> {
        runtime.block_on(async {
            let mut client = SnapshotServiceClient::new(channel(&address, &late).await.ok()?);
            let asked = client.get_snapshot(v1::GetSnapshotRequest { points: None });
            Some(tokio::time::timeout(Duration::from_secs(10), asked).await.ok()?.ok()?.into_inner())
        })
    };
    let steered = |s: &v1::Snapshot| s.assets.iter().any(|a| a.id == "battery" && a.setpoint_kw.is_some());
    let told = |s: &v1::Snapshot| {
        s.alarms.iter().any(|a| {
            a.kind == "certificate"
                && a.severity == "critical"
                && a.subject == files.certificate.display().to_string()
                && a.text.contains("\"daemon\" ended at")
        })
    };
    let mut first = None;
    for _ in 0..240 {
        first = look().filter(|s| steered(s) && told(s));
        if first.is_some() {
            break;
        }
        rig.ask("wait 0.25");
    }
    let first = first.expect("the battery is steered, and the alarm stands");
    rig.ask("wait 5");
    assert!(look().is_some_and(|s| s.cycle > first.cycle && steered(&s)), "control goes on");
    let text = said(&daemon.hexctl(&["status"]).output().unwrap());
    assert!(text.contains("the server is not trusted: its certificate has ended"), "{text}");

    authority.issue("server", Says { from: now - DAY, until: now + 90 * DAY, ..server("daemon") });
    signal(daemon.pid(), "HUP");
    let healed = daemon.until(&mut rig, 60, "served and no alarm", |s| {
        let told = alarm(s, "certificate", &files.certificate.display().to_string());
        running(s) && told.is_none_or(|a| a["state"] == "ended")
    });
    assert!(healed["cycle"].as_u64().unwrap() > first.cycle, "the same process goes on");
    assert!(asset(&healed, "battery")["setpoint_kw"].is_number());

    std::fs::write(&files.key, "gone").unwrap();
    let seen = daemon.until(&mut rig, 60, "a bad file is told, and the old keys serve", |s| {
        alarm(s, "certificate", "tls").is_some()
    });
    let text = alarm(&seen, "certificate", "tls").unwrap()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("server.key: it holds no PEM key") && text.contains("stay in force"), "{text}");
    assert_eq!(daemon.stop(), Some(0));
}
