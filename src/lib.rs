//! hexad: the controller of an industrial-park microgrid.

pub mod devices;
pub mod site;
pub mod transport;
pub mod units;
