//! Miri on `profiler-common`, where the toolchain has it.

use anyhow::Result;

use crate::command;
use crate::workspace::cargo;

/// Why it cannot be run, if so.
pub fn missing() -> Option<&'static str> {
    match command::first_line(cargo().args(["miri", "--version"])) {
        Some(_) => None,
        None => Some("this toolchain has no Miri (`rustup component add miri`, nightly only)"),
    }
}

/// Runs the crate's tests but for the properties: Miri is some hundred times slower.
pub fn run() -> Result<()> {
    let mut miri = cargo();
    miri.args(["miri", "test", "--package=profiler-common", "--lib"]);
    command::run(miri.args(["--test=pairing", "--", "--skip=properties"]))
}
