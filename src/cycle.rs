//! The whole controller on one page: one image in, one snapshot out. Synchronous, deterministic, bounded; time is an
//! argument, and nothing here can fail.

#![deny(clippy::indexing_slicing)]

mod alarms;
mod link;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::control::{self, Control, Decision, Proposals};
use crate::dispatch::Plan;
use crate::site::{Access, Answer, DeviceFrame, DeviceIx, Done, Link, Mode, Order, Reading, Reason, Report, Site};
use crate::snapshot::{self, Clip, Health, Snapshot};
use crate::state::{Availability, Belief, SiteState, Survivors, believe};
use crate::telemetry::{Telemetry, ingest};
use crate::transition;
use crate::units::{Now, Power};

/// Everything the controller remembers from cycle to cycle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory {
    cycle: u64,
    mode: Mode,
    /// Ids of the site's assets: what is remembered of each is parallel to them.
    #[serde(default)]
    assets: Vec<String>,
    #[serde(skip)]
    telemetry: Telemetry,
    belief: Belief,
    #[serde(skip)]
    control: Control,
    #[serde(default)]
    proposals: Proposals,
    #[serde(default)]
    alarms: alarms::Watch,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            cycle: 0,
            mode: Mode::GridConnected,
            assets: Vec::new(),
            telemetry: Telemetry::default(),
            belief: Belief::default(),
            control: Control::default(),
            proposals: Proposals::default(),
            alarms: alarms::Watch::default(),
        }
    }
}

impl Memory {
    /// What must survive a crash at once: on/off histories and the billing month's peak, rounded.
    #[must_use]
    pub fn survivors(&self) -> Survivors {
        self.belief.survivors()
    }

    fn obey(&mut self, site: &Site, order: &Order, now: Now) -> Answer {
        match order {
            Order::Submit(ask) => self.proposals.submit(site, ask, now).map(Done::Proposal),
            Order::Release { id, identity } => self.proposals.release(*id, identity, now.mono).map(Done::Proposal),
            Order::Acknowledge { alarm, identity, note } => {
                self.alarms.acknowledge(*alarm, identity, note, now).map(Done::Alarm)
            }
        }
    }

    /// Acknowledgements of alarms so far: a new one must survive a crash, too.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.alarms.taken()
    }

    /// After a restart: what counts in the old process's monotonic time is dropped, and so are the machines' histories
    /// if the site file names other assets now; the rest goes on.
    #[must_use]
    pub fn restarted(mut self, site: &Site) -> Self {
        self.belief.restarted();
        if !self.assets.iter().eq(site.assets.iter().map(|a| &a.id)) {
            self.belief.forget_machines();
            self.assets.clear();
        }
        self.control.restarted();
        self.proposals.restarted();
        self.alarms.restarted();
        self
    }
}

/// What one cycle is given.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Both times.
    pub now: Now,
    /// The newest frame of every device, parallel to the site's devices.
    pub frames: Vec<Arc<DeviceFrame>>,
    /// The plan picked up at this cycle.
    pub plan: Option<Arc<Plan>>,
    /// What was asked for from outside since the last cycle.
    pub orders: Vec<Order>,
    /// What the rim of the house reports as wrong at this moment.
    pub reports: Vec<Report>,
}

/// One cycle.
#[must_use]
pub fn step(memory: &mut Memory, site: &Site, inputs: Inputs) -> Snapshot {
    let Inputs { now, frames, plan, orders, reports } = inputs;
    memory.cycle += 1;
    if memory.assets.is_empty() {
        memory.assets = site.assets.iter().map(|a| a.id.clone()).collect();
    }
    let image = ingest(&mut memory.telemetry, site, &frames, now.mono);
    let state = believe(&mut memory.belief, site, &image, &frames, now);
    memory.mode = transition::advance(memory.mode, &state);
    memory.proposals.expire(now.mono);
    let answers = orders.iter().map(|order| memory.obey(site, order, now)).collect();
    let decision = control::decide(
        &mut memory.control,
        &control::Inputs {
            site,
            state: &state,
            image: &image,
            frames: &frames,
            plan: plan.as_deref(),
            proposals: &memory.proposals.standing(),
            mode: memory.mode,
            cycle: memory.cycle,
        },
    );
    memory.proposals.judge(site, &state, &frames, &decision, memory.cycle);
    let proposals = snapshot::Proposals {
        standing: memory.proposals.shown(),
        changed: memory.proposals.changed(now.mono),
        answers,
        pcc: decision.pcc,
    };
    let seen = alarms::Seen {
        site,
        state: &state,
        frames: &frames,
        plan: plan.as_deref(),
        decision: &decision,
        findings: memory.belief.findings(),
        reports: &reports,
    };
    let alarms = memory.alarms.raise(&seen);
    let health = health(site, &image, &state, &frames, &decision, &memory.alarms);
    Snapshot {
        cycle: memory.cycle,
        now,
        mode: memory.mode,
        clips: clips(site, &decision),
        pcc_expected: decision.import_kw.map(Power::from_kw),
        setpoints: decision.setpoints,
        image: Arc::new(image),
        devices: frames,
        state: Arc::new(state),
        plan,
        alarms,
        health,
        proposals,
    }
}

