//! What the devices show on their wires: Modbus units by register map, MQTT devices by topic.

pub mod map;
pub mod mqtt;
pub mod pdu;
pub mod unit;
