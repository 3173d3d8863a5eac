//! hexad: the controller of an industrial-park microgrid.

pub mod dispatch;
pub mod forecast;
pub mod proto;
pub mod rpc;
pub mod site;
pub mod snapshot;
pub mod state;
pub mod units;
