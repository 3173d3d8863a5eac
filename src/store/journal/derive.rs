//! Entries from snapshots: each thing has a line, and what differs from what was said last is said. So a snapshot that is
//! missed hides how something came about, never where it stands. Pure: time is in the snapshots.

use std::collections::BTreeMap;

use super::moves::{Moves, tenths};
use super::pace::{Bucket, Line, Rate};
use super::{Draft, EntryKind, Facts};
use crate::site::{Alarm, AlarmId, AlarmState, DeviceFrame, Link, Outcome, ProposalId, Severity, Site, Standing};
use crate::snapshot::Snapshot;
use crate::units::{Mono, Now};

/// All of it but moves: one token in two seconds in the long run; a proposal takes one for two entries.
const EVENTS: Rate = Rate { burst: 500.0, per_s: 0.5 };
/// One device, alarm, proposal, the mode or the plan.
const LINE: Rate = Rate { burst: 20.0, per_s: 0.1 };

/// What has been said so far.
#[derive(Debug)]
pub struct Deriver {
    events: Bucket,
    /// Changes that nobody will say any more.
    unsaid: u64,
    mode: Line<&'static str>,
    plan: Line<&'static str>,
    devices: BTreeMap<usize, Line<&'static str>>,
    alarms: BTreeMap<AlarmId, AlarmLine>,
    proposals: BTreeMap<ProposalId, ProposalLine>,
    moves: Moves,
    first: bool,
}

/// An alarm, and how it was when it was last seen.
#[derive(Debug)]
struct AlarmLine {
    line: Line<AlarmSaid>,
    alarm: Alarm,
}

#[derive(Clone, Debug, PartialEq)]
struct AlarmSaid {
    state: AlarmState,
    noted: bool,
    severity: Severity,
    returned: u32,
}

/// A proposal, and how it was when it was last seen.
#[derive(Debug)]
struct ProposalLine {
    made: bool,
    line: Line<(&'static str, String)>,
}

/// The snapshot that is told, in short.
pub(super) struct Told<'a> {
    pub site: &'a Site,
    pub seen: &'a Snapshot,
    pub out: Vec<Draft>,
}

impl Told<'_> {
    pub(super) fn now(&self) -> Now {
        self.seen.now
    }
    pub(super) fn say(&mut self, kind: EntryKind, subject: &str, event: &str, text: String, facts: Facts) {
        self.out.push(Draft::new(self.seen.now, self.seen.cycle, kind, subject, event, text).with(facts));
    }
}

impl Default for Deriver {
    fn default() -> Self {
        let start = Mono::default();
        Self {
            events: Bucket::new(EVENTS, start),
            unsaid: 0,
            mode: Line::new(LINE, start),
            plan: Line::new(LINE, start),
            devices: BTreeMap::new(),
            alarms: BTreeMap::new(),
            proposals: BTreeMap::new(),
            moves: Moves::new(start),
            first: true,
        }
    }
}

impl Deriver {
    /// What is new in `seen`, in the order of cause and effect.
    pub fn derive(&mut self, site: &Site, seen: &Snapshot) -> Vec<Draft> {
        let mut told = Told { site, seen, out: Vec::new() };
        self.mode(&mut told);
        self.devices(&mut told);
        self.alarms(&mut told);
        self.plan(&mut told);
        self.proposals(&mut told);
        self.unsaid += self.moves.tell(&mut told, &mut self.events);
        self.left_out(&mut told);
        self.first = false;
        told.out
    }

    fn mode(&mut self, told: &mut Told<'_>) {
        let (name, mono) = (told.seen.mode.name(), told.now().mono);
        let Some((old, missed)) = self.mode.tell(&name, PartialEq::eq, &mut self.events, mono) else { return };
        let text = old.map_or_else(|| format!("{name} at the start"), |old| format!("{old} -> {name}"));
        let site = told.site.id.clone();
        told.say(EntryKind::Mode, &site, name, text + &left(missed), count(missed));
    }

    fn plan(&mut self, told: &mut Told<'_>) {
        let (seen, mono) = (told.seen, told.now().mono);
        let status = match &seen.plan {
            None => "none",
            // Held at the start, the first plan is not yet followed.
            Some(plan) if !seen.health.planned && seen.now.park >= plan.valid_until => "expired",
            Some(plan) => plan.status.name(),
        };
        let Some((old, missed)) = self.plan.tell(&status, PartialEq::eq, &mut self.events, mono) else { return };
        let solved = |s: &str| matches!(s, "optimal" | "feasible");
        let event = match old {
            Some(old) if solved(old) && !solved(status) => "fallback",
            Some(old) if !solved(old) && solved(status) => "recovered",
            _ => "status",
        };
        let plan = seen.plan.as_ref();
        let which = plan.map_or_else(|| "no plan".to_owned(), |p| format!("plan {}: {status}", p.id));
        let before = old.map(|o| format!(", before: {o}")).unwrap_or_default();
        let note = plan.filter(|p| !p.note.is_empty()).map(|p| format!("; {}", p.note)).unwrap_or_default();
        let facts = Facts { plan: plan.map(|p| p.id), plan_status: Some(status.to_owned()), ..count(missed) };
        let site = told.site.id.clone();
        told.say(EntryKind::Plan, &site, event, which + &before + &note + &left(missed), facts);
    }

