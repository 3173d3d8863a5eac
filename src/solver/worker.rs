//! The solver's own process, `hexad solver-worker`: requests on stdin, replies on stdout.
//!
//! One thread only reads stdin and ends the process at its end, so that a daemon killed in any way leaves no orphan,
//! even in the middle of a solve. The process offers itself first when memory runs out, and yields the processor.

use std::io;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use super::InProcess;
use super::protocol::{SolveRequest, read_frame, reply_message, write_frame};
use crate::dispatch::{Request, Solution, Solve, SolveError};

/// Badness added for the kernel's choice when memory runs out (0 to 1000).
const OOM_SCORE_ADJ: &str = "500";
/// Niceness: below control, above idle work.
const NICE: i32 = 5;

/// Serves until stdin ends. Never returns while stdin is open, except when stdout is gone.
#[must_use]
pub fn worker_main() -> ExitCode {
    yield_to_control();
    let (to_solver, requests) = mpsc::channel();
    thread::spawn(move || read_until_end(&to_solver));
    let mut out = io::stdout().lock();
    while let Ok(request) = requests.recv() {
        let reply = reply_message(request.id, answer(&request));
        if write_frame(&mut out, &reply).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn read_until_end(to_solver: &mpsc::Sender<SolveRequest>) {
    let mut stdin = io::stdin().lock();
    loop {
        match read_frame(&mut stdin) {
            Ok(Some(request)) => {
                if to_solver.send(request).is_err() {
                    std::process::exit(1);
                }
            }
            Ok(None) => std::process::exit(0),
            Err(_) => std::process::exit(1),
        }
    }
}

fn answer(request: &SolveRequest) -> Result<Solution, SolveError> {
    let problem = request.problem()?;
    InProcess.solve(&Request {
        problem: &problem,
        start: request.has_start.then_some(request.start.as_slice()),
        relative_gap: request.relative_gap,
        node_limit: request.node_limit,
        time_limit_s: request.time_limit_s,
    })
}

/// Neither is needed for a right answer, so a refusal is ignored.
fn yield_to_control() {
    let _ = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJ);
    let _ = rustix::process::nice(NICE);
}
