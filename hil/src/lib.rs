//! The rig: a simulated park behind the devices' own registers and topics, and an independent judge.
//!
//! It is a second opinion on the controller: it reads the same site file and the same device manuals, and
//! shares no code with it. [`Rig`] is plain and synchronous, so that tests move it on in virtual time;
//! the program around it serves it over Modbus TCP and MQTT in real or scaled time.

mod baseline;
mod calendar;
mod demand;
mod ev;
mod fault;
mod judge;
mod noise;
mod plant;
mod rig;
mod series;
mod site;
mod sun;
mod truth;
mod weather;
mod wire;

pub use fault::{Fault, FaultKind};
pub use judge::Report;
pub use rig::{MqttSession, Options, Rig, default_start};
pub use series::{SeriesOptions, default_series_start, series};
pub use truth::{AssetTruth, Truth, WeatherTruth};
pub use wire::mqtt::Publication;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
