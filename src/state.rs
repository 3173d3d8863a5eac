//! What we believe: balances, stores, availability, and the worst case of what is not known.

mod believed;

pub use believed::{AssetState, Availability, Believed, BusState, Running, SiteState, Weather, Window};
