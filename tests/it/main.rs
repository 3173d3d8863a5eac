//! One binary of integration tests, by subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod hexctl;
mod rpc;
mod rpc_park;
mod twin;
mod virtual_day;
mod wire_codec;
mod wire_profiles;
