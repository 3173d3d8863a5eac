//! Key files with mistakes in them: each is named with a remedy.

use hexad::transport::tls::{self, Files, Keys, Purpose};

use crate::keys::{Authority, Clock, DAY, Says, client, server, write};
use crate::rpc_park::START;

/// What is said of a server's files.
fn told(files: Files) -> String {
    let keys = Keys::new(files, Clock::at(START).shared());
    let told = keys.look().unwrap_err().to_string();
    assert!(keys.held().is_none());
    told
}

#[test]
fn each_mistake_is_named_with_file_and_remedy() {
    let park = Authority::new("park");
    let good = park.server(server("daemon"));
    let of = |name: &str| park.dir.path().join(name);
    let (person, person_key) = park.issue("anna", client("anna", "operator"));
    let (_, other_key) = park.issue("other", server("other"));
    write(&of("prose.pem"), "not a key at all\n", 0o600);
    write(&of("open.key"), &std::fs::read_to_string(&good.key).unwrap(), 0o644);
    write(
        &of("locked.key"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n",
        0o600,
    );
    write(&of("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644);
    std::fs::create_dir(of("folder.pem")).unwrap();
    let certificate = |certificate| Files { certificate, ..good.clone() };
    let key = |key| Files { key, ..good.clone() };
    let authority = |authority| Files { authority, ..good.clone() };
    let mistakes = [
        (certificate(of("none.pem")), "none.pem: there is no such file; correct the path"),
        (certificate(of("folder.pem")), "folder.pem: it is no file; name a PEM file"),
        (certificate(of("prose.pem")), "prose.pem: it holds no PEM certificate; a certificate file holds"),
        (certificate(of("broken.pem")), "broken.pem: it is no certificate"),
        (
            certificate(good.key.clone()),
            "server.key: it holds a key and no certificate: are certificate and key interch",
        ),
        (
            certificate(person),
            "anna.pem: the certificate of \"anna\" is not for servers; issue one with `hexctl pki issue",
        ),
        (key(good.certificate.clone()), "server.pem: others than its owner may use this key"),
        (key(of("prose.pem")), "prose.pem: it holds no PEM key"),
        (key(of("open.key")), "open.key: others than its owner may use this key (mode 644); chmod 600 "),
        (key(of("locked.key")), "locked.key: the key is encrypted with a passphrase; store it without one"),
        (key(other_key), "other.key: the key does not belong to the certificate in "),
        (key(person_key), "anna.key: the key does not belong to the certificate in "),
        (authority(good.certificate.clone()), "server.pem: \"daemon\" is no authority: it may not sign others; name"),
    ];
    for (files, text) in mistakes {
        let shown = told(files);
        assert!(shown.contains(text), "{text:?} is not in {shown:?}");
    }
    assert_eq!(Keys::new(good, Clock::at(START).shared()).look(), Ok(true));
}

#[test]
fn a_group_may_read_a_key_and_no_more() {
    let park = Authority::new("park");
    let files = park.server(server("daemon"));
    let text = std::fs::read_to_string(&files.key).unwrap();
    for (mode, good) in [(0o600, true), (0o400, true), (0o640, true), (0o660, false), (0o604, false), (0o601, false)] {
        write(&files.key, &text, mode);
        let looked = Keys::new(files.clone(), Clock::at(START).shared()).look();
        assert_eq!(looked.is_ok(), good, "{mode:o}: {looked:?}");
    }
}

#[test]
fn what_stands_in_a_certificate() {
    let park = Authority::new("park");
    let (file, _) = park.issue("x", Says { unit: Some("operator"), ..server("daemon") });
    let one = &tls::certificates(&file).unwrap()[0];
    assert_eq!((one.name.as_str(), one.unit.as_str(), one.authority), ("daemon", "operator", false));
    assert_eq!((one.not_before.as_second(), one.not_after.as_second()), (START - DAY, START + 300 * DAY));
    assert_eq!(one.hosts, ["127.0.0.1"]);
    assert!(one.is_for(Purpose::Server) && !one.is_for(Purpose::Client));
    assert!(tls::certificates(&park.file()).unwrap()[0].authority);
}
