//! hexctl: the operator's console of hexad. It shows, and it asks; what comes of it the daemon decides.
//!
//! Exit codes: 0 done, 1 the daemon cannot be reached or answers with an error, 2 wrong use.

mod alarms;
mod client;
mod columns;
mod figures;
mod forecast;
mod journal;
mod line;
mod pki;
mod plan;
mod plan_chart;
mod points;
mod propose;
mod screen;
mod status;
mod strip;
mod svg;
mod table;
mod watch;

use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde::Serialize;

use client::Daemon;

/// The operator's console of hexad.
#[derive(Parser)]
#[command(name = "hexctl", version, about, max_term_width = 100)]
struct Arguments {
    /// Address of the daemon.
    #[arg(long, global = true, env = "HEXCTL_ADDR", default_value = "127.0.0.1:50051", value_parser = client::address)]
    addr: String,
    #[command(flatten)]
    keys: line::KeyFiles,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    #[command(flatten)]
    Ask(Command),
    /// Keys and certificates, made on this machine without a daemon.
    #[command(subcommand)]
    Pki(pki::Pki),
}

#[derive(Subcommand)]
enum Command {
    /// The newest cycle: assets, buses, plan, alarms.
    Status,
    /// Each cycle, live; on a terminal as a screen (q ends it), else as tables.
    Watch(watch::Options),
    /// What is going to be done, as a chart and tables.
    Plan {
        /// Columns of the chart; default: those of the terminal.
        #[arg(long)]
        width: Option<usize>,
    },
    /// What is expected, how good that has been, and forecasts of one's own.
    Forecast(forecast::Forecast),
    /// Values of points.
    Points {
        /// `device.Point`, `device.*`, `*.Point` or `*`; none = all.
        patterns: Vec<String>,
    },
    /// Ask for a power or for bounds, for some time.
    Propose(propose::Propose),
    /// End a proposal of one's own.
    Release(propose::Release),
    /// All that is asked for, and what becomes of it.
    Proposals,
    /// What a person must know, and whether somebody knows it.
    Alarms,
    /// Take note of an alarm.
    Ack(alarms::Ack),
    /// What happened: modes, plans, devices, alarms, proposals, cuts and moves.
    Journal(journal::Journal),
    /// Who moved an asset, and why.
    Why(journal::Why),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hexctl: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let json = arguments.json;
    let command = match arguments.task {
        Task::Ask(command) => command,
        Task::Pki(pki) => return pki::run(json, pki),
    };
    let mut daemon = Daemon::connect(&arguments.addr, &arguments.keys).await?;
    match command {
        Command::Status => status::run(&mut daemon, json).await,
        Command::Watch(options) => watch::run(&mut daemon, json, &options).await,
        Command::Plan { width } => plan::run(&mut daemon, json, width).await,
        Command::Forecast(options) => forecast::run(&mut daemon, json, options).await,
        Command::Points { patterns } => points::run(&mut daemon, json, patterns).await,
        Command::Propose(options) => propose::propose(&mut daemon, json, options).await,
        Command::Release(options) => propose::release(&mut daemon, json, options).await,
        Command::Proposals => propose::list(&mut daemon, json).await,
        Command::Alarms => alarms::list(&mut daemon, json).await,
        Command::Ack(options) => alarms::acknowledge(&mut daemon, json, options).await,
        Command::Journal(options) => journal::run(&mut daemon, json, options).await,
        Command::Why(options) => journal::why(&mut daemon, json, options).await,
    }
}

/// `hexctl points | head` is no failure.
fn reader_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
}

fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

fn print_json<T: Serialize>(shown: &T) -> Result<()> {
    print(&(serde_json::to_string_pretty(shown)? + "\n"))
}
