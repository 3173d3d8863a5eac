//! F54: floods of every kind against the operators' interface. Whoever floods is bounded or cut off; another client misses not
//! one cycle meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hexad::proto::v1;
use hexad::proto::v1::proposal_service_client::ProposalServiceClient;
use hexad::proto::v1::snapshot_service_client::SnapshotServiceClient;
use hexad::rpc::CONNECTIONS_MAX;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{MetadataKey, MetadataValue};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Streaming};

use crate::rpc_park::{Served, soon};
use crate::rpc_raw::{
    CONTINUATION, END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, PREFACE, REFUSED_STREAM, RST_STREAM, Raw, call, frame,
    request, reset,
};
use crate::small_office::Alone;

const STREAM: &str = "/hexad.v1.SnapshotService/StreamSnapshots";
/// What one connection may have open at once.
const STREAMS_MAX: usize = 32;

/// Another client, which reads each cycle.
struct Witness {
    stream: Streaming<v1::Snapshot>,
    cycle: u64,
}

impl Witness {
    async fn of(served: &Served) -> Self {
        let mut client = SnapshotServiceClient::new(served.channel().await);
        let request = v1::StreamSnapshotsRequest { points: None, every: 1 };
        let mut stream = client.stream_snapshots(request).await.unwrap().into_inner();
        let cycle = soon(stream.message()).await.unwrap().unwrap().cycle;
        Self { stream, cycle }
    }

    /// The next cycle reaches it, and none between has been missed.
    async fn sees(&mut self, served: &Served) {
        self.cycle += 1;
        served.cycle(self.cycle);
        let seen = soon(self.stream.message()).await.unwrap().unwrap();
        assert_eq!((seen.cycle, seen.skipped), (self.cycle, 0));
    }
}

