//! One cause for many silent devices is one alarm: everything behind one host, or half the park at once.
//!
//! - Devices are silent *together* when they fell silent within [`TOGETHER_S`] of each other.
//! - All devices of one host (the site file's address without its port), if there are two or more, silent together: the host.
//! - Half of the park's devices or more, at least three and behind at least three hosts, silent together: the park.
//! - A group stands until the last of its devices is back; one that falls silent again, or soon after the others, is of it.
//! - What follows from silence, and from devices of the group alone, is named in it and not listed beside it. What is
//!   critical is never among it, nor is a limit that is measured to be exceeded.

use std::collections::{BTreeMap, BTreeSet};

use super::causes::{Raised, Seen, Silent};
use crate::site::{AlarmKind, Severity, Site};

/// Losses within so many seconds of each other have one cause: the slowest driver needs that long to be sure.
const TOGETHER_S: f64 = 30.0;
/// A group outlives the return of its last device so long, seconds: what follows from it needs a while to settle.
const SETTLE_S: f64 = 15.0;
/// Fewer devices than this are never the whole park.
const PARK_LEAST: usize = 3;

/// Devices with one cause of silence.
#[derive(Clone, Debug)]
struct Group {
    /// When the first of it fell silent, monotonic seconds.
    since_s: f64,
    devices: BTreeSet<usize>,
    /// When one of it was last silent.
    last_s: f64,
}

/// The groups that stand; of the whole park under `None`, of a host under its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    standing: BTreeMap<Option<String>, Group>,
    hidden: BTreeSet<(AlarmKind, String)>,
}

impl Groups {
    /// What the groups of this cycle stand for: it is not listed by itself.
    pub(super) const fn hidden(&self) -> &BTreeSet<(AlarmKind, String)> {
        &self.hidden
    }

    /// `raised` with one alarm in place of all that has a common cause.
    pub(super) fn gather(&mut self, seen: &Seen<'_>, silent: &[Silent], raised: Vec<Raised>) -> Vec<Raised> {
        let now_s = seen.state.now.mono.seconds();
        self.join(silent, now_s);
        self.form(seen.site, silent, now_s);
        let down: BTreeSet<usize> = silent.iter().map(|s| s.device).collect();
        self.standing.retain(|_, g| now_s - g.last_s <= SETTLE_S);
        let (mut left, mut under) = (Vec::new(), BTreeMap::<Option<String>, Vec<Raised>>::new());
        for r in raised {
            match self.standing.iter().find(|(name, group)| follows(name.is_none(), group, &r)) {
                Some((name, _)) => under.entry(name.clone()).or_default().push(r),
                None => left.push(r),
            }
        }
        self.hidden = under.values().flatten().map(|r| (r.kind, r.subject.clone())).collect();
        // Before the first of it is long enough away to be an alarm, there is no group either.
        let ripe = |g: &Group| g.devices.iter().any(|d| down.contains(d));
        for (name, group) in self.standing.iter().filter(|(_, g)| ripe(g)) {
            let follow = under.remove(name).unwrap_or_default();
            left.push(alarm(seen.site, name.as_deref(), group, &down, &follow));
        }
        left
    }

    /// Who belongs to a group that stands.
    fn join(&mut self, silent: &[Silent], now_s: f64) {
        for group in self.standing.values_mut() {
            for s in silent {
                if group.devices.contains(&s.device) {
                    group.last_s = now_s;
                }
            }
        }
        if let Some(park) = self.standing.get_mut(&None) {
            park.devices
                .extend(silent.iter().filter(|s| (s.since_s - park.since_s).abs() <= TOGETHER_S).map(|s| s.device));
        }
    }

