//! The solver's own process, `hexad solver-worker`: requests on stdin, replies on stdout.
//!
//! One thread only reads stdin and ends the process at its end, so that a daemon killed in any way leaves no orphan,
//! even in the middle of a solve. The process offers itself first when memory runs out, and yields the processor.

use std::io;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use super::protocol::{SolveRequest, read_frame, reply_message, write_frame};
use super::{Fallback, InProcess};
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
    let request = Request {
        problem: &problem,
        start: request.has_start.then_some(request.start.as_slice()),
        relative_gap: request.relative_gap,
        node_limit: request.node_limit,
        time_limit_s: request.time_limit_s,
    };
    first_that_works(&mut InProcess, &mut Fallback, &request)
}

/// HiGHS; the pure-Rust solver where HiGHS itself fails. An answer about the programme (infeasible, a limit reached) is an
/// answer and is not asked for twice. The caller's deadline stands over both.
fn first_that_works(
    first: &mut dyn Solve,
    second: &mut dyn Solve,
    request: &Request<'_>,
) -> Result<Solution, SolveError> {
    match first.solve(request) {
        Err(SolveError::Failed(why)) => {
            second.solve(request).map_err(|e| SolveError::Failed(format!("{why}; and the fallback: {e}")))
        }
        answer => answer,
    }
}

/// Neither is needed for a right answer, so a refusal is ignored.
fn yield_to_control() {
    let _ = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJ);
    let _ = rustix::process::nice(NICE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::{Column, Problem, Row};

    struct Broken;
    impl Solve for Broken {
        fn solve(&mut self, _: &Request<'_>) -> Result<Solution, SolveError> {
            Err(SolveError::Failed("broken".to_owned()))
        }
    }

    #[test]
    fn the_second_solver_answers_where_the_first_breaks() {
        let column = Column { cost: 1.0, lower: 0.0, upper: 10.0, integer: true };
        let row = Row { lower: 2.5, upper: f64::INFINITY };
        let problem = Problem { columns: vec![column], rows: vec![row], entries: vec![(0, 0, 1.0)] };
        let request =
            Request { problem: &problem, start: None, relative_gap: 1e-6, node_limit: None, time_limit_s: None };
        let solution = first_that_works(&mut Broken, &mut Fallback, &request).unwrap();
        assert!((solution.x[0] - 3.0).abs() < 1e-6);
        assert!(matches!(first_that_works(&mut Broken, &mut Broken, &request), Err(SolveError::Failed(_))));
    }
}
