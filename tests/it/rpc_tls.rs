//! The operators' interface over TLS: who is let in, as whom, for how long.

use std::sync::Arc;

use hexad::proto::v1;
use hexad::proto::v1::alarm_service_client::AlarmServiceClient;
use hexad::proto::v1::forecast_service_client::ForecastServiceClient;
use hexad::proto::v1::proposal_service_client::ProposalServiceClient;
use hexad::proto::v1::snapshot_service_client::SnapshotServiceClient;
use hexad::rpc::{self, CONNECTIONS_MAX, Desk, Envelope, Forecasts, Source};
use hexad::site::{AlarmId, Done, Order, ProposalId};
use hexad::snapshot::Snapshot;
use hexad::transport::tls::{self, ClientKeys, Files, Keys};
use rustls::{AlertDescription, CertificateError, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::keys::{Authority, Clock, DAY, Says, channel, client, greeting, server};
use crate::rpc_park::{START, journal, plan, site, snapshot, soon};

/// The interface under test, with one cycle and one plan.
struct Served {
    authority: Authority,
    wall: Clock,
    keys: Arc<Keys>,
    address: String,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    waiting: mpsc::Receiver<Envelope>,
    _plans: watch::Sender<Option<Arc<hexad::dispatch::Plan>>>,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Served {
    async fn start() -> Self {
        let authority = Authority::new("park");
        let files = authority.server(server("daemon"));
        Self::with(authority, files).await
    }

    async fn with(authority: Authority, files: Files) -> Self {
        let wall = Clock::at(START);
        let keys = Arc::new(Keys::new(files, wall.shared()));
        assert_eq!(keys.look(), Ok(true));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (snapshots, seen) = watch::channel(Some(Arc::new(snapshot(1))));
        let (plans, made) = watch::channel(Some(Arc::new(plan(7))));
        let (desk, waiting) = Desk::new(1.0);
        let source = Source {
            site: Arc::new(site()),
            snapshots: seen,
            plans: made,
            desk,
            journal: journal(),
            forecasts: Forecasts::default(),
        };
        let stop = CancellationToken::new();
        tokio::spawn(rpc::serve_tls(listener, source, Arc::clone(&keys), stop.clone()));
        Self { authority, wall, keys, address, snapshots, waiting, _plans: plans, stop }
    }

    fn keys_of(&self, says: Says<'_>) -> ClientKeys {
        self.authority.client(says, &self.wall)
    }

    async fn channel(&self, says: Says<'_>) -> Channel {
        channel(&self.address, &self.keys_of(says)).await.unwrap()
    }

    async fn greeting(&self, says: Says<'_>) -> Result<usize, Error> {
        greeting(&self.address, &self.keys_of(says)).await
    }

    /// What becomes of a proposal; one that reaches the cycle is accepted, and comes back as the cycle hears it.
    async fn propose(&mut self, channel: &Channel, request: v1::ProposeRequest) -> Result<Order, Status> {
        let mut client = ProposalServiceClient::new(channel.clone());
        let mut asked = tokio::spawn(async move { client.propose(request).await.map(|_| ()) });
        tokio::select! {
            heard = soon(self.waiting.recv()) => {
                let Envelope { order, answer } = heard.unwrap();
                answer.send(Ok(Done::Proposal(ProposalId(1)))).unwrap();
                soon(asked).await.unwrap().map(|()| order)
            }
            refused = &mut asked => Err(refused.unwrap().unwrap_err()),
        }
    }
}

fn request(identity: &str, class: &str) -> v1::ProposeRequest {
    v1::ProposeRequest {
        priority_class: class.into(),
        identity: identity.into(),
        asset: "battery".into(),
        preferred_kw: Some(-30.0),
        lease_s: 5.0,
        reason: "test run".into(),
        ..v1::ProposeRequest::default()
    }
}

fn nothing() -> v1::GetSnapshotRequest {
    v1::GetSnapshotRequest { points: None }
}

async fn look(channel: &Channel) -> Result<u64, Status> {
    let answer = soon(SnapshotServiceClient::new(channel.clone()).get_snapshot(nothing())).await;
    answer.map(|s| s.into_inner().cycle)
}

async fn stream(channel: &Channel) -> Streaming<v1::Snapshot> {
    let every = v1::StreamSnapshotsRequest { points: None, every: 1 };
    let mut stream =
        soon(SnapshotServiceClient::new(channel.clone()).stream_snapshots(every)).await.unwrap().into_inner();
    soon(stream.message()).await.unwrap().unwrap();
    stream
}

#[tokio::test]
async fn the_certificate_says_who_asks() {
    let mut park = Served::start().await;
    let anna = park.channel(client("anna", "operator")).await;
    assert_eq!(look(&anna).await.unwrap(), 1);
    for claimed in ["", "anna", " anna "] {
        let Order::Submit(ask) = park.propose(&anna, request(claimed, "operator")).await.unwrap() else { panic!() };
        assert_eq!(ask.identity, "anna");
    }
    let refused = park.propose(&anna, request("ben", "operator")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("the certificate says anna, the request ben"), "{refused}");
    let release = v1::ReleaseRequest { id: "1".into(), identity: "ben".into() };
    let refused = ProposalServiceClient::new(anna).release(release).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_viewer_looks_and_asks_for_nothing() {
    let mut park = Served::start().await;
    let vera = park.channel(client("vera", "viewer")).await;
    assert_eq!(look(&vera).await.unwrap(), 1);
    stream(&vera).await;
    let refused = park.propose(&vera, request("", "operator")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("vera may look, not ask"), "{refused}");
    let release = v1::ReleaseRequest { id: "1".into(), identity: String::new() };
    let mut proposals = ProposalServiceClient::new(vera);
    assert_eq!(proposals.release(release).await.unwrap_err().code(), Code::PermissionDenied);
    proposals.list_proposals(v1::ListProposalsRequest {}).await.unwrap();
    assert!(park.waiting.try_recv().is_err(), "nothing reaches the cycle");
}

#[tokio::test]
async fn each_role_has_its_classes() {
    let mut park = Served::start().await;
    let roles = [
        ("operator", ["operator", "market", "optimiser"].as_slice()),
        ("grid_operator", &["grid_operator"]),
        ("protection", &["protection", "safety"]),
    ];
    for (role, classes) in roles {
        let channel = park.channel(client("somebody", role)).await;
        for class in ["protection", "safety", "grid_operator", "operator", "market", "optimiser"] {
            let answer = park.propose(&channel, request("", class)).await;
            match answer {
                Ok(_) => assert!(classes.contains(&class), "{role} as {class}"),
                Err(refused) => {
                    assert!(!classes.contains(&class), "{role} as {class}: {refused}");
                    assert_eq!(refused.code(), Code::PermissionDenied);
                    assert!(refused.message().contains(&classes.join(", ")), "{refused}");
                }
            }
        }
    }
}

#[tokio::test]
async fn only_the_parks_own_people_send_forecasts_and_their_certificate_says_who_does() {
    let park = Served::start().await;
    let request = || v1::SubmitForecastRequest {
        subject: "grid.import_price".into(),
        start: Some(prost_types::Timestamp { seconds: START, nanos: 0 }),
        step_s: 3600,
        values: vec![0.5],
        expires: Some(prost_types::Timestamp { seconds: START + 3600, nanos: 0 }),
        ..v1::SubmitForecastRequest::default()
    };
    for role in ["viewer", "grid_operator", "protection"] {
        let channel = park.channel(client("somebody", role)).await;
        let refused = ForecastServiceClient::new(channel).submit_forecast(request()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{role}: {refused}");
    }
    let mut anna = ForecastServiceClient::new(park.channel(client("anna", "operator")).await);
    let claimed = v1::SubmitForecastRequest { identity: "bert".into(), ..request() };
    assert_eq!(anna.submit_forecast(claimed).await.unwrap_err().code(), Code::PermissionDenied);
    soon(anna.submit_forecast(request())).await.unwrap();
}

#[tokio::test]
async fn only_the_parks_own_people_take_note_of_an_alarm() {
    let mut park = Served::start().await;
    let note = || v1::AcknowledgeRequest { id: "1".into(), ..v1::AcknowledgeRequest::default() };
    for role in ["viewer", "grid_operator", "protection"] {
        let channel = park.channel(client("somebody", role)).await;
        let refused = AlarmServiceClient::new(channel).acknowledge(note()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{role}: {refused}");
    }
    assert!(park.waiting.try_recv().is_err(), "nothing reaches the cycle");
    let mut alarms = AlarmServiceClient::new(park.channel(client("anna", "operator")).await);
    let asked = tokio::spawn(async move { alarms.acknowledge(note()).await });
    let Envelope { order, answer } = soon(park.waiting.recv()).await.unwrap();
    answer.send(Ok(Done::Alarm(AlarmId(1)))).unwrap();
    assert!(soon(asked).await.unwrap().is_ok());
    assert!(matches!(order, Order::Acknowledge { identity, .. } if identity == "anna"));
}

#[tokio::test]
async fn a_certificate_without_a_role_is_refused_in_words() {
    let park = Served::start().await;
    for says in [client("anna", "accounting"), Says { unit: None, ..client("anna", "") }, client("", "operator")] {
        let refused = look(&park.channel(says).await).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert!(refused.message().contains("the unit must be viewer, operator, grid_operator"), "{refused}");
    }
}

#[tokio::test]
async fn wrong_certificates_are_refused_and_told_why() {
    let park = Served::start().await;
    let good = client("anna", "operator");
    assert!(park.greeting(good).await.unwrap() > 0);
    let alert = |a| Err(Error::AlertReceived(a));
    let expired = Says { until: START - 1, ..good };
    assert_eq!(park.greeting(expired).await, alert(AlertDescription::CertificateExpired));
    let not_yet = Says { from: START + DAY, ..good };
    assert_eq!(park.greeting(not_yet).await, alert(AlertDescription::CertificateExpired));

    // The second has the name of the first: only the signature tells them apart.
    for (name, told) in [("elsewhere", AlertDescription::UnknownCA), ("park", AlertDescription::DecryptError)] {
        let other = Authority::new(name);
        let (certificate, key) = other.issue("anna", good);
        let foreign = tls::client(&park.authority.file(), Some((&certificate, &key)), &[tls::H2], park.wall.shared());
        assert_eq!(greeting(&park.address, &foreign.unwrap()).await, alert(told));
    }
    let none = tls::client(&park.authority.file(), None, &[tls::H2], park.wall.shared()).unwrap();
    assert_eq!(greeting(&park.address, &none).await, alert(AlertDescription::CertificateRequired));
    let distrusts = tls::client(&Authority::new("elsewhere").file(), None, &[tls::H2], park.wall.shared()).unwrap();
    let refused = greeting(&park.address, &distrusts).await;
    assert_eq!(refused, Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)));
}

/// Our own client would not even load it: the certificate of a server is shown by hand.
#[tokio::test]
async fn a_server_certificate_opens_no_door() {
    use rustls::pki_types::pem::PemObject;
    let park = Served::start().await;
    let (certificate, key) = park.authority.issue("anna", server("anna"));
    let refused = tls::client(&park.authority.file(), Some((&certificate, &key)), &[tls::H2], park.wall.shared());
    assert!(refused.unwrap_err().to_string().contains("not for clients"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(park.authority.file()).unwrap()).unwrap();
    let chain = vec![rustls::pki_types::CertificateDer::from_pem_file(certificate).unwrap()];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(key).unwrap();
    let mut keys = park.keys_of(client("ben", "operator"));
    let provider = Arc::clone(keys.config.crypto_provider());
    let time = Arc::clone(&keys.config.time_provider);
    let config = rustls::ClientConfig::builder_with_details(provider, time)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    keys.config = Arc::new(config);
    let heard = greeting(&park.address, &keys).await;
    assert_eq!(heard, Err(Error::AlertReceived(AlertDescription::UnsupportedCertificate)));
}

/// What the server answers to these bytes until it closes.
async fn answer(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut io = TcpStream::connect(address).await.unwrap();
    io.write_all(bytes).await.unwrap();
    let mut heard = Vec::new();
    soon(io.read_to_end(&mut heard)).await.unwrap();
    heard
}

/// A ClientHello written by hand (RFC 5246, section 7.4.1.2): TLS 1.2, ECDHE-ECDSA with AES-128-GCM, P-256.
#[tokio::test]
async fn tls_1_2_is_refused() {
    let park = Served::start().await;
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..],     // supported_groups: secp256r1
        &[0, 11, 0, 2, 1, 0],                // ec_point_formats: uncompressed
        &[0, 13, 0, 4, 0, 2, 4, 3],          // signature_algorithms: ecdsa_secp256r1_sha256
        &[0, 16, 0, 5, 0, 3, 2, b'h', b'2'], // ALPN: h2
    ]
    .concat();
    let mut hello = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0xc0, 0x2b], &[1, 0]].concat();
    hello.extend([0, u8::try_from(extensions.len()).unwrap()]);
    hello.extend(extensions);
    let length = u8::try_from(hello.len()).unwrap();
    let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat();
    // A fatal alert: protocol_version (RFC 8446, section 6).
    assert_eq!(answer(&park.address, &record).await, [21, 3, 3, 0, 2, 2, 70]);
}

