//! `hexad-hil`: serves a simulated park over Modbus TCP and MQTT, and judges the run.

mod program;

use clap::{Parser, Subcommand};

/// The rig: a simulated park behind real protocols, and an independent judge.
#[derive(Parser)]
#[command(name = "hexad-hil", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the park of a site file until the time is up or a signal ends it.
    Run(Box<program::RunArgs>),
    /// Write weather, loads and prices of a site as a series for `hexad backtest`.
    Series(program::SeriesArgs),
}

fn main() -> anyhow::Result<()> {
    let args = match Cli::parse().command {
        Command::Run(args) => args,
        Command::Series(args) => return program::series(&args),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(program::run(*args));
    runtime.shutdown_background();
    outcome
}
