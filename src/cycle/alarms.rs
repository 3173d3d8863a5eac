//! What a person must know. An alarm begins when its cause is true and ends when the cause has been gone for some time; one
//! that nobody has taken note of stays visible after its end (ANSI/ISA-18.2). What follows from one cause is one alarm.
//!
//! A notice is worth knowing and asks for nothing: it needs no acknowledgement, and is gone with its cause.

mod causes;
mod groups;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::site::{Acknowledgement, Alarm, AlarmId, AlarmKind, Refusal, Severity, TEXT_MAX};
use crate::units::{Mono, Now};
use causes::{Causes, Raised};
use groups::Groups;

pub(super) use causes::Seen;

/// A cause that comes and goes is one alarm: it ends when the cause has been away this long, seconds (monotonic) ...
const OFF_S: f64 = 10.0;
/// ... doubled each time it has come back, up to this many times.
const OFF_DOUBLINGS: u32 = 4;
/// After a restart what stood is given this long to show itself again: some causes take a while to be told.
const RESTART_S: f64 = 120.0;
/// One that has ended and that nobody took note of is shown so long, seconds (monotonic) ...
const ENDED_S: f64 = 86_400.0;
/// ... and not more than this many of them.
const ENDED_MAX: usize = 64;

/// One occurrence, and when its cause was last true in this process.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Occurrence {
    alarm: Alarm,
    worst: Severity,
    /// How many members it had at most, and what was said then: that is what has ended.
    #[serde(default)]
    most: (usize, String),
    /// How many members have joined it so far.
    #[serde(default)]
    joined: usize,
    #[serde(skip)]
    last: Mono,
    #[serde(skip)]
    ended_at: Mono,
    /// Shown once more after it was noted, so that everybody sees by whom.
    #[serde(skip)]
    noted_at: Mono,
    /// It stood before the restart and has not been seen since.
    #[serde(skip)]
    carried: bool,
}

/// All alarms, and what they are told from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    occurrences: Vec<Occurrence>,
    last_id: u64,
    /// Acknowledgements so far: a change must survive a crash.
    taken: u64,
    #[serde(skip)]
    causes: Causes,
    #[serde(skip)]
    groups: Groups,
}

impl Watch {
    /// Devices whose last command is not verified, in words.
    pub(super) fn unverified(&self) -> Vec<String> {
        self.causes.unverified()
    }

    /// Acknowledgements so far.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// A new process counts its own time; what stood is given some to show itself.
    pub(super) fn restarted(&mut self) {
        for o in &mut self.occurrences {
            (o.last, o.ended_at, o.noted_at, o.carried) = (Mono::default(), Mono::default(), Mono::default(), true);
        }
    }

    /// Somebody has taken note. Who did so first stays; one that has ended is thereby done with.
    pub(super) fn acknowledge(
        &mut self,
        id: AlarmId,
        identity: &str,
        note: &str,
        now: Now,
    ) -> Result<AlarmId, Refusal> {
        if identity.trim().is_empty() {
            return Err(Refusal::NoIdentity);
        }
        if identity.len() > TEXT_MAX || note.len() > TEXT_MAX {
            return Err(Refusal::TooLong);
        }
        let found = self.occurrences.iter_mut().find(|o| o.alarm.id == id).ok_or(Refusal::NoAlarm)?;
        if found.alarm.acknowledged.is_none() {
            self.taken += 1;
            found.noted_at = now.mono;
            found.alarm.acknowledged =
                Some(Acknowledgement { by: identity.to_owned(), at: now.park, note: note.trim().to_owned() });
        }
        Ok(id)
    }

    /// All alarms of this cycle: what stands before what has ended, the most urgent first.
    pub(super) fn raise(&mut self, seen: &Seen<'_>) -> Vec<Alarm> {
        let raised = self.causes.raise(seen);
        let silent = self.causes.silent(seen);
        let raised = self.groups.gather(seen, &silent, raised);
        self.follow(raised, seen.state.now);
        let mut alarms: Vec<Alarm> = self.occurrences.iter().map(|o| o.alarm.clone()).collect();
        alarms.sort_by(|a, b| {
            let urgency = (a.ended.cmp(&b.ended)).then(b.severity.cmp(&a.severity));
            urgency.then(a.kind.cmp(&b.kind)).then(a.subject.cmp(&b.subject))
        });
        alarms
    }

