//! `hexad`: the daemon and its offline tools.

#[path = "main/backtest.rs"]
mod backtest;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use hexad::app;
use hexad::clock::{Clock, Scale};
use hexad::config::{self, FileError, LogFormat, Settings, Sources};
use hexad::devices::profile::{self, ProfileStore};
use hexad::site::Site;
use hexad::transport::tls;
use tracing_subscriber::EnvFilter;

/// What a person wrote is wrong, as distinct from a failure of the program (1).
const BAD_CONFIGURATION: u8 = 2;

#[derive(Debug, Parser)]
#[command(name = "hexad", version, about = "Controller of an industrial-park microgrid")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a site file and print the site as a table.
    Check {
        /// The site file.
        #[arg(long)]
        site: PathBuf,
        /// Directory of device profiles beside the built-in ones; may be given several times.
        #[arg(long = "profiles", value_name = "DIR")]
        profile_dirs: Vec<PathBuf>,
    },
    /// Print the JSON Schema of a file.
    Schema {
        /// Which file.
        file: SchemaOf,
    },
    /// Control a site until SIGTERM or SIGINT.
    Run {
        /// The site file.
        #[arg(long)]
        site: PathBuf,
        /// Settings file, over /etc/hexad/hexad.toml.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// gRPC address.
        #[arg(long, value_name = "HOST:PORT")]
        listen: Option<String>,
        /// Where the controller's memory is kept.
        #[arg(long, value_name = "DIR")]
        state_dir: Option<String>,
        /// File of the rig, when the devices are simulated.
        #[arg(long, value_name = "FILE")]
        rig: Option<String>,
    },
    /// Walk through a recorded series under one policy and report what it would have cost.
    Backtest(backtest::Backtest),
    /// Walk through a recorded series under all policies and compare them.
    Compare(backtest::Compare),
    /// Solve what arrives on stdin until it ends; started by the daemon.
    #[command(hide = true)]
    SolverWorker,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemaOf {
    /// The site file.
    Site,
    /// A device profile.
    Profile,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check { site, profile_dirs } => match site_of(&site, &profile_dirs) {
            Ok((site, _)) => print(&config::check_table(&site)),
            Err(mistakes) => refuse(&mistakes),
        },
        Command::Schema { file } => {
            let schema = match file {
                SchemaOf::Site => config::site_schema(),
                SchemaOf::Profile => profile::json_schema(),
            };
            print(&format!("{schema:#}\n"))
        }
        Command::Run { site, config, listen, state_dir, rig } => {
            let flags = [("listen", listen), ("state_dir", state_dir), ("rig", rig)];
            let flags = flags.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?))).collect();
            match options_of(&site, config, flags) {
                Ok((options, settings)) => run(options, &settings),
                Err(mistakes) => refuse(&mistakes),
            }
        }
        Command::Backtest(arguments) => backtest::backtest(&arguments),
        Command::Compare(arguments) => backtest::compare(&arguments),
        Command::SolverWorker => hexad::solver::worker_main(),
    }
}

/// Everything the daemon runs with, or all mistakes in words; nothing is started before all of it is sound.
fn options_of(
    site: &std::path::Path,
    file: Option<PathBuf>,
    flags: Vec<(String, String)>,
) -> Result<(app::Options, Settings), Vec<String>> {
    let settings = config::load_settings(&Sources::of_process(file, flags)).map_err(|e| in_words(&e))?;
    let (site, profiles) = site_of(site, &settings.profile_dirs)?;
    let rig = settings.rig.as_deref().map(config::read_rig).transpose().map_err(|e| in_words(&e))?;
    let executable = std::env::current_exe().map_err(|e| vec![format!("cannot find the own executable: {e}")])?;
    let clock = rig.as_ref().map_or_else(Clock::real, |r| {
        Clock::scaled(Scale { park_epoch: r.park_epoch, wall_epoch: r.wall_epoch, speed: r.speed })
    });
    if let Some(d) = site.devices.iter().find(|d| d.address.starts_with("mqtts://"))
        && settings.mqtt.authority.is_none()
    {
        let remedy = "name `authority` in [mqtt] of the daemon's settings: the certificate that signed the broker's";
        return Err(vec![format!("device {}: {} takes TLS, and no authority is believed; {remedy}", d.id, d.address)]);
    }
    let options = app::Options {
        site,
        profiles,
        endpoints: rig.map(|r| r.endpoints).unwrap_or_default(),
        clock,
        listen: settings.listen,
        tls: settings.tls.clone().map(|f| tls::Files {
            authority: f.authority,
            certificate: f.certificate,
            key: f.key,
        }),
        mqtt: settings.mqtt.clone(),
        state_dir: Some(settings.state_dir.clone()),
        cycle: settings.cycle,
        dispatch: settings.dispatch,
        solver_deadline: settings.solver_deadline,
        executable,
    };
    Ok((options, settings))
}

fn run(options: app::Options, settings: &Settings) -> ExitCode {
    // Lines are written by a thread of their own, and dropped rather than waited for: a stalled journal must not stall
    // control.
    let (writer, _flush_at_exit) = tracing_appender::non_blocking(std::io::stderr());
    let filter = match EnvFilter::try_new(&settings.log_filter) {
        Ok(filter) => filter,
        Err(e) => return refuse(&[format!("log.filter: {e}; write for instance \"info\" or \"hexad=debug\"")]),
    };
    let log = tracing_subscriber::fmt().with_writer(writer).with_env_filter(filter);
    match settings.log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
    if settings.rig.is_some() {
        tracing::warn!(
            speed = options.clock.speed(),
            "the devices are simulated: addresses and park time come from the rig file"
        );
    }
    match app::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            tracing::error!("{e:#}");
            ExitCode::FAILURE
        }
    }
}

/// The site and the profiles it was checked against, or all mistakes in words.
fn site_of(path: &std::path::Path, profile_dirs: &[PathBuf]) -> Result<(Site, ProfileStore), Vec<String>> {
    let profiles = ProfileStore::load(profile_dirs).map_err(|e| in_words(&e))?;
    let site = config::read_site(path, &profiles).map_err(|e: Vec<FileError>| in_words(&e))?;
    Ok((site, profiles))
}

fn in_words<E: ToString>(errors: &[E]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn refuse(mistakes: &[String]) -> ExitCode {
    for mistake in mistakes {
        eprintln!("{mistake}");
    }
    let n = mistakes.len();
    eprintln!("{n} mistake{}", if n == 1 { "" } else { "s" });
    ExitCode::from(BAD_CONFIGURATION)
}

/// To stdout; a reader that has gone (`| head`) is no failure.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
