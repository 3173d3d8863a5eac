//! TCP connections.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Anything that carries bytes both ways: a socket, a TLS session, a pipe.
pub trait Stream: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin> Stream for T {}

/// A connection being made.
pub type Dialling = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;
/// Makes a connection to a `host:port`.
pub type Dial = Arc<dyn Fn(String) -> Dialling + Send + Sync>;

/// Plain TCP, without delaying small packets.
#[must_use]
pub fn dial() -> Dial {
    Arc::new(|address| {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    })
}

/// As [`dial`], but what the peer has not taken when the connection is dropped is thrown away, not delivered later.
#[must_use]
pub fn dial_forgetful() -> Dial {
    Arc::new(|address| {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            stream.set_zero_linger()?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    })
}

/// A connection, or why there is none before `deadline` has passed.
///
/// # Errors
/// The operating system's error, or [`io::ErrorKind::TimedOut`].
pub async fn connect(dial: &Dial, address: &str, deadline: Duration) -> io::Result<Box<dyn Stream>> {
    match tokio::time::timeout(deadline, dial(address.to_owned())).await {
        Ok(result) => result,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
