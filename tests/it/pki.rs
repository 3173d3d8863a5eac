//! `hexctl pki`: a site authority in a folder.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use hexad::clock;
use hexad::transport::tls::{self, Files, Keys, Purpose};
use jiff::Timestamp;

fn pki(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hexctl")).arg("pki").args(arguments).output().unwrap()
}

/// It must succeed.
pub fn done(arguments: &[&str]) -> String {
    let out = pki(arguments);
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let out = pki(arguments);
    assert!(!out.status.success(), "{arguments:?} is not refused");
    String::from_utf8(out.stderr).unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_site_authority_is_made_and_its_files_are_guarded() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("pki");
    let at = dir.to_str().unwrap();
    done(&["init", "--dir", at, "--name", "Suzhou park"]);
    done(&["issue", "daemon", "--role", "server", "--host", "127.0.0.1", "--host", "hexad.park.example", "--dir", at]);
    done(&["issue", "anna", "--role", "operator", "--dir", at]);
    assert_eq!(mode(&dir), 0o700);
    for (file, wanted) in [("authority", 0o600), ("daemon", 0o600), ("anna", 0o600)] {
        assert_eq!(mode(&dir.join(file).with_extension("key")), wanted, "{file}");
        assert_eq!(mode(&dir.join(file).with_extension("pem")), 0o644, "{file}");
    }
    let read = |name: &str| tls::certificates(&dir.join(name)).unwrap().remove(0);
    let (authority, daemon, anna) = (read("authority.pem"), read("daemon.pem"), read("anna.pem"));
    assert_eq!((authority.name.as_str(), authority.authority), ("Suzhou park", true));
    assert_eq!(
        (daemon.authority, daemon.hosts.as_slice()),
        (false, &["127.0.0.1".into(), "hexad.park.example".into()][..])
    );
    assert!(daemon.is_for(Purpose::Server) && !daemon.is_for(Purpose::Client));
    assert_eq!((anna.name.as_str(), anna.unit.as_str()), ("anna", "operator"));
    assert!(anna.is_for(Purpose::Client) && !anna.is_for(Purpose::Server) && anna.hosts.is_empty());
    let days = |c: &tls::Certificate| (c.not_after.as_second() - c.not_before.as_second()) / 86_400;
    assert_eq!((days(&authority), days(&daemon), days(&anna)), (3650, 397, 397));
    let serials = [&authority.serial, &daemon.serial, &anna.serial];
    assert!(serials.iter().all(|s| s.len() == 32) && serials[0] != serials[1] && serials[1] != serials[2]);
    // What it makes is what the daemon takes.
    let files = Files {
        authority: dir.join("authority.pem"),
        certificate: dir.join("daemon.pem"),
        key: dir.join("daemon.key"),
    };
    assert_eq!(Keys::new(files, Arc::new(clock::wall)).look(), Ok(true));
}

#[test]
fn nothing_is_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path();
    let at = dir.to_str().unwrap();
    done(&["init", "--dir", at]);
    done(&["issue", "anna", "--role", "viewer", "--dir", at]);
    let files = ["authority.pem", "authority.key", "anna.pem", "anna.key"];
    let before = files.map(|f| std::fs::read(dir.join(f)).unwrap());
    assert!(refused(&["init", "--dir", at]).contains("authority.pem is there already"));
    assert!(refused(&["issue", "anna", "--role", "operator", "--dir", at]).contains("nothing is overwritten"));
    std::fs::remove_file(dir.join("anna.pem")).unwrap();
    assert!(refused(&["issue", "anna", "--role", "operator", "--dir", at]).contains("anna.key is there already"));
    assert!(!dir.join("anna.pem").exists());
    std::fs::write(dir.join("anna.pem"), &before[2]).unwrap();
    assert_eq!(files.map(|f| std::fs::read(dir.join(f)).unwrap()), before);
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    let parent = tempfile::tempdir().unwrap();
    let at = parent.path().to_str().unwrap();
    assert!(
        refused(&["issue", "anna", "--role", "viewer", "--dir", at]).contains("authority.pem: there is no such file")
    );
    done(&["init", "--dir", at, "--days", "30"]);
    let cases: [(&[&str], &str); 6] = [
        (&["daemon", "--role", "server", "--days", "9"], "a server has at least one --host"),
        (&["anna", "--role", "viewer", "--host", "x", "--days", "9"], "and nobody else has any"),
        (&["anna", "--role", "king"], "viewer, operator, grid_operator, protection"),
        (&["../anna", "--role", "viewer"], "letters, digits"),
        (&["authority", "--role", "viewer"], "the authority's own name"),
        (&["anna", "--role", "viewer"], "give fewer --days"),
    ];
    for (arguments, text) in cases {
        let said = refused(&[&["issue"], arguments, &["--dir", at]].concat());
        assert!(said.contains(text), "{text:?} is not in {said:?}");
    }
    // A key that was the authority's, and another's certificate in its place.
    let other = tempfile::tempdir().unwrap();
    done(&["init", "--dir", other.path().to_str().unwrap(), "--days", "30"]);
    std::fs::copy(other.path().join("authority.pem"), parent.path().join("authority.pem")).unwrap();
    let said = refused(&["issue", "anna", "--role", "viewer", "--days", "9", "--dir", at]);
    assert!(said.contains("this authority does not vouch for it"), "{said}");
    assert!(!parent.path().join("anna.key").exists());
}

#[test]
fn a_file_is_shown_with_its_end() {
    let parent = tempfile::tempdir().unwrap();
    let at = parent.path().to_str().unwrap();
    done(&["init", "--dir", at, "--name", "Suzhou park"]);
    done(&["issue", "daemon", "--role", "server", "--host", "10.0.0.7", "--dir", at, "--days", "20"]);
    let file = parent.path().join("daemon.pem");
    let page = done(&["show", file.to_str().unwrap()]);
    assert!(
        page.starts_with("daemon (server), serial ") && page.contains(", in 19 days") || page.contains(", in 20 days")
    );
    assert!(page.contains("reached as 10.0.0.7"), "{page}");
    let json: serde_json::Value = serde_json::from_str(&done(&["show", "--json", file.to_str().unwrap()])).unwrap();
    assert_eq!((&json[0]["name"], &json[0]["role"]), (&"daemon".into(), &"server".into()));
    let until: Timestamp = json[0]["not_after"].as_str().unwrap().parse().unwrap();
    assert!(until > clock::wall().time);
}
