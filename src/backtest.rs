//! The same core over recorded series: what a year would have cost under the house's plans, under rules, without any
//! controller, with perfect foresight, and at the very least.
//!
//! A step of the series is walked in two halves. At its beginning a plan is made from what is known then: the
//! [`crate::state::SiteState`] the plant has come to, the past in a [`crate::forecast::History`]. Then the step happens:
//! [`crate::dispatch::settle`] carries the plan out under what really is, as the daemon does between two plans. What
//! comes out moves the plant and is billed by the same elements that planned it, whoever decided.
//!
//! No clock and no files: series come as `impl Read`, traces go to an `impl Write`, a stopwatch is an argument.

mod bound;
mod foresight;
mod meter;
mod plant;
mod report;
mod run;
mod series;
mod trace;

pub use bound::bound;
pub use report::Report;
pub use run::{Policy, Run, Tools, run};
pub use series::{Series, SeriesError};
