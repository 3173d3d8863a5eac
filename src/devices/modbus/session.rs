//! The task of one Modbus connection: whose turn it is, and when to connect again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::CAP;
use super::line::{CONNECT, Line};
use super::unit::Unit;
use crate::devices::backoff::Backoff;
use crate::devices::{Monotonic, any_changed};
use crate::site::Stop;
use crate::units::Mono;

/// An ordered stop writes safe values for at most this long.
const STOP: Duration = Duration::from_secs(2);

/// All devices behind one address.
pub struct Session {
    pub line: Line,
    pub units: Vec<Unit>,
    pub clock: Monotonic,
    pub backoff: Backoff,
    pub connect_after: Mono,
    /// The connection was last lost over a unit's turn at this instant.
    pub silent_at: Mono,
    /// Connections lost in a row without one reply.
    pub unanswered: usize,
    pub shutdown: CancellationToken,
}

impl Session {
    /// Runs until shutdown.
    pub async fn run(mut self) {
        while !self.shutdown.is_cancelled() {
            let now = (self.clock)();
            self.units.iter_mut().for_each(|u| u.hear(now));
            let (n, due) = self.next(now);
            if due > now {
                self.wait(due.since(now)).await;
            } else {
                self.turn(n).await;
            }
        }
        self.stop().await;
    }

    /// Who is next, and when. After a silence those that answer come first, each once: many silent units in a row must
    /// not keep the others waiting.
    fn next(&self, now: Mono) -> (usize, Mono) {
        let waiting = self.units.iter().any(|u| u.waits_since(self.silent_at, now));
        let heard = |u: &Unit| !waiting || u.waits_since(self.silent_at, now);
        let units = self.units.iter().enumerate().filter(|(_, u)| heard(u));
        let first = units.map(|(n, u)| (u.due(now), n)).min();
        let (due, n) = first.unwrap_or((Mono(u64::MAX), 0));
        if self.line.is_up() { (n, due) } else { (n, due.max(self.connect_after)) }
    }

    async fn wait(&mut self, time: Duration) {
        let commands = self.units.iter_mut().filter_map(Unit::commands);
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = any_changed(commands) => {}
            () = self.shutdown.cancelled() => {}
        }
    }

    async fn turn(&mut self, n: usize) {
        if !self.line.is_up() && !self.connect().await {
            return;
        }
        let now = (self.clock)();
        let any_up = self.units.iter().any(Unit::is_up);
        let Some(unit) = self.units.get_mut(n) else { return };
        unit.turn(&mut self.line, now).await;
        if !self.line.is_up() {
            self.dropped();
        } else if self.line.replies > 0 {
            self.backoff.reset();
            self.unanswered = 0;
        }
        self.look(any_up);
        let worst = self.worst();
        let now = (self.clock)();
        let connect_after = if self.line.is_up() { now } else { self.connect_after };
        if let Some(unit) = self.units.get_mut(n) {
            let due = unit.due(now).max(connect_after);
            unit.publish(due + worst);
        }
    }

    /// A connection that answered may be made again at once; one that never did waits, unless it is another unit's turn
    /// to be tried on it.
    fn dropped(&mut self) {
        self.silent_at = (self.clock)();
        self.unanswered = if self.line.replies > 0 { 0 } else { self.unanswered + 1 };
        let wait = if self.unanswered < self.units.len() { Duration::ZERO } else { self.backoff.next() };
        self.connect_after = self.silent_at + wait;
    }

    /// While nothing at this address answers no sibling is kept waiting, and all are looked for often; when the first is
    /// back, the others are looked for at once.
    fn look(&mut self, any_was_up: bool) {
        let (now, any_up) = ((self.clock)(), self.units.iter().any(Unit::is_up));
        for unit in self.units.iter_mut().filter(|u| !u.is_up()) {
            match (any_was_up, any_up) {
                (_, false) => unit.look_by(now + CAP),
                (false, true) => unit.look_anew(now),
                (true, true) => {}
            }
        }
    }

    async fn connect(&mut self) -> bool {
        let result = self.line.open().await;
        let now = (self.clock)();
        let Err(reason) = result else {
            self.units.iter_mut().for_each(Unit::connected);
            return true;
        };
        self.connect_after = now + self.backoff.next();
        let worst = self.worst();
        for unit in &mut self.units {
            unit.unreachable(reason, now);
            let due = unit.due(now).max(self.connect_after);
            unit.publish(due + worst);
        }
        false
    }

    /// Longest time until every unit has had its turn once more: before each that is lost, all that answer may have one.
    fn worst(&self) -> Duration {
        let (up, lost): (Vec<_>, Vec<_>) = self.units.iter().partition(|u| u.is_up());
        let round = CONNECT + up.into_iter().map(Unit::turn_max).sum::<Duration>();
        round + lost.into_iter().map(|u| round + u.turn_max()).sum::<Duration>()
    }

    async fn stop(mut self) {
        let (line, units) = (&mut self.line, &mut self.units);
        let safe = async {
            for unit in units.iter_mut().filter(|u| u.stop == Stop::Safe) {
                unit.write_safe(line).await;
            }
        };
        if tokio::time::timeout(STOP, safe).await.is_err() {
            tracing::warn!("safe values not all written in time; reversion ends what stands");
        }
    }
}
