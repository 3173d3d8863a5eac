//! What is to come: load, PV, wind, prices, over the horizon of the dispatch.

mod horizon;

pub use horizon::{Horizon, Interval, TimeGrid};
