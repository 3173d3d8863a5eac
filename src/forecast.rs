//! What is to come: load, PV, wind, prices, over the horizon of the dispatch.

mod grid;
mod horizon;

pub use grid::QUARTER_S;
pub use horizon::{Horizon, Interval, TimeGrid};
