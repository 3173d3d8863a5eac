//! The hexad daemon and its offline tools.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("solver-worker") => hexad::solver::worker_main(),
        _ => {
            eprintln!("usage: hexad solver-worker");
            ExitCode::from(2)
        }
    }
}
