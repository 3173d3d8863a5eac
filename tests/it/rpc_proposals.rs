//! Proposals over a real socket, with whole cycles behind it: time is the test's own, a device acknowledges what it is told.

use std::sync::Arc;

use hexad::cycle::{Inputs, Memory, step};
use hexad::proto::v1;
use hexad::proto::v1::alarm_service_client::AlarmServiceClient;
use hexad::proto::v1::proposal_service_client::ProposalServiceClient;
use hexad::proto::v1::snapshot_service_client::SnapshotServiceClient;
use hexad::rpc::{self, Desk, Envelope, Forecasts, Source, WAITING_MAX};
use hexad::site::{DeviceFrame, DeviceIx, Link, Point, Reading, Site, WriteReport};
use hexad::snapshot::Snapshot;
use hexad::units::{Mono, Now, Park};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Streaming};

use crate::rpc_park::{START, journal, site, soon};

/// The interface, and the cycle behind it in the test's hand.
struct Served {
    site: Arc<Site>,
    memory: Memory,
    waiting: mpsc::Receiver<Envelope>,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    _plans: watch::Sender<Option<Arc<hexad::dispatch::Plan>>>,
    address: String,
    second: u64,
    battery_kw: f64,
    applied: Option<u64>,
    stop: CancellationToken,
}

impl Served {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (snapshots, seen) = watch::channel(None);
        let (plans, made) = watch::channel(None);
        let (desk, waiting) = Desk::new(1.0);
        let stop = CancellationToken::new();
        let site = Arc::new(site());
        let source = Source {
            site: Arc::clone(&site),
            snapshots: seen,
            plans: made,
            desk,
            journal: journal(),
            forecasts: Forecasts::default(),
        };
        tokio::spawn(rpc::serve(listener, source, stop.clone()));
        let mut park = Self {
            site,
            memory: Memory::default(),
            waiting,
            snapshots,
            _plans: plans,
            address,
            second: 0,
            battery_kw: 0.0,
            applied: None,
            stop,
        };
        park.cycle(vec![]);
        park
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.address.clone()).unwrap().connect().await.unwrap()
    }

    async fn client(&self) -> ProposalServiceClient<Channel> {
        ProposalServiceClient::new(self.channel().await)
    }

    fn frames(&self, mono: Mono) -> Vec<Arc<DeviceFrame>> {
        let values: [&[f64]; 3] =
            [&[120.0 - self.battery_kw], &[self.battery_kw, 57.0, self.battery_kw], &[-80.0, 88.0]];
        let frame = |device: usize, values: &[f64]| DeviceFrame {
            device: DeviceIx(device),
            readings: values.iter().map(|v| Reading { value: Ok(*v), at: mono }).collect(),
            link: Link::Up,
            write: WriteReport { applied_cycle: self.applied, ..WriteReport::default() },
            turn: mono,
            next_turn: mono,
            connects: 1,
            errors: 0,
        };
        values.iter().enumerate().map(|(d, v)| Arc::new(frame(d, v))).collect()
    }

    /// One cycle, one second later, with the orders that wait.
    fn cycle(&mut self, heard: Vec<Envelope>) {
        self.second += 1;
        let mono = Mono(self.second * 1_000_000);
        let park = Park::from_unix(START + i64::try_from(self.second).unwrap());
        let now = Now { mono, park, synchronised: true };
        let (orders, askers): (Vec<_>, Vec<_>) = heard.into_iter().map(|e| (e.order, e.answer)).unzip();
        let inputs = Inputs { now, frames: self.frames(mono), plan: None, orders, reports: vec![] };
        let seen = Arc::new(step(&mut self.memory, &self.site, inputs));
        if let Some(told) = seen.setpoints.iter().find(|s| s.device.0 == 1) {
            self.battery_kw = told.target(Point::WSet).unwrap();
            self.applied = Some(told.cycle);
        }
        self.snapshots.send_replace(Some(Arc::clone(&seen)));
        for (asker, answer) in askers.into_iter().zip(&seen.proposals.answers) {
            asker.send(*answer).ok();
        }
    }

    /// Cycles with the next order that comes.
    async fn hear(&mut self) {
        let order = soon(self.waiting.recv()).await.unwrap();
        self.cycle(vec![order]);
    }

    async fn propose(&mut self, request: v1::ProposeRequest) -> Streaming<v1::Outcome> {
        let mut client = self.client().await;
        let asked = tokio::spawn(async move { client.propose(request).await });
        self.hear().await;
        soon(asked).await.unwrap().unwrap().into_inner()
    }
}

fn request(identity: &str, kw: f64, lease_s: f64) -> v1::ProposeRequest {
    v1::ProposeRequest {
        key: "k1".into(),
        priority_class: "operator".into(),
        identity: identity.into(),
        asset: "battery".into(),
        preferred_kw: Some(kw),
        lease_s,
        reason: "test run".into(),
        ..v1::ProposeRequest::default()
    }
}

