//! The task of one broker: readings of all devices behind it, and their commands.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::access::{Access, judged};
use super::codec::encode_command;
use super::letters::Letters;
use super::member::Member;
use crate::devices::backoff::Backoff;
use crate::devices::{Monotonic, Reports, any_changed};
use crate::site::{AlarmKind, Link, Report, Severity, Stop};
use crate::transport::mqtt::{Connection, Heard, Over};
use crate::units::Mono;

/// Ages and leases are looked at least this often.
const TICK: Duration = Duration::from_secs(1);
/// Longest time between two looks by this task's own deadlines, beyond the wait it announces.
const SLACK: Duration = Duration::from_secs(5);
/// A connection that comes to nothing is given up after this.
const CONNECT: Duration = Duration::from_secs(6);
/// Nothing at all from the broker for this long: the connection is dead, whatever the socket says.
const SILENCE: Duration = Duration::from_secs(15);
/// A broker that has not taken a round of commands for this long will not do so in time.
const TAKEN: Duration = Duration::from_secs(5);
/// A connection that has stood this long is a success: before, it may be that somebody throws us out each time.
const STOOD: Duration = Duration::from_secs(10);
/// What the broker's access rules refuse is asked for again this often.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// All devices behind one broker.
pub struct Session {
    pub access: Access,
    pub members: Vec<Member>,
    pub clock: Monotonic,
    pub backoff: Backoff,
    pub reports: Reports,
    pub letters: Option<Letters>,
    pub shutdown: CancellationToken,
}

/// What stands on one connection.
struct Standing {
    opened: Mono,
    up: Option<Mono>,
    /// Last packet.
    heard: Mono,
    /// A round of commands waits to be taken since.
    asked: Option<Mono>,
    /// When the broker last refused a topic.
    refused: Option<Mono>,
}

impl Standing {
    /// Why this connection is given up, if it is.
    fn stuck(&self, now: Mono) -> Option<Over> {
        let lost = |text: &str| Some(Over::Lost(text.to_owned()));
        if self.up.is_none() && now.since(self.opened) > CONNECT {
            return lost("no answer");
        }
        if now.since(self.heard) > SILENCE {
            return lost("it has fallen silent");
        }
        // What it has not taken by now must not be taken later.
        if self.asked.is_some_and(|at| now.since(at) > TAKEN) {
            return lost("it does not take commands in time");
        }
        None
    }
}

impl Session {
    /// Runs until shutdown, one connection after the other.
    pub async fn run(mut self) {
        while !self.shutdown.is_cancelled() {
            let over = match self.access.broker().await {
                Err(over) => over,
                Ok((broker, own)) => {
                    let mut connection = Connection::open(&broker);
                    match self.live(&mut connection).await {
                        Some(over) => judged(over, own.as_ref()),
                        None => return self.stop(connection).await,
                    }
                }
            };
            self.lost(&over).await;
        }
    }

    /// One connection, from connecting to its end; none at a shutdown.
    async fn live(&mut self, connection: &mut Connection) -> Option<Over> {
        let opened = (self.clock)();
        let mut standing = Standing { opened, up: None, heard: opened, asked: None, refused: None };
        loop {
            let commands = self.members.iter_mut().filter_map(|m| m.face.commands.as_mut());
            tokio::select! {
                heard = connection.heard() => {
                    standing.heard = (self.clock)();
                    if let Some(over) = self.heard(heard, connection, &mut standing) {
                        return Some(over);
                    }
                }
                () = tokio::time::sleep(TICK) => {}
                () = any_changed(commands) => {}
                () = self.shutdown.cancelled() => return None,
            }
            let now = (self.clock)();
            if let Some(over) = standing.stuck(now).or_else(|| self.turn(connection, &mut standing, now)) {
                return Some(over);
            }
        }
    }

