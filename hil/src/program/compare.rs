//! Compares what a daemon shows with the truth at the same park instant.

use super::Shared;
use super::history::{Flows, SharedHistory};
use proto::snapshot_service_client::SnapshotServiceClient;
use proto::{AssetState, Flow, Snapshot, StreamSnapshotsRequest, value};
use std::time::Duration;

/// The operators' protocol, generated from the file both sides share.
#[allow(missing_docs, clippy::all)]
mod proto {
    tonic::include_proto!("hexad.v1");
}

/// Slack in the instant, wall seconds: the plant moves in steps of 0.1 s, images are taken once a cycle.
const INSTANT_SLACK_S: f64 = 0.35;

/// Follows a daemon's snapshots for as long as the rig runs; reconnects by itself.
pub async fn follow(address: String, shared: Shared, history: SharedHistory, speed: f64) {
    loop {
        let outcome = listen(&address, &shared, &history, speed).await;
        if let Err(error) = outcome {
            eprintln!("judge: {address}: {error:#}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen(
    address: &str,
    shared: &Shared,
    history: &SharedHistory,
    speed: f64,
) -> anyhow::Result<()> {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}"))?;
    let mut client = SnapshotServiceClient::new(endpoint.connect().await?);
    let high_bus = shared.lock().high_bus().to_owned();
    let request = StreamSnapshotsRequest::default();
    let mut stream = client.stream_snapshots(request).await?.into_inner();
    while let Some(snapshot) = stream.message().await? {
        judge(&snapshot, &high_bus, shared, history, speed);
    }
    Ok(())
}

fn judge(
    snapshot: &Snapshot,
    high_bus: &str,
    shared: &Shared,
    history: &SharedHistory,
    speed: f64,
) {
    let Some(time) = &snapshot.time else { return };
    let park_s = time.seconds as f64 + f64::from(time.nanos) * 1e-9;
    for asset in &snapshot.assets {
        for flow in &asset.flows {
            let Some(port) = port(flow, high_bus, history.nature(&asset.id)) else {
                continue;
            };
            let Some(share) = error_share(asset, flow, port, history, park_s, speed) else {
                continue;
            };
            let text = format!("{} {} at {}", asset.id, flow.carrier, snapshot.cycle);
            shared.lock().note_value_error(share, &text);
        }
    }
}

/// How far a good value lies outside what the truth was over its age, as a share of the rating.
fn error_share(
    asset: &AssetState,
    flow: &Flow,
    port: usize,
    history: &SharedHistory,
    park_s: f64,
    speed: f64,
) -> Option<f64> {
    let Some(value::Kind::Value(shown_kw)) = flow.power_kw.as_ref()?.kind else {
        return None;
    };
    let (_, rated_kw) = history.nature(&asset.id)?;
    let from_s = park_s - (flow.age_s + INSTANT_SLACK_S) * speed;
    let to_s = park_s + INSTANT_SLACK_S * speed;
    let (low, high) = history.span(&asset.id, |flows: &Flows| flows[port], from_s, to_s)?;
    Some((low - shown_kw).max(shown_kw - high).max(0.0) / rated_kw)
}

/// Which of the truth's flows a port is; an exchanger has heat on two buses.
fn port(flow: &Flow, high_bus: &str, nature: Option<(&str, f64)>) -> Option<usize> {
    let exchanges = nature.is_some_and(|(kind, _)| kind == "heat_exchanger");
    match flow.carrier.as_str() {
        "electricity" => Some(0),
        "heat" if exchanges && flow.bus == high_bus => Some(2),
        "heat" => Some(1),
        "cooling" => Some(3),
        "gas" => Some(4),
        _ => None,
    }
}
