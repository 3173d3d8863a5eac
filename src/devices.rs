//! Devices: what speaks to the park's machines. Knows registers and topics, not what a machine is for.

pub mod modbus;
pub mod mqtt;
pub mod profile;
mod proof;
