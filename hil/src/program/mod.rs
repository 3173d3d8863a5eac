//! The rig as a program: real or scaled time around [`hexad_hil::Rig`].

mod broker;
mod compare;
mod control;
mod files;
mod history;
mod modbus;
mod mqtt;
mod port;
mod series;

use anyhow::Context;
use clap::Args;
use hexad_hil::{Fault, Options, Rig};
use history::History;
use jiff::Timestamp;
pub use series::{SeriesArgs, series};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// What the rig serves, how fast, and what it leaves behind.
#[derive(Args)]
pub struct RunArgs {
    /// Site file.
    #[arg(long)]
    site: PathBuf,
    /// Seed of weather, demand, true parameters and meter errors.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Park seconds per wall second.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// End after this many wall seconds.
    #[arg(long)]
    seconds: Option<f64>,
    /// Park time at the start, RFC 3339 [default: 2026-07-15 09:00 in the site's zone].
    #[arg(long)]
    start: Option<Timestamp>,
    /// No controller: every device in its own autonomous mode.
    #[arg(long)]
    baseline: bool,
    /// Write the judge's report here, as flat JSON; without it, to standard output.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Write clock and endpoints here once everything listens.
    #[arg(long)]
    rig_file: Option<PathBuf>,
    /// Compare what the daemon at this gRPC address (host:port) shows with the truth.
    #[arg(long)]
    judge: Option<String>,
    /// Upper bound of the devices' fixed fallback timers, s.
    #[arg(long)]
    revert_s: Option<f64>,
    /// Plant a fault from the start, KIND:DEVICE; may be repeated.
    #[arg(long)]
    fault: Vec<Fault>,
    /// Take commands on standard input, one JSON line of answer each: truth, report,
    /// fault KIND DEVICE (* = all), clear DEVICE (* = all), wait SECONDS (wall), quit. The end of input quits too.
    #[arg(long)]
    control: bool,
}

/// The rig, shared by its wires.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Rig>>);

impl Shared {
    /// A poisoned lock only means that a reader died; the plant itself goes on.
    pub fn lock(&self) -> MutexGuard<'_, Rig> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wall time between two steps of the plant.
const TICK: Duration = Duration::from_millis(100);

/// Serves the park until it ends, then writes the report.
pub async fn run(args: RunArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.speed > 0.0 && args.speed.is_finite(), "--speed must be positive");
    let site = std::fs::read_to_string(&args.site).with_context(|| format!("reading {}", args.site.display()))?;
    let start = match args.start {
        Some(start) => start,
        None => hexad_hil::default_start(&site)?,
    };
    let options = Options {
        seed: args.seed,
        start,
        baseline: args.baseline,
        faults: args.fault.clone(),
        revert_s: args.revert_s,
    };
    let shared = Shared(Arc::new(Mutex::new(Rig::new(&site, options)?)));
    let (endpoints, broker) = open_wires(&shared).await?;
    let wall_epoch = Timestamp::now();
    let began = Instant::now();
    if let Some(path) = &args.rig_file {
        files::write_rig_file(path, start, wall_epoch, args.speed, &endpoints)?;
    }
    eprintln!("rig ready: {} endpoints, park time {start}, speed {}", endpoints.len(), args.speed);
    let history = History::shared();
    if let Some(address) = &args.judge {
        tokio::spawn(compare::follow(address.clone(), shared.clone(), history.clone(), args.speed));
    }
    keep_time(&args, &shared, &history, began).await?;
    if let Some(broker) = broker {
        // Dropped with the task that keeps it.
        broker.abort();
        let _ = broker.await;
    }
    let report = serde_json::to_string_pretty(&shared.lock().report())?;
    match &args.report {
        Some(path) => files::write_atomically(path, &report)?,
        None if args.control => {}
        None => println!("{report}"),
    }
    Ok(())
}

/// Binds every address of the site to a loopback port of its own.
async fn open_wires(shared: &Shared) -> anyhow::Result<(BTreeMap<String, String>, Option<JoinHandle<()>>)> {
    let mut endpoints = BTreeMap::new();
    let addresses = shared.lock().modbus_addresses();
    for address in addresses {
        let bound = modbus::serve(shared.clone(), address.clone()).await?;
        endpoints.insert(address, bound.to_string());
    }
    let brokers = shared.lock().broker_addresses().to_vec();
    if brokers.is_empty() {
        return Ok((endpoints, None));
    }
    let broker = broker::Broker::start().await?;
    for address in brokers {
        endpoints.insert(address, broker.address().to_string());
    }
    mqtt::serve(shared.clone(), broker.address().port());
    Ok((endpoints, Some(tokio::spawn(broker::keep(shared.clone(), broker)))))
}

/// Steps the plant along the wall clock until the run is over.
async fn keep_time(
    args: &RunArgs,
    shared: &Shared,
    history: &history::SharedHistory,
    began: Instant,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut orders = control::listen(args.control);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut done_s = 0.0;
    let mut awaited_s: Option<f64> = None;
    loop {
        tokio::select! {
            _ = tick.tick() => {
                let now_s = began.elapsed().as_secs_f64();
                let until_s = args.seconds.map_or(now_s, |end| now_s.min(end));
                advance(shared, history, until_s - done_s, args.speed);
                done_s = until_s;
                if awaited_s.is_some_and(|end| now_s >= end) {
                    awaited_s = None;
                    control::answer_wait()?;
                }
                if args.seconds.is_some_and(|end| now_s >= end) {
                    return Ok(());
                }
            }
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            Some(order) = orders.recv() => {
                if let Some(seconds) = control::wait_of(&order) {
                    awaited_s = Some(done_s + seconds);
                } else if control::obey(shared, &order)? {
                    return Ok(());
                }
            }
        }
    }
}

/// One tick, in steps short enough for the history to interpolate.
fn advance(shared: &Shared, history: &history::SharedHistory, wall_s: f64, speed: f64) {
    if wall_s <= 0.0 {
        return;
    }
    let park_s = wall_s * speed;
    let steps = park_s.ceil().max(1.0);
    let mut rig = shared.lock();
    for _ in 0..steps as usize {
        rig.step(park_s / steps, wall_s / steps);
        history.note(rig.truth());
    }
}