fn clips(site: &Site, decision: &Decision) -> Vec<Clip> {
    decision
        .narrowed
        .iter()
        .filter_map(|n| {
            let asset = site.assets.get(n.asset.0)?.id.clone();
            Some(Clip { asset, point: n.point, wanted: n.wanted, given: n.given, by: n.by })
        })
        .collect()
}

fn health(
    site: &Site,
    image: &[Reading],
    state: &SiteState,
    frames: &[Arc<DeviceFrame>],
    decision: &Decision,
    watch: &alarms::Watch,
) -> Health {
    let unread = frames
        .iter()
        .filter_map(|f| {
            let device = site.devices.get(f.device.0)?;
            let reason = match f.link {
                Link::Up => unread(site, image, state, f.device)?,
                Link::Down(reason) => reason,
                Link::Connecting => Reason::NeverRead,
            };
            Some((device.id.clone(), reason))
        })
        .collect();
    Health { unread, planned: decision.planned, unverified: watch.unverified() }
}

/// Why a device that answers is not read as it should be. What it says it does not have counts only where an asset
/// cannot do without: else health would be bad for ever, and would say nothing.
fn unread(site: &Site, image: &[Reading], state: &SiteState, device: DeviceIx) -> Option<Reason> {
    let missing = |reason: Reason| matches!(reason, Reason::NotImplemented | Reason::IllegalAddress);
    let points = site.devices.get(device.0)?.points.clone();
    let (readings, specs) = (image.get(points.clone())?, site.points.get(points)?);
    let readable = readings.iter().zip(specs).filter(|(_, spec)| spec.access != Access::Write);
    let bad = readable.filter_map(|(r, _)| r.value.err()).find(|reason| !missing(*reason));
    let needed = || {
        site.assets.iter().zip(&state.assets).filter(|(asset, _)| asset.device == Some(device)).find_map(|(_, own)| {
            match own.availability {
                Availability::Out(reason) if missing(reason) => Some(reason),
                _ => None,
            }
        })
    };
    bad.or_else(needed)
}

#[cfg(test)]
#[path = "cycle/tests.rs"]
mod proposal_tests;

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::site::sample::{BATTERY, LOAD, frames, now, site};

    fn unread_after(seconds: u32, change: impl Fn(u32, &mut Vec<Arc<DeviceFrame>>)) -> Vec<(String, Reason)> {
        let (site, mut memory) = (site(), Memory::default());
        let mut health = Health::default();
        for s in 1..=seconds {
            let at = now(f64::from(s));
            let noise = f64::from(s % 7) / 10.0;
            let mut all = frames(at, [130.0 + noise, -200.0 - noise, 70.0 + noise, noise], 50.0);
            change(s, &mut all);
            health =
                step(&mut memory, &site, Inputs { now: at, frames: all, plan: None, orders: vec![], reports: vec![] })
                    .health;
        }
        health.unread
    }
    fn reading(all: &mut [Arc<DeviceFrame>], device: usize, point: usize) -> &mut Reading {
        &mut Arc::make_mut(&mut all[device]).readings[point]
    }

    #[test]
    fn f70_what_a_device_does_not_have_is_bad_health_only_where_it_is_needed() {
        assert_eq!(unread_after(3, |_, _| ()), []);
        let counter = unread_after(3, |_, all| reading(all, 0, 1).value = Err(Reason::NotImplemented));
        assert_eq!(counter, []);
        let charge = unread_after(3, |_, all| reading(all, BATTERY, 1).value = Err(Reason::NotImplemented));
        assert_eq!(charge, [("d-battery".to_owned(), Reason::NotImplemented)]);
    }

    #[test]
    fn a_memory_of_other_assets_is_not_laid_over_these() {
        let (mut site, mut memory) = (site(), Memory::default());
        let at = now(1.0);
        let inputs = Inputs {
            now: at,
            frames: frames(at, [130.0, -200.0, 70.0, 0.0], 50.0),
            plan: None,
            orders: vec![],
            reports: vec![],
        };
        let _ = step(&mut memory, &site, inputs);
        let kept = serde_json::to_vec(&memory).unwrap();
        let read = || serde_json::from_slice::<Memory>(&kept).unwrap();
        assert_eq!(read().restarted(&site).survivors(), memory.survivors());
        site.assets.swap(LOAD, BATTERY);
        assert!(read().restarted(&site).survivors().0.is_empty());
    }

    #[test]
    fn f70_a_frozen_or_stale_meter_is_bad_health() {
        let frozen = unread_after(40, |_, all| reading(all, LOAD, 0).value = Ok(-201.5));
        assert_eq!(frozen, [("d-load".to_owned(), Reason::Frozen)]);
        let stale = unread_after(10, |_, all| reading(all, LOAD, 0).at = now(1.0).mono);
        assert_eq!(stale, [("d-load".to_owned(), Reason::Stale)]);
    }
}
