//! The only file that knows every room: channels, spawn order, shutdown order.
//!
//! Order of start: drivers, cycle, planner, rpc. Order of stop: cycle (no more setpoints), drivers (each device by its
//! `stop`), planner, rpc, journal and memory; a hard deadline stands around all of it. No device waits for a solve.

mod certificates;
mod forecasting;
mod journaling;
mod keeping;
mod planning;
mod solver_child;
mod steering;
mod watchdog;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwapOption;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::devices::{self, DeviceHandle, profile::ProfileStore};
use crate::dispatch::Plan;
use crate::rpc;
use crate::site::Site;
use crate::snapshot::Snapshot;
use crate::transport::tls;

pub use solver_child::SolverChild;

/// An ordered stop takes at most this long; what is not done by then is left to leases and reversion.
const STOP_DEADLINE: Duration = Duration::from_secs(8);

/// What the daemon runs with, all resolved.
#[derive(Debug)]
pub struct Options {
    /// The site.
    pub site: Site,
    /// Device profiles.
    pub profiles: ProfileStore,
    /// Site address -> address to connect to instead (rig).
    pub endpoints: BTreeMap<String, String>,
    /// The clock.
    pub clock: Clock,
    /// gRPC address.
    pub listen: SocketAddr,
    /// What gRPC is served over TLS with; `None` is plain text.
    pub tls: Option<tls::Files>,
    /// As whom MQTT brokers are reached.
    pub mqtt: devices::mqtt::access::Keys,
    /// Where memory is kept; `None` keeps none.
    pub state_dir: Option<PathBuf>,
    /// Period of the cycle.
    pub cycle: Duration,
    /// Period of the dispatch.
    pub dispatch: Duration,
    /// Hard deadline of a solve.
    pub solver_deadline: Duration,
    /// Executable that serves `solver-worker`.
    pub executable: PathBuf,
}

/// Where the threads and tasks meet.
struct Shared {
    site: Arc<Site>,
    clock: Clock,
    plan: ArcSwapOption<Plan>,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    plans: watch::Sender<Option<Arc<Plan>>>,
    /// What is wrong at the rim, by kind and subject; whoever reports it takes it back.
    reports: devices::Reports,
    progress: watchdog::Progress,
    /// What is expected, and what others forecast.
    forecasts: rpc::Forecasts,
    stop: CancellationToken,
}

impl Shared {
    fn new(site: Site, clock: Clock) -> Self {
        Self {
            site: Arc::new(site),
            clock,
            plan: ArcSwapOption::empty(),
            snapshots: watch::Sender::new(None),
            plans: watch::Sender::new(None),
            reports: watch::Sender::new(BTreeMap::new()),
            progress: watchdog::Progress::default(),
            forecasts: rpc::Forecasts::default(),
            stop: CancellationToken::new(),
        }
    }
}

/// Runs the daemon until a signal ends it.
///
/// # Errors
/// What keeps it from starting: the listen address, the runtime, the state directory.
pub fn run(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("hexad-io")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(serve(options));
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        format!("cannot listen on {}; is another hexad running, or choose another `listen`", options.listen)
    })?;
    let speed = options.clock.speed();
    let shared = Arc::new(Shared::new(options.site, options.clock));
    let keeper = keeping::Keeper::open(&shared, options.state_dir.as_deref())?;
    let journal = journaling::Journal::open(&shared, options.state_dir.as_deref())?;

    let drivers_stop = CancellationToken::new();
    let devices = drivers(&shared, &options.profiles, options.endpoints, options.mqtt, drivers_stop.clone());
    let frames = devices.iter().map(|d| d.frames.clone()).collect::<Vec<_>>();

    let (desk, waiting) = rpc::Desk::new(speed);
    let (to_planner, from_cycle) = mpsc::sync_channel(64);
    let steering = steering::Steering {
        shared: Arc::clone(&shared),
        devices: devices.iter().map(DeviceHandle::clone).collect(),
        period: scaled(options.cycle, speed, Duration::from_millis(100)),
        memory: keeper.memory(&shared.site),
        keeper: keeper.sender(),
        to_planner,
        journal: journal.sender(),
        waiting,
    };
    let planning = planning::Planning {
        shared: Arc::clone(&shared),
        period: scaled(options.dispatch, speed, Duration::from_millis(250)),
        slack: scaled(options.cycle, speed, Duration::from_millis(100)) / 2,
        history: keeper.history(),
        keeper: keeper.sender(),
        solver: SolverChild::new(options.executable, options.solver_deadline).until(shared.stop.clone()),
    };
    let cycle = std::thread::Builder::new().name("hexad-cycle".to_owned()).spawn(move || steering.run())?;
    let planner = std::thread::Builder::new().name("hexad-plan".to_owned()).spawn(move || planning.run(&from_cycle))?;

    let source = rpc::Source {
        site: Arc::clone(&shared.site),
        snapshots: shared.snapshots.subscribe(),
        plans: shared.plans.subscribe(),
        desk,
        journal: Arc::clone(&journal.book),
        forecasts: shared.forecasts.clone(),
    };
    let (rpc_stop, read_anew) = (CancellationToken::new(), Arc::new(Notify::new()));
    tracing::info!(address = %options.listen, site = shared.site.id, tls = options.tls.is_some(), "serving gRPC");
    let server = operators(listener, source, options.tls, &shared, &read_anew, &rpc_stop);
    let period = scaled(options.cycle, speed, Duration::from_millis(100));
    let dog = tokio::spawn(watchdog::run(Arc::clone(&shared), frames, period));

    wait_for_signal(&read_anew).await?;
    tracing::info!("stopping");
    sd_notify::notify(&[sd_notify::NotifyState::Stopping]).ok();
    let running = Running { cycle, planner, drivers_stop, devices, rpc_stop, server, journal, keeper };
    if tokio::time::timeout(STOP_DEADLINE, running.drain(&shared.stop)).await.is_err() {
        tracing::error!("the ordered stop did not finish in {STOP_DEADLINE:?}; leases and reversion end what stands");
    }
    dog.abort();
    Ok(())
}

