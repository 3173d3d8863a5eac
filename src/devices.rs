//! Devices: what speaks to the park's machines. Knows registers and topics, not what a machine is for.
//!
//! One task per connection. Each publishes a whole [`DeviceFrame`] per device after every turn and takes the newest
//! [`Setpoint`]; neither side ever waits for the other.

#![deny(clippy::indexing_slicing)]

mod backoff;
mod face;
pub mod modbus;
pub mod mqtt;
mod orders;
pub mod profile;
mod proof;
pub mod sunspec;

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::site::{AlarmKind, Device, DeviceFrame, DeviceIx, Link, Reading, Report, Setpoint, Site, WriteReport};
use crate::transport::tcp::{self, Dial};
use crate::units::Mono;
use face::Face;
use profile::{ProfileStore, SunspecWire, Wire};

/// Even the last of many silent units behind one gateway has had its first turn by then.
const FIRST_TURN: Duration = Duration::from_secs(60);

/// Gives monotonic time.
pub type Monotonic = Arc<dyn Fn() -> Mono + Send + Sync>;

/// What is wrong at the rim, by kind and subject; whoever reports it takes it back.
pub type Reports = watch::Sender<BTreeMap<(AlarmKind, String), Report>>;

/// How devices are reached.
#[derive(Clone)]
pub struct Wires {
    /// Moves an address of the site file to another (`host:port` to `host:port`).
    pub endpoints: BTreeMap<String, String>,
    /// Makes Modbus connections.
    pub modbus: Dial,
    /// Makes connections to brokers.
    pub mqtt: Dial,
    /// As whom brokers are reached.
    pub keys: mqtt::access::Keys,
    /// Where a driver says what concerns no single device.
    pub reports: Reports,
    /// Where messages go that brokers have for the daemon itself.
    pub letters: Option<mqtt::letters::Letters>,
}

impl Default for Wires {
    fn default() -> Self {
        Self {
            endpoints: BTreeMap::new(),
            modbus: tcp::dial(),
            mqtt: tcp::dial_forgetful(),
            keys: mqtt::access::Keys::default(),
            reports: watch::Sender::new(BTreeMap::new()),
            letters: None,
        }
    }
}

/// Where the rest of the house meets one device.
#[derive(Clone, Debug)]
pub struct DeviceHandle {
    /// Which device.
    pub device: DeviceIx,
    /// What its driver knows, replaced after each turn.
    pub frames: watch::Receiver<Arc<DeviceFrame>>,
    /// What it is told; only the newest counts.
    pub commands: watch::Sender<Option<Arc<Setpoint>>>,
}

impl DeviceHandle {
    /// Returns when the driver's task has ended (after shutdown).
    pub async fn finished(mut self) {
        while self.frames.changed().await.is_ok() {}
    }
}

/// Starts a task for every distinct address of the site on the current runtime; they end after `shutdown`.
/// `endpoints` moves an address of the site file to another (`host:port` to `host:port`).
#[must_use]
pub fn spawn(
    site: &Site,
    profiles: &ProfileStore,
    endpoints: &BTreeMap<String, String>,
    clock: Monotonic,
    shutdown: CancellationToken,
) -> Vec<DeviceHandle> {
    spawn_by(site, profiles, Wires { endpoints: endpoints.clone(), ..Wires::default() }, clock, shutdown)
}

/// As [`spawn`], with Modbus connections made by `dial` (TLS, a simulated wire).
#[must_use]
pub fn spawn_over(
    site: &Site,
    profiles: &ProfileStore,
    endpoints: &BTreeMap<String, String>,
    clock: Monotonic,
    shutdown: CancellationToken,
    dial: Dial,
) -> Vec<DeviceHandle> {
    let wires = Wires { endpoints: endpoints.clone(), modbus: dial, ..Wires::default() };
    spawn_by(site, profiles, wires, clock, shutdown)
}

/// As [`spawn`], by these wires.
#[must_use]
pub fn spawn_by(
    site: &Site,
    profiles: &ProfileStore,
    wires: Wires,
    clock: Monotonic,
    shutdown: CancellationToken,
) -> Vec<DeviceHandle> {
    let mut modbus: BTreeMap<String, Vec<modbus::Member>> = BTreeMap::new();
    let mut mqtt: BTreeMap<String, Vec<mqtt::Member>> = BTreeMap::new();
    let mut handles = Vec::new();
    for (n, device) in site.devices.iter().enumerate() {
        let ix = DeviceIx(n);
        let (commands, orders) = watch::channel(None);
        let first_turn = if profiles.get(&device.profile).is_some() { clock() + FIRST_TURN } else { Mono(u64::MAX) };
        let (show, frames) = watch::channel(Arc::new(unheard(ix, device, first_turn)));
        handles.push(DeviceHandle { device: ix, frames, commands });
        let Some(profile) = profiles.get(&device.profile) else {
            // The site's loader has refused this already.
            tracing::error!(device = device.id, profile = device.profile, "no such profile; disabled");
            continue;
        };
        let face = Face::new(ix, device.id.clone(), Arc::clone(profile), orders, show, Arc::clone(&clock));
        let address = wires.endpoints.get(&device.address).unwrap_or(&device.address).clone();
        match &profile.wire {
            Wire::Modbus(wire) | Wire::Sunspec(SunspecWire { modbus: wire, .. }) => {
                let (stop, unit, wire) = (device.stop, device.unit, wire.clone());
                modbus.entry(address).or_default().push(modbus::Member { face, stop, unit, wire });
            }
            Wire::Mqtt(wire) => {
                let prefix = device.topic.clone().unwrap_or_else(|| device.id.clone());
                let (stop, wire) = (device.stop, wire.clone());
                mqtt.entry(address).or_default().push(mqtt::Member::new(face, stop, prefix, wire, clock()));
            }
        }
    }
    for (address, members) in modbus {
        tokio::spawn(modbus::serve(address, members, Arc::clone(&wires.modbus), Arc::clone(&clock), shutdown.clone()));
    }
    let site = site.id.clone();
    let Wires { keys, mqtt: dial, reports, letters, .. } = wires;
    let common = mqtt::Common { site, keys, dial, reports, letters, clock, shutdown };
    for (address, members) in mqtt {
        tokio::spawn(mqtt::serve(address, members, common.clone()));
    }
    handles
}

/// What is shown before the first turn.
fn unheard(device: DeviceIx, d: &Device, next_turn: Mono) -> DeviceFrame {
    DeviceFrame {
        device,
        readings: vec![Reading::NEVER; d.points.len()],
        link: Link::Connecting,
        write: WriteReport::default(),
        turn: Mono(0),
        next_turn,
        connects: 0,
        errors: 0,
    }
}

type Change<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// Returns when one of the receivers has something new, or its sender is gone (the receiver says so when asked).
async fn any_changed<'a, T, I>(receivers: I)
where
    T: Send + Sync + 'a,
    I: Iterator<Item = &'a mut watch::Receiver<T>>,
{
    let mut changes: Vec<Change<'a>> =
        receivers.map(|rx| Box::pin(async move { rx.changed().await.is_ok() }) as Change<'a>).collect();
    poll_fn(|cx| {
        let ready = changes.iter_mut().any(|c| c.as_mut().poll(cx).is_ready());
        if ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
