//! The accept loop: it refuses what is too much, survives failed accepts and failed handshakes, and can cut every connection
//! at once. It never yields an error: the server would end at it.

use std::convert::Infallible;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tracing::{debug, warn};

use super::handshake::{Handshakes, Shaken};
use super::identity::{Peer, Shown};
use crate::transport::tcp;
use crate::transport::tls::Keys;

/// Whoever connects and says nothing for so long is dropped.
const FIRST_WORD_WITHIN: Duration = Duration::from_secs(10);
/// Rest after a failed accept (no file descriptors left): trying at once would spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections of a listener, up to a number at once.
pub(super) struct Incoming {
    listener: TcpListener,
    places: Arc<Semaphore>,
    cut: CancellationToken,
    pause: Option<Pin<Box<Sleep>>>,
    /// `None` in plain text.
    keys: Option<Arc<Keys>>,
    handshakes: Handshakes,
    refused: u64,
}

impl Incoming {
    pub(super) fn new(listener: TcpListener, most: usize, keys: Option<Arc<Keys>>, cut: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Self { listener, places, cut, pause: None, keys, handshakes: Handshakes::default(), refused: 0 }
    }

    fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if self.handshakes.full() {
            return self.handshakes.give_way();
        }
        Arc::clone(&self.places).try_acquire_owned().ok().or_else(|| self.handshakes.give_way())
    }

    /// A connection in plain text; with keys a handshake is begun instead.
    fn admit(&mut self, io: TcpStream, from: SocketAddr) -> Option<Connection> {
        let Some(place) = self.place() else {
            self.refuse("too many connections to the operators' interface");
            return None;
        };
        if let Err(error) = io.set_nodelay(true) {
            debug!(%error, "connection without TCP_NODELAY");
        }
        let Some(keys) = &self.keys else {
            return Some(Connection::new(Box::new(io), Peer::Local, Box::pin(stopped(self.cut.clone())), place));
        };
        match keys.held() {
            Some(held) => self.handshakes.begin(io, from, held, place),
            None => self.refuse("a connection is refused: there are no keys to serve it with"),
        }
        None
    }

    fn shaken(&self, keys: &Keys, shaken: Shaken, place: OwnedSemaphorePermit) -> Connection {
        let Shaken { io, certificate, held } = shaken;
        let shown = Arc::new(Shown::new(certificate, Arc::clone(keys.wall())));
        let (cut, ends, replaced) = (self.cut.clone(), Arc::clone(&shown), held.replaced.clone());
        let over = async move {
            tokio::select! {
                never = stopped(cut) => never,
                () = replaced.cancelled() => "the authority has been replaced",
                () = ends.ended() => "the client's certificate has ended",
            }
        };
        Connection::new(Box::new(io), Peer::Shown(shown), Box::pin(over), place)
    }

    /// A flood must not become a flood of the log.
    fn refuse(&mut self, why: &str) {
        self.refused = self.refused.saturating_add(1);
        if self.refused.is_power_of_two() {
            warn!(refused = self.refused, "{why}");
        }
    }
}

async fn stopped(cut: CancellationToken) -> &'static str {
    cut.cancelled_owned().await;
    "the daemon stops"
}

impl Stream for Incoming {
    type Item = std::result::Result<Connection, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            // Before each accept, and so also after each that began a handshake: it wakes nobody who has not asked since.
            if let Some(keys) = self.keys.clone()
                && let Poll::Ready((shaken, place)) = self.handshakes.poll_done(cx)
            {
                return Poll::Ready(Some(Ok(self.shaken(&keys, shaken, place))));
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((io, from)) => {
                    if let Some(connection) = self.admit(io, from) {
                        return Poll::Ready(Some(Ok(connection)));
                    }
                }
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                }
            }
        }
    }
}

/// Ends with why a connection is cut.
type Over = Pin<Box<dyn Future<Output = &'static str> + Send>>;

/// One client; gives its place back when it goes.
pub(super) struct Connection {
    io: Box<dyn tcp::Stream>,
    peer: Peer,
    silent: Option<Pin<Box<Sleep>>>,
    over: Option<Over>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(io: Box<dyn tcp::Stream>, peer: Peer, over: Over, place: OwnedSemaphorePermit) -> Self {
        Self { io, peer, silent: Some(Box::pin(sleep(FIRST_WORD_WITHIN))), over: Some(over), _place: place }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let cut = |why| Poll::Ready(Err(Error::new(ErrorKind::ConnectionAborted, why)));
        match &mut self.over {
            None => return cut("it is over"),
            Some(over) => {
                if let Poll::Ready(why) = over.as_mut().poll(cx) {
                    debug!("a connection is cut: {why}");
                    self.over = None;
                    return cut(why);
                }
            }
        }
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() {
            self.silent = None;
        } else if let Some(silent) = &mut self.silent {
            ready!(silent.as_mut().poll(cx));
            return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client says nothing")));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
