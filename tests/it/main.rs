//! One binary for all integration tests: each would link the solver anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hexctl;
mod rpc;
mod rpc_park;
