//! The proposals that stand: bounded in number, each with a lease by monotonic time, each with its newest outcome.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::arbiter::{Verdict, ranked};
use super::issue::Decision;
use super::wish::{injection, lever};
use crate::site::{
    Ask, Asset, Cause, DeviceFrame, Kind, LEASE_MAX, Limiter, Outcome, Point, Proposal, ProposalId, Refusal,
    STANDING_MAX, Setpoint, Site, Standing, check,
};
use crate::state::SiteState;
use crate::units::{Mono, Now};

/// What has ended is shown so long, so that everybody sees how it ended.
const SHOWN_AFTER: Duration = Duration::from_secs(60);
/// Ended ones shown at most.
const ENDED_MAX: usize = 256;
/// What is asked for and what is given are the same within this share of the rating.
const SAME_SHARE: f64 = 1e-3;
/// The exchange at the PCC counts as within a limit up to this share of its rating beyond it: the meter's class.
const PCC_SHARE: f64 = 0.01;

/// One proposal, and since which cycle the setpoints carry it whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    standing: Standing,
    carried_since: Option<u64>,
}

/// All proposals that stand or have just ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proposals {
    entries: Vec<Entry>,
    last: u64,
}

impl Proposals {
    /// Leases count in the old process's time: nothing stands after a restart. Ids go on.
    pub fn restarted(&mut self) {
        self.entries.clear();
    }

    /// Ends what has no lease any more, and forgets what has been shown long enough.
    pub fn expire(&mut self, now: Mono) {
        for e in self.entries.iter_mut().filter(|e| !e.ended() && e.standing.proposal.until <= now) {
            e.end(Outcome::Expired, now);
        }
        let ended = self.entries.iter().filter(|e| e.ended()).count();
        let mut surplus = ended.saturating_sub(ENDED_MAX);
        self.entries.retain(|e| {
            let old = e.ended() && (surplus > 0 || now.since(e.standing.since) > SHOWN_AFTER);
            surplus -= usize::from(old && surplus > 0);
            !old
        });
    }

    /// Takes a new proposal, or a standing one anew.
    ///
    /// # Errors
    /// Why not.
    pub fn submit(&mut self, site: &Site, ask: &Ask, now: Now) -> Result<ProposalId, Refusal> {
        check(site, ask)?;
        let until = now.mono + ask.lease.min(LEASE_MAX);
        let same = |p: &Proposal| p.ask.identity == ask.identity && p.ask.asset == ask.asset && p.ask.key == ask.key;
        if let Some(e) = self.entries.iter_mut().find(|e| !e.ended() && same(&e.standing.proposal)) {
            let p = &mut e.standing.proposal;
            let unchanged = Ask { lease: p.ask.lease, reason: p.ask.reason.clone(), ..ask.clone() } == p.ask;
            (p.ask, p.until) = (ask.clone(), until);
            let id = p.id;
            if !unchanged {
                (e.carried_since, e.standing.outcome, e.standing.since) = (None, Outcome::Accepted, now.mono);
            }
            return Ok(id);
        }
        if self.entries.iter().filter(|e| !e.ended()).count() >= STANDING_MAX {
            return Err(Refusal::TooMany);
        }
        let clock_ms = u64::try_from(now.park.0.as_millisecond()).unwrap_or(0);
        self.last = clock_ms.max(self.last.saturating_add(1));
        let proposal = Proposal { id: ProposalId(self.last), ask: ask.clone(), until };
        let id = proposal.id;
        let standing = Standing { proposal, outcome: Outcome::Accepted, since: now.mono };
        self.entries.push(Entry { standing, carried_since: None });
        Ok(id)
    }

    /// Ends one's own.
    ///
    /// # Errors
    /// Why not.
    pub fn release(&mut self, id: ProposalId, identity: &str, now: Mono) -> Result<ProposalId, Refusal> {
        let entry = self.entries.iter_mut().find(|e| !e.ended() && e.standing.proposal.id == id);
        let entry = entry.ok_or(Refusal::NotStanding)?;
        if entry.standing.proposal.ask.identity != identity {
            return Err(Refusal::NotYours);
        }
        entry.end(Outcome::Released, now);
        Ok(id)
    }

    /// What stands, in the order in which it rules.
    #[must_use]
    pub fn standing(&self) -> Vec<&Proposal> {
        ranked(self.entries.iter().filter(|e| !e.ended()).map(|e| &e.standing.proposal))
    }

    /// Everything with its outcome, the oldest first; what has ended is shown for a minute.
    #[must_use]
    pub fn shown(&self) -> Vec<Standing> {
        self.entries.iter().map(|e| e.standing.clone()).collect()
    }

    /// What has become of each by this cycle's decision and the devices' acknowledgements.
    pub fn judge(
        &mut self,
        site: &Site,
        state: &SiteState,
        frames: &[Arc<DeviceFrame>],
        decision: &Decision,
        cycle: u64,
    ) {
        for entry in self.entries.iter_mut().filter(|e| !e.ended()) {
            let Some(asset) = site.assets.get(entry.standing.proposal.ask.asset.0) else { continue };
            let verdict = decision.verdict(entry.standing.proposal.id);
            let outcome = if matches!(asset.kind, Kind::Grid(_)) {
                entry.at_pcc(asset, state, verdict)
            } else {
                entry.at_asset(asset, frames, decision, verdict, cycle)
            };
            if !alike(&entry.standing.outcome, &outcome, asset.kind.rated().kw()) {
                (entry.standing.outcome, entry.standing.since) = (outcome, state.now.mono);
            }
        }
    }