    fn form(&mut self, site: &Site, silent: &[Silent], now_s: f64) {
        if !silent.iter().any(|s| s.lost) {
            return;
        }
        let of_park = |d: usize| self.standing.get(&None).is_some_and(|g| g.devices.contains(&d));
        let mut free: Vec<Silent> = silent.iter().filter(|s| !of_park(s.device)).copied().collect();
        free.sort_by(|a, b| a.since_s.total_cmp(&b.since_s));
        let together = largest(&free);
        let hosts: BTreeSet<&str> = together.iter().filter_map(|s| host(site, s.device)).collect();
        let many = together.len() >= PARK_LEAST && 2 * together.len() >= site.devices.len();
        if many && hosts.len() >= PARK_LEAST && together.iter().any(|s| s.lost) {
            let park = self.standing.entry(None).or_insert_with(|| Group::of(together, now_s));
            park.devices.extend(together.iter().map(|s| s.device));
            park.last_s = now_s;
            // A host that fell silent just before was the first sign of it.
            let since_s = park.since_s;
            let (of, rest) =
                std::mem::take(&mut self.standing).into_iter().partition::<BTreeMap<_, _>, _>(|(name, g)| {
                    name.is_some() && (g.since_s - since_s).abs() <= TOGETHER_S
                });
            self.standing = rest;
            if let Some(park) = self.standing.get_mut(&None) {
                park.devices.extend(of.into_values().flat_map(|g| g.devices));
            }
            return;
        }
        for name in free.iter().filter(|s| s.lost).filter_map(|s| host(site, s.device)) {
            let of: Vec<Silent> = free.iter().filter(|s| host(site, s.device) == Some(name)).copied().collect();
            let all = (0..site.devices.len()).filter(|d| host(site, *d) == Some(name)).count();
            if all >= 2 && largest(&of).len() == all {
                self.standing.entry(Some(name.to_owned())).or_insert_with(|| Group::of(&of, now_s));
            }
        }
    }
}

impl Group {
    fn of(silent: &[Silent], now_s: f64) -> Self {
        let since_s = silent.iter().map(|s| s.since_s).fold(f64::INFINITY, f64::min);
        Self { since_s, devices: silent.iter().map(|s| s.device).collect(), last_s: now_s }
    }
}

/// The most that fell silent together, of some in the order in which they did.
fn largest(silent: &[Silent]) -> &[Silent] {
    let windows = silent.iter().enumerate().filter_map(|(i, first)| {
        let rest = silent.get(i..)?;
        rest.get(..rest.partition_point(|s| s.since_s - first.since_s <= TOGETHER_S))
    });
    windows.max_by_key(|w| w.len()).unwrap_or_default()
}

/// The host of a device's address.
fn host(site: &Site, device: usize) -> Option<&str> {
    let address = site.devices.get(device)?.address.as_str();
    Some(address.rsplit_once(':').map_or(address, |(host, _)| host))
}

/// Whether `raised` is there because devices of `group` are silent.
fn follows(whole_park: bool, group: &Group, raised: &Raised) -> bool {
    if raised.severity == Severity::Critical {
        return false;
    }
    match raised.kind {
        // With half of the park unknown the plan counts with the worst, and that is in conflict.
        AlarmKind::LimitsInConflict => whole_park,
        AlarmKind::BalanceOpen => raised.of.iter().any(|d| group.devices.contains(d)),
        AlarmKind::DeviceLost
        | AlarmKind::Frozen
        | AlarmKind::ReadbackMismatch
        | AlarmKind::WriteRefused
        | AlarmKind::NotFollowing => !raised.of.is_empty() && raised.of.iter().all(|d| group.devices.contains(d)),
        _ => false,
    }
}

fn alarm(site: &Site, name: Option<&str>, group: &Group, down: &BTreeSet<usize>, follow: &[Raised]) -> Raised {
    let id = |d: &usize| site.devices.get(*d).map(|d| d.id.clone());
    let members: Vec<String> = group.devices.iter().filter(|d| down.contains(d)).filter_map(id).collect();
    let consequent: Vec<String> = follow
        .iter()
        .filter(|r| r.kind != AlarmKind::DeviceLost)
        .map(|r| format!("{} {}", r.kind.name(), r.subject))
        .collect();
    let back = group.devices.len() - members.len();
    let back = if back > 0 { format!(", {back} back") } else { String::new() };
    let named = members.join(", ");
    let count = members.len();
    let (severity, subject, text) = match name {
        None => {
            let whole = site.devices.len();
            let text = format!("{count} of {whole} devices are silent{back}: switch, network or power? {named}");
            (Severity::Critical, site.id.clone(), text)
        }
        Some(host) => {
            let whole = group.devices.len();
            // One path: what is seen of it by one of them holds for all.
            let lost = follow.iter().find(|r| r.kind == AlarmKind::DeviceLost);
            let seen = lost.map_or_else(String::new, |r| format!("; {}", r.text));
            let text = format!(
                "{count} of {whole} devices behind {host} are silent{back}: gateway, broker or its line? {named}{seen}"
            );
            (Severity::Warning, host.to_owned(), text)
        }
    };
    let raised = Raised::new(AlarmKind::DevicesLost, severity, subject, text);
    Raised { members, consequent, ..raised }
}