    /// Takes what came; why the connection is over, if it is.
    fn heard(&mut self, heard: Heard, connection: &mut Connection, standing: &mut Standing) -> Option<Over> {
        let now = standing.heard;
        if standing.up.is_some_and(|at| now.since(at) > STOOD) {
            self.backoff.reset();
        }
        match heard {
            Heard::Over(over) => return Some(over),
            Heard::Alive => {}
            Heard::Taken => standing.asked = None,
            Heard::Connected => {
                standing.up = Some(now);
                for m in &mut self.members {
                    m.connected(now);
                }
                let own = self.letters.iter().map(Letters::filter);
                let topics: Vec<String> = self.members.iter().flat_map(Member::topics).chain(own).collect();
                if !connection.subscribe(&topics) || !connection.announce() {
                    return Some(Over::Lost("too many topics".to_owned()));
                }
            }
            Heard::Subscribed { asked, refused } => {
                self.take_back();
                for m in &mut self.members {
                    m.subscribed(&asked, &refused, now);
                    m.report(&self.reports);
                }
                standing.refused = (!refused.is_empty()).then_some(now).or(standing.refused);
            }
            Heard::Message { topic, payload, retained } => {
                if let Some(letters) = &self.letters {
                    letters.hand_on(&topic, &payload, retained);
                }
                for m in &mut self.members {
                    if let Some(suffix) = m.suffix(&topic).map(str::to_owned) {
                        m.message(&suffix, &payload, retained, now);
                    }
                }
            }
            // No text is taken for a number: its points are a bad reply.
            Heard::TooLarge { topic } => {
                for m in &mut self.members {
                    if let Some(suffix) = m.suffix(&topic).map(str::to_owned) {
                        m.unreadable(&suffix, now);
                    }
                }
            }
        }
        None
    }

    /// Ages, and a round of commands unless the last one still waits: what is due then is what is wanted then.
    fn turn(&mut self, connection: &mut Connection, standing: &mut Standing, now: Mono) -> Option<Over> {
        let free = standing.up.is_some() && standing.asked.is_none();
        let mut sent = false;
        for m in &mut self.members {
            m.tick(now);
            if free {
                sent |= m.commands(connection, now);
            }
            m.face.publish(now + TICK + SLACK);
        }
        if standing.refused.is_some_and(|at| now.since(at) > ASK_AGAIN) {
            standing.refused = None;
            let again: Vec<String> = self.members.iter().flat_map(|m| m.refused.iter().cloned()).collect();
            if !connection.subscribe(&again) {
                return Some(Over::Lost("too many topics".to_owned()));
            }
        }
        if sent {
            standing.asked = Some(now);
            if !connection.ask() {
                return Some(Over::Lost("it takes nothing".to_owned()));
            }
        }
        None
    }

    /// The broker is away: wait, but keep the frames honest.
    async fn lost(&mut self, over: &Over) {
        let wait = self.backoff.next();
        let now = (self.clock)();
        self.complain(over);
        for m in &mut self.members {
            m.disconnected(now);
            m.face.publish(now + wait + CONNECT + SLACK);
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.shutdown.cancelled() => {}
        }
    }

    /// A broker that is away takes its devices away, which is said of each; one that is there and refuses is said here.
    fn complain(&self, over: &Over) {
        let address = &self.access.address;
        let (kind, text) = match over {
            Over::Lost(text) => {
                tracing::info!(broker = address, "connection lost: {text}");
                return;
            }
            Over::Refused(text) => (AlarmKind::DeviceLost, format!("the broker at {address} refuses us: {text}")),
            Over::Certificate(text) => {
                (AlarmKind::Certificate, format!("no connection to the broker at {address}: {text}"))
            }
        };
        let subject = self.subject();
        let report = Report { kind, severity: Severity::Critical, subject: subject.clone(), text };
        self.reports.send_if_modified(|all| {
            let new = all.get(&(kind, subject.clone())) != Some(&report);
            if new {
                tracing::warn!("{}", report.text);
                all.retain(|(_, s), _| *s != subject);
                all.insert((kind, subject.clone()), report.clone());
            }
            new
        });
    }

    /// The broker lets us in.
    fn take_back(&self) {
        let subject = self.subject();
        self.reports.send_if_modified(|all| {
            let before = all.len();
            all.retain(|(_, s), _| *s != subject);
            all.len() != before
        });
    }

    fn subject(&self) -> String {
        format!("broker {}", self.access.address)
    }

    async fn stop(self, mut connection: Connection) {
        for m in self.members.iter().filter(|m| m.stop == Stop::Safe && m.face.link == Link::Up) {
            for target in m.face.orders.safe() {
                if let Ok((topic, payload, _)) = encode_command(&m.face.profile, target.point, target.value) {
                    // A full queue at a stop leaves the end to the device's own reversion.
                    let _ = connection.publish(&format!("{}/{topic}", m.prefix), payload);
                }
            }
        }
        connection.close().await;
    }
}
