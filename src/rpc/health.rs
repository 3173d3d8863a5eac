//! Health as the gRPC health service tells it: serving means that the job is being done, not that the process runs.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::snapshot::Snapshot;

/// The daemon as a whole, and the service whose snapshots say so.
const NAMES: [&str; 2] = ["", "hexad.v1.SnapshotService"];
/// Without a new cycle for so long nothing is being done, whatever the last one said.
const CYCLE_WITHIN: Duration = Duration::from_secs(10);

/// Reports until it is dropped; at `shutdown` it ends the watches, so that they do not hold up the drain.
pub(super) async fn follow(
    mut reporter: HealthReporter,
    mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    shutdown: CancellationToken,
) -> Infallible {
    let mut status = status_of(snapshots.borrow_and_update().as_deref());
    loop {
        for name in NAMES {
            reporter.set_service_status(name, status).await;
        }
        let next = tokio::select! {
            next = tokio::time::timeout(CYCLE_WITHIN, snapshots.changed()) => next,
            () = shutdown.cancelled() => break,
        };
        status = match next {
            Ok(Ok(())) => status_of(snapshots.borrow_and_update().as_deref()),
            Ok(Err(_)) => break,
            Err(_) => ServingStatus::NotServing,
        };
    }
    for name in NAMES {
        reporter.set_service_status(name, ServingStatus::NotServing).await;
    }
    shutdown.cancelled().await;
    for name in NAMES {
        reporter.clear_service_status(name).await;
    }
    pending().await
}

fn status_of(snapshot: Option<&Snapshot>) -> ServingStatus {
    match snapshot {
        Some(s) if s.health.good() => ServingStatus::Serving,
        _ => ServingStatus::NotServing,
    }
}
