//! What a person configures: the strict site file, and the daemon's layered settings. Every mistake names file, line,
//! key and remedy.
#![deny(clippy::indexing_slicing)]

mod assets;
mod document;
mod endpoint;
mod fit;
mod load;
mod mistake;
mod physics;
mod resolve;
mod shape;
mod site_file;
mod suggest;
mod tariff;

pub use load::{load_site, read_site};
pub use mistake::FileError;
pub use site_file::site_schema;
