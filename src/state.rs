//! What we believe: balances, stores, availability, and the worst case of what is not known.

#![deny(clippy::indexing_slicing)]

mod balance;
mod believe;
mod believed;
mod demand;
mod matching;
mod today;
mod withheld;

pub use balance::{Finding, Suspicion};
pub use believe::{Belief, Survivors, believe};
pub use believed::{AssetState, Availability, Believed, BusState, Running, SiteState, Weather, Window};
pub use today::{Day, Today};
