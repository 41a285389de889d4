//! A disk that is full: that of the spool, and that of InfluxDB.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::apache::Apache;
use harness::backends;
use harness::influx::Influx;
use harness::run::Run;
use harness::wait;
use tempfile::TempDir;

use super::{
    BACKEND, DATABASE, all_there, caught_up, conf, nothing_lost, some_load, under_load, watch,
};

/// A file system in memory that is soon full.
struct Small {
    folder: TempDir,
}

impl Small {
    fn mount(size: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("wsgiprobe-small-")
            .tempdir()?;
        let options = format!("size={size},mode=0700");
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path()))?;
        Ok(Self { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn grow(&self, size: &str) -> Result<()> {
        let options = format!("remount,size={size}");
        run(Command::new("mount")
            .args(["-o", &options])
            .arg(self.path()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: who still uses it is stopped after this.
        if let Err(error) = run(Command::new("umount").arg("--lazy").arg(self.path())) {
            eprintln!("{error:#}");
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// It is told, and the points wait in memory.
#[test]
fn of_the_spool() -> Result<()> {
    backends::run(BACKEND, |_| {
        let mut influx = Influx::start()?;
        influx.create(DATABASE)?;
        let small = Small::mount("48k")?;
        let apache = Apache::start(conf())?;
        let probe = watch(&apache, &influx, small.path())?;
        influx.kill()?;
        let mut sent = 0;
        wait::until("the spool's disk to be full", || {
            sent += some_load(&apache, sent)?;
            Ok(probe.said().contains("No space left on device"))
        })?;
        sent += some_load(&apache, sent)?;
        influx.start_again()?;
        caught_up(&influx, sent)?;
        let evidence = Run { apache, probe }.finish(sent)?;
        ensure!(
            evidence.report.stderr.contains("points wait in memory"),
            "{}",
            evidence.report.stderr
        );
        nothing_lost(&evidence.report)?;
        all_there(&influx, &evidence.entries)
    })
}

/// It says so (500), and gets everything once there is room. 1.6.7 says so until it is
/// started again: its writer of the log keeps its first error.
#[test]
fn of_influxdb() -> Result<()> {
    backends::run(BACKEND, |_| {
        let small = Small::mount("256k")?;
        let mut influx = Influx::start_in(Some(small.path()))?;
        influx.create(DATABASE)?;
        let spool = tempfile::tempdir()?;
        let apache = Apache::start(conf())?;
        let probe = watch(&apache, &influx, spool.path())?;
        let sent = under_load(&apache, || {
            wait::until("InfluxDB's disk to be full", || {
                Ok(probe.said().contains("no space left on device"))
            })?;
            small.grow("256m")?;
            influx.kill()?;
            influx.start_again()
        })?;
        caught_up(&influx, sent)?;
        let evidence = Run { apache, probe }.finish(sent)?;
        evidence.check().run()?;
        nothing_lost(&evidence.report)?;
        all_there(&influx, &evidence.entries)
    })
}
