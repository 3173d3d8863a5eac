//! The operators' interface over gRPC. It shows what the site is, what is measured, believed and decided, and what
//! is planned; what it is asked for becomes an order to the cycle, never a setpoint. Nobody who reads here can slow the cycle: the newest snapshot is looked at, never
//! queued.
//!
//! Everything is bounded: connections, streams of one connection, sizes, the time of a request and the time of the
//! drain. Without keys only loopback addresses are served; with keys nothing is served in plain text.

#![deny(clippy::indexing_slicing)]

mod alarms;
mod convert;
mod filter;
mod forecasts;
mod handshake;
mod health;
mod identity;
mod incoming;
mod journal;
mod proposals;
mod services;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::{InterceptorLayer, Routes};
use tonic::transport::Server;
use tracing::warn;

use crate::dispatch::Plan;
use crate::proto::DESCRIPTORS;
use crate::proto::v1::alarm_service_server::AlarmServiceServer;
use crate::proto::v1::forecast_service_server::ForecastServiceServer;
use crate::proto::v1::journal_service_server::JournalServiceServer;
use crate::proto::v1::plan_service_server::PlanServiceServer;
use crate::proto::v1::proposal_service_server::ProposalServiceServer;
use crate::proto::v1::site_service_server::SiteServiceServer;
use crate::proto::v1::snapshot_service_server::SnapshotServiceServer;
use crate::site::Site;
use crate::snapshot::Snapshot;
use crate::store::journal::Book;
use crate::transport::tls::Keys;
use incoming::Incoming;
use services::Api;

pub use forecasts::Forecasts;
pub use proposals::{Desk, Envelope, WAITING_MAX};

/// Connections served at once; one more is refused.
pub const CONNECTIONS_MAX: usize = 64;
/// Requests and streams open at once on one connection.
const STREAMS_MAX: u32 = 32;
/// Largest request, bytes.
const REQUEST_MAX: usize = 64 * 1024;
/// Largest HTTP/2 frame accepted, bytes.
const FRAME_MAX: u32 = 64 * 1024;
/// Largest header block accepted, bytes.
const HEADERS_MAX: u32 = 16 * 1024;
/// A request is answered, and a stream begun, within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A silent connection is probed after this time ...
const PROBE_AFTER: Duration = Duration::from_secs(20);
/// ... and closed when the probe has no answer within this one.
const PROBE_WITHIN: Duration = Duration::from_secs(10);
/// What is still open so long after the order to stop is cut.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// Where the services look. The channels hold the newest of each, `None` before the first.
#[derive(Clone, Debug)]
pub struct Source {
    /// Constant while the daemon runs.
    pub site: Arc<Site>,
    /// One per cycle.
    pub snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    /// One per dispatch.
    pub plans: watch::Receiver<Option<Arc<Plan>>>,
    /// Where orders to the cycle go.
    pub desk: Desk,
    /// What happened.
    pub journal: Arc<Book>,
    /// What is expected, and what others forecast.
    pub forecasts: Forecasts,
}

/// Why the interface is not served.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The listener has no address.
    #[error("the listener of the operators' interface has no address")]
    Listener(#[from] std::io::Error),
    /// Plain text leaves the machine.
    #[error("{0} is not a loopback address; without keys the interface is served on 127.0.0.1 or [::1] only")]
    NotLoopback(SocketAddr),
    /// The embedded description of the services is broken.
    #[error("the description of the services does not decode")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The server gave up.
    #[error("the operators' interface failed")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves in plain text on loopback until `shutdown`, then drains for at most two seconds and cuts what is left. Dropping the
/// future cuts at once.
///
/// # Errors
/// [`RpcError`]; a broken client or a failed accept is none.
pub async fn serve(listener: TcpListener, source: Source, shutdown: CancellationToken) -> Result<(), RpcError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(RpcError::NotLoopback(address));
    }
    run(listener, source, None, shutdown).await
}

/// The same over TLS with client certificates, on any address. Each connection takes the keys that are in force when it
/// comes; while there are none it is refused.
///
/// # Errors
/// [`RpcError`]; a failed handshake is none.
pub async fn serve_tls(
    listener: TcpListener,
    source: Source,
    keys: Arc<Keys>,
    shutdown: CancellationToken,
) -> Result<(), RpcError> {
    run(listener, source, Some(keys), shutdown).await
}

async fn run(
    listener: TcpListener,
    source: Source,
    keys: Option<Arc<Keys>>,
    shutdown: CancellationToken,
) -> Result<(), RpcError> {
    let cut = CancellationToken::new();
    let _cut_at_end = cut.clone().drop_guard();
    let incoming = Incoming::new(listener, CONNECTIONS_MAX, keys, cut);
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let health = health::follow(reporter, source.snapshots.clone(), shutdown.clone());
    let routes = routes(Api::new(source, shutdown.clone()))?.add_service(health_service);
    let server = Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .concurrency_limit_per_connection(STREAMS_MAX as usize)
        .load_shed(true)
        .max_frame_size(FRAME_MAX)
        .http2_max_header_list_size(HEADERS_MAX)
        .http2_keepalive_interval(Some(PROBE_AFTER))
        .http2_keepalive_timeout(Some(PROBE_WITHIN))
        .timeout(ANSWER_WITHIN)
        .layer(InterceptorLayer::new(identity::admit))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_WITHIN).await;
    };
    tokio::select! {
        ended = server => ended?,
        () = too_late => warn!("clients did not leave in time; their connections are cut"),
        never = health => match never {},
    }
    Ok(())
}

fn routes(api: Api) -> Result<Routes, RpcError> {
    let reflection =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    Ok(Routes::new(SiteServiceServer::new(api.clone()).max_decoding_message_size(REQUEST_MAX))
        .add_service(SnapshotServiceServer::new(api.clone()).max_decoding_message_size(REQUEST_MAX))
        .add_service(PlanServiceServer::new(api.clone()).max_decoding_message_size(REQUEST_MAX))
        .add_service(AlarmServiceServer::new(api.clone()).max_decoding_message_size(REQUEST_MAX))
        .add_service(ForecastServiceServer::new(api.clone()).max_decoding_message_size(REQUEST_MAX))
        .add_service(JournalServiceServer::new(api.clone()).max_decoding_message_size(REQUEST_MAX))
        .add_service(ProposalServiceServer::new(api).max_decoding_message_size(REQUEST_MAX))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}
