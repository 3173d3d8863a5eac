//! The solver's child process, with a real child: stopped, killed, orphaned.
// Deadlines and solve times are what is measured here.
#![allow(clippy::disallowed_methods)]

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hexad::app::SolverChild;
use hexad::dispatch::{Column, Problem, Request, Row, Solve, SolveError};
use hexad::solver::protocol::{SolveReply, read_frame, request_message, write_frame};
use hexad::solver::{Fallback, InProcess};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DEADLINE: Duration = Duration::from_secs(3);

fn exe() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_hexad"))
}

/// Enough columns that a request does not fit into a pipe's buffer: a stopped child must not block the write for ever.
fn problem(n: usize) -> Problem {
    Problem {
        columns: (0..n)
            .map(|i| Column { cost: 1.0 + (i % 7) as f64, lower: 0.0, upper: 1.0, integer: i % 50 == 0 })
            .collect(),
        rows: vec![Row { lower: n as f64 / 3.0, upper: f64::INFINITY }],
        entries: (0..n).map(|i| (0, i, 1.0 + (i % 3) as f64)).collect(),
    }
}

fn request(problem: &Problem) -> Request<'_> {
    Request { problem, start: None, relative_gap: 1e-4, node_limit: Some(100), time_limit_s: None }
}

fn pid(child: &SolverChild) -> Pid {
    Pid::from_raw(child.pid().unwrap() as i32)
}

#[test]
fn a_child_answers_as_the_solver_in_this_process() {
    let p = problem(5000);
    let mut child = SolverChild::new(exe(), DEADLINE);
    let there = child.solve(&request(&p)).unwrap();
    let here = InProcess.solve(&request(&p)).unwrap();
    assert_eq!(there, here);
    let first = pid(&child);
    child.solve(&request(&p)).unwrap();
    assert_eq!(pid(&child), first, "one child serves many solves");
    assert!(matches!(child.solve(&request(&Problem::default())), Err(SolveError::Malformed(_))));
    assert_eq!(pid(&child), first, "a refused programme does not cost the child");
}

#[test]
fn a_stopped_child_is_given_up_at_the_deadline_and_the_next_solve_works() {
    let p = problem(5000);
    let mut child = SolverChild::new(exe(), DEADLINE);
    child.solve(&request(&p)).unwrap();
    let stopped = pid(&child);
    kill(stopped, Signal::SIGSTOP).unwrap();
    let started = Instant::now();
    assert_eq!(child.solve(&request(&p)), Err(SolveError::Deadline));
    let took = started.elapsed();
    assert!(took >= DEADLINE && took < DEADLINE + Duration::from_secs(1), "{took:?}");
    assert!(kill(stopped, None).is_err(), "killed and reaped");
    child.solve(&request(&p)).unwrap();
}

#[test]
fn a_stop_does_not_wait_for_a_solve() {
    let p = problem(5000);
    let stop = tokio_util::sync::CancellationToken::new();
    let mut child = SolverChild::new(exe(), DEADLINE).until(stop.clone());
    child.solve(&request(&p)).unwrap();
    let stopped = pid(&child);
    kill(stopped, Signal::SIGSTOP).unwrap();
    stop.cancel();
    let started = Instant::now();
    assert_eq!(child.solve(&request(&p)), Err(SolveError::Deadline));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(kill(stopped, None).is_err(), "killed and reaped");
}

#[test]
fn a_killed_child_fails_this_solve_at_once_and_not_the_next() {
    let p = problem(500);
    let mut child = SolverChild::new(exe(), DEADLINE);
    child.solve(&request(&p)).unwrap();
    kill(pid(&child), Signal::SIGKILL).unwrap();
    let started = Instant::now();
    assert!(matches!(child.solve(&request(&p)), Err(SolveError::Failed(_))));
    assert!(started.elapsed() < Duration::from_secs(2));
    child.solve(&request(&p)).unwrap();
}

#[test]
fn a_missing_executable_is_an_error_not_a_panic() {
    let mut child = SolverChild::new(PathBuf::from("/nonexistent/hexad"), DEADLINE);
    assert!(matches!(child.solve(&request(&problem(10))), Err(SolveError::Failed(_))));
}

#[test]
fn the_worker_ends_when_its_parent_is_gone() {
    let mut worker =
        Command::new(exe()).arg("solver-worker").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut to = worker.stdin.take().unwrap();
    let mut from = worker.stdout.take().unwrap();
    let p = problem(100);
    write_frame(&mut to, &request_message(1, &request(&p))).unwrap();
    let reply: SolveReply = read_frame(&mut from).unwrap().unwrap();
    assert_eq!(reply.id, 1);
    // However a parent dies, the kernel closes its end of the pipe; the worker may be idle or in a solve.
    write_frame(&mut to, &request_message(2, &request(&problem(20_000)))).unwrap();
    drop(to);
    let mut rest = Vec::new();
    from.read_to_end(&mut rest).unwrap();
    assert!(worker.wait().unwrap().code().is_some());
}

#[test]
fn microlp_agrees_with_highs_on_value_and_duals() {
    let p = Problem {
        columns: vec![
            Column { cost: 3.0, lower: 0.0, upper: 10.0, integer: false },
            Column { cost: 5.0, lower: 0.0, upper: f64::INFINITY, integer: false },
            Column { cost: 4.0, lower: 0.0, upper: 1.0, integer: true },
            Column { cost: 1.0, lower: -5.0, upper: 5.0, integer: false },
        ],
        rows: vec![
            Row { lower: 14.0, upper: f64::INFINITY },
            Row { lower: f64::NEG_INFINITY, upper: 0.0 },
            Row { lower: 2.0, upper: 2.0 },
        ],
        entries: vec![(0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0), (1, 2, -8.0), (2, 3, 1.0), (2, 0, 0.5)],
    };
    let exact = Request { relative_gap: 0.0, node_limit: None, ..request(&p) };
    let (a, b) = (InProcess.solve(&exact).unwrap(), Fallback.solve(&exact).unwrap());
    assert!((a.objective - b.objective).abs() < 1e-6, "{a:?} {b:?}");
    for (i, (da, db)) in a.duals.iter().zip(&b.duals).enumerate() {
        assert!((da - db).abs() < 1e-6, "dual {i}: {da} {db}");
    }
}
