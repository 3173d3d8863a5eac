//! What ties the rooms to the machine.

pub mod solver_child;
