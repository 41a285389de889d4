//! The harness of wsgiprobe's end-to-end tests: real servers, a real client, and
//! a comparison of what wsgiprobe reported with what Apache logged.
//!
//! # Layout
//! - [`apache`]: a private Apache with mod_wsgi; [`access_log`]: what it logged,
//!   the ground truth. [`express`]: the same for mod_wsgi-express. [`site`]: what
//!   they serve; [`server`]: what they have in common.
//! - [`client`]: an HTTP client that decides how its bytes are cut.
//! - [`probe`]: wsgiprobe under test; [`report`]: what it wrote.
//! - [`run`]: one Apache, watched by one wsgiprobe: what nearly every test uses.
//! - [`matching`]: the comparison; [`latency`]: its figures ([`figures`]).
//! - [`mod@reference`]: mod_wsgi's own events, the other ground truth: where the time
//!   went. [`report::parts`]: what wsgiprobe says of it.
//! - [`measured`]: what the application says that a request did to its thread.
//! - [`load`]: many requests from several clients; [`cases`]: of several kinds.
//! - [`busy`]: cores with no time.
//! - [`backends`]: every test once for each hook back end.
//! - [`emulated`]: processors that are not real; [`skip`]: what cannot run here.
//! - [`browser`]: a real Chromium, for the web page.
//! - [`tmux`]: a terminal, and a shell in it.
//! - [`influx`]: a private InfluxDB; [`prometheus`]: a Prometheus; [`rotel`]: an OpenTelemetry
//!   collector; [`tls`]: a TLS end before it; [`stores`]: a private Redis and Postgres.
//! - [`process`], [`ports`], [`wait`]: child processes, sockets, conditions.
//! - [`failures`]: all that is wrong, instead of the first; [`accuracy`]: bounds of times.
//!
//! Servers are our own children and are stopped by pid when dropped, panics
//! included. What they and wsgiprobe wrote to their logs is printed then; the
//! test runner shows it for failed tests only.

pub mod access_log;
pub mod accuracy;
pub mod apache;
pub mod backends;
pub mod browser;
pub mod busy;
pub mod cases;
pub mod client;
mod daemons;
pub mod emulated;
pub mod express;
pub mod failures;
pub mod figures;
pub mod influx;
pub mod latency;
pub mod load;
pub mod matching;
pub mod measured;
pub mod ports;
pub mod probe;
pub mod process;
pub mod prometheus;
pub mod reference;
pub mod report;
pub mod rotel;
pub mod run;
pub mod server;
pub mod site;
pub mod skip;
pub mod stores;
pub mod tls;
pub mod tmux;
pub mod wait;
