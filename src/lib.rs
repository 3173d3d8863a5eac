//! hexad: the controller of an industrial-park microgrid.

pub mod site;
pub mod units;
