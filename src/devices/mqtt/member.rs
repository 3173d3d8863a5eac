//! One device behind a broker.

use std::collections::{BTreeMap, BTreeSet};

use super::codec::{decode_message, encode_command, sequence};
use crate::devices::Reports;
use crate::devices::face::Face;
use crate::devices::profile::{MqttWire, Source};
use crate::site::{AlarmKind, Link, Reason, Report, Severity, Stop, Target};
use crate::transport::mqtt::Connection;
use crate::units::Mono;

/// A counter that falls back by less than this is an old message; by more, a device that counts anew.
const REORDERED: u64 = 32;

/// One device behind a broker.
pub struct Member {
    pub face: Face,
    pub stop: Stop,
    pub prefix: String,
    pub wire: MqttWire,
    /// Last message, or when the connection was made.
    pub last: Mono,
    /// Topics the broker does not give us.
    pub refused: BTreeSet<String>,
    /// Last counter by topic.
    sequences: BTreeMap<String, u64>,
}

impl Member {
    pub const fn new(face: Face, stop: Stop, prefix: String, wire: MqttWire, now: Mono) -> Self {
        Self { face, stop, prefix, wire, last: now, refused: BTreeSet::new(), sequences: BTreeMap::new() }
    }

    /// What to subscribe to.
    pub fn topics(&self) -> Vec<String> {
        let points = self.face.profile.points.iter().filter_map(|p| match &p.source {
            Source::Topic(t) => t.topic.clone(),
            Source::Register(_) | Source::Model(_) => None,
        });
        let topics: BTreeSet<_> = points.chain(self.wire.online.as_ref().map(|o| o.topic.clone())).collect();
        topics.into_iter().map(|t| format!("{}/{t}", self.prefix)).collect()
    }

    /// The topic below the device's prefix, if it is one of the device's.
    pub fn suffix<'t>(&self, topic: &'t str) -> Option<&'t str> {
        topic.strip_prefix(self.prefix.as_str())?.strip_prefix('/')
    }

    /// The points on `topic`.
    fn points_on(&self, topic: &str) -> Vec<usize> {
        let points = self.face.profile.points.iter().enumerate();
        let here = points.filter(|(_, p)| matches!(&p.source, Source::Topic(t) if t.topic.as_deref() == Some(topic)));
        here.map(|(n, _)| n).collect()
    }

    /// A message on `topic` that cannot be read.
    pub fn unreadable(&mut self, topic: &str, now: Mono) {
        for n in self.points_on(topic) {
            self.face.reading(n, Err(Reason::BadReply), now);
        }
    }

    /// A new connection to the broker.
    pub fn connected(&mut self, now: Mono) {
        self.last = now;
        self.face.connects = self.face.connects.saturating_add(1);
    }

    /// The connection to the broker is lost.
    pub fn disconnected(&mut self, now: Mono) {
        self.refused.clear();
        self.down(Reason::Disconnected, now);
        self.face.hear(now);
    }

    /// The broker has answered a subscription.
    pub fn subscribed(&mut self, asked: &[String], refused: &[String], now: Mono) {
        self.refused.retain(|t| !asked.contains(t));
        let own: BTreeSet<String> = self.topics().into_iter().collect();
        self.refused.extend(refused.iter().filter(|t| own.contains(*t)).cloned());
        self.disable(now);
    }

    /// What is refused is not merely late.
    fn disable(&mut self, now: Mono) {
        let gone = self.refused.iter().filter_map(|t| self.suffix(t)).flat_map(|t| self.points_on(t));
        for n in gone.collect::<Vec<_>>() {
            self.face.reading(n, Err(Reason::Disabled), now);
        }
    }

    /// Says which topics are refused, and takes it back.
    pub fn report(&self, reports: &Reports) {
        let key = (AlarmKind::PointRefused, self.face.name.clone());
        let topics: Vec<&str> = self.refused.iter().map(String::as_str).collect();
        let report = (!topics.is_empty()).then(|| Report {
            kind: key.0,
            severity: Severity::Warning,
            subject: key.1.clone(),
            text: format!("the broker's access rules refuse {} {}", self.face.name, topics.join(", ")),
        });
        reports.send_if_modified(|all| {
            if all.get(&key) == report.as_ref() {
                return false;
            }
            if let Some(r) = &report {
                tracing::warn!("{}", r.text);
                all.insert(key.clone(), r.clone());
            } else {
                all.remove(&key);
            }
            true
        });
    }

    pub fn message(&mut self, topic: &str, payload: &[u8], retained: bool, now: Mono) {
        if let Some(online) = self.wire.online.clone().filter(|o| o.topic == topic) {
            self.presence(payload, online.up.as_bytes(), online.down.as_bytes(), retained, now);
        }
        if !retained && !self.newer(topic, payload) {
            return;
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

    /// Birth and will are retained by design. The birth alone proves no reading.
    fn presence(&mut self, payload: &[u8], up: &[u8], down: &[u8], retained: bool, now: Mono) {
        if payload == down {
            self.down(Reason::Disconnected, now);
        } else if payload == up && !retained {
            // It has started anew and may have forgotten what it was told, and where it was counting.
            self.face.orders.forget();
            self.sequences.clear();
        }
    }

    /// Whether the message's counter, if it has one, is beyond the last: a broker may deliver twice and out of order.
    fn newer(&mut self, topic: &str, payload: &[u8]) -> bool {
        let Some(n) = self.wire.sequence.as_deref().and_then(|key| sequence(payload, key)) else { return true };
        let old = self.sequences.get(topic).is_some_and(|last| n <= *last && last - n < REORDERED);
        if !old {
            self.sequences.insert(topic.to_owned(), n);
        }
        !old
    }

    fn down(&mut self, reason: Reason, now: Mono) {
        self.face.down(reason, now);
        self.face.orders.forget();
        self.sequences.clear();
        self.disable(now);
    }

    pub fn tick(&mut self, now: Mono) {
        self.face.hear(now);
        if now.since(self.last) > self.wire.silence && !matches!(self.face.link, Link::Down(_)) {
            self.down(Reason::DeviceTimeout, now);
        }
    }

    /// Sends what is due; whether anything was.
    pub fn commands(&mut self, connection: &mut Connection, now: Mono) -> bool {
        // A device that is away is told nothing: it would act on an old wish when it returns.
        if self.face.link != Link::Up {
            return false;
        }
        let mut sent = false;
        for target in self.face.orders.due(now) {
            // What finds no place in this round is due in the next.
            if !connection.has_place() {
                break;
            }
            sent |= self.command(connection, target, now);
        }
        sent
    }

    fn command(&mut self, connection: &mut Connection, target: Target, now: Mono) -> bool {
        let echoed = self.face.profile.points.iter().any(|p| p.point == target.point && p.readback);
        match encode_command(&self.face.profile, target.point, target.value) {
            Err(reason) => self.face.orders.refused(target, reason, now),
            Ok((topic, payload, held)) => {
                if connection.publish(&format!("{}/{topic}", self.prefix), payload) {
                    self.face.orders.acked(target, held, !echoed, now);
                    return true;
                }
                self.face.orders.failed(target, Reason::DeviceBusy, now);
            }
        }
        false
    }
}