#[tokio::test]
async fn plain_text_is_not_served_beside_tls() {
    let park = Served::start().await;
    let heard = answer(&park.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert_eq!(heard.first(), Some(&21), "an alert and nothing else: {heard:?}");
    assert!(heard.len() == 7, "{heard:?}");
    assert!(park.greeting(client("anna", "viewer")).await.is_ok(), "and the next one is served");
}

#[tokio::test]
async fn new_keys_serve_new_connections_and_old_streams_live() {
    let park = Served::start().await;
    let keys = park.keys_of(client("anna", "operator"));
    let old = channel(&park.address, &keys).await.unwrap();
    let mut running = stream(&old).await;
    let serial = park.keys.held().unwrap().own.serial.clone();

    park.authority.issue("server", server("renewed"));
    assert_eq!(park.keys.look(), Ok(true));
    assert_eq!(park.keys.look(), Ok(false), "nothing has changed since");
    assert_ne!(park.keys.held().unwrap().own.serial, serial);
    let io = TcpStream::connect(&park.address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let shaken = soon(tokio_rustls::TlsConnector::from(keys.config.clone()).connect(name, io)).await.unwrap();
    let shown = tls::Certificate::parse(&shaken.get_ref().1.peer_certificates().unwrap()[0]).unwrap();
    assert_eq!(shown.name, "renewed");
    park.snapshots.send_replace(Some(Arc::new(snapshot(2))));
    assert_eq!(soon(running.message()).await.unwrap().unwrap().cycle, 2);
    assert_eq!(look(&old).await.unwrap(), 2);
}

#[tokio::test]
async fn bad_new_files_leave_the_old_in_force() {
    let park = Served::start().await;
    let good = client("anna", "viewer");
    let held = park.keys.held().unwrap();
    let (certificate, key) = park.authority.files("server");
    let (before, secret) = (std::fs::read(&certificate).unwrap(), std::fs::read(&key).unwrap());
    let wrong = |what: &str| {
        let told = park.keys.look().unwrap_err().to_string();
        assert!(told.contains(what), "{told}");
        assert!(Arc::ptr_eq(&park.keys.held().unwrap(), &held));
    };
    std::fs::write(&certificate, &before[..before.len() / 2]).unwrap();
    wrong("server.pem: it is not PEM");
    std::fs::remove_file(&certificate).unwrap();
    wrong("server.pem: there is no such file");
    park.authority.issue("server", Says { until: START - 5, ..server("late") });
    wrong("the certificate of \"late\" ended at");
    let (other, _) = park.authority.issue("other", server("other"));
    std::fs::copy(&other, &certificate).unwrap();
    wrong("server.key: the key does not belong to the certificate");
    assert!(park.greeting(good).await.is_ok(), "the old keys serve");
    std::fs::write(&certificate, before).unwrap();
    std::fs::write(&key, secret).unwrap();
    assert_eq!(park.keys.look(), Ok(false), "what is in force is in the files again");
    park.authority.issue("server", server("new"));
    assert_eq!(park.keys.look(), Ok(true));
}

/// F42: a certificate that has ended is still shown, so that whoever connects hears why; another heals it at once.
#[tokio::test]
async fn f42_a_server_certificate_that_has_ended_is_told_and_healed_without_restart() {
    let authority = Authority::new("park");
    let files = authority.server(Says { until: START - DAY, ..server("daemon") });
    let park = Served::with(authority, files).await;
    let refused = park.greeting(client("anna", "viewer")).await.unwrap_err();
    assert!(
        matches!(&refused, Error::InvalidCertificate(CertificateError::ExpiredContext { .. })),
        "the client hears it: {refused}"
    );
    park.authority.issue("server", server("daemon"));
    assert_eq!(park.keys.look(), Ok(true));
    assert!(park.greeting(client("anna", "viewer")).await.is_ok());
}

#[tokio::test]
async fn a_connection_ends_with_its_certificate() {
    let park = Served::start().await;
    let until = START + 2;
    let anna = park.channel(Says { until, ..client("anna", "viewer") }).await;
    let mut running = stream(&anna).await;
    assert_eq!(look(&anna).await.unwrap(), 1);
    park.wall.set(until + 1);
    match look(&anna).await {
        Err(refused) if refused.code() == Code::Unauthenticated => {
            assert!(refused.message().contains("the certificate of anna ended at"), "{refused}");
        }
        // It may have been cut by then.
        other => assert!(other.is_err(), "{other:?}"),
    }
    assert!(soon(running.message()).await.is_err(), "the stream is cut");
}

#[tokio::test]
async fn a_request_with_a_certificate_that_has_ended_is_refused() {
    let park = Served::start().await;
    let anna = park.channel(Says { until: START + 50, ..client("anna", "operator") }).await;
    assert_eq!(look(&anna).await.unwrap(), 1);
    park.wall.set(START + 51);
    let refused = look(&anna).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(refused.message().contains("the certificate of anna ended at"), "{refused}");
}

#[tokio::test]
async fn another_authority_ends_what_the_old_one_let_in() {
    let park = Served::start().await;
    let keys = park.keys_of(client("anna", "viewer"));
    let mut running = stream(&channel(&park.address, &keys).await.unwrap()).await;
    std::fs::copy(Authority::new("other").file(), park.authority.file()).unwrap();
    assert_eq!(park.keys.look(), Ok(true));
    assert!(soon(running.message()).await.is_err(), "cut");
    assert_eq!(greeting(&park.address, &keys).await, Err(Error::AlertReceived(AlertDescription::UnknownCA)));
}

/// F54: clients that connect and say nothing, or begin a handshake and stall, take no place from those who speak.
#[tokio::test]
async fn f54_stalled_handshakes_do_not_keep_others_out() {
    let park = Served::start().await;
    let keys = park.keys_of(client("anna", "viewer"));
    let mut stalled = Vec::new();
    for n in 0..CONNECTIONS_MAX * 2 {
        let mut io = TcpStream::connect(&park.address).await.unwrap();
        if n % 2 == 0 {
            // The head of a handshake record, and no more.
            io.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        }
        stalled.push(io);
    }
    let mut channels = Vec::new();
    for _ in 0..8 {
        let anna = channel(&park.address, &keys).await.unwrap();
        assert_eq!(look(&anna).await.unwrap(), 1);
        channels.push(anna);
    }
    drop(stalled);
}

/// F54: connections that speak TLS are counted, too, and one too many is refused.
#[tokio::test]
async fn f54_one_connection_too_many_is_refused() {
    let park = Served::start().await;
    let keys = park.keys_of(client("anna", "viewer"));
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let anna = channel(&park.address, &keys).await.unwrap();
        assert_eq!(look(&anna).await.unwrap(), 1);
        open.push(anna);
    }
    assert!(greeting(&park.address, &keys).await.is_err());
    open.pop();
    soon(async { while greeting(&park.address, &keys).await.is_err() {} }).await;
}

#[tokio::test]
async fn without_keys_nobody_is_served_until_there_are_some() {
    let authority = Authority::new("park");
    let files = authority.server(server("daemon"));
    std::fs::rename(&files.certificate, files.certificate.with_extension("away")).unwrap();
    let wall = Clock::at(START);
    let keys = Arc::new(Keys::new(files.clone(), wall.shared()));
    assert!(keys.look().unwrap_err().to_string().contains("there is no such file"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (_snapshots, seen) = watch::channel(Some(Arc::new(snapshot(1))));
    let (_plans, made) = watch::channel(None);
    let source = Source {
        site: Arc::new(site()),
        snapshots: seen,
        plans: made,
        desk: Desk::new(1.0).0,
        journal: journal(),
        forecasts: Forecasts::default(),
    };
    let stop = CancellationToken::new();
    let task = tokio::spawn(rpc::serve_tls(listener, source, Arc::clone(&keys), stop.clone()));
    let anna = authority.client(client("anna", "viewer"), &wall);
    assert!(greeting(&address, &anna).await.is_err());
    std::fs::rename(files.certificate.with_extension("away"), &files.certificate).unwrap();
    assert_eq!(keys.look(), Ok(true));
    assert!(greeting(&address, &anna).await.is_ok());
    stop.cancel();
    soon(task).await.unwrap().unwrap();
}
