//! What the kernel and the user side of wsgiprobe share.
//!
//! - [`account`]: what a thread did with its time.
//! - [`handover`]: a request in the hands of a mod_wsgi daemon.
//! - [`environ`]: the names in the environ that a daemon is sent.
//! - [`intern`]: texts that many requests share, kept once.
//! - [`event`]: the record that crosses the ring buffer, one per finished request.
//! - [`stats`]: the counters that make every loss visible.
//! - [`limits`]: every capacity, with its reason.
//! - [`config`]: what user space tells the programs before they are loaded.
//! - [`pairing`]: the state machine that turns reads and writes into requests.
//!
//! The crate is `no_std` and holds no kernel call: the same code runs in the
//! kernel programs, in unit and property tests, and under a fuzzer.
#![no_std]

pub mod account;
pub mod config;
pub mod environ;
pub mod event;
pub mod handover;
pub mod intern;
pub mod limits;
pub mod pairing;
pub mod stats;
pub mod watched;
