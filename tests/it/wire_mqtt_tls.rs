//! Brokers over TLS that want a certificate of us, and certificates that are wrong.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hexad::devices::Wires;
use hexad::devices::mqtt::access::Keys;
use hexad::site::{AlarmKind, Link, Reason, Severity};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};

use crate::wire_mqtt_bench::{Broker, Gateway, Rig, rig, rig_by};

/// Years between which a certificate is in force.
type Years = (i32, i32);
const GOOD: Years = (2000, 2100);
const ENDED: Years = (2000, 2001);
const NOT_YET: Years = (2099, 2100);

const TLS: &str = "listener PORT 127.0.0.1\ncafile DIR/authority.pem\ncertfile DIR/broker.pem\nkeyfile DIR/broker.key\n\
                   require_certificate true\nallow_anonymous true\npersistence false\nlistener PLAIN 127.0.0.1";

fn params(name: &str, (from, to): Years) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["127.0.0.1".into(), "localhost".into()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let (key, mut params) = (KeyPair::generate().unwrap(), params(name, GOOD));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages.clear();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Certificate and key.
    fn issue(&self, name: &str, years: Years) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, years).signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn store(dir: &Path, name: &str, (certificate, key): (String, String)) {
    let path = dir.join(format!("{name}.key"));
    std::fs::write(&path, key).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(dir.join(format!("{name}.pem")), certificate).unwrap();
}

/// A broker that shows a certificate of these years, and the folder of a client that holds one of those years.
fn begin(authority: &Authority, brokers: Years, own: Years) -> (Broker, tempfile::TempDir) {
    let (certificate, key) = authority.issue("broker", brokers);
    let files = [("authority.pem", authority.pem.as_str()), ("broker.pem", &certificate), ("broker.key", &key)];
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("authority.pem"), &authority.pem).unwrap();
    store(dir.path(), "own", authority.issue("hexad", own));
    (Broker::with_files(TLS, &files), dir)
}

fn over_tls(broker: &Broker, dir: &Path) -> Rig {
    let named = |file: &str| Some(dir.join(file));
    let keys = Keys {
        authority: named("authority.pem"),
        certificate: named("own.pem"),
        key: named("own.key"),
        ..Keys::default()
    };
    rig_by(broker.port, Wires { keys, ..Wires::default() }, "mqtts://10.8.0.5:8883")
}

async fn serves(rig: &mut Rig, cycle: u64) {
    rig.up(0).await;
    rig.up(1).await;
    rig.cap(0, 20.0 + cycle as f64, cycle);
    rig.applied(0, cycle).await;
}

/// The alarm of a certificate, and the devices behind it down.
async fn alarm(rig: &mut Rig, text: &str) {
    let report = rig.reported(text).await;
    assert_eq!((report.kind, report.severity), (AlarmKind::Certificate, Severity::Critical), "{}", report.text);
    rig.until(0, "down", |f| f.link == Link::Down(Reason::Disconnected)).await;
}

async fn own_certificate(years: Years, said: &str) {
    let authority = Authority::new("park");
    let (broker, dir) = begin(&authority, GOOD, years);
    let _gateway = Gateway::start(broker.plain);
    let mut local = rig(broker.plain);
    serves(&mut local, 1).await;
    let mut rig = over_tls(&broker, dir.path());
    alarm(&mut rig, said).await;
    // What needs no certificate goes on.
    serves(&mut local, 2).await;
    std::fs::write(dir.path().join("own.pem"), "half a file").unwrap();
    alarm(&mut rig, "own.pem").await;
    serves(&mut local, 3).await;
    store(dir.path(), "own", authority.issue("hexad", GOOD));
    serves(&mut rig, 4).await;
    rig.quiet().await;
    rig.stop().await;
}

#[tokio::test]
async fn f42_an_ended_or_coming_certificate_is_an_alarm_costs_no_local_control_and_a_new_one_serves_at_once() {
    tokio::join!(
        own_certificate(ENDED, "our certificate ended at 2001-01-01"),
        own_certificate(NOT_YET, "our certificate is not in force before 2099-01-01"),
    );
}

#[tokio::test]
async fn f42_a_broker_whose_certificate_has_ended_or_is_not_its_own_is_not_believed_until_it_shows_another() {
    let authority = Authority::new("park");
    let (mut broker, dir) = begin(&authority, ENDED, GOOD);
    let _gateway = Gateway::start(broker.plain);
    let mut rig = over_tls(&broker, dir.path());
    alarm(&mut rig, "its certificate is not accepted").await;
    let renew = |broker: &mut Broker, (certificate, key): (String, String)| {
        broker.file("broker.pem", &certificate);
        broker.file("broker.key", &key);
        broker.restart();
    };
    // Signed by an authority nobody named.
    renew(&mut broker, Authority::new("somebody else").issue("broker", GOOD));
    alarm(&mut rig, "UnknownIssuer").await;
    renew(&mut broker, authority.issue("broker", GOOD));
    serves(&mut rig, 1).await;
    rig.quiet().await;
}

#[tokio::test]
async fn a_broker_that_wants_a_certificate_is_not_reached_without_one_and_a_plain_one_not_over_tls() {
    let authority = Authority::new("park");
    let (broker, dir) = begin(&authority, GOOD, GOOD);
    let keys = Keys { authority: Some(dir.path().join("authority.pem")), ..Keys::default() };
    let without = rig_by(broker.port, Wires { keys: keys.clone(), ..Wires::default() }, "mqtts://10.8.0.5:8883");
    let report = without.reported("does not accept our certificate").await;
    assert_eq!(report.kind, AlarmKind::Certificate);
    let mut plain = rig_by(broker.plain, Wires { keys, ..Wires::default() }, "mqtts://10.8.0.5:1883");
    let frame = plain.down(0).await;
    assert_eq!((frame.link, frame.connects), (Link::Down(Reason::Disconnected), 0));
}