    fn follow(&mut self, raised: Vec<Raised>, now: Now) {
        let mut fresh: BTreeMap<(AlarmKind, String), Raised> = BTreeMap::new();
        for r in raised {
            let key = (r.kind, r.subject.clone());
            // Two words for one thing: the graver.
            if fresh.get(&key).is_none_or(|other| other.severity < r.severity) {
                fresh.insert(key, r);
            }
        }
        for o in &mut self.occurrences {
            match fresh.remove(&(o.alarm.kind, o.alarm.subject.clone())) {
                Some(r) => o.stands(r, now),
                None => o.rests(now),
            }
        }
        // What follows from a group is not listed beside it, and need not be noted one by one.
        let grouped = self.groups.hidden();
        self.occurrences.retain(|o| !grouped.contains(&(o.alarm.kind, o.alarm.subject.clone())));
        self.occurrences.retain(|o| !o.done(now));
        self.bound();
        for r in fresh.into_values() {
            let clock_ms = u64::try_from(now.park.0.as_millisecond()).unwrap_or(0);
            self.last_id = clock_ms.max(self.last_id.saturating_add(1));
            self.occurrences.push(Occurrence::new(AlarmId(self.last_id), r, now));
        }
    }

    /// Of those that have ended the least urgent make room, and of these the oldest.
    fn bound(&mut self) {
        let mut ended: Vec<(Severity, AlarmId)> =
            self.occurrences.iter().filter(|o| o.alarm.ended).map(|o| (o.worst, o.alarm.id)).collect();
        ended.sort_unstable();
        ended.truncate(ended.len().saturating_sub(ENDED_MAX));
        let goes: BTreeSet<AlarmId> = ended.into_iter().map(|(_, id)| id).collect();
        self.occurrences.retain(|o| !goes.contains(&o.alarm.id));
    }
}

impl Occurrence {
    fn new(id: AlarmId, r: Raised, now: Now) -> Self {
        let Raised { kind, severity, subject, text, members, consequent, joined, .. } = r;
        let alarm = Alarm {
            id,
            kind,
            severity,
            subject,
            text,
            since: now.park,
            last: now.park,
            returned: 0,
            ended: false,
            acknowledged: None,
            members,
            consequent,
        };
        let (ended_at, noted_at) = (Mono::default(), Mono::default());
        let most = (alarm.members.len(), alarm.text.clone());
        Self { alarm, worst: severity, most, joined, last: now.mono, ended_at, noted_at, carried: false }
    }

    fn stands(&mut self, r: Raised, now: Now) {
        let a = &mut self.alarm;
        if r.members.len() >= self.most.0 || a.ended {
            self.most = (r.members.len(), r.text.clone());
        }
        if a.ended {
            (a.ended, a.returned) = (false, a.returned.saturating_add(1));
        }
        // Who took note of a warning has not taken note of what is critical, nor who took note of some of those that join.
        if r.severity > self.worst || r.joined > self.joined {
            (self.worst, a.acknowledged) = (self.worst.max(r.severity), None);
        }
        self.joined = r.joined;
        (a.severity, a.text, a.members, a.consequent) = (r.severity, r.text, r.members, r.consequent);
        (a.last, self.last, self.carried) = (now.park, now.mono, false);
    }

    fn rests(&mut self, now: Now) {
        let away = OFF_S * f64::from(1_u32 << self.alarm.returned.min(OFF_DOUBLINGS));
        let away = if self.carried { away.max(RESTART_S) } else { away };
        if !self.alarm.ended && now.mono.since(self.last).as_secs_f64() > away {
            (self.alarm.ended, self.alarm.severity, self.ended_at) = (true, self.worst, now.mono);
            (self.alarm.members, self.alarm.consequent) = (Vec::new(), Vec::new());
            self.alarm.text.clone_from(&self.most.1);
        }
    }

    /// Nobody need see it any longer.
    fn done(&self, now: Now) -> bool {
        let noted = self.alarm.acknowledged.is_some() && now.mono > self.noted_at || self.worst == Severity::Notice;
        self.alarm.ended && (noted || now.mono.since(self.ended_at).as_secs_f64() > ENDED_S)
    }
}

#[cfg(test)]
#[path = "alarms/tests.rs"]
mod tests;
