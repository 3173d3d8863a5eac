//! One binary of integration tests, by subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod wire_bench;
mod wire_codec;
mod wire_modbus;
mod wire_mqtt;
mod wire_profiles;
