//! hexad: the controller daemon of an industrial-park microgrid.
//!
//! # Bird's eye
//! ```text
//! devices --Reading--> telemetry --Image--> state --SiteState--> forecast --Horizon--> dispatch --Plan--> control --Setpoint--> devices
//!                                             `----SiteState--> transition --Mode--> (dispatch, control)
//!            one Snapshot per cycle: what was read, believed, decided and why --(fan-out in app)--> rpc, store
//! ```
//! Three clocks, none waiting for another: the drivers at each device's pace; the cycle each second on its own thread, from
//! the last image, never from the wire; the dispatch every few seconds in a child process that can be killed.
//!
//! # Rooms, in flow order
//! [`units`] quantities and the two times; [`site`] what the site is; [`config`] the strict site file and the daemon's settings;
//! [`transport`] and [`devices`] the wires; [`telemetry`] what was read; [`state`] what is believed; [`forecast`] what is to come;
//! [`dispatch`] what is best and what it is worth; [`solver`] HiGHS behind a session; [`transition`] the mode; [`control`] what is
//! told, guard last; [`cycle`] the controller on one page; [`snapshot`] the core's only face; [`backtest`] the same core over recorded series; [`store`] what must survive; [`rpc`]
//! the operators' interface; [`app`] the one room that knows all others. `tests/tidy.rs` holds who may import whom.
//!
//! # Invariants
//! - Everything from `telemetry` to `cycle` is plain data and pure functions: no clock, no file, no task.
//! - A reading is a value or a reason. What is unknown is replaced by its worst case by direction, never by 0.
//! - Injection into a bus is positive. Signs flip in device profiles and nowhere else.
//! - Every setpoint has a lease; a [`site::Setpoint`] is made in [`control`] only, and the guard speaks last.
//! - A plan always exists or is replaced by rules; a late or failed solve is normal.
//!
//! # Words
//! *bus*: one carrier at one level; *asset*: what injects or takes; *port*: where an asset meets a bus; *device*: one endpoint;
//! *profile*: one device model's register map; *point*: an addressable datum; *image*: all points at one cycle; *plan*: powers,
//! commitments and prices over the horizon; *PCC*: point of common coupling; *reversion*: how a device ends a command by itself.

pub mod app;
pub mod backtest;
pub mod clock;
pub mod config;
pub mod control;
pub mod cycle;
pub mod devices;
pub mod dispatch;
pub mod forecast;
pub mod proto;
pub mod rpc;
pub mod site;
pub mod snapshot;
pub mod solver;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod transition;
pub mod transport;
pub mod units;
