//! `wsgiprobe`: which requests Apache and mod_wsgi serve, and how long each takes.

use std::io::{self, Write};
use std::process::ExitCode;

use wsgiprobe::{cli, error, hosts};

fn main() -> ExitCode {
    hosts::own_ways_only();
    let invocation = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(answer) => {
            // `--help` and `--version` are answers too: they go to stdout, exit 0.
            let _ = answer.print();
            let status = if answer.use_stderr() { error::USAGE } else { 0 };
            return ExitCode::from(status);
        }
    };
    match wsgiprobe::run(invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // If stderr is closed, the exit status still tells.
            let _ = writeln!(io::stderr(), "{}", error::report(&problem));
            ExitCode::from(error::exit_status(&problem))
        }
    }
}
