//! What a person configures: the strict site file, and the daemon's layered settings. Every mistake names file, line,
//! key and remedy.
#![deny(clippy::indexing_slicing)]

mod assets;
mod brokers;
mod check_table;
mod document;
mod duties;
mod endpoint;
mod fit;
mod load;
mod machines;
mod mistake;
mod physics;
mod resolve;
mod rig;
mod settings;
mod shape;
mod site_file;
mod suggest;
mod tariff;

pub use check_table::check_table;
pub use load::{load_site, read_site};
pub use mistake::FileError;
pub use rig::{Rig, parse_rig, read_rig};
pub use settings::{DEFAULT_FILE, ENVIRONMENT_PREFIX, LogFormat, Settings, Sources, TlsFiles, load_settings};
pub use site_file::site_schema;
