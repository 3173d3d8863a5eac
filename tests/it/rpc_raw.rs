//! An HTTP/2 client that keeps to no rule but those of the frame (RFC 9113), for what no library would send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rpc_park::soon;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// Error codes (RFC 9113, section 7).
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub struct Frame {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Of RST_STREAM and GOAWAY.
    pub fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The header block of a gRPC call (RFC 7541: indexed fields and literals without indexing).
pub fn call(path: &str) -> Vec<u8> {
    let text = |t: &str| [&[u8::try_from(t.len()).unwrap()], t.as_bytes()].concat();
    let mut block = vec![0x83, 0x86, 0x04];
    block.extend(text(path));
    block.push(0x01);
    block.extend(text("localhost"));
    block.extend([0x0F, 0x10]);
    block.extend(text("application/grpc"));
    block.push(0x00);
    block.extend([text("te"), text("trailers")].concat());
    block
}

/// A whole call with an empty message.
pub fn request(stream: u32, path: &str) -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, stream, &call(path));
    [head, frame(DATA, END_STREAM, stream, &[0; 5])].concat()
}

pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

pub struct Raw {
    pub io: TcpStream,
}

impl Raw {
    /// Connected, and the preface sent.
    pub async fn connect(address: &str) -> Self {
        let mut raw = Self { io: TcpStream::connect(address.trim_start_matches("http://")).await.unwrap() };
        raw.io.set_nodelay(true).unwrap();
        assert!(raw.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await);
        raw
    }

    /// Whether the server still takes it.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        soon(self.io.write_all(bytes)).await.is_ok()
    }

    /// The next frame; `None` at the end of the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        soon(self.io.read_exact(&mut head)).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        soon(self.io.read_exact(&mut payload)).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], stream, payload })
    }

    /// The code of the GOAWAY with which the server ends the connection, if it says one.
    pub async fn farewell(&mut self) -> Option<u32> {
        let mut said = None;
        while let Some(frame) = self.next().await {
            said = (frame.kind == GOAWAY).then(|| frame.code()).or(said);
        }
        said
    }
}