/// Starts the drivers, and to follow the certificates that brokers are shown and believed by.
fn drivers(
    shared: &Arc<Shared>,
    profiles: &ProfileStore,
    endpoints: BTreeMap<String, String>,
    keys: devices::mqtt::access::Keys,
    stop: CancellationToken,
) -> Vec<DeviceHandle> {
    let files = keys.authority.iter().chain(&keys.certificate).cloned().collect();
    tokio::spawn(certificates::watch(files, Arc::clone(shared)));
    let clock = shared.clock.clone();
    let letters = Some(forecasting::listen(shared));
    let wires =
        devices::Wires { endpoints, keys, letters, reports: shared.reports.clone(), ..devices::Wires::default() };
    devices::spawn_by(&shared.site, profiles, wires, Arc::new(move || clock.mono()), stop)
}

/// What has been started and must end in order.
struct Running {
    cycle: std::thread::JoinHandle<()>,
    planner: std::thread::JoinHandle<()>,
    drivers_stop: CancellationToken,
    devices: Vec<DeviceHandle>,
    rpc_stop: CancellationToken,
    server: JoinHandle<Result<(), rpc::RpcError>>,
    journal: journaling::Journal,
    keeper: keeping::Keeper,
}

impl Running {
    async fn drain(self, stop: &CancellationToken) {
        stop.cancel();
        joined(self.cycle).await;
        self.drivers_stop.cancel();
        for device in self.devices {
            device.finished().await;
        }
        joined(self.planner).await;
        self.rpc_stop.cancel();
        self.server.await.ok();
        // A disk that hangs must not hold up the deadline.
        let closing = move || {
            self.keeper.close();
            self.journal.close();
        };
        tokio::task::spawn_blocking(closing).await.ok();
    }
}

/// Serves the operators' interface: over TLS, or in plain text on loopback where the settings order it.
fn operators(
    listener: TcpListener,
    source: rpc::Source,
    tls: Option<tls::Files>,
    shared: &Arc<Shared>,
    read_anew: &Arc<Notify>,
    stop: &CancellationToken,
) -> JoinHandle<Result<(), rpc::RpcError>> {
    match tls {
        None => tokio::spawn(rpc::serve(listener, source, stop.clone())),
        Some(files) => {
            let keys = certificates::follow(files, Arc::clone(shared), Arc::clone(read_anew));
            tokio::spawn(rpc::serve_tls(listener, source, keys, stop.clone()))
        }
    }
}

async fn joined(thread: std::thread::JoinHandle<()>) {
    if !matches!(tokio::task::spawn_blocking(move || thread.join()).await, Ok(Ok(()))) {
        tracing::error!("a core thread had panicked");
    }
}

fn scaled(period: Duration, speed: f64, least: Duration) -> Duration {
    period.div_f64(speed.max(1.0)).max(least)
}

async fn wait_for_signal(read_anew: &Notify) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt, mut hangup) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => {
                tracing::warn!("keys are read anew; settings are read at start only: restart to apply a change");
                read_anew.notify_one();
            }
        }
    }
}
