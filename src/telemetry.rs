//! What was read: the process image, each value judged by age, range and liveliness. Knows no protocol.

#![deny(clippy::indexing_slicing)]

mod ingest;

pub use ingest::{Telemetry, ingest};
