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

/// Whoever connects and has not said so much after so long is dropped: then the probes of the protocol take over.
const FIRST_WORD_WITHIN: Duration = Duration::from_secs(10);
/// The preface of HTTP/2 and the header of the frame that must follow it, bytes (RFC 9113, sections 3.4 and 4.1).
const FIRST_WORD: usize = 24 + 9;
/// Whoever takes nothing of what is sent to him for so long is dropped: the probes of the protocol cannot reach him, and
/// a connection that they give up would wait for him to take its farewell.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
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
    heard: usize,
    /// Runs while nothing of what is sent is taken.
    stalled: Option<Pin<Box<Sleep>>>,
    over: Option<Over>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(io: Box<dyn tcp::Stream>, peer: Peer, over: Over, place: OwnedSemaphorePermit) -> Self {
        let silent = Some(Box::pin(sleep(FIRST_WORD_WITHIN)));
        Self { io, peer, silent, heard: 0, stalled: None, over: Some(over), _place: place }
    }

    /// Whether it is cut. Asked on both ways: while its client takes nothing, nothing is read from it either.
    fn cut(&mut self, cx: &mut Context<'_>) -> Result<()> {
        let cut = |why| Err(Error::new(ErrorKind::ConnectionAborted, why));
        let Some(over) = &mut self.over else { return cut("it is over") };
        let Poll::Ready(why) = over.as_mut().poll(cx) else { return Ok(()) };
        debug!("a connection is cut: {why}");
        self.over = None;
        cut(why)
    }

    /// What came of sending.
    fn sent<T>(&mut self, cx: &mut Context<'_>, result: Poll<Result<T>>) -> Poll<Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(TAKEN_WITHIN)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client takes nothing")))
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
        self.cut(cx)?;
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        self.heard = self.heard.saturating_add(buf.filled().len() - before);
        if self.heard >= FIRST_WORD {
            self.silent = None;
        }
        if let Some(silent) = &mut self.silent
            && silent.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client says nothing")));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        self.cut(cx)?;
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.sent(cx, result)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.cut(cx)?;
        let result = Pin::new(&mut self.io).poll_flush(cx);
        self.sent(cx, result)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.cut(cx)?;
        let result = Pin::new(&mut self.io).poll_shutdown(cx);
        self.sent(cx, result)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.cut(cx)?;
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.sent(cx, result)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// A connection whose client takes nothing, when it is full.
    async fn full(cut: &CancellationToken) -> (Connection, tokio::io::DuplexStream) {
        let (near, far) = tokio::io::duplex(64);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let mut connection = Connection::new(Box::new(near), Peer::Local, Box::pin(stopped(cut.clone())), place);
        connection.write_all(&[0; 64]).await.unwrap();
        (connection, far)
    }

    #[tokio::test(start_paused = true)]
    async fn f54_whoever_takes_nothing_of_what_is_sent_gives_up_his_place() {
        let (mut connection, mut far) = full(&CancellationToken::new()).await;
        for _ in 0..3 {
            // However slowly it is taken.
            let (mut one, send) = ([0], connection.write_all(&[0]));
            let take = async {
                sleep(TAKEN_WITHIN / 2).await;
                tokio::io::AsyncReadExt::read_exact(&mut far, &mut one).await
            };
            let (sent, taken) = tokio::join!(send, take);
            assert!(sent.is_ok() && taken.is_ok());
        }
        let sent = tokio::time::timeout(2 * TAKEN_WITHIN, connection.write_all(&[0])).await.unwrap();
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_cut_is_cut_though_the_client_takes_nothing() {
        let cut = CancellationToken::new();
        let (mut connection, _far) = full(&cut).await;
        let cutting = async {
            tokio::task::yield_now().await;
            cut.cancel();
        };
        let sending = tokio::time::timeout(TAKEN_WITHIN / 2, connection.write_all(&[0]));
        let (sent, ()) = tokio::join!(sending, cutting);
        assert_eq!(sent.unwrap().unwrap_err().kind(), ErrorKind::ConnectionAborted);
    }
}
