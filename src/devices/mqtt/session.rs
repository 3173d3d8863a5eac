//! The task of one broker: readings of all devices behind it, and their commands.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::codec::{decode_message, encode_command};
use crate::devices::backoff::Backoff;
use crate::devices::face::Face;
use crate::devices::profile::{MqttWire, Source};
use crate::devices::{Monotonic, any_changed};
use crate::site::{Link, Reason, Stop, Target};
use crate::transport::mqtt::{Connection, Heard};
use crate::units::Mono;

/// Ages and leases are looked at least this often.
const TICK: Duration = Duration::from_secs(1);
/// Longest time between two looks by this task's own deadlines, beyond the wait it announces.
const SLACK: Duration = Duration::from_secs(5);
/// A connection that comes to nothing is given up after this.
const CONNECT: Duration = Duration::from_secs(5);

/// One device behind a broker.
pub struct Member {
    pub face: Face,
    pub stop: Stop,
    pub prefix: String,
    pub wire: MqttWire,
    /// Last message, or when the connection was made.
    pub last: Mono,
}

/// All devices behind one broker.
pub struct Session {
    pub host: String,
    pub port: u16,
    pub client_id: String,
    pub members: Vec<Member>,
    pub clock: Monotonic,
    pub backoff: Backoff,
    pub shutdown: CancellationToken,
}

impl Session {
    /// Runs until shutdown, one connection after the other.
    pub async fn run(mut self) {
        while !self.shutdown.is_cancelled() {
            let mut connection = Connection::open(&self.host, self.port, &self.client_id);
            self.live(&mut connection).await;
            if self.shutdown.is_cancelled() {
                self.stop(connection).await;
                return;
            }
            drop(connection);
            self.lost().await;
        }
    }

    /// One connection, from connecting to its end or shutdown.
    async fn live(&mut self, connection: &mut Connection) {
        let mut up = false;
        let opened = (self.clock)();
        loop {
            let commands = self.members.iter_mut().filter_map(|m| m.face.commands.as_mut());
            tokio::select! {
                heard = connection.heard() => match heard {
                    None => return,
                    Some(Heard::Connected) => {
                        up = true;
                        if !self.connected(connection) {
                            return;
                        }
                    }
                    Some(Heard::Alive) => self.backoff.reset(),
                    Some(Heard::Message { topic, payload, retained }) => self.message(&topic, &payload, retained),
                },
                () = tokio::time::sleep(TICK) => {}
                () = any_changed(commands) => {}
                () = self.shutdown.cancelled() => return,
            }
            let now = (self.clock)();
            if !up && now.since(opened) > CONNECT {
                return;
            }
            for m in &mut self.members {
                m.tick(connection, now);
                m.face.publish(now + TICK + SLACK);
            }
        }
    }

    fn connected(&mut self, connection: &Connection) -> bool {
        let now = (self.clock)();
        for m in &mut self.members {
            m.last = now;
            m.face.connects = m.face.connects.saturating_add(1);
        }
        connection.subscribe(self.members.iter().flat_map(Member::topics))
    }

    fn message(&mut self, topic: &str, payload: &[u8], retained: bool) {
        let now = (self.clock)();
        for m in &mut self.members {
            if let Some(suffix) = topic.strip_prefix(m.prefix.as_str()).and_then(|t| t.strip_prefix('/')) {
                m.message(suffix, payload, retained, now);
            }
        }
    }

    /// The broker is away: wait, but keep the frames honest.
    async fn lost(&mut self) {
        let wait = self.backoff.next();
        let now = (self.clock)();
        for m in &mut self.members {
            m.down(Reason::Disconnected, now);
            m.face.hear(now);
            m.face.publish(now + wait + CONNECT + SLACK);
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.shutdown.cancelled() => {}
        }
    }

    async fn stop(self, connection: Connection) {
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

impl Member {
    /// What to subscribe to.
    fn topics(&self) -> impl Iterator<Item = String> {
        let points = self.face.profile.points.iter().filter_map(|p| match &p.source {
            Source::Topic(t) => t.topic.clone(),
            Source::Register(_) | Source::Model(_) => None,
        });
        let mut topics: Vec<_> = points.chain(self.wire.online.as_ref().map(|o| o.topic.clone())).collect();
        topics.sort();
        topics.dedup();
        topics.into_iter().map(|t| format!("{}/{t}", self.prefix))
    }

    fn message(&mut self, topic: &str, payload: &[u8], retained: bool, now: Mono) {
        if let Some(online) = self.wire.online.as_ref().filter(|o| o.topic == topic) {
            // Birth and will are retained by design. The birth alone proves no reading.
            if payload == online.down.as_bytes() {
                self.down(Reason::Disconnected, now);
            }
        }
        let values = decode_message(&self.face.profile, topic, payload, retained);
        if values.is_empty() {
            return;
        }
        for (n, value) in values {
            self.face.reading(n, value, now);
        }
        // The broker's copy of an old message says nothing of the device: it may be away, or have been told to be.
        if !retained {
            self.last = now;
            self.face.answered();
        }
    }

    fn down(&mut self, reason: Reason, now: Mono) {
        self.face.down(reason, now);
        self.face.orders.forget();
    }

    fn tick(&mut self, connection: &Connection, now: Mono) {
        self.face.hear(now);
        if now.since(self.last) > self.wire.silence && !matches!(self.face.link, Link::Down(_)) {
            self.down(Reason::DeviceTimeout, now);
        }
        // A device that is away is told nothing: it would act on an old wish when it returns.
        if self.face.link == Link::Up {
            for target in self.face.orders.due(now) {
                self.command(connection, target, now);
            }
        }
    }

    fn command(&mut self, connection: &Connection, target: Target, now: Mono) {
        let echoed = self.face.profile.points.iter().any(|p| p.point == target.point && p.readback);
        match encode_command(&self.face.profile, target.point, target.value) {
            Err(reason) => self.face.orders.refused(target, reason, now),
            Ok((topic, payload, held)) => {
                if connection.publish(&format!("{}/{topic}", self.prefix), payload) {
                    self.face.orders.acked(target, held, !echoed, now);
                } else {
                    self.face.orders.failed(target, Reason::DeviceBusy, now);
                }
            }
        }
    }
}
