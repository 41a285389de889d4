//! One Apache, watched by one wsgiprobe: the frame of nearly every test.

use anyhow::{Context, Result, ensure};

use crate::access_log::Entry;
use crate::apache::{Apache, Conf};
use crate::backends::Backend;
use crate::matching::Check;
use crate::probe::{Probe, Report};
use crate::server::Server;

/// A watched Apache.
pub struct Run<S = Apache> {
    /// The server.
    pub apache: S,
    /// Its observer.
    pub probe: Probe,
}

/// What both sides say of the same requests.
pub struct Evidence {
    /// Apache's log: the truth.
    pub entries: Vec<Entry>,
    /// What wsgiprobe said.
    pub report: Report,
}

impl Run {
    /// Starts the server, then wsgiprobe.
    pub fn start(backend: Backend, conf: Conf) -> Result<Self> {
        Self::attach(backend, Apache::start(conf)?)
    }
}

impl<S: Server> Run<S> {
    /// Starts wsgiprobe on a server that runs already.
    pub fn attach(backend: Backend, apache: S) -> Result<Self> {
        let probe = Probe::attach(backend, apache.pid()?)?;
        Ok(Self { apache, probe })
    }

    /// Waits until `count` requests are over and their connections closed, ends
    /// wsgiprobe, and gives what both sides have to say.
    pub fn finish(self, count: usize) -> Result<Evidence> {
        let evidence = self.finish_whatever(count)?;
        let code = evidence.report.exit_code;
        ensure!(
            code == Some(0),
            "exit status {code:?}: {}",
            evidence.report.stderr
        );
        Ok(evidence)
    }

    /// As [`Self::finish`], with any exit status.
    pub fn finish_whatever(self, count: usize) -> Result<Evidence> {
        let entries = self.apache.settle(count)?;
        let report = self.probe.finish()?;
        let port = self.apache.port();
        let others = report
            .requests
            .iter()
            .find(|request| request.server.port() != port);
        ensure!(others.is_none(), "not a request to port {port}: {others:?}");
        Ok(Evidence { entries, report })
    }
}

impl Evidence {
    /// Leaves aside what Apache logged of that path.
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        self.entries
            .retain(|entry| entry.path.as_deref() != Some(path));
        self
    }

    /// The logged request of that path.
    pub fn logged(&self, path: &str) -> Result<&Entry> {
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.path.as_deref() == Some(path));
        entry.with_context(|| format!("{path} was not logged"))
    }

    /// The strict comparison of both sides.
    pub fn check(&self) -> Check<'_> {
        Check::new(&self.entries, &self.report)
    }
}
