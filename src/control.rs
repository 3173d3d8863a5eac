//! Follow the plan, arbitrate proposals, share out what deviates by price, ramp, and guard: the last word before a device is told.
//! Knows no registers and no gRPC; the only room where a [`Setpoint`](crate::site::Setpoint) is made.

#![deny(clippy::indexing_slicing)]

mod arbiter;
mod follow;
mod guard;
mod issue;
mod proposals;
mod rules;
mod share;
mod wish;

pub use guard::{Guarded, narrow};
pub use issue::{Control, Decision, Inputs, Narrowed, decide};
pub use proposals::Proposals;
pub use share::{Flexible, Market, share};

#[cfg(test)]
mod tests;
