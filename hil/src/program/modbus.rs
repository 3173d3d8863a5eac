//! Modbus TCP, by hand: frames in any number of pieces, several clients, and silence where a device is silent.

use super::Shared;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How often a listener looks whether its devices were stopped.
const LOOK: Duration = Duration::from_millis(50);
const SLAVE_BUSY: u8 = 6;

/// One address of the site.
struct Endpoint {
    shared: Shared,
    address: String,
    /// When the last request came; a slow gateway turns away what comes too soon after it.
    last: Mutex<Option<Instant>>,
    gap: Duration,
}

/// Serves one address of the site on a free loopback port; returns that port's address.
pub async fn serve(shared: Shared, address: String) -> anyhow::Result<SocketAddr> {
    let kept = super::port::Kept::free()?;
    let bound = kept.address;
    let listener = TcpListener::bind(bound).await?;
    let gap = Duration::from_millis(shared.lock().min_gap_ms(&address));
    let endpoint = Arc::new(Endpoint { shared, address, last: Mutex::new(None), gap });
    tokio::spawn(listen(endpoint, listener, kept));
    Ok(bound)
}

/// Accepts while a device is there; a stopped address refuses, and comes back on the same port.
async fn listen(endpoint: Arc<Endpoint>, listener: TcpListener, kept: super::port::Kept) {
    let mut listener = Some(listener);
    let (alive, _) = watch::channel(true);
    loop {
        let up = endpoint.shared.lock().listens(&endpoint.address);
        if !up && listener.take().is_some() {
            alive.send_replace(false);
        }
        if up && listener.is_none() {
            listener = TcpListener::bind(kept.address).await.ok();
            alive.send_replace(true);
        }
        let Some(open) = &listener else {
            tokio::time::sleep(LOOK).await;
            continue;
        };
        if let Ok(Ok((stream, _))) = tokio::time::timeout(LOOK, open.accept()).await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(attend(endpoint.clone(), stream, alive.subscribe()));
        }
    }
}

/// One client until it leaves, misbehaves, or the device is stopped.
async fn attend(endpoint: Arc<Endpoint>, mut stream: TcpStream, mut alive: watch::Receiver<bool>) {
    loop {
        let request = tokio::select! {
            request = read_frame(&mut stream) => request,
            _ = alive.wait_for(|up| !up) => return,
        };
        let Some((header, pdu)) = request else { return };
        let Some(reply) = endpoint.answer(header[6], &pdu) else {
            continue;
        };
        if stream.write_all(&frame(header, &reply)).await.is_err() {
            return;
        }
    }
}

/// The seven header bytes and the PDU; `None` at the end of the stream or for a malformed header.
async fn read_frame(stream: &mut TcpStream) -> Option<([u8; 7], Vec<u8>)> {
    let mut header = [0; 7];
    stream.read_exact(&mut header).await.ok()?;
    let protocol = u16::from_be_bytes([header[2], header[3]]);
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if protocol != 0 || !(2..=254).contains(&length) {
        return None;
    }
    let mut pdu = vec![0; length - 1];
    stream.read_exact(&mut pdu).await.ok()?;
    Some((header, pdu))
}

fn frame(header: [u8; 7], reply: &[u8]) -> Vec<u8> {
    let length = (reply.len() + 1) as u16;
    let mut frame = header[..4].to_vec();
    frame.extend(length.to_be_bytes());
    frame.push(header[6]);
    frame.extend(reply);
    frame
}

impl Endpoint {
    fn answer(&self, unit: u8, pdu: &[u8]) -> Option<Vec<u8>> {
        if self.is_too_soon() {
            return pdu.first().map(|function| vec![function | 0x80, SLAVE_BUSY]);
        }
        self.shared.lock().modbus(&self.address, unit, pdu)
    }

    fn is_too_soon(&self) -> bool {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // A millisecond of grace: the two clocks' timers are no better.
        let grace = Duration::from_millis(1);
        let soon = last.is_some_and(|last| now.duration_since(last) + grace < self.gap);
        *last = Some(now);
        soon
    }
}
