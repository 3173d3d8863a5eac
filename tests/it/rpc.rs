//! The operators' interface over a real socket.

use std::sync::Arc;

use hexad::proto::v1;
use hexad::proto::v1::plan_service_client::PlanServiceClient;
use hexad::proto::v1::site_service_client::SiteServiceClient;
use hexad::proto::v1::snapshot_service_client::SnapshotServiceClient;
use hexad::proto::v1::value::Kind;
use hexad::rpc::{self, Forecasts, RpcError, Source};
use hexad::snapshot::Snapshot;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::rpc_park::{Served, journal, plan, site, snapshot, soon};

fn asking(patterns: &[&str]) -> v1::GetSnapshotRequest {
    let patterns = patterns.iter().map(|p| (*p).to_owned()).collect();
    v1::GetSnapshotRequest { points: Some(v1::PointFilter { patterns }) }
}

fn streaming(patterns: &[&str], every: u32) -> v1::StreamSnapshotsRequest {
    v1::StreamSnapshotsRequest { points: asking(patterns).points, every }
}

#[tokio::test]
async fn before_the_first_cycle_it_says_so() {
    let served = Served::start().await;
    let channel = served.channel().await;
    let refused = SnapshotServiceClient::new(channel.clone()).get_snapshot(asking(&[])).await.unwrap_err();
    assert_eq!((refused.code(), refused.message().contains("no cycle yet")), (Code::Unavailable, true));
    let refused = PlanServiceClient::new(channel).get_plan(v1::GetPlanRequest {}).await.unwrap_err();
    assert_eq!((refused.code(), refused.message().contains("no plan yet")), (Code::NotFound, true));
}

#[tokio::test]
async fn the_topology_is_told() {
    let served = Served::start().await;
    let answer = SiteServiceClient::new(served.channel().await).get_site(v1::GetSiteRequest {}).await.unwrap();
    let site = answer.into_inner().site.unwrap();
    assert_eq!((site.id.as_str(), site.zone.as_str(), site.currency.as_str()), ("tiny", "Asia/Shanghai", "CNY"));
    assert_eq!(site.buses[0].closed_by, "grid");
    let ev = &site.assets[2];
    assert_eq!((ev.kind.as_str(), ev.group.as_str(), ev.member.as_str()), ("ev_charger", "efficiency", "offices"));
    assert_eq!((ev.ports[0].bus.as_str(), ev.ports[0].min_kw, ev.ports[0].max_kw), ("elec", -176.0, 0.0));
    let pcs = &site.devices[1];
    let points: Vec<_> = pcs.points.iter().map(|p| (p.name.as_str(), p.unit.as_str(), p.writable)).collect();
    assert_eq!(points, [("W", "kW", false), ("SoC", "%", false), ("WSet", "kW", true)]);
    assert_eq!((pcs.reversion_s, site.devices[0].reversion_s), (Some(10), None));
}

#[tokio::test]
async fn a_snapshot_is_whole() {
    let served = Served::running().await;
    let mut client = SnapshotServiceClient::new(served.channel().await);
    let seen = client.get_snapshot(asking(&[])).await.unwrap().into_inner();
    assert_eq!((seen.cycle, seen.mode.as_str(), seen.skipped), (1, "grid_connected", 0));
    let plan = seen.plan.unwrap();
    assert_eq!((plan.id, plan.age_s, plan.status.as_str(), plan.gap), (7, 3.0, "optimal", Some(0.001)));
    let of = |id: &str| seen.assets.iter().find(|a| a.id == id).unwrap();
    let (grid, battery, ev, heat) = (of("grid"), of("battery"), of("ev"), of("heat_load"));
    assert_eq!((grid.setpoint_kw, grid.reason.as_str(), grid.quality.as_str()), (None, "closes elec", "good"));
    assert_eq!((battery.setpoint_kw, battery.reason.as_str()), (Some(-40.0), "balance, limited by ramp"));
    assert_eq!(battery.energy_kwh.as_ref().unwrap().kind, Some(Kind::Value(285.0)));
    assert_eq!((ev.setpoint_kw, ev.commanded_on, ev.reason.as_str()), (Some(-88.0), Some(true), "plan"));
    assert_eq!((ev.lease_s, heat.reason.as_str(), heat.quality.as_str()), (10.0, "not steered", "device_timeout"));
    assert_eq!(heat.flows[0].power_kw.as_ref().unwrap().kind, Some(Kind::Reason("device_timeout".to_owned())));
    assert_eq!(heat.flows[0].believed_kw, -220.0);
    assert_eq!((seen.buses[0].price_per_kwh, seen.buses[1].price_per_kwh), (Some(0.69), Some(0.4)));
    assert_eq!(seen.devices[2].link, "device_timeout");
    assert_eq!((seen.alarms[0].kind.as_str(), seen.alarms[0].severity.as_str()), ("device_lost", "warning"));
    assert_eq!((seen.clips[0].by.as_str(), seen.clips[0].given), ("ramp", -40.0));
    assert_eq!(seen.demand.unwrap().peak_kw, 612.0);
    assert!(seen.health.unwrap().good && seen.points.is_empty());
}

