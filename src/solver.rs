//! The solver behind [`crate::dispatch::Solve`]: HiGHS in this process (tools, tests) or in a child process that
//! can be killed (the daemon), and microlp as a pure-Rust cross-check. Knows matrices only, no assets, no plans.

mod check;
mod fallback;
mod highs;
pub mod protocol;
mod session;
mod worker;

pub use fallback::Fallback;
pub use session::Session;
pub use worker::worker_main;

use crate::dispatch::{Request, Solution, Solve, SolveError};

/// HiGHS in the calling thread. It cannot be stopped from outside: for tools and tests; the daemon solves in a child.
///
/// Nothing is kept between solves: for a mixed-integer programme a resident model buys nothing, a start does.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Solve for InProcess {
    fn solve(&mut self, request: &Request<'_>) -> Result<Solution, SolveError> {
        check::check(request)?;
        highs::solve(request)
    }
}
