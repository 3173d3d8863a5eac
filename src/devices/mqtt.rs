//! MQTT: one client per broker, serving all devices behind it.

pub mod codec;
mod session;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Monotonic;
use super::backoff::Backoff;
use crate::site::Reason;
pub(super) use session::Member;

const CAP: Duration = Duration::from_secs(10);

/// Serves `members` at the broker `address` (`host:port`) until `shutdown`.
pub(super) async fn serve(address: String, mut members: Vec<Member>, clock: Monotonic, shutdown: CancellationToken) {
    let Some((host, port)) = address.rsplit_once(':').and_then(|(h, p)| Some((h, p.parse().ok()?))) else {
        tracing::error!(address, "no host:port; its devices are disabled");
        let now = clock();
        for m in &mut members {
            m.face.down(Reason::Disabled, now);
            m.face.publish(crate::units::Mono(u64::MAX));
        }
        shutdown.cancelled().await;
        return;
    };
    let seed = members.first().map_or(0, |m| m.face.device.0 as u64);
    // Two processes with one client id would throw each other out for ever.
    let client_id = format!("hexad-{:016x}", RandomState::new().build_hasher().finish());
    let backoff = Backoff::new(CAP, seed.wrapping_add(2000));
    let session = session::Session { host: host.to_owned(), port, client_id, members, clock, backoff, shutdown };
    session.run().await;
}
