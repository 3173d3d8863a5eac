//! Modbus TCP.

pub mod codec;
