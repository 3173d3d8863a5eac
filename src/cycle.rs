//! The whole controller on one page: one image in, one snapshot out. Synchronous, deterministic, bounded; time is an
//! argument, and nothing here can fail.

#![deny(clippy::indexing_slicing)]

mod alarms;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::control::{self, Control, Decision, Proposals};
use crate::dispatch::Plan;
use crate::site::{DeviceFrame, Link, Mode, Order, Site};
use crate::snapshot::{self, Clip, Health, Snapshot};
use crate::state::{Belief, Survivors, believe};
use crate::telemetry::{Telemetry, ingest};
use crate::transition;
use crate::units::{Now, Power};

/// Everything the controller remembers from cycle to cycle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory {
    cycle: u64,
    mode: Mode,
    #[serde(skip)]
    telemetry: Telemetry,
    belief: Belief,
    #[serde(skip)]
    control: Control,
    #[serde(default)]
    proposals: Proposals,
    #[serde(skip)]
    alarms: alarms::Watch,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            cycle: 0,
            mode: Mode::GridConnected,
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

    /// After a restart: what counts in the old process's monotonic time is dropped, the rest goes on.
    #[must_use]
    pub fn restarted(mut self) -> Self {
        self.belief.restarted();
        self.control.restarted();
        self.proposals.restarted();
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
}

/// One cycle.
#[must_use]
pub fn step(memory: &mut Memory, site: &Site, inputs: Inputs) -> Snapshot {
    let Inputs { now, frames, plan, orders } = inputs;
    memory.cycle += 1;
    let image = ingest(&mut memory.telemetry, site, &frames, now.mono);
    let state = believe(&mut memory.belief, site, &image, &frames, now);
    memory.mode = transition::advance(memory.mode, &state);
    let answers = memory.proposals.take(site, &orders, now);
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
    };
    let alarms = memory.alarms.raise(&seen);
    let health = health(site, &frames, &decision, &memory.alarms);
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

fn health(site: &Site, frames: &[Arc<DeviceFrame>], decision: &Decision, watch: &alarms::Watch) -> Health {
    let name = |f: &DeviceFrame| site.devices.get(f.device.0).map(|d| d.id.clone()).unwrap_or_default();
    let unread = frames
        .iter()
        .filter_map(|f| match f.link {
            Link::Up => f.readings.iter().find_map(|r| r.value.err()).map(|reason| (name(f), reason)),
            Link::Down(reason) => Some((name(f), reason)),
            Link::Connecting => Some((name(f), crate::site::Reason::NeverRead)),
        })
        .collect();
    Health { unread, planned: decision.planned, unverified: watch.unverified() }
}

#[cfg(test)]
mod tests;