    fn devices(&mut self, told: &mut Told<'_>) {
        let (seen, mono) = (told.seen, told.now().mono);
        for (ix, frame) in seen.devices.iter().enumerate() {
            let line = self.devices.entry(ix).or_insert_with(|| Line::new(LINE, mono));
            let state = link(frame);
            let Some((old, missed)) = line.tell(&state, PartialEq::eq, &mut self.events, mono) else { continue };
            let Some(device) = told.site.devices.get(ix) else { continue };
            // That a connection is tried at the start is no news.
            if old.is_none() && state == "connecting" {
                continue;
            }
            let before = old.map(|o| format!("{o} -> ")).unwrap_or_default();
            let text = format!("{} at {}: {before}{state}{}", device.id, device.address, left(missed));
            let event = if state == "up" || state == "connecting" { state } else { "down" };
            let facts = Facts { reason: (event == "down").then(|| state.to_owned()), ..count(missed) };
            told.say(EntryKind::Device, &device.id.clone(), event, text, facts);
        }
    }

    fn alarms(&mut self, told: &mut Told<'_>) {
        let (seen, mono) = (told.seen, told.now().mono);
        for alarm in &seen.alarms {
            let known = self.alarms.entry(alarm.id);
            let line = known.or_insert_with(|| AlarmLine { line: Line::new(LINE, mono), alarm: alarm.clone() });
            line.alarm = alarm.clone();
            let (noted, severity) = (alarm.acknowledged.is_some(), alarm.severity);
            let state = AlarmSaid { state: alarm.state(), noted, severity, returned: alarm.returned };
            let Some((old, missed)) = line.line.tell(&state, PartialEq::eq, &mut self.events, mono) else { continue };
            let event = alarm_event(old.as_ref(), &state, self.first);
            say_alarm(told, alarm, event, missed);
        }
        let gone: Vec<AlarmId> =
            self.alarms.keys().filter(|id| !seen.alarms.iter().any(|a| a.id == **id)).copied().collect();
        for line in gone.iter().filter_map(|id| self.alarms.remove(id)) {
            self.unsaid += line.line.unsaid();
            let (kind, subject) = (line.alarm.kind.name(), &line.alarm.subject);
            let grouped = seen
                .alarms
                .iter()
                .any(|a| a.members.contains(subject) || a.consequent.contains(&format!("{kind} {subject}")));
            match line.line.said {
                Some(said) if said.state == AlarmState::Ended => {}
                Some(_) => say_alarm(told, &line.alarm, if grouped { "grouped" } else { "ended" }, 0),
                None => self.unsaid += 1,
            }
        }
    }

    fn proposals(&mut self, told: &mut Told<'_>) {
        let (seen, mono) = (told.seen, told.now().mono);
        for standing in &seen.proposals.standing {
            let new = || ProposalLine { made: false, line: Line::new(LINE, mono) };
            let known = self.proposals.entry(standing.proposal.id).or_insert_with(new);
            let state = (standing.outcome.name(), by(seen, &standing.outcome));
            let Some((_, missed)) = known.line.tell(&state, PartialEq::eq, &mut self.events, mono) else { continue };
            if !known.made {
                known.made = true;
                let (text, facts) = made(told, standing);
                told.say(EntryKind::Proposal, &subject(told.site, standing), "made", text, facts);
                if standing.outcome == Outcome::Accepted {
                    continue;
                }
            }
            let (text, facts) = became(told, standing, missed);
            told.say(EntryKind::Proposal, &subject(told.site, standing), state.0, text, facts);
        }
        let standing = &seen.proposals.standing;
        let unsaid = &mut self.unsaid;
        self.proposals.retain(|id, line| {
            let stays = standing.iter().any(|s| s.proposal.id == *id);
            *unsaid += if stays { 0 } else { line.line.unsaid() };
            stays
        });
    }

    fn left_out(&mut self, told: &mut Told<'_>) {
        let mono = told.now().mono;
        if self.unsaid > 0 && super::pace::take(&mut Bucket::new(LINE, mono), &mut self.events, mono) {
            let text = format!("{} changes came too fast to be written down", self.unsaid);
            let (site, facts) = (told.site.id.clone(), count(self.unsaid));
            told.say(EntryKind::Journal, &site, "left_out", text, facts);
            self.unsaid = 0;
        }
    }
}

fn link(frame: &DeviceFrame) -> &'static str {
    match frame.link {
        Link::Connecting => "connecting",
        Link::Up => "up",
        Link::Down(reason) => reason.name(),
    }
}

