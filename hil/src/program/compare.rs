//! Compares what a daemon shows with the truth at the same park instant.

use super::Shared;
use super::history::{Flows, SharedHistory};
use proto::snapshot_service_client::SnapshotServiceClient;
use proto::{Flow, Snapshot, StreamSnapshotsRequest, value};
use std::collections::BTreeSet;
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
    let high_bus = shared.lock().high_bus().to_owned();
    let told = BTreeSet::new();
    let mut comparison = Comparison { high_bus, shared, history, speed, told };
    loop {
        if let Err(error) = comparison.listen(&address).await {
            eprintln!("judge: {address}: {error:#}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What is worth a line on standard error, once per asset and port.
const TELL_SHARE: f64 = 0.01;

struct Comparison {
    high_bus: String,
    shared: Shared,
    history: SharedHistory,
    speed: f64,
    told: BTreeSet<String>,
}

/// How far a shown value lies outside what the truth was while it may have been read.
struct Difference {
    share: f64,
    shown_kw: f64,
    truth_kw: (f64, f64),
}

impl Comparison {
    async fn listen(&mut self, address: &str) -> anyhow::Result<()> {
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}"))?;
        let mut client = SnapshotServiceClient::new(endpoint.connect().await?);
        let request = StreamSnapshotsRequest::default();
        let mut stream = client.stream_snapshots(request).await?.into_inner();
        while let Some(snapshot) = stream.message().await? {
            self.judge(&snapshot);
        }
        Ok(())
    }

    fn judge(&mut self, snapshot: &Snapshot) {
        let Some(time) = &snapshot.time else { return };
        let park_s = time.seconds as f64 + f64::from(time.nanos) * 1e-9;
        for asset in &snapshot.assets {
            for flow in &asset.flows {
                if let Some(difference) = self.difference(&asset.id, flow, park_s) {
                    self.note(&asset.id, flow, &difference, snapshot.cycle);
                }
            }
        }
    }

    fn note(&mut self, id: &str, flow: &Flow, difference: &Difference, cycle: u64) {
        let Difference { share, shown_kw, truth_kw: (low, high) } = difference;
        let text =
            format!("{id} on {}: shown {shown_kw:.2} kW, truth {low:.2} to {high:.2} kW, cycle {cycle}", flow.bus);
        self.shared.lock().note_value_error(*share, &text);
        if *share > TELL_SHARE && self.told.insert(format!("{id} {}", flow.bus)) {
            eprintln!("judge: {text}");
        }
    }

    /// `None` where nothing good is shown or the truth of that instant is not known.
    fn difference(&self, id: &str, flow: &Flow, park_s: f64) -> Option<Difference> {
        let Some(value::Kind::Value(shown_kw)) = flow.power_kw.as_ref()?.kind else {
            return None;
        };
        let (kind, rated_kw) = self.history.nature(id)?;
        let port = port(flow, &self.high_bus, kind)?;
        let from_s = park_s - (flow.age_s + INSTANT_SLACK_S) * self.speed;
        let to_s = park_s + INSTANT_SLACK_S * self.speed;
        let truth_kw = self.history.span(id, |flows: &Flows| flows[port], from_s, to_s)?;
        let outside_kw = (truth_kw.0 - shown_kw).max(shown_kw - truth_kw.1).max(0.0);
        Some(Difference { share: outside_kw / rated_kw, shown_kw, truth_kw })
    }
}

/// Which of the truth's flows a port is; an exchanger has heat on two buses.
fn port(flow: &Flow, high_bus: &str, kind: &str) -> Option<usize> {
    let exchanges = kind == "heat_exchanger";
    match flow.carrier.as_str() {
        "electricity" => Some(0),
        "heat" if exchanges && flow.bus == high_bus => Some(2),
        "heat" => Some(1),
        "cooling" => Some(3),
        "gas" => Some(4),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::history::History;
    use super::*;
    use hexad_hil::{Options, Rig};
    use proto::{AssetState, Value};
    use std::sync::{Arc, Mutex};

    const SITE: &str = include_str!("../../../config/sites/suzhou-six-in-one.toml");

    fn comparison() -> Comparison {
        let start = hexad_hil::default_start(SITE).unwrap();
        let mut rig = Rig::new(SITE, Options { start, ..Options::default() }).unwrap();
        let history = History::shared();
        // Past the restart lockout after power-up, into the ramp.
        for _ in 0..210 {
            rig.step(1.0, 1.0);
            history.note(rig.truth());
        }
        let high_bus = rig.high_bus().to_owned();
        let shared = Shared(Arc::new(Mutex::new(rig)));
        Comparison { high_bus, shared, history, speed: 1.0, told: BTreeSet::new() }
    }

    fn flow(bus: &str, carrier: &str, kind: value::Kind, age_s: f64) -> Flow {
        let power_kw = Some(Value { kind: Some(kind) });
        Flow { bus: bus.into(), carrier: carrier.into(), power_kw, believed_kw: 0.0, age_s }
    }

    #[test]
    fn an_old_value_is_excused_by_its_ramp_and_a_wrong_one_is_named() {
        let mut comparison = comparison();
        let truth = comparison.shared.lock().truth().clone();
        let now_s = truth.time.as_millisecond() as f64 / 1000.0;
        let shown = |kw: f64| flow("heat_low", "heat", value::Kind::Value(kw), 1.0);
        let pump = truth.asset("heat_pump").unwrap().heat_kw;
        assert!(pump > 0.0, "it starts at its own fallback");
        let fine = comparison.difference("heat_pump", &shown(pump - 1.5), now_s).unwrap();
        assert!(fine.share < 1e-9, "{}", fine.share);
        let none = flow("heat_low", "heat", value::Kind::Reason("stale".into()), 1.0);
        assert!(comparison.difference("heat_pump", &none, now_s).is_none());
        let high = flow("heat_high", "heat", value::Kind::Value(0.0), 0.0);
        assert_eq!(port(&high, &comparison.high_bus, "heat_exchanger"), Some(2));

        let asset = AssetState { id: "heat_pump".into(), flows: vec![shown(-pump)], ..AssetState::default() };
        let time = Some(prost_types::Timestamp { seconds: now_s as i64, nanos: 0 });
        comparison.judge(&Snapshot { time, assets: vec![asset], ..Snapshot::default() });
        let report = comparison.shared.lock().report();
        assert!(report.value_error_max > 0.01, "{report:?}");
        assert!(report.value_error_at.unwrap().contains("heat_pump on heat_low"));
    }
}
