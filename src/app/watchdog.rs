//! The watchdog attests our own progress only: the cycle decided in its period, each driver task took its turn by its
//! own deadlines. A dead device, a dead switch or a failed plan is not our progress: that is health, and never restarts
//! the daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::Shared;
use crate::site::DeviceFrame;
use crate::units::Mono;

/// A cycle may be late by so much (a loaded machine) before it counts as stuck.
const CYCLE_GRACE: Duration = Duration::from_secs(3);
/// A driver may pass its own deadline by so much.
const DRIVER_GRACE: Duration = Duration::from_secs(10);
/// How often progress is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// When the cycle last decided.
#[derive(Debug, Default)]
pub(super) struct Progress {
    cycle_at_us: AtomicU64,
}

impl Progress {
    pub(super) fn cycle_done(&self, at: Mono) {
        self.cycle_at_us.store(at.0, Ordering::Relaxed);
    }
}

/// What is stuck, in words; `None` if all took their turns.
fn stuck(shared: &Shared, frames: &[watch::Receiver<Arc<DeviceFrame>>], period: Duration) -> Option<String> {
    let now = shared.clock.mono();
    let cycle = Mono(shared.progress.cycle_at_us.load(Ordering::Relaxed));
    if now.since(cycle) > period + CYCLE_GRACE {
        return Some(format!("no cycle for {:?}", now.since(cycle)));
    }
    frames.iter().find_map(|f| {
        let frame = f.borrow();
        let late = now.since(frame.next_turn);
        let id = shared.site.devices.get(frame.device.0).map_or("?", |d| d.id.as_str());
        (late > DRIVER_GRACE).then(|| format!("the driver of {id} is {late:?} behind its own deadline"))
    })
}

/// Tells systemd while everything moves; says what is stuck when not.
pub(super) async fn run(shared: Arc<Shared>, frames: Vec<watch::Receiver<Arc<DeviceFrame>>>, period: Duration) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut ready = false;
    loop {
        ticks.tick().await;
        match stuck(&shared, &frames, period) {
            None => {
                if !ready && shared.snapshots.borrow().is_some() {
                    ready = true;
                    sd_notify::notify(&[sd_notify::NotifyState::Ready]).ok();
                }
                sd_notify::notify(&[sd_notify::NotifyState::Watchdog]).ok();
            }
            Some(what) => tracing::error!("watchdog withheld: {what}"),
        }
    }
}
