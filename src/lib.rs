//! hexad: the controller of an industrial-park microgrid.

pub mod cycle;
pub mod dispatch;
pub mod clock;
pub mod control;
pub mod forecast;
pub mod site;
pub mod snapshot;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod transition;
pub mod units;
