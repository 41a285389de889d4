//! A private Rotel: an OpenTelemetry collector that prints what it decoded.

mod install;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::emulated::emulated;
use crate::express::cache;
use crate::process::Guarded;
use crate::{ports, skip, wait};

/// How often a port that was taken meanwhile is replaced by another.
const ATTEMPTS: u32 = 4;

/// A running collector; it stops when dropped.
pub struct Rotel {
    server: Guarded,
    data: TempDir,
    /// Its port for gRPC.
    pub grpc: u16,
    /// Its port for HTTP.
    pub http: u16,
}

impl Rotel {
    /// Starts it; `None`, and says so, in a guest without it: guests have no network to
    /// install it from.
    pub fn start() -> Result<Option<Self>> {
        if emulated() && install::program(&cache()?).is_none() {
            skip::say("Rotel is not in this guest, and no network to get it from");
            return Ok(None);
        }
        for _ in 0..ATTEMPTS {
            if let Some(rotel) = Self::launch()? {
                return Ok(Some(rotel));
            }
        }
        bail!("no rotel after {ATTEMPTS} attempts")
    }

    fn launch() -> Result<Option<Self>> {
        let program = installed()?;
        let data = tempfile::Builder::new()
            .prefix("wsgiprobe-rotel-")
            .tempdir()?;
        let (grpc, http) = (ports::free()?, ports::free()?);
        let mut command = Command::new(program);
        command.arg("start");
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
        command.args([
            "--exporter",
            "blackhole",
            "--debug-log",
            "metrics",
            "--debug-log",
            "traces",
        ]);
        command.args(["--debug-log-verbosity", "detailed"]);
        let log = fs::File::create(data.path().join("log"))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .env("HOME", data.path());
        let mut server = Guarded::spawn(&mut command)?;
        let listens = |port| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let ready = wait::value("rotel to listen", || {
            if server.try_wait()?.is_some() {
                return Ok(Some(false));
            }
            Ok((listens(grpc) && listens(http)).then_some(true))
        })?;
        Ok(ready.then_some(Self {
            server,
            data,
            grpc,
            http,
        }))
    }

    /// All that it has printed so far.
    pub fn said(&self) -> Result<String> {
        fs::read_to_string(self.data.path().join("log")).context("rotel's log")
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        // Before its data goes.
        self.server.stop().ok();
    }
}

/// The program, installed once and kept.
fn installed() -> Result<PathBuf> {
    let cache = cache()?;
    match install::program(&cache) {
        Some(program) => Ok(program),
        None => install::install(&cache),
    }
}
