//! SunSpec: a device says itself which models it has and where. Pure; the Modbus driver asks the questions.
//!
//! A profile names points of models (`103:W`). On each connection the models found [`resolve`] it into registers, and from
//! there on it is a Modbus device as any other.

mod chain;
mod der;
mod inverter;
mod meter;
pub mod models;
mod reference;
mod resolve;

pub use chain::{BASES, Found, MARKER, MODELS_MAX, step, walk};
pub use reference::{COMMANDS, Command, Reference, command};
pub use resolve::{factor, rate, resolve};
