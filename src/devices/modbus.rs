//! Modbus TCP: one task per connection, serving all units behind it.

pub mod codec;
mod discover;
pub mod lever;
mod limit;
mod line;
mod session;
mod unit;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Monotonic;
use super::backoff::Backoff;
use super::face::Face;
use super::profile::ModbusWire;
use crate::site::Stop;
use crate::transport::tcp::Dial;
use crate::units::Mono;

/// An address at which nothing answers is looked for at least this often: what was switched off and on again is back
/// within 5 s of its return, with the spread of the waits and a time-out ...
const CAP: Duration = Duration::from_secs(3);
/// ... and a device whose silence costs its siblings a time-out, this often.
const CAP_SHARED: Duration = Duration::from_secs(30);

/// One device of a connection.
pub(super) struct Member {
    pub face: Face,
    pub stop: Stop,
    pub unit: u8,
    pub wire: ModbusWire,
}

/// Serves `members` at `address` until `shutdown`.
pub(super) async fn serve(
    address: String,
    members: Vec<Member>,
    dial: Dial,
    clock: Monotonic,
    shutdown: CancellationToken,
) {
    let cap = if members.len() > 1 { CAP_SHARED } else { CAP };
    let seed = members.first().map_or(0, |m| m.face.device.0 as u64);
    let unit = |m: Member| {
        let backoff = Backoff::new(cap, m.face.device.0 as u64 + 1);
        unit::Unit::new(m.face, m.stop, m.unit, m.wire, backoff)
    };
    let session = session::Session {
        line: line::Line::new(address, dial, std::sync::Arc::clone(&clock)),
        units: members.into_iter().map(unit).collect(),
        clock,
        backoff: Backoff::new(CAP, seed.wrapping_add(1000)),
        connect_after: Mono(0),
        silent_at: Mono(0),
        unanswered: 0,
        shutdown,
    };
    session.run().await;
}
