//! The user side of wsgiprobe.

pub mod model;
pub mod probe;
