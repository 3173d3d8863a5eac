//! One binary of integration tests, by subject: each would link the solver anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bad_site;
mod checker;
mod dispatch;
mod dispatch_park;
mod forecast;
mod hexctl;
mod keys;
mod live;
mod park;
mod pki;
mod proposals;
mod rpc;
mod rpc_park;
mod rpc_proposals;
mod rpc_tls;
mod rpc_tls_live;
mod small_office;
mod solver;
mod tls_files;
mod twin;
mod virtual_day;
mod wire_bench;
mod wire_codec;
mod wire_modbus;
mod wire_mqtt;
mod wire_mqtt_bench;
mod wire_mqtt_broker;
mod wire_mqtt_faults;
mod wire_mqtt_tls;
mod wire_profiles;
