//! What a driver shows of one device and hears for it, whatever the protocol.

use std::sync::Arc;

use tokio::sync::watch;

use super::Monotonic;
use super::orders::Orders;
use super::profile::Profile;
use crate::site::{DeviceFrame, DeviceIx, Link, Poll, Reading, Reason, Setpoint, Unit, Value};
use crate::units::Mono;

/// Two samples agree if they differ by less than this share of the believable span.
const AGREE: f64 = 0.1;
/// Failures in a row before what was read counts as lost.
const LOST_AFTER: u32 = 2;

/// How much of a second opinion a point still needs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trust {
    Full,
    None,
    Candidate(f64),
}

/// One device as the house sees it.
pub struct Face {
    pub device: DeviceIx,
    /// For the log.
    pub name: String,
    pub profile: Arc<Profile>,
    pub orders: Orders,
    pub link: Link,
    pub connects: u32,
    pub errors: u32,
    /// In a row.
    pub failures: u32,
    /// `None` once nobody can command any more.
    pub commands: Option<watch::Receiver<Option<Arc<Setpoint>>>>,
    frames: watch::Sender<Arc<DeviceFrame>>,
    clock: Monotonic,
    readings: Vec<Reading>,
    trust: Vec<Trust>,
}

impl Face {
    pub fn new(
        device: DeviceIx,
        name: String,
        profile: Arc<Profile>,
        commands: watch::Receiver<Option<Arc<Setpoint>>>,
        frames: watch::Sender<Arc<DeviceFrame>>,
        clock: Monotonic,
    ) -> Self {
        let (orders, count) = (Orders::new(&profile), profile.points.len());
        let mut face = Self {
            device,
            name,
            profile,
            orders,
            link: Link::Connecting,
            connects: 0,
            errors: 0,
            failures: 0,
            commands: Some(commands),
            frames,
            clock,
            readings: vec![Reading::NEVER; count],
            trust: vec![Trust::Full; count],
        };
        face.distrust();
        face
    }

    pub fn now(&self) -> Mono {
        (self.clock)()
    }

    /// Takes the newest command, if there is one.
    pub fn hear(&mut self, now: Mono) {
        match self.commands.as_mut().map(|rx| (rx.has_changed(), rx)) {
            // `changed` marks a value as seen: what stands is compared, not whether it is new.
            Some((Ok(_), rx)) => self.orders.take(&rx.borrow_and_update()),
            // Nobody commands any more; the last lease still ends in its time.
            Some((Err(_), _)) => self.commands = None,
            None => {}
        }
        self.orders.settle(now);
    }

    /// Power measurements need two samples that agree before they count again.
    pub fn distrust(&mut self) {
        for (p, trust) in self.profile.points.iter().zip(&mut self.trust) {
            let power = p.point.unit() == Unit::Kw && p.poll == Poll::Fast && !p.point.is_command();
            *trust = if power { Trust::None } else { Trust::Full };
        }
    }

    /// Whether some point waits for its second sample.
    pub fn unconfirmed(&self) -> bool {
        self.trust.iter().any(|t| matches!(t, Trust::Candidate(_)))
    }

    /// A new value or reason for a point.
    pub fn reading(&mut self, n: usize, value: Value, at: Mono) {
        let (Some(p), Some(trust), Some(slot)) =
            (self.profile.points.get(n), self.trust.get_mut(n), self.readings.get_mut(n))
        else {
            return;
        };
        match value {
            Ok(v) if p.readback => self.orders.read_back(p.point, v),
            // Off, or nothing that could have been written: a device that was enabled again may read so.
            Err(Reason::Disabled | Reason::NotImplemented | Reason::OutOfRange) if p.readback => {
                self.orders.lapsed(p.point);
            }
            _ => {}
        }
        let value = match (*trust, value) {
            (Trust::None, Ok(v)) => {
                *trust = Trust::Candidate(v);
                Err(Reason::Unconfirmed)
            }
            (Trust::Candidate(c), Ok(v)) => {
                let agree = (c - v).abs() <= AGREE * (p.valid.1 - p.valid.0);
                *trust = if agree { Trust::Full } else { Trust::Candidate(v) };
                if agree { Ok(v) } else { Err(Reason::Unconfirmed) }
            }
            (_, value) => value,
        };
        // While a second sample is awaited after a short break, the last good one stands and grows old.
        if value == Err(Reason::Unconfirmed) && slot.value.is_ok() {
            return;
        }
        *slot = Reading { value, at };
    }

    /// Nothing is known any more, and why.
    pub fn all(&mut self, reason: Reason, at: Mono) {
        // What the device does not have, it does not have while it is away either.
        for slot in self.readings.iter_mut().filter(|r| r.value != Err(Reason::IllegalAddress)) {
            *slot = Reading { value: Err(reason), at };
        }
    }

    /// A turn without fault.
    pub fn answered(&mut self) {
        if self.link != Link::Up {
            tracing::info!(device = self.name, "up");
        }
        self.failures = 0;
        self.link = Link::Up;
    }

    /// A turn that failed. One failure is forgiven; the next takes the device down.
    pub fn failed(&mut self, reason: Reason, now: Mono) {
        self.errors = self.errors.saturating_add(1);
        self.failures = self.failures.saturating_add(1);
        self.distrust();
        let forgiven = self.link == Link::Up && self.failures < LOST_AFTER && reason != Reason::IdentityMismatch;
        if !forgiven {
            self.down(reason, now);
        }
    }

    /// The device is away.
    pub fn down(&mut self, reason: Reason, now: Mono) {
        self.distrust();
        if self.link != Link::Down(reason) {
            let never = self.readings.iter().all(|r| r.value == Err(Reason::NeverRead));
            let hint = if never { "; never answered since start: address and unit id right?" } else { "" };
            tracing::warn!(device = self.name, %reason, "down{hint}");
        }
        self.link = Link::Down(reason);
        self.all(reason, now);
    }

    /// Shows everything, and until when the next turn will have been taken.
    pub fn publish(&mut self, next_turn: Mono) {
        let now = self.now();
        let frame = DeviceFrame {
            device: self.device,
            readings: self.readings.clone(),
            link: self.link,
            write: self.orders.report(now),
            turn: now,
            next_turn,
            connects: self.connects,
            errors: self.errors,
        };
        self.frames.send_replace(Arc::new(frame));
    }
}