#[tokio::test]
async fn points_are_filtered() {
    let served = Served::running().await;
    let mut client = SnapshotServiceClient::new(served.channel().await);
    for (patterns, expected) in [
        (&["pcs.*"][..], &["pcs.W", "pcs.SoC", "pcs.WSet"][..]),
        (&["*.W"], &["m-pcc.W", "pcs.W", "ev-park.W"]),
        (&["ev-park.WMax", "pcs.W", "pcs.W"], &["pcs.W", "ev-park.WMax"]),
        (&["*"], &["m-pcc.W", "pcs.W", "pcs.SoC", "pcs.WSet", "ev-park.W", "ev-park.WMax"]),
    ] {
        let points = client.get_snapshot(asking(patterns)).await.unwrap().into_inner().points;
        let names: Vec<_> = points.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, expected, "{patterns:?}");
        assert!(points.iter().all(|p| p.age_s == 0.5));
    }
    for wrong in ["pcs", "pcz.*", "pcs.Nonsense"] {
        let refused = client.get_snapshot(asking(&[wrong])).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong}");
        assert!(refused.message().contains(wrong), "{}", refused.message());
    }
}

#[tokio::test]
async fn a_stream_brings_each_cycle() {
    let served = Served::start().await;
    let mut client = SnapshotServiceClient::new(served.channel().await);
    let mut stream = client.stream_snapshots(streaming(&["pcs.SoC"], 0)).await.unwrap().into_inner();
    for cycle in 1..=5 {
        served.cycle(cycle);
        let seen = soon(stream.message()).await.unwrap().unwrap();
        assert_eq!((seen.cycle, seen.skipped, seen.points.len()), (cycle, 0, 1));
        assert_eq!((seen.points[0].name.as_str(), seen.points[0].unit.as_str()), ("pcs.SoC", "%"));
    }
}

#[tokio::test]
async fn fewer_cycles_on_request_are_none_missed() {
    let served = Served::running().await;
    let mut client = SnapshotServiceClient::new(served.channel().await);
    let mut all = client.stream_snapshots(streaming(&[], 1)).await.unwrap().into_inner();
    let mut some = client.stream_snapshots(streaming(&[], 3)).await.unwrap().into_inner();
    let mut seen = Vec::new();
    for cycle in 1..=7 {
        served.cycle(cycle);
        soon(all.message()).await.unwrap().unwrap();
        if cycle % 3 == 1 {
            let one = soon(some.message()).await.unwrap().unwrap();
            seen.push((one.cycle, one.skipped));
        }
    }
    assert_eq!(seen, [(1, 0), (4, 0), (7, 0)]);
}

/// Whoever does not read gets a count instead of a queue, and goes on; others miss nothing.
#[tokio::test]
async fn f53_a_slow_reader_misses_and_is_told_how_many() {
    const CYCLES: u64 = 3000;
    let served = Served::running().await;
    let endpoint = Endpoint::from_shared(served.address.clone()).unwrap();
    let narrow = endpoint.initial_stream_window_size(65_535).connect().await.unwrap();
    let mut client = SnapshotServiceClient::new(narrow);
    let mut stream = client.stream_snapshots(streaming(&["*"], 1)).await.unwrap().into_inner();
    let mut other = SnapshotServiceClient::new(served.channel().await);
    let mut other = other.stream_snapshots(streaming(&["*"], 1)).await.unwrap().into_inner();
    soon(other.message()).await.unwrap().unwrap();
    for cycle in 2..=CYCLES {
        served.cycle(cycle);
        // The slow one reads nothing of it.
        let seen = soon(other.message()).await.unwrap().unwrap();
        assert_eq!((seen.cycle, seen.skipped), (cycle, 0), "another reader is none the slower");
    }
    let (mut last, mut delivered, mut skipped) = (None, 0, 0);
    while last != Some(CYCLES) {
        let seen = soon(stream.message()).await.unwrap().unwrap();
        if let Some(last) = last {
            assert_eq!(seen.skipped, seen.cycle - last - 1, "exactly what lies between");
        }
        (last, delivered, skipped) = (Some(seen.cycle), delivered + 1, skipped + seen.skipped);
    }
    assert!(skipped > CYCLES / 2, "{delivered} of {CYCLES} were queued");
    served.cycle(CYCLES + 1);
    let seen = soon(stream.message()).await.unwrap().unwrap();
    assert_eq!((seen.cycle, seen.skipped), (CYCLES + 1, 0), "the stream stays open");
}

