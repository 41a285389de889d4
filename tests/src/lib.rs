//! The harness of wsgiprobe's end-to-end tests: real servers, a real client, and
//! a comparison of what wsgiprobe reported with what Apache logged.
//!
//! # Layout
//! - [`apache`]: a private Apache with mod_wsgi; [`access_log`]: what it logged,
//!   the ground truth. [`express`]: the same for mod_wsgi-express.
//! - [`client`]: an HTTP client that decides how its bytes are cut.
//! - [`probe`]: wsgiprobe under test; [`report`]: what it wrote.
//! - [`run`]: one Apache, watched by one wsgiprobe: what nearly every test uses.
//! - [`matching`]: the comparison; [`latency`]: its figures.
//! - [`load`]: many requests from several clients.
//! - [`backends`]: every test once for each hook back end.
//! - [`influx`]: a private InfluxDB.
//! - [`process`], [`ports`], [`wait`]: child processes, sockets, conditions.
//!
//! Servers are our own children and are stopped by pid when dropped, panics
//! included. What they and wsgiprobe wrote to their logs is printed then; the
//! test runner shows it for failed tests only.

pub mod access_log;
pub mod apache;
pub mod backends;
pub mod client;
pub mod express;
pub mod influx;
pub mod latency;
pub mod load;
pub mod matching;
pub mod ports;
pub mod probe;
pub mod process;
pub mod report;
pub mod run;
pub mod wait;
