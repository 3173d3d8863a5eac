//! hexad: the controller of an industrial-park microgrid.

pub mod app;
pub mod dispatch;
pub mod forecast;
pub mod site;
pub mod solver;
pub mod state;
pub mod units;