async fn next(stream: &mut Streaming<v1::Outcome>) -> v1::Outcome {
    soon(stream.message()).await.unwrap().expect("an outcome")
}

#[tokio::test]
async fn outcomes_come_in_order_and_the_lease_ends_them() {
    let mut park = Served::start().await;
    let mut stream = park.propose(request("anna", -30.0, 5.0)).await;
    let accepted = next(&mut stream).await;
    assert_eq!((accepted.state.as_str(), accepted.key.as_str(), accepted.cycle), ("accepted", "k1", 2));
    assert_eq!(accepted.seconds_left, 5.0);
    assert_eq!(accepted.holds_until.unwrap().seconds, START + 7);
    park.cycle(vec![]);
    let applied = next(&mut stream).await;
    assert_eq!((applied.state.as_str(), applied.id == accepted.id), ("applied", true));
    assert_eq!(park.battery_kw, -30.0);
    let mut snapshots = SnapshotServiceClient::new(park.channel().await);
    let seen = snapshots.get_snapshot(v1::GetSnapshotRequest { points: None }).await.unwrap().into_inner();
    assert_eq!(seen.assets[1].reason, "proposal of operator anna", "the setpoint names who asked for it");

    let over = v1::ProposeRequest { priority_class: "grid_operator".into(), ..request("dso", 10.0, 2.0) };
    let mut grid = park.propose(over).await;
    let overridden = next(&mut stream).await;
    assert_eq!((overridden.state.as_str(), overridden.by.as_str()), ("overridden", "grid_operator dso"));
    assert_eq!(next(&mut grid).await.state, "accepted");
    let list = park.client().await.list_proposals(v1::ListProposalsRequest {}).await.unwrap().into_inner();
    assert_eq!(list.proposals[1].outcome.as_ref().unwrap().id, overridden.by_id);
    park.cycle(vec![]);
    assert_eq!(next(&mut grid).await.state, "applied");
    park.cycle(vec![]);
    let ended = next(&mut grid).await;
    assert_eq!((ended.state.as_str(), ended.seconds_left), ("expired", 0.0));
    assert!(soon(grid.message()).await.unwrap().is_none(), "the stream ends with it");
    assert_ne!(next(&mut stream).await.state, "overridden");
    (0..3).for_each(|_| park.cycle(vec![]));
    let mut last = next(&mut stream).await;
    while last.state != "expired" {
        last = next(&mut stream).await;
    }
    assert!(soon(stream.message()).await.unwrap().is_none());
    park.stop.cancel();
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_nothing_beyond_its_lease() {
    let mut park = Served::start().await;
    let stream = park.propose(request("anna", -30.0, 4.0)).await;
    drop(stream);
    park.cycle(vec![]);
    let mut client = park.client().await;
    let mut listed = async || client.list_proposals(v1::ListProposalsRequest {}).await.unwrap().into_inner().proposals;
    assert_eq!(listed().await[0].outcome.as_ref().unwrap().state, "applied");
    (0..3).for_each(|_| park.cycle(vec![]));
    assert_eq!(listed().await[0].outcome.as_ref().unwrap().state, "expired");
    (0..62).for_each(|_| park.cycle(vec![]));
    assert_eq!(listed().await, []);
}

#[tokio::test]
async fn a_request_that_is_repeated_joins_what_stands() {
    let mut park = Served::start().await;
    let mut first = park.propose(request("anna", -30.0, 5.0)).await;
    let mut second = park.propose(request("anna", -30.0, 5.0)).await;
    assert_eq!(next(&mut first).await.id, next(&mut second).await.id);
    let list = park.client().await.list_proposals(v1::ListProposalsRequest {}).await.unwrap().into_inner();
    assert_eq!((list.proposals.len(), list.pcc.unwrap().max_by.as_str()), (1, "pcc"));
}

#[tokio::test]
async fn released_by_its_maker_alone() {
    let mut park = Served::start().await;
    let mut stream = park.propose(request("anna", -30.0, 60.0)).await;
    let id = next(&mut stream).await.id;
    for (identity, code) in [("ben", Some(Code::PermissionDenied)), ("anna", None), ("anna", Some(Code::NotFound))] {
        let mut client = park.client().await;
        let release = v1::ReleaseRequest { id: id.clone(), identity: identity.into() };
        let asked = tokio::spawn(async move { client.release(release).await });
        park.hear().await;
        assert_eq!(soon(asked).await.unwrap().err().map(|s| s.code()), code, "{identity}");
    }
    let mut last = next(&mut stream).await;
    while last.state != "released" {
        last = next(&mut stream).await;
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_words_and_never_reaches_the_cycle() {
    let mut park = Served::start().await;
    let good = || request("anna", -30.0, 60.0);
    let bounds = |min: f64, max: f64| v1::ProposeRequest {
        preferred_kw: None,
        min_kw: Some(min),
        max_kw: Some(max),
        ..request("anna", 0.0, 60.0)
    };
    let wrong = [
        (v1::ProposeRequest { asset: "batery".into(), ..good() }, "no asset \"batery\"; this site has grid, battery"),
        (v1::ProposeRequest { asset: "heat_load".into(), ..good() }, "not steered"),
        (v1::ProposeRequest { asset: "grid".into(), ..good() }, "the PCC takes bounds"),
        (v1::ProposeRequest { priority_class: "king".into(), ..good() }, "no class \"king\"; there are protection"),
        (v1::ProposeRequest { identity: " ".into(), ..good() }, "identity is missing"),
        (v1::ProposeRequest { reason: String::new(), ..good() }, "reason is missing"),
        (v1::ProposeRequest { lease_s: 0.0, ..good() }, "lease must be above 0"),
        (v1::ProposeRequest { lease_s: -1.0, ..good() }, "lease must be above 0"),
        (v1::ProposeRequest { lease_s: f64::NAN, ..good() }, "lease must be above 0"),
        (v1::ProposeRequest { lease_s: 3601.0, ..good() }, "at most 3600 s"),
        (v1::ProposeRequest { lease_s: f64::INFINITY, ..good() }, "at most 3600 s"),
        (v1::ProposeRequest { preferred_kw: Some(f64::NAN), ..good() }, "not a finite number"),
        (v1::ProposeRequest { preferred_kw: None, ..good() }, "nothing is asked for"),
        (v1::ProposeRequest { on: Some(true), ..good() }, "cannot be switched"),
        (bounds(10.0, -10.0), "bounds cross"),
        (v1::ProposeRequest { preferred_kw: Some(50.0), ..bounds(-10.0, 10.0) }, "outside the bounds"),
        (v1::ProposeRequest { reason: "x".repeat(201), ..good() }, "at most 200 bytes"),
    ];
    let mut client = park.client().await;
    for (request, text) in wrong {
        let refused = client.propose(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains(text), "{text:?} is not in {:?}", refused.message());
    }
    let release = v1::ReleaseRequest { id: "not an id".into(), identity: "anna".into() };
    assert_eq!(client.release(release).await.unwrap_err().code(), Code::InvalidArgument);
    assert!(park.waiting.try_recv().is_err());
}

/// F54: who floods is told so, and the cycle is given a bounded number.
#[tokio::test]
async fn f54_a_full_queue_refuses() {
    let park = Served::start().await;
    let mut waiting = Vec::new();
    let (mut refused, mut clients) = (0, Vec::new());
    for _ in 0..4 {
        clients.push(park.client().await);
    }
    for n in 0..WAITING_MAX + 8 {
        let mut client = clients[n % 4].clone();
        let request = v1::ProposeRequest { key: n.to_string(), ..request("flood", 1.0, 5.0) };
        waiting.push(tokio::spawn(async move { client.propose(request).await.err().map(|s| s.code()) }));
    }
    for asked in waiting {
        refused += usize::from(soon(asked).await.unwrap() == Some(Code::ResourceExhausted));
    }
    assert_eq!(refused, 8);
}

#[tokio::test]
async fn without_a_cycle_nothing_is_promised() {
    let park = Served::start().await;
    let mut client = park.client().await;
    let refused = soon(client.propose(request("anna", 1.0, 5.0))).await.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded, "{refused}");
}

#[tokio::test]
async fn an_alarm_is_acknowledged_through_the_cycle() {
    let mut park = Served::start().await;
    park.cycle(vec![]);
    let mut client = AlarmServiceClient::new(park.channel().await);
    let alarms = async |client: &mut AlarmServiceClient<Channel>| {
        soon(client.list_alarms(v1::ListAlarmsRequest {})).await.unwrap().into_inner().alarms
    };
    let alarm = alarms(&mut client).await.remove(0);
    assert_eq!((alarm.kind.as_str(), alarm.state.as_str()), ("plan_fallback", "unacknowledged"));
    let ask = async |park: &mut Served, id: &str, identity: &str| {
        let request = v1::AcknowledgeRequest { id: id.into(), identity: identity.into(), note: "on it".into() };
        let mut client = AlarmServiceClient::new(park.channel().await);
        let asked = tokio::spawn(async move { client.acknowledge(request).await });
        park.hear().await;
        soon(asked).await.unwrap()
    };
    ask(&mut park, &alarm.id, "anna").await.unwrap();
    assert!(ask(&mut park, &alarm.id, "ben").await.is_ok(), "again is no error");
    let noted = alarms(&mut client).await.remove(0);
    assert_eq!((noted.id, noted.state.as_str()), (alarm.id.clone(), "acknowledged"));
    assert_eq!((noted.acknowledged_by.as_str(), noted.note.as_str()), ("anna", "on it"));
    assert_eq!(ask(&mut park, "1", "anna").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(ask(&mut park, &alarm.id, " ").await.unwrap_err().code(), Code::InvalidArgument);
}