/// Ends when so many look at the snapshots.
async fn until_receivers(served: &Served, wanted: impl Fn(usize) -> bool) {
    soon(async {
        while !wanted(served.snapshots.receiver_count()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn f54_connections_end_at_the_limit_and_places_come_free_again() {
    let served = Served::running().await;
    let mut witness = Witness::of(&served).await;
    let place = served.address.trim_start_matches("http://");
    let mut open = Vec::new();
    for _ in 1..CONNECTIONS_MAX {
        open.push(TcpStream::connect(place).await.unwrap());
    }
    for _ in 0..200 {
        let mut extra = TcpStream::connect(place).await.unwrap();
        let heard = soon(extra.read(&mut [0; 64])).await;
        assert!(matches!(heard, Ok(0) | Err(_)), "{heard:?}");
        witness.sees(&served).await;
    }
    drop(open);
    soon(async {
        loop {
            let endpoint = Endpoint::from_shared(served.address.clone()).unwrap();
            let Ok(channel) = endpoint.connect().await else { continue };
            let request = v1::GetSnapshotRequest { points: None };
            if SnapshotServiceClient::new(channel).get_snapshot(request).await.is_ok() {
                break;
            }
        }
    })
    .await;
    witness.sees(&served).await;
}

/// CVE-2023-44487, RUSTSEC-2024-0003: streams that are opened and reset without end.
#[tokio::test]
async fn f54_rapid_resets_end_the_connection_that_sends_them() {
    let served = Served::running().await;
    let mut witness = Witness::of(&served).await;
    let before = served.snapshots.receiver_count();
    let mut raw = Raw::connect(&served.address).await;
    let mut sent = 0;
    let burst = |first: u32| -> Vec<u8> {
        (0..100).flat_map(|n| [request(first + 2 * n, STREAM), reset(first + 2 * n)].concat()).collect()
    };
    while sent < 200 && raw.send(&burst(1 + 200 * sent)).await {
        sent += 1;
        witness.sees(&served).await;
    }
    assert!(sent < 200, "20 000 resets, and it is still served");
    assert!(matches!(raw.farewell().await, None | Some(ENHANCE_YOUR_CALM)));
    until_receivers(&served, |n| n == before).await;
    witness.sees(&served).await;
}

/// As slow as an ordinary client, so that each stream is begun: nothing is left of them.
#[tokio::test]
async fn f54_streams_begun_and_reset_leave_nothing_behind() {
    let served = Served::running().await;
    let mut witness = Witness::of(&served).await;
    let before = served.snapshots.receiver_count();
    let mut raw = Raw::connect(&served.address).await;
    for n in 0..300 {
        assert!(raw.send(&request(1 + 2 * n, STREAM)).await);
        while raw.next().await.expect("served").kind != HEADERS {}
        assert!(raw.send(&reset(1 + 2 * n)).await);
        if n % 10 == 0 {
            witness.sees(&served).await;
        }
    }
    until_receivers(&served, |n| n <= before).await;
}

#[tokio::test]
async fn f54_more_streams_than_one_connection_may_have_are_refused() {
    let served = Served::running().await;
    let mut witness = Witness::of(&served).await;
    let before = served.snapshots.receiver_count();
    let mut raw = Raw::connect(&served.address).await;
    const ASKED: u32 = 200;
    let all: Vec<u8> = (0..ASKED).flat_map(|n| request(1 + 2 * n, STREAM)).collect();
    assert!(raw.send(&all).await);
    // What still comes on a refused stream is answered with another reset: it counts once, by its first.
    let (mut refused, mut begun) = (BTreeMap::new(), BTreeSet::new());
    while refused.len() + begun.len() < ASKED as usize {
        let frame = raw.next().await.expect("the connection itself goes on");
        match frame.kind {
            RST_STREAM => drop(refused.entry(frame.stream).or_insert(frame.code())),
            HEADERS => drop(begun.insert(frame.stream)),
            _ => {}
        }
    }
    assert_eq!(begun, (0..32).map(|n| 1 + 2 * n).collect(), "the first of them");
    assert!(refused.values().all(|code| *code == REFUSED_STREAM), "{refused:?}");
    assert!(served.snapshots.receiver_count() <= before + STREAMS_MAX);
    for _ in 0..20 {
        witness.sees(&served).await;
    }
    drop(raw);
    until_receivers(&served, |n| n == before).await;
}

#[tokio::test]
async fn f54_what_is_too_large_is_refused_in_bounded_memory() {
    let served = Served::running().await;
    let mut witness = Witness::of(&served).await;
    let mut client = ProposalServiceClient::new(served.channel().await);
    let large = v1::ProposeRequest { reason: "x".repeat(1 << 20), ..v1::ProposeRequest::default() };
    let refused = soon(client.propose(large)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    witness.sees(&served).await;

    let mut headers = Request::new(v1::GetSnapshotRequest { points: None });
    for n in 0..40 {
        let key = MetadataKey::from_bytes(format!("x-{n}").as_bytes()).unwrap();
        headers.metadata_mut().insert(key, MetadataValue::try_from("y".repeat(1000)).unwrap());
    }
    let mut client = SnapshotServiceClient::new(served.channel().await);
    assert!(soon(client.get_snapshot(headers)).await.is_err(), "40 kB of headers");
    witness.sees(&served).await;

    // A frame longer than the server has said it takes.
    let mut raw = Raw::connect(&served.address).await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &vec![0; 80_000])).await;
    raw.farewell().await;
    witness.sees(&served).await;
}

/// A header block that never ends.
#[tokio::test]
async fn f54_endless_continuations_end_the_connection() {
    let served = Served::running().await;
    let mut witness = Witness::of(&served).await;
    let mut raw = Raw::connect(&served.address).await;
    let name_and_value = [&[0, 1, b'x', 0x7F, 0x81, 0x1E][..], &[b'y'; 4000]].concat();
    assert!(raw.send(&frame(HEADERS, 0, 1, &call(STREAM))).await);
    let mut sent = 0;
    while sent < 2000 && raw.send(&frame(CONTINUATION, 0, 1, &name_and_value)).await {
        sent += 1;
        if sent % 20 == 0 {
            witness.sees(&served).await;
        }
    }
    assert!(sent < 2000, "8 MB of one header block were taken");
    witness.sees(&served).await;
}

/// A place is not held by who begins a word and never ends it.
#[tokio::test]
async fn f54_a_first_word_begun_and_not_ended_gives_up_its_place() {
    for begun in [0, 1, PREFACE.len() - 1, PREFACE.len()] {
        let served = Served::running().await;
        let mut slow = TcpStream::connect(served.address.trim_start_matches("http://")).await.unwrap();
        slow.write_all(&PREFACE[..begun]).await.unwrap();
        // From here on only the server's own patience passes.
        tokio::time::pause();
        let heard = soon(slow.read_to_end(&mut Vec::new())).await;
        tokio::time::resume();
        assert!(heard.is_ok() || heard.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset), "{begun}");
    }
}

/// The daemon itself under all of it at once: its cycles go on and are shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f54_the_daemon_decides_on_under_floods() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = tokio::task::spawn_blocking(move || {
        let daemon = Alone::start(dir.path(), "");
        daemon.until(1, |s| s["cycle"].as_u64().is_some());
        (daemon, dir)
    });
    let (daemon, _dir) = daemon.await.unwrap();
    let (address, stop) = (daemon.address.clone(), CancellationToken::new());
    let floods: Vec<_> = (0..4)
        .map(|kind| {
            let (address, stop) = (address.clone(), stop.clone());
            tokio::spawn(async move { stop.run_until_cancelled(flood(kind, address)).await })
        })
        .collect();
    let daemon = Arc::new(daemon);
    let watched = Arc::clone(&daemon);
    let seen = tokio::task::spawn_blocking(move || {
        let cycle = |s: &serde_json::Value| s["cycle"].as_u64().unwrap();
        let first = cycle(&watched.until(1, |_| true));
        watched.until(8, |s| cycle(s) >= first + 7)
    });
    let seen = seen.await.unwrap();
    assert!(seen["cycle"].as_u64().is_some());
    stop.cancel();
    for flood in floods {
        flood.await.unwrap();
    }
}

async fn flood(kind: u32, address: String) {
    loop {
        match kind {
            0 => {
                let mut raw = Raw::connect(&address).await;
                let burst = |n: u32| [request(1 + 2 * n, STREAM), reset(1 + 2 * n)].concat();
                raw.send(&(0..100).flat_map(burst).collect::<Vec<_>>()).await;
                raw.farewell().await;
            }
            1 => {
                let mut raw = Raw::connect(&address).await;
                raw.send(&(0..200).flat_map(|n| request(1 + 2 * n, STREAM)).collect::<Vec<_>>()).await;
                for _ in 0..400 {
                    raw.next().await;
                }
            }
            2 => drop(TcpStream::connect(&address).await),
            _ => {
                let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
                let Ok(channel) = endpoint.connect().await else { continue };
                let request = v1::ProposeRequest { asset: "battery".into(), ..v1::ProposeRequest::default() };
                ProposalServiceClient::new(channel).propose(request).await.ok();
            }
        }
    }
}
