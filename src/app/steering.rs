//! The cycle on its own thread: collect frames, step, hand out setpoints. Never waits for anybody.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::Shared;
use super::journaling::JournalSender;
use super::keeping::{KeepSender, What};
use crate::cycle::{self, Inputs, Memory};
use crate::devices::DeviceHandle;
use crate::rpc::{Envelope, WAITING_MAX};
use crate::snapshot::Snapshot;

/// Memory is kept this often, and at once when something changes that must survive.
const KEEP_EVERY: Duration = Duration::from_secs(60);

/// A stop is heard within this.
const LISTEN: Duration = Duration::from_millis(200);

pub(super) struct Steering {
    pub shared: Arc<Shared>,
    pub devices: Vec<DeviceHandle>,
    pub period: Duration,
    pub memory: Memory,
    pub keeper: KeepSender,
    pub to_planner: SyncSender<Arc<Snapshot>>,
    pub journal: JournalSender,
    /// Orders from outside.
    pub waiting: tokio::sync::mpsc::Receiver<Envelope>,
}

impl Steering {
    pub(super) fn run(mut self) {
        let mut due = self.shared.clock.mono();
        let mut kept_at = due;
        let mut survivors = (self.memory.survivors(), self.memory.acknowledged());
        while !self.shared.stop.is_cancelled() {
            let now = self.shared.clock.mono();
            if now < due {
                std::thread::sleep(due.since(now).min(LISTEN));
                continue;
            }
            // A late cycle is skipped, never doubled.
            due = (due + self.period).max(now + self.period / 2);
            self.cycle();
            let latest = (self.memory.survivors(), self.memory.acknowledged());
            if latest != survivors || now.since(kept_at) >= KEEP_EVERY {
                (survivors, kept_at) = (latest, now);
                self.keep();
            }
            self.shared.progress.cycle_done(now);
        }
        self.keep();
    }

    fn cycle(&mut self) {
        let heard: Vec<Envelope> = std::iter::from_fn(|| self.waiting.try_recv().ok()).take(WAITING_MAX).collect();
        let (orders, askers): (Vec<_>, Vec<_>) = heard.into_iter().map(|e| (e.order, e.answer)).unzip();
        let inputs = Inputs {
            now: self.shared.clock.now(),
            frames: self.devices.iter().map(|d| Arc::clone(&d.frames.borrow())).collect(),
            plan: self.shared.plan.load_full(),
            orders,
            reports: self.shared.reports.borrow().values().cloned().collect(),
        };
        let snapshot = Arc::new(cycle::step(&mut self.memory, &self.shared.site, inputs));
        for setpoint in &snapshot.setpoints {
            if let Some(device) = self.devices.iter().find(|d| d.device == setpoint.device) {
                device.commands.send_replace(Some(Arc::clone(setpoint)));
            }
        }
        // A planner that is busy misses a cycle; it takes the next.
        self.to_planner.try_send(Arc::clone(&snapshot)).ok();
        self.journal.send(Arc::clone(&snapshot));
        self.shared.snapshots.send_replace(Some(Arc::clone(&snapshot)));
        // After the snapshot is shown: who hears that it stands finds it there. Whoever has left hears nothing.
        for (asker, answer) in askers.into_iter().zip(&snapshot.proposals.answers) {
            asker.send(*answer).ok();
        }
    }

    fn keep(&self) {
        match serde_json::to_vec(&self.memory) {
            Ok(bytes) => self.keeper.send(What::Memory, bytes),
            Err(e) => tracing::error!("the memory cannot be written down: {e}"),
        }
    }
}