fn alarm_event(old: Option<&AlarmSaid>, new: &AlarmSaid, first: bool) -> &'static str {
    match old {
        None if first => "standing",
        None => "raised",
        Some(old) if new.noted && !old.noted => "acknowledged",
        Some(old) if new.returned > old.returned => "returned",
        _ if new.state == AlarmState::Ended => "ended",
        Some(old) if new.severity > old.severity => "escalated",
        Some(_) => "changed",
    }
}

fn say_alarm(told: &mut Told<'_>, alarm: &Alarm, event: &str, missed: u64) {
    let noted = alarm.acknowledged.as_ref().filter(|_| event == "acknowledged");
    let (severity, kind) = (alarm.severity.name(), alarm.kind.name());
    let by = noted.map(|n| format!(" by {}", n.by)).unwrap_or_default();
    let note = noted.filter(|n| !n.note.is_empty()).map(|n| format!(" (\"{}\")", n.note)).unwrap_or_default();
    let text = format!("{severity} {kind} {} {event}{by}{note}: {}{}", alarm.subject, alarm.text, left(missed));
    let facts = Facts {
        severity: Some(alarm.severity),
        alarm: Some(alarm.id.to_string()),
        identity: noted.map(|n| n.by.clone()),
        reason: noted.map(|n| n.note.clone()).filter(|n| !n.is_empty()),
        cause: Some(kind.to_owned()),
        ..count(missed)
    };
    told.say(EntryKind::Alarm, &alarm.subject, event, text, facts);
}

fn subject(site: &Site, standing: &Standing) -> String {
    site.assets.get(standing.proposal.ask.asset.0).map(|a| a.id.clone()).unwrap_or_default()
}

/// By whom or what.
fn by(seen: &Snapshot, outcome: &Outcome) -> String {
    match outcome {
        Outcome::LimitedBy { by, .. } => seen.proposals.limiter(*by),
        Outcome::Overridden { by } => seen.proposals.party(*by),
        _ => String::new(),
    }
}

fn asked(standing: &Standing) -> Facts {
    let ask = &standing.proposal.ask;
    Facts {
        identity: Some(ask.identity.clone()),
        class: Some(ask.class),
        reason: Some(ask.reason.clone()),
        proposal: Some(standing.proposal.id.to_string()),
        on: ask.on,
        ..Facts::default()
    }
}

fn made(told: &Told<'_>, standing: &Standing) -> (String, Facts) {
    let ask = &standing.proposal.ask;
    let bounds = [("at least", ask.min_kw), ("at most", ask.max_kw), ("exactly", ask.preferred_kw)];
    let mut wants: Vec<String> =
        bounds.iter().filter_map(|(word, kw)| kw.map(|kw| format!("{word} {} kW", tenths(kw)))).collect();
    wants.extend(ask.on.map(|on| if on { "run".to_owned() } else { "rest".to_owned() }));
    let text = format!(
        "{} {} asks {} for {}, for {:.0} s: \"{}\"",
        ask.class.name(),
        ask.identity,
        subject(told.site, standing),
        wants.join(", "),
        ask.lease.as_secs_f64(),
        ask.reason
    );
    (text, Facts { new_kw: ask.preferred_kw.or(ask.max_kw).or(ask.min_kw), ..asked(standing) })
}

fn became(told: &Told<'_>, standing: &Standing, missed: u64) -> (String, Facts) {
    let (ask, outcome) = (&standing.proposal.ask, &standing.outcome);
    let by = by(told.seen, outcome);
    let (limiter, given) = match outcome {
        Outcome::LimitedBy { by, given_kw, .. } => (by.proposal(), *given_kw),
        Outcome::Overridden { by } => (Some(*by), None),
        _ => (None, None),
    };
    let words = if by.is_empty() {
        outcome.name().to_owned()
    } else {
        format!("{} by {by}", outcome.name().trim_end_matches("_by"))
    };
    let given_text = given.map(|kw| format!(", given {} kW", tenths(kw))).unwrap_or_default();
    let text = format!(
        "what {} {} asks of {} is {words}{given_text}{}",
        ask.class.name(),
        ask.identity,
        subject(told.site, standing),
        left(missed)
    );
    let facts = Facts {
        limited_by: Some(by).filter(|b| !b.is_empty()),
        limited_by_proposal: limiter.map(|id| id.to_string()),
        new_kw: given,
        count: count(missed).count,
        ..asked(standing)
    };
    (text, facts)
}

/// How many changes before this one were too fast to be said.
pub(super) fn left(missed: u64) -> String {
    if missed > 0 { format!(" (after {missed} more changes)") } else { String::new() }
}

pub(super) fn count(missed: u64) -> Facts {
    Facts { count: (missed > 0).then_some(missed), ..Facts::default() }
}

#[cfg(test)]
mod tests;
