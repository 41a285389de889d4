//! Which processes to watch.
//!
//! [`snapshot`] reads the process table once; [`apache`] and [`listen`] tell
//! servers from the rest; [`cgroup`] knows containers; [`table`] reads listening sockets; [`select`] turns what
//! the user named into root processes; [`describe`] words it for people. A process
//! is its id *and* its start time, so that a reused id is never taken for the one
//! that was meant.
//!
//! Policy: only roots are chosen. Their descendants follow from them, and those
//! forked later are followed in the kernel.

pub mod apache;
pub mod cgroup;
pub mod describe;
mod diag;
pub mod listen;
pub mod select;
pub mod snapshot;
pub mod table;

pub use select::{Error, Selection};
pub use snapshot::{Process, ProcessId, Snapshot};
