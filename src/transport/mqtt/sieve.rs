//! Passes over packets that are too large, and says of which topic: one retained message without bounds must not cost the
//! connection each time it is made, and with it every other device behind the broker.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::tcp::Stream;

const CHUNK: usize = 4096;
const PUBLISH: u8 = 3;

type Tell = Box<dyn FnMut(String) + Send + Sync>;

/// Where in the stream of packets.
#[derive(Debug)]
enum At {
    Head(Vec<u8>),
    Kept(usize),
    /// Bytes left, and the first of the packet until they tell the topic.
    Passed(usize, Option<Vec<u8>>),
}

/// A stream whose incoming packets are at most so large.
pub struct Sieve {
    inner: Box<dyn Stream>,
    max: usize,
    at: At,
    kept: VecDeque<u8>,
    tell: Tell,
}

impl fmt::Debug for Sieve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sieve").field("inner", &self.inner).field("at", &self.at).finish_non_exhaustive()
    }
}

impl Sieve {
    /// `tell` is given the topic of each message that is passed over.
    pub fn new(inner: Box<dyn Stream>, max: usize, tell: impl FnMut(String) + Send + Sync + 'static) -> Self {
        Self { inner, max, at: At::Head(Vec::new()), kept: VecDeque::new(), tell: Box::new(tell) }
    }

    fn sift(&mut self, mut chunk: &[u8]) {
        while let Some((first, rest)) = chunk.split_first() {
            match &mut self.at {
                At::Head(head) => {
                    head.push(*first);
                    chunk = rest;
                    if head.len() == 5 || (head.len() > 1 && first & 0x80 == 0) {
                        self.begin();
                    }
                }
                At::Kept(left) => {
                    let (part, after) = chunk.split_at((*left).min(chunk.len()));
                    self.kept.extend(part);
                    *left -= part.len();
                    chunk = after;
                }
                At::Passed(left, start) => {
                    let (part, after) = chunk.split_at((*left).min(chunk.len()));
                    if let Some(topic) = start.as_mut().and_then(|s| topic(s, part)) {
                        *start = None;
                        (self.tell)(topic);
                    }
                    *left -= part.len();
                    chunk = after;
                }
            }
            if matches!(self.at, At::Kept(0) | At::Passed(0, _)) {
                self.at = At::Head(Vec::new());
            }
        }
    }

    /// A fixed header is complete.
    fn begin(&mut self) {
        let At::Head(head) = std::mem::replace(&mut self.at, At::Kept(0)) else { return };
        let length = head.iter().skip(1).rev().fold(0, |sum, b| sum << 7 | usize::from(b & 0x7F));
        if head.len() + length <= self.max {
            self.kept.extend(&head);
            self.at = At::Kept(length);
        } else {
            let publish = head.first().is_some_and(|b| b >> 4 == PUBLISH);
            self.at = At::Passed(length, publish.then(Vec::new));
        }
    }
}

/// The topic, once `start` and what follows hold it whole.
fn topic(start: &mut Vec<u8>, part: &[u8]) -> Option<String> {
    let room = 2 + usize::from(u16::MAX) - start.len();
    start.extend(part.iter().take(room));
    let (length, rest) = start.split_first_chunk::<2>()?;
    let name = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    Some(String::from_utf8_lossy(name).into_owned())
}

impl AsyncRead for Sieve {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.kept.is_empty() {
            let mut bytes = [0; CHUNK];
            let mut chunk = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.sift(chunk.filled());
        }
        let count = self.kept.len().min(out.remaining());
        for byte in self.kept.drain(..count) {
            out.put_slice(&[byte]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Sieve {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn publish(topic: &str, payload: usize) -> Vec<u8> {
        let mut length = 2 + topic.len() + payload;
        let mut packet = vec![0x30];
        while length > 127 {
            packet.push((length & 0x7F) as u8 | 0x80);
            length >>= 7;
        }
        packet.push(length as u8);
        packet.extend((topic.len() as u16).to_be_bytes());
        packet.extend(topic.bytes());
        packet.extend(std::iter::repeat_n(b'x', payload));
        packet
    }

    #[tokio::test]
    async fn what_is_too_large_is_passed_over_wherever_the_stream_is_torn() {
        let small = [publish("a", 3), publish("b", 900), vec![0xD0, 0]].concat();
        let all = [publish("a", 3), publish("big/one", 70_000), publish("b", 900), publish("x", 999), vec![0xD0, 0]];
        for tear in [1, 2, 3, 7, 1000, 100_000] {
            let told = Arc::new(Mutex::new(Vec::new()));
            let tell = told.clone();
            let (near, mut far) = tokio::io::duplex(tear);
            let mut sieve = Sieve::new(Box::new(near), 1000, move |t| tell.lock().unwrap().push(t));
            let bytes = all.concat();
            tokio::spawn(async move { far.write_all(&bytes).await });
            let mut got = Vec::new();
            sieve.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, small, "torn every {tear}");
            assert_eq!(*told.lock().unwrap(), ["big/one", "x"]);
        }
    }
}
