//! One Modbus connection. After a time-out, a mismatch or a broken transport the connection is dropped: a reply that
//! comes late must find nobody to believe it.

use std::sync::Arc;
use std::time::Duration;

use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::slave::{Slave, SlaveContext};
use tokio_modbus::{Error, Request, Response};

use super::codec::{ReadBlock, WriteRequest};
use crate::devices::Monotonic;
use crate::devices::profile::ModbusWire;
use crate::devices::profile::file::Kind;
use crate::site::Reason;
use crate::transport::tcp::{Dial, connect};
use crate::units::Mono;

/// Longest wait for a connection.
pub const CONNECT: Duration = Duration::from_secs(3);

/// Why a call gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The device answered with an exception; the connection is good.
    Exception(u8),
    /// The connection is gone.
    Lost(Reason),
}

/// The connection to one address.
pub struct Line {
    address: String,
    dial: Dial,
    clock: Monotonic,
    context: Option<Context>,
    last: Mono,
    /// Replies since the connection was made.
    pub replies: u64,
}

impl Line {
    /// Not connected yet.
    pub fn new(address: String, dial: Dial, clock: Monotonic) -> Self {
        Self { address, dial, clock: Arc::clone(&clock), context: None, last: Mono(0), replies: 0 }
    }

    /// Whether there is a connection.
    pub const fn is_up(&self) -> bool {
        self.context.is_some()
    }

    /// Connects.
    pub async fn open(&mut self) -> Result<(), Reason> {
        self.replies = 0;
        match connect(&self.dial, &self.address, CONNECT).await {
            Ok(stream) => {
                self.context = Some(tcp::attach_slave(stream, Slave(0)));
                Ok(())
            }
            Err(e) if e.kind() == std::io::ErrorKind::TimedOut => Err(Reason::DeviceTimeout),
            Err(_) => Err(Reason::Disconnected),
        }
    }

    /// Registers (or 0/1 per bit).
    pub async fn read(&mut self, unit: u8, wire: &ModbusWire, block: &ReadBlock) -> Result<Vec<u16>, Failure> {
        let (at, count) = (block.address, block.count);
        let request = match block.kind {
            Kind::Coil => Request::ReadCoils(at, count),
            Kind::Discrete => Request::ReadDiscreteInputs(at, count),
            Kind::Input => Request::ReadInputRegisters(at, count),
            Kind::Holding => Request::ReadHoldingRegisters(at, count),
        };
        let words = match self.call(unit, wire, request).await? {
            Response::ReadInputRegisters(w) | Response::ReadHoldingRegisters(w) => w,
            // The wire fills up whole bytes; the surplus bits mean nothing.
            Response::ReadCoils(b) | Response::ReadDiscreteInputs(b)
                if b.len() == usize::from(count).next_multiple_of(8) =>
            {
                b.into_iter().take(usize::from(count)).map(u16::from).collect()
            }
            _ => Vec::new(),
        };
        if words.len() == usize::from(count) { Ok(words) } else { Err(self.drop_for(Reason::BadReply)) }
    }

    /// Writes, and checks that the acknowledgement names what was written.
    pub async fn write(&mut self, unit: u8, wire: &ModbusWire, w: &WriteRequest) -> Result<(), Failure> {
        let first = w.words.first().copied().unwrap_or(0);
        let bits: Vec<bool> = w.words.iter().map(|w| *w != 0).collect();
        let request = match w.function {
            5 => Request::WriteSingleCoil(w.address, first != 0),
            6 => Request::WriteSingleRegister(w.address, first),
            15 => Request::WriteMultipleCoils(w.address, bits.into()),
            _ => Request::WriteMultipleRegisters(w.address, w.words.clone().into()),
        };
        let count = |n: u16| usize::from(n) == w.words.len();
        let ok = match self.call(unit, wire, request).await? {
            Response::WriteSingleCoil(a, v) => a == w.address && v == (first != 0),
            Response::WriteSingleRegister(a, v) => a == w.address && v == first,
            Response::WriteMultipleCoils(a, n) | Response::WriteMultipleRegisters(a, n) => a == w.address && count(n),
            _ => false,
        };
        if ok { Ok(()) } else { Err(self.drop_for(Reason::BadReply)) }
    }

    /// One exchange. Run to its end or to its deadline, never cancelled from outside.
    async fn call(&mut self, unit: u8, wire: &ModbusWire, request: Request<'_>) -> Result<Response, Failure> {
        let rest = wire.min_gap.saturating_sub((self.clock)().since(self.last));
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
        let Some(context) = &mut self.context else { return Err(Failure::Lost(Reason::Disconnected)) };
        context.set_slave(Slave(unit));
        let result = tokio::time::timeout(wire.timeout, context.call(request)).await;
        self.last = (self.clock)();
        match result {
            Ok(Ok(Ok(response))) => {
                self.replies += 1;
                Ok(response)
            }
            Ok(Ok(Err(exception))) => {
                self.replies += 1;
                Err(Failure::Exception(exception.into()))
            }
            Ok(Err(Error::Protocol(_))) => Err(self.drop_for(Reason::BadReply)),
            Ok(Err(Error::Transport(e))) if e.kind() == std::io::ErrorKind::InvalidData => {
                Err(self.drop_for(Reason::BadReply))
            }
            Ok(Err(Error::Transport(_))) => Err(self.drop_for(Reason::Disconnected)),
            Err(_) => Err(self.drop_for(Reason::DeviceTimeout)),
        }
    }

    fn drop_for(&mut self, reason: Reason) -> Failure {
        self.context = None;
        Failure::Lost(reason)
    }
}
