//! What must survive: the controller's memory, replaced atomically, and the journal, appended to.

pub mod journal;
mod kept;

pub use kept::{Kept, KeptError};
