//! hexad: the controller of an industrial-park microgrid.

pub mod app {
    //! The solver's child process alone; the rest of the room joins with the drivers.
    mod solver_child;
    pub use solver_child::SolverChild;
}
pub mod cycle;
pub mod dispatch;
pub mod clock;
pub mod control;
pub mod forecast;
pub mod site;
pub mod snapshot;
pub mod solver;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod transition;
pub mod units;
