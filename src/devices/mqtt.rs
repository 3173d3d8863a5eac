//! MQTT: one client per broker, serving all devices behind it.

pub mod access;
pub mod codec;
pub mod letters;
mod member;
mod session;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::{Monotonic, Reports};
use crate::site::Reason;
use crate::transport::tcp::Dial;
use access::{Access, Keys};
pub(super) use member::Member;

const CAP: Duration = Duration::from_secs(10);

/// Where the daemon says on each broker whether it is there: `online` or `offline`, retained.
#[must_use]
pub fn presence_topic(site: &str) -> String {
    format!("hexad/{site}/status")
}

/// What all brokers of a site have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub site: String,
    pub keys: Keys,
    pub dial: Dial,
    pub reports: Reports,
    pub letters: Option<letters::Letters>,
    pub clock: Monotonic,
    pub shutdown: CancellationToken,
}

/// Serves `members` at the broker `address` (`host:port`, with `mqtts://` before it over TLS) until `shutdown`.
pub(super) async fn serve(address: String, mut members: Vec<Member>, common: Common) {
    let Common { site, keys, dial, reports, letters, clock, shutdown } = common;
    let (tls, host_port) = match address.split_once("://") {
        Some((scheme, host_port)) => (scheme == "mqtts", host_port.to_owned()),
        None => (false, address.clone()),
    };
    if !host_port.rsplit_once(':').is_some_and(|(h, p)| !h.is_empty() && p.parse::<u16>().is_ok()) {
        tracing::error!(address, "no host:port; its devices are disabled");
        let now = clock();
        for m in &mut members {
            m.face.down(Reason::Disabled, now);
            m.face.publish(crate::units::Mono(u64::MAX));
        }
        shutdown.cancelled().await;
        return;
    }
    let seed = members.first().map_or(0, |m| m.face.device.0 as u64);
    // Two processes with one client id would throw each other out for ever.
    let random = || format!("hexad-{:016x}", RandomState::new().build_hasher().finish());
    let client_id = keys.client_id.clone().unwrap_or_else(random);
    let access = Access { address, host_port, tls, client_id, presence: presence_topic(&site), keys, dial };
    let backoff = Backoff::new(CAP, seed.wrapping_add(2000));
    session::Session { access, members, clock, backoff, reports, letters, shutdown }.run().await;
}
