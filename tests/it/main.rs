//! Integration tests, one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod checker;
mod dispatch;
mod forecast;
mod park;
mod solver;
