//! A loopback port that is nobody else's for as long as it is kept, whether or not anybody listens on it: what comes back on
//! it is never mistaken for another rig's device.

use std::net::SocketAddr;
use tokio::net::TcpSocket;

/// A port, kept by a socket that is bound and never listens. Whoever binds the same with `SO_REUSEADDR`, as tokio and
/// mosquitto do, may listen; the kernel hands it out to nobody else (socket(7)).
pub struct Kept {
    pub address: SocketAddr,
    _socket: TcpSocket,
}

impl Kept {
    /// A free one.
    pub fn free() -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { address: socket.local_addr()?, _socket: socket })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn a_kept_port_can_be_listened_on_again_and_again_and_is_refused_in_between() {
        let kept = Kept::free().unwrap();
        for _ in 0..3 {
            let listener = TcpListener::bind(kept.address).await.unwrap();
            assert!(TcpStream::connect(kept.address).await.is_ok());
            drop(listener);
            assert!(TcpStream::connect(kept.address).await.is_err());
        }
        // The kernel gives it to nobody who asks for any.
        let others: Vec<_> = (0..500).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        assert!(others.iter().all(|o| o.local_addr().unwrap() != kept.address));
    }
}
