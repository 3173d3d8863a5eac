//! The accept loop: it refuses what is too much, survives failed accepts, and can cut every connection at once.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, TcpConnectInfo};
use tracing::{debug, warn};

/// Whoever connects and has not said so much after so long is dropped: then the probes of the protocol take over.
const FIRST_WORD_WITHIN: Duration = Duration::from_secs(10);
/// The preface of HTTP/2 and the header of the frame that must follow it, bytes (RFC 9113, sections 3.4 and 4.1).
const FIRST_WORD: usize = 24 + 9;
/// Rest after a failed accept (no file descriptors left): trying at once would spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections of a listener, up to a number at once.
pub(super) struct Incoming {
    listener: TcpListener,
    places: Arc<Semaphore>,
    cut: CancellationToken,
    pause: Option<Pin<Box<Sleep>>>,
    refused: u64,
}

impl Incoming {
    pub(super) fn new(listener: TcpListener, most: usize, cut: CancellationToken) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(most)), cut, pause: None, refused: 0 }
    }

    fn admit(&mut self, io: TcpStream) -> Option<Connection> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.refused = self.refused.saturating_add(1);
            // A flood must not become a flood of the log.
            if self.refused.is_power_of_two() {
                warn!(refused = self.refused, "too many connections to the operators' interface");
            }
            return None;
        };
        if let Err(error) = io.set_nodelay(true) {
            debug!(%error, "connection without TCP_NODELAY");
        }
        Some(Connection {
            io,
            silent: Some(Box::pin(sleep(FIRST_WORD_WITHIN))),
            heard: 0,
            cut: Box::pin(self.cut.clone().cancelled_owned()),
            _place: place,
        })
    }
}

impl Stream for Incoming {
    type Item = Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((io, _)) => {
                    if let Some(connection) = self.admit(io) {
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

/// One client; gives its place back when it goes.
pub(super) struct Connection {
    io: TcpStream,
    silent: Option<Pin<Box<Sleep>>>,
    heard: usize,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.io.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(Error::new(ErrorKind::ConnectionAborted, "the daemon stops")));
        }
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
