//! Proves that a daemon's part in a request is told right: which process and thread
//! of which group served it, what becomes of it when the queue is too long, when the
//! daemon dies or is replaced, when the client has gone or the application goes on
//! after the answer; and in embedded mode what Apache served itself.

mod ends;
mod groups;

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::measured::Measured;
use harness::report::{Mode, Request};

/// The request was served by the process and thread that say so themselves, in the
/// group that they say.
fn served_by(request: &Request, mode: Mode, said: &Measured) -> Result<()> {
    ensure!(request.mode == Some(mode), "not {mode:?}: {request:?}");
    let apache = (Some(request.pid), Some(request.tid));
    let daemon = (request.daemon_pid, request.daemon_tid);
    let (served, other) = match mode {
        Mode::Daemon => (daemon, apache),
        _ => (apache, daemon),
    };
    let truth = (Some(said.pid), Some(said.tid));
    ensure!(served == truth, "served by {truth:?}: {request:?}");
    ensure!(other != truth, "served by both: {request:?}");
    let group = request.process_group.as_deref().unwrap_or_default();
    ensure!(
        group == said.group,
        "the group is {}: {request:?}",
        said.group
    );
    if mode != Mode::Daemon {
        ensure!(
            other == (None, None),
            "a daemon of an embedded one: {request:?}"
        );
    }
    Ok(())
}

/// At least so many milliseconds, with a little for clocks that are read apart.
fn at_least(request: &Request, name: &str, time: Option<u64>, milliseconds: u64) -> Result<()> {
    let time = Duration::from_nanos(request.known(name, time)?);
    let least = Duration::from_millis(milliseconds).saturating_sub(Duration::from_micros(100));
    ensure!(
        time >= least,
        "{name} is {time:?}, not {milliseconds} ms: {request:?}"
    );
    Ok(())
}

/// No longer than what contains it took by the test's clock.
fn within(request: &Request, name: &str, time: Option<u64>, whole: Duration) -> Result<()> {
    let time = Duration::from_nanos(request.known(name, time)?);
    ensure!(
        time < whole,
        "{name} is {time:?}, all of it took {whole:?}: {request:?}"
    );
    Ok(())
}