#[tokio::test]
async fn f55_a_client_that_goes_leaves_nothing_behind() {
    let served = Served::running().await;
    let mut other = SnapshotServiceClient::new(served.channel().await);
    other.get_snapshot(asking(&[])).await.unwrap();
    let before = served.snapshots.receiver_count();
    let mut client = SnapshotServiceClient::new(served.channel().await);
    let mut stream = client.stream_snapshots(streaming(&[], 1)).await.unwrap().into_inner();
    soon(stream.message()).await.unwrap().unwrap();
    assert!(served.snapshots.receiver_count() > before);
    drop((stream, client));
    soon(async {
        while served.snapshots.receiver_count() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn plans_are_told_and_streamed() {
    let served = Served::running().await;
    let mut client = PlanServiceClient::new(served.channel().await);
    let told = client.get_plan(v1::GetPlanRequest {}).await.unwrap().into_inner();
    let summary = told.summary.unwrap();
    assert_eq!((summary.id, summary.age_s, summary.cost, summary.solve_ms), (7, 3.0, Some(123.5), 41.0));
    assert_eq!(told.intervals.iter().map(|i| i.hours).collect::<Vec<_>>(), [0.25, 1.0]);
    assert_eq!((told.assets[1].id.as_str(), &told.assets[1].ports[0].power_kw[..]), ("battery", &[-40.0, 95.0][..]));
    assert_eq!((&told.assets[1].energy_kwh[..], &told.assets[2].on[..]), (&[295.0, 200.0][..], &[false, true][..]));
    assert_eq!((told.buses[0].id.as_str(), &told.buses[0].price_per_kwh[..]), ("elec", &[0.69, 1.18][..]));
    assert_eq!((told.slacks[0].interval, told.slacks[0].amount), (1, 100.0));
    let (conflict, holds) = (&told.conflicts[0], &told.binding[0]);
    assert_eq!((summary.bound, conflict.from, conflict.to, conflict.price_per_kwh), (Some(123.4), 1, 2, 10.0));
    assert_eq!((conflict.because[0].worth_per_kwh, conflict.because[1].worth_per_kwh), (Some(9.5), None));
    assert_eq!((holds.limit.as_str(), holds.at), ("grid: import limit (import_max_kw 500)", 475.0));
    let l = &told.limits[0];
    assert_eq!((l.by.as_str(), l.class.as_str(), l.crossing.as_str()), ("grid-company", "grid_operator", "import"));
    assert_eq!((l.kw, &l.narrowest[..], &l.binding[..]), (125.0, &[0, 1][..], &[0][..]));
    assert_eq!(told.co2.map(|c| (c.today_kg, c.budget_kg)), Some((300.0, Some(500.0))));
    let mut stream = client.stream_plans(v1::StreamPlansRequest {}).await.unwrap().into_inner();
    for id in 7..10 {
        assert_eq!(soon(stream.message()).await.unwrap().unwrap().summary.unwrap().id, id);
        served.plans.send_replace(Some(Arc::new(plan(id + 1))));
    }
}

#[tokio::test]
async fn health_is_that_of_the_job() {
    let served = Served::start().await;
    let mut client = HealthClient::new(served.channel().await);
    for service in ["", "hexad.v1.SnapshotService"] {
        served.snapshots.send_replace(None);
        let request = HealthCheckRequest { service: service.to_owned() };
        let mut told = client.watch(request).await.unwrap().into_inner();
        let mut next = async || soon(told.message()).await.unwrap().unwrap().status;
        while next().await != ServingStatus::NotServing as i32 {}
        served.cycle(1);
        assert_eq!(next().await, ServingStatus::Serving as i32);
        let mut ill = snapshot(2);
        ill.health.unverified.push("pcs: WSet reads back 0".to_owned());
        served.snapshots.send_replace(Some(Arc::new(ill)));
        assert_eq!(next().await, ServingStatus::NotServing as i32);
        served.cycle(3);
        assert_eq!(next().await, ServingStatus::Serving as i32);
        let rules: Snapshot = {
            let mut s = snapshot(4);
            s.health.planned = false;
            s
        };
        served.snapshots.send_replace(Some(Arc::new(rules)));
        assert_eq!(next().await, ServingStatus::NotServing as i32);
    }
}

macro_rules! reflection {
    ($test:ident, $version:ident) => {
        #[tokio::test]
        async fn $test() {
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            let served = Served::start().await;
            let ask = |what| ServerReflectionRequest { host: String::new(), message_request: Some(what) };
            let asked = [
                ask(MessageRequest::ListServices(String::new())),
                ask(MessageRequest::FileContainingSymbol("hexad.v1.SnapshotService".to_owned())),
            ];
            let mut client = ServerReflectionClient::new(served.channel().await);
            let answers = client.server_reflection_info(tokio_stream::iter(asked)).await.unwrap().into_inner();
            let answers: Vec<_> = soon(answers.collect::<Vec<_>>()).await;
            let [Ok(services), Ok(file)] = &answers[..] else { panic!("{answers:?}") };
            let Some(MessageResponse::ListServicesResponse(list)) = &services.message_response else {
                panic!("{services:?}")
            };
            let names: Vec<_> = list.service.iter().map(|s| s.name.as_str()).collect();
            for name in ["hexad.v1.SiteService", "hexad.v1.SnapshotService", "hexad.v1.PlanService"] {
                assert!(names.contains(&name), "{names:?}");
            }
            assert!(matches!(file.message_response, Some(MessageResponse::FileDescriptorResponse(_))), "{file:?}");
        }
    };
}
reflection!(reflection_v1_answers, v1);
reflection!(reflection_v1alpha_answers, v1alpha);

#[tokio::test]
async fn plain_text_stays_on_loopback() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let (_snapshots, seen) = tokio::sync::watch::channel(None);
    let (_plans, made) = tokio::sync::watch::channel(None);
    let desk = hexad::rpc::Desk::new(1.0).0;
    let source = Source {
        site: Arc::new(site()),
        snapshots: seen,
        plans: made,
        desk,
        journal: journal(),
        forecasts: Forecasts::default(),
    };
    let refused = rpc::serve(listener, source, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(refused, RpcError::NotLoopback(_)), "{refused}");
}

/// Streams are ended in words, connections that rest are closed.
#[tokio::test]
async fn f55_it_stops_in_order() {
    let served = Served::running().await;
    let mut client = SnapshotServiceClient::new(served.channel().await);
    let mut stream = client.stream_snapshots(streaming(&[], 1)).await.unwrap().into_inner();
    soon(stream.message()).await.unwrap().unwrap();
    let mut silent = TcpStream::connect(served.address.trim_start_matches("http://")).await.unwrap();
    served.stop.cancel();
    let ended = soon(stream.message()).await.unwrap_err();
    assert_eq!((ended.code(), ended.message()), (Code::Unavailable, "the daemon is stopping"));
    soon(served.task).await.unwrap().unwrap();
    let heard = soon(silent.read_to_end(&mut Vec::new())).await;
    assert!(heard.is_ok() || heard.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
}

/// A server that is gone at once ends the stream with a status.
#[tokio::test]
async fn f55_a_stream_that_is_cut_ends_with_a_status() {
    let served = Served::running().await;
    let mut client = SnapshotServiceClient::new(served.channel().await);
    let mut stream = client.stream_snapshots(streaming(&[], 1)).await.unwrap().into_inner();
    soon(stream.message()).await.unwrap().unwrap();
    served.task.abort();
    let ended = soon(stream.message()).await.unwrap_err();
    assert!(matches!(ended.code(), Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled), "{ended}");
    assert!(!matches!(soon(stream.message()).await, Ok(Some(_))), "nothing comes after it");
}

/// A client that holds a call open for ever holds up nobody.
#[tokio::test]
async fn it_stops_in_time() {
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    let served = Served::running().await;
    let mut client = ServerReflectionClient::new(served.channel().await);
    let mut held = client.server_reflection_info(tokio_stream::pending()).await.unwrap().into_inner();
    served.stop.cancel();
    soon(served.task).await.unwrap().unwrap();
    assert!(soon(held.message()).await.is_err(), "cut");
}
