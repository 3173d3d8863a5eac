//! TLS handshakes, off the accept path. Who stalls in one keeps nobody out: at the limit the oldest gives way.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, warn};

use crate::transport::tls::{Certificate, Held};

/// A handshake takes no longer.
const WITHIN: Duration = Duration::from_secs(10);
/// Handshakes under way at once; one more, and the oldest is given up.
pub(super) const AT_ONCE: usize = 16;
/// After a failed handshake what the client still sends is read for so long and so much: closed at once, the connection
/// would be reset, and the client never read why it is refused.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 * 1024;

/// A client that has shown its certificate.
pub(super) struct Shaken {
    pub io: TlsStream<TcpStream>,
    pub certificate: Arc<Certificate>,
    pub held: Arc<Held>,
}

struct Underway {
    task: AbortHandle,
    place: OwnedSemaphorePermit,
}

/// Handshakes under way, the oldest first.
#[derive(Default)]
pub(super) struct Handshakes {
    tasks: JoinSet<Result<Shaken, String>>,
    underway: VecDeque<Underway>,
    failed: u64,
}

impl Handshakes {
    pub(super) fn full(&self) -> bool {
        self.underway.len() >= AT_ONCE
    }

    /// Gives up the oldest; its place, if there was one.
    pub(super) fn give_way(&mut self) -> Option<OwnedSemaphorePermit> {
        let oldest = self.underway.pop_front()?;
        oldest.task.abort();
        self.failed("another came and all places were taken");
        Some(oldest.place)
    }

    pub(super) fn begin(&mut self, io: TcpStream, from: SocketAddr, held: Arc<Held>, place: OwnedSemaphorePermit) {
        let task = self.tasks.spawn(async move {
            let shaken = tokio::time::timeout(WITHIN, shake(io, held)).await;
            shaken
                .unwrap_or_else(|_| Err(format!("not done within {} s", WITHIN.as_secs())))
                .map_err(|e| format!("{from}: {e}"))
        });
        self.underway.push_back(Underway { task, place });
    }

    /// The next that is done. Pending also while there is none.
    pub(super) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<(Shaken, OwnedSemaphorePermit)> {
        loop {
            let Some(done) = ready!(self.tasks.poll_join_next_with_id(cx)) else { return Poll::Pending };
            let id = match &done {
                Ok((id, _)) => *id,
                Err(e) => e.id(),
            };
            // One that gave way is in the list no more, even if it was done by then.
            let at = self.underway.iter().position(|u| u.task.id() == id);
            let Some(underway) = at.and_then(|at| self.underway.remove(at)) else { continue };
            match done {
                Ok((_, Ok(shaken))) => return Poll::Ready((shaken, underway.place)),
                Ok((_, Err(why))) => self.failed(&why),
                Err(e) => self.failed(&e.to_string()),
            }
        }
    }

    /// A flood must not become a flood of the log.
    fn failed(&mut self, why: &str) {
        self.failed = self.failed.saturating_add(1);
        if self.failed.is_power_of_two() {
            warn!(failed = self.failed, "a TLS handshake of the operators' interface failed: {why}");
        } else {
            debug!(failed = self.failed, "a TLS handshake of the operators' interface failed: {why}");
        }
    }
}

async fn shake(io: TcpStream, held: Arc<Held>) -> Result<Shaken, String> {
    let accept = TlsAcceptor::from(Arc::clone(&held.config)).accept(io).into_fallible();
    match accept.await {
        Ok(io) => {
            let certificate = Arc::new(shown(io.get_ref().1)?);
            Ok(Shaken { io, certificate, held })
        }
        Err((why, io)) => {
            linger(io).await;
            Err(why.to_string())
        }
    }
}

fn shown(connection: &ServerConnection) -> Result<Certificate, String> {
    let own = connection.peer_certificates().and_then(|chain| chain.first());
    Certificate::parse(own.ok_or("no certificate")?)
}

async fn linger(mut io: TcpStream) {
    io.shutdown().await.ok();
    let rest = async { drain(io.take(LINGER_BYTES)).await };
    tokio::time::timeout(LINGER, rest).await.ok();
}

async fn drain(mut io: impl AsyncRead + Unpin) {
    let mut rest = [0; 1024];
    while io.read(&mut rest).await.is_ok_and(|n| n > 0) {}
}
