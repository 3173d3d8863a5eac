//! The dispatch on its own thread: observes every cycle, plans when due or when something happened.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::keeping::{KeepSender, What};
use super::{Shared, SolverChild};
use crate::dispatch::{self, GridLimit, Plan};
use crate::forecast::{self, History, TimeGrid};
use crate::site::{Mode, Reason};
use crate::snapshot::Snapshot;
use crate::state::Availability;
use crate::units::Mono;

/// The first plan waits for the devices' first answers, but not longer than this.
const FIRST_ANSWERS: Duration = Duration::from_secs(10);
/// The history is kept this often.
const KEEP_EVERY: Duration = Duration::from_secs(300);

pub(super) struct Planning {
    pub shared: Arc<Shared>,
    pub period: Duration,
    /// Half a cycle: cycles come on a grid of their own, and the nearest one is the right one.
    pub slack: Duration,
    pub history: History,
    pub keeper: KeepSender,
    pub solver: SolverChild,
}

/// What must not change without a new plan.
type Situation = (Mode, Vec<bool>, [f64; 2]);

impl Planning {
    pub(super) fn run(mut self, snapshots: &Receiver<Arc<Snapshot>>) {
        let mut last: Option<Arc<Plan>> = None;
        let mut planned: Option<(Situation, Mono)> = None;
        let mut kept_at = Mono::default();
        // Ends when the cycle ends: it owns the other side.
        while let Ok(first) = snapshots.recv() {
            let mut newest = first;
            self.history.observe(&self.shared.site, &newest.state);
            while let Ok(next) = snapshots.try_recv() {
                self.history.observe(&self.shared.site, &next.state);
                newest = next;
            }
            self.history.hear(self.shared.forecasts.external());
            let now = newest.now.mono;
            let situation = situation(&newest);
            let due = match &planned {
                None => now.since(Mono::default()) > FIRST_ANSWERS || answered(&newest),
                Some((before, at)) => *before != situation || now.since(*at) + self.slack >= self.period,
            };
            if due && !self.shared.stop.is_cancelled() {
                let plan = Arc::new(self.plan(&newest, last.as_deref()));
                if self.shared.stop.is_cancelled() {
                    continue;
                }
                planned = Some((situation, now));
                self.shared.plan.store(Some(Arc::clone(&plan)));
                self.shared.plans.send_replace(Some(Arc::clone(&plan)));
                last = Some(plan);
            }
            if now.since(kept_at) >= KEEP_EVERY {
                kept_at = now;
                self.keep();
            }
        }
        self.keep();
    }

    fn plan(&mut self, snapshot: &Snapshot, last: Option<&Plan>) -> Plan {
        let site = &self.shared.site;
        let started = self.shared.clock.mono();
        let horizon = forecast::horizon(site, &snapshot.state, &self.history, TimeGrid::new(snapshot.now.park));
        self.shared.forecasts.show(forecast::outlook(site, &self.history, &horizon, snapshot.now.park));
        let limits = self.limits(snapshot);
        let inputs = dispatch::Inputs {
            site,
            state: &snapshot.state,
            horizon: &horizon,
            last,
            id: last.map_or(1, |p| p.id + 1),
            islanded: snapshot.mode != Mode::GridConnected,
            limits: &limits,
        };
        let mut plan = dispatch::plan(&inputs, &mut self.solver);
        plan.solve_ms = self.shared.clock.mono().since(started).as_secs_f64() * 1e3;
        tracing::debug!(id = plan.id, status = plan.status.name(), solve_ms = plan.solve_ms, cost = plan.cost, "plan");
        if !plan.note.is_empty() {
            tracing::warn!(id = plan.id, status = plan.status.name(), "{}", plan.note);
        }
        plan
    }

    /// The limits at the PCC that stand, in park time.
    fn limits(&self, snapshot: &Snapshot) -> Vec<GridLimit> {
        let pcc = self.shared.site.pcc();
        let standing = snapshot.proposals.standing.iter().filter(|s| !s.outcome.is_final());
        let at_pcc = standing.map(|s| &s.proposal).filter(|p| Some(p.ask.asset) == pcc);
        at_pcc
            .map(|p| GridLimit {
                who: p.ask.identity.clone(),
                class: p.ask.class,
                import_max_kw: p.ask.max_kw.unwrap_or(f64::INFINITY),
                export_max_kw: p.ask.min_kw.map_or(f64::INFINITY, |kw| -kw),
                until: snapshot
                    .now
                    .park
                    .plus_s(p.until.since(snapshot.now.mono).as_secs_f64() * self.shared.clock.speed()),
            })
            .collect()
    }

    fn keep(&self) {
        if let Ok(bytes) = serde_json::to_vec(&self.history) {
            self.keeper.send(What::History, bytes);
        }
    }
}

/// Of every asset there is a first answer, or it is known that there is none. A device of no asset (weather) is not waited for.
fn answered(snapshot: &Snapshot) -> bool {
    let awaited = |a: Availability| matches!(a, Availability::Out(Reason::NeverRead | Reason::Unconfirmed));
    !snapshot.state.assets.iter().any(|a| awaited(a.availability))
}

fn situation(snapshot: &Snapshot) -> Situation {
    let available = snapshot.state.assets.iter().map(|a| a.availability == Availability::Available).collect();
    let pcc = snapshot.proposals.pcc.map_or([f64::NEG_INFINITY, f64::INFINITY], |r| [r.low.kw, r.high.kw]);
    (snapshot.mode, available, pcc)
}
