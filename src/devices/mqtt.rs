//! MQTT.

pub mod codec;
