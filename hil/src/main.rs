//! The rig as a program.

fn main() {}
