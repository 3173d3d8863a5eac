//! What must survive: so far the controller's memory, replaced atomically.

mod kept;

pub use kept::{Kept, KeptError};
