//! The solver in a child process: spawned on demand, killed and reaped at the deadline, spawned anew at the next solve.

use std::io;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::dispatch::{Request, Solution, Solve, SolveError};
use crate::solver::Session;
use crate::solver::protocol::{SolveReply, SolveRequest, request_message};

/// Share of the hard deadline that the solver itself may use before it returns its incumbent.
const SOFT_SHARE: f64 = 0.8;

/// A stop is heard within this.
const LISTEN: Duration = Duration::from_millis(50);

/// A solver child with a hard deadline per solve. Blocking: call it from a thread of its own.
#[derive(Debug)]
pub struct SolverChild {
    exe: PathBuf,
    deadline: Duration,
    stop: CancellationToken,
    next_id: u64,
    running: Option<Running>,
}

/// Pipes are served by a thread of their own: a stopped child blocks writes as well as reads, and only this thread may
/// hang on it. Killing the child breaks the pipes, which ends the thread.
#[derive(Debug)]
struct Running {
    child: Child,
    requests: Sender<SolveRequest>,
    replies: Receiver<io::Result<SolveReply>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the child is already gone and reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(
    from: ChildStdout,
    to: ChildStdin,
    requests: &Receiver<SolveRequest>,
    replies: &Sender<io::Result<SolveReply>>,
) {
    let mut session = Session::new(from, to);
    while let Ok(request) = requests.recv() {
        let reply = session.ask(&request);
        let over = reply.is_err();
        if replies.send(reply).is_err() || over {
            return;
        }
    }
}

impl SolverChild {
    /// `exe solver-worker` is the child; no solve takes longer than `deadline` (wall clock).
    #[must_use]
    pub fn new(exe: PathBuf, deadline: Duration) -> Self {
        Self { exe, deadline, stop: CancellationToken::new(), next_id: 1, running: None }
    }

    /// A solve under way when `stop` is cancelled is given up, and its child killed.
    #[must_use]
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// Process id of the child, while there is one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|r| r.child.id())
    }

    fn spawn(&self) -> io::Result<Running> {
        let mut child =
            Command::new(&self.exe).arg("solver-worker").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::Error::other("child without pipes"));
        };
        let (requests, todo) = channel();
        let (done, replies) = channel();
        // Owned before anything else can fail: dropping it reaps the child.
        let running = Running { child, requests, replies };
        thread::Builder::new().name("solver-pipe".to_owned()).spawn(move || serve(from, to, &todo, &done))?;
        Ok(running)
    }

    /// `deadline` is that of this exchange.
    fn exchange(&mut self, message: SolveRequest, deadline: Duration) -> Result<SolveReply, SolveError> {
        let failed = |text: String| SolveError::Failed(text);
        let running = match self.running.take() {
            Some(running) => running,
            None => self.spawn().map_err(|e| failed(format!("cannot start {}: {e}", self.exe.display())))?,
        };
        let gone = |_| failed("the solver's process is gone".to_owned());
        running.requests.send(message).map_err(gone)?;
        match self.reply(&running.replies, deadline) {
            Ok(Ok(reply)) => {
                self.running = Some(running);
                Ok(reply)
            }
            // Whatever went wrong, `running` is dropped here: killed, reaped, and cold at the next solve.
            Ok(Err(e)) => Err(failed(format!("the solver's process broke off: {e}"))),
            Err(RecvTimeoutError::Timeout) => Err(SolveError::Deadline),
            Err(RecvTimeoutError::Disconnected) => Err(failed("the solver's pipe is gone".to_owned())),
        }
    }
}

impl SolverChild {
    /// The reply, waited for in short stretches so that a stop is heard.
    fn reply(
        &self,
        replies: &Receiver<io::Result<SolveReply>>,
        deadline: Duration,
    ) -> Result<io::Result<SolveReply>, RecvTimeoutError> {
        let mut left = deadline;
        while !left.is_zero() && !self.stop.is_cancelled() {
            let wait = left.min(LISTEN);
            match replies.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => left -= wait,
                reply => return reply,
            }
        }
        Err(RecvTimeoutError::Timeout)
    }
}

impl Solve for SolverChild {
    fn solve(&mut self, request: &Request<'_>) -> Result<Solution, SolveError> {
        let id = self.next_id;
        self.next_id += 1;
        // Who asks for less time than there is gets the hard deadline that goes with it.
        let asked = request.time_limit_s.map(|s| Duration::from_secs_f64(s.clamp(0.0, 1e6) / SOFT_SHARE));
        let deadline = asked.map_or(self.deadline, |d| d.min(self.deadline));
        let bounded = Request { time_limit_s: Some(deadline.as_secs_f64() * SOFT_SHARE), ..request.clone() };
        self.exchange(request_message(id, &bounded), deadline)?.result()
    }
}
