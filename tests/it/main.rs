//! One binary of integration tests, by subject: each would link the solver anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bad_site;
mod checker;
mod dispatch;
mod dispatch_park;
mod forecast;
mod hexctl;
mod journal;
mod journal_live;
mod live;
mod park;
mod proposals;
mod rpc;
mod rpc_park;
mod rpc_proposals;
mod small_office;
mod solver;
mod twin;
mod virtual_day;
mod wire_bench;
mod wire_codec;
mod wire_modbus;
mod wire_mqtt;
mod wire_profiles;