    /// Outcomes that are new at `now`.
    #[must_use]
    pub fn changed(&self, now: Mono) -> Vec<(ProposalId, Outcome)> {
        let new = self.entries.iter().filter(|e| e.standing.since == now);
        new.map(|e| (e.standing.proposal.id, e.standing.outcome.clone())).collect()
    }
}

/// The same outcome: a number that moves a little on a ramp is no news.
fn alike(old: &Outcome, new: &Outcome, rated_kw: f64) -> bool {
    match (old, new) {
        (Outcome::LimitedBy { by: a, given_kw: x, .. }, Outcome::LimitedBy { by: b, given_kw: y, .. }) => {
            let near = match (x, y) {
                (Some(x), Some(y)) => (x - y).abs() <= PCC_SHARE * rated_kw,
                (x, y) => x == y,
            };
            a == b && near
        }
        _ => old == new,
    }
}

impl Entry {
    fn ended(&self) -> bool {
        self.standing.outcome.is_final()
    }

    fn end(&mut self, outcome: Outcome, now: Mono) {
        (self.standing.outcome, self.standing.since) = (outcome, now);
    }

    fn limited(&self, by: Limiter, given_kw: Option<f64>) -> Outcome {
        let ask = &self.standing.proposal.ask;
        let bound = match given_kw {
            Some(kw) if ask.max_kw.is_some_and(|max| kw > max) => ask.max_kw,
            Some(_) => ask.min_kw,
            None => ask.max_kw.or(ask.min_kw),
        };
        Outcome::LimitedBy { by, wanted_kw: ask.preferred_kw.or(bound), given_kw }
    }

    fn within(&self, kw: f64, slack_kw: f64) -> bool {
        let ask = &self.standing.proposal.ask;
        ask.min_kw.is_none_or(|min| kw >= min - slack_kw) && ask.max_kw.is_none_or(|max| kw <= max + slack_kw)
    }

    /// A limit at the PCC is applied while the measured exchange is within it.
    fn at_pcc(&self, asset: &Asset, state: &SiteState, verdict: Verdict) -> Outcome {
        let measured =
            state.assets.get(self.standing.proposal.ask.asset.0).and_then(|a| a.ports.first()?.measured.ok());
        match (verdict, measured) {
            (Verdict::Displaced(by) | Verdict::Cut(Limiter::Proposal(by)), _) => Outcome::Overridden { by },
            (_, None) => Outcome::Accepted,
            (Verdict::Free, Some(kw)) if self.within(kw, PCC_SHARE * asset.kind.rated().kw()) => Outcome::Applied,
            (Verdict::Cut(by), Some(kw)) => self.limited(by, Some(kw)),
            // What must give way has just been told, or has nothing left to give.
            (_, Some(_)) if self.standing.outcome == Outcome::Accepted => Outcome::Accepted,
            (_, Some(kw)) => self.limited(Limiter::Pcc, Some(kw)),
        }
    }

    fn at_asset(
        &mut self,
        asset: &Asset,
        frames: &[Arc<DeviceFrame>],
        decision: &Decision,
        verdict: Verdict,
        cycle: u64,
    ) -> Outcome {
        if let Verdict::Displaced(by) = verdict {
            self.carried_since = None;
            return Outcome::Overridden { by };
        }
        let write = frames.iter().find(|f| Some(f.device) == asset.device).map(|f| &f.write);
        let refused = write.and_then(|w| w.refused).map(|(_, reason)| Limiter::Refused(reason));
        let told = decision.setpoints.iter().find(|s| s.asset == self.standing.proposal.ask.asset);
        let Some(told) = told.filter(|s| s.cause != Cause::Unknown) else {
            self.carried_since = None;
            return self.limited(refused.unwrap_or(Limiter::Unavailable), None);
        };
        let given = given(asset, told);
        if !self.carried(asset, told, given) {
            self.carried_since = None;
            let by = told.limited_by.or(match verdict {
                Verdict::Cut(by) => Some(by),
                _ => None,
            });
            let held = if told.cause == Cause::Hold { Limiter::Unavailable } else { Limiter::Rating };
            return self.limited(by.unwrap_or(held), given);
        }
        let since = *self.carried_since.get_or_insert(cycle);
        match write {
            // What the device has refused before it was told this says nothing of it.
            _ if since == cycle => Outcome::Accepted,
            Some(_) if refused.is_some() => self.limited(refused.unwrap_or(Limiter::Device), None),
            Some(w) if !w.mismatches.is_empty() => self.limited(Limiter::Unheld, None),
            Some(w) if w.applied_cycle.is_some_and(|applied| applied >= since) => Outcome::Applied,
            _ => Outcome::Accepted,
        }
    }

    /// Whether the setpoint says all that is asked for.
    fn carried(&self, asset: &Asset, told: &Setpoint, given: Option<f64>) -> bool {
        let ask = &self.standing.proposal.ask;
        let slack = SAME_SHARE * asset.kind.rated().kw().max(1.0);
        let rests = told.target(Point::On).is_some_and(|on| on < 0.5);
        let on = ask.on.is_none_or(|on| on != rests);
        // What rests gives 0, whatever its power is set to.
        let kw = if rests { Some(0.0) } else { given };
        let power = match (ask.preferred_kw, kw) {
            (Some(wanted), Some(kw)) => (wanted - kw).abs() <= slack,
            (Some(_), None) => false,
            (None, Some(kw)) => self.within(kw, slack),
            (None, None) => ask.min_kw.is_none() && ask.max_kw.is_none(),
        };
        on && power
    }
}

/// The power of a setpoint as an injection, kW.
fn given(asset: &Asset, told: &Setpoint) -> Option<f64> {
    let lever = lever(asset)?;
    told.target(lever.power?).map(|v| injection(asset, lever, v))
}
