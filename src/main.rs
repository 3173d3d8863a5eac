//! `hexad`: the daemon and its offline tools.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use hexad::config::{self, FileError};
use hexad::devices::profile::{self, ProfileStore};
use hexad::site::Site;

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
        Command::SolverWorker => hexad::solver::worker_main(),
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
