//! A password that is put right while wsgiprobe runs, confined as always.

use std::fs;

use anyhow::{Context, Result};
use harness::apache::Apache;
use harness::backends::{self, Backend};
use harness::influx::{Influx, PASSWORD, USER};
use harness::probe::Probe;
use harness::run::Run;
use harness::wait;

use super::{BACKEND, DATABASE, all_there, caught_up, conf, nothing_lost, some_load};
use crate::influxdb::arguments;

/// How the file is put right.
#[derive(Clone, Copy)]
enum How {
    Written,
    Replaced,
}

fn put_right(how: How) -> Result<()> {
    let influx = Influx::start_guarded()?;
    influx.create(DATABASE)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("password");
    fs::write(&file, "outdated")?;
    let apache = Apache::start(conf())?;
    let mut arguments = arguments(&apache, &influx.url())?;
    let path = file.to_str().context("no UTF-8")?;
    let login = ["--influx-user", USER, "--influx-password-file", path];
    arguments.extend(login.map(str::to_owned));
    let probe = Probe::start(BACKEND, arguments)?;
    let mut sent = some_load(&apache, 0)?;
    wait::until("the password to be refused", || {
        Ok(probe.said().contains("401"))
    })?;
    match how {
        How::Written => fs::write(&file, PASSWORD)?,
        How::Replaced => {
            let new = folder.path().join("new");
            fs::write(&new, PASSWORD)?;
            fs::rename(new, &file)?;
        }
    }
    sent += some_load(&apache, 1)?;
    caught_up(&influx, sent)?;
    let evidence = Run { apache, probe }.finish(sent)?;
    nothing_lost(&evidence.report)?;
    all_there(&influx, &evidence.entries)
}

#[test]
fn written_into_its_file() -> Result<()> {
    backends::run(BACKEND, |_: Backend| put_right(How::Written))
}

#[test]
fn in_a_file_of_the_same_name() -> Result<()> {
    backends::run(BACKEND, |_: Backend| put_right(How::Replaced))
}
