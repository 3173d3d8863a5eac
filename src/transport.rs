//! Bytes to and from the park: connections with a deadline. Nothing here knows what the bytes mean.

#![deny(clippy::indexing_slicing)]

pub mod mqtt;
pub mod tcp;
pub mod tls;
