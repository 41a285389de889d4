//! `cargo xtask run -- ARGS`: build wsgiprobe, then become it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::workspace;

/// What to hand to wsgiprobe.
#[derive(clap::Args)]
pub struct Options {
    /// wsgiprobe's own arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Replaces this process, so that signals and exit status are wsgiprobe's own.
pub fn run(options: &Options) -> Result<()> {
    let wsgiprobe = workspace::wsgiprobe()?;
    let error = Command::new(&wsgiprobe).args(&options.arguments).exec();
    Err(error).with_context(|| format!("starting {}", wsgiprobe.display()))
}
