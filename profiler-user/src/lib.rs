//! The user side of wsgiprobe: a pipeline in which data flows one way.
//!
//! ```text
//!  kernel       hooks -> pairing -> ring buffer ----+      probe: load, attach, watch
//!  -------------------------------------------------|---------------------------------
//!  user space                                       v
//!        ingest ---> model::Request -+--> aggregate -+--> sinks     InfluxDB, JSON lines
//!        (decode)    (route: request)|               |
//!                            /proc --+--> pool ------+--> output    lines for people
//!                                                     +--> history --> report, web
//!
//!        counters of both sides -------------------------> summary   seen = reported + ...
//! ```
//!
//! A stage imports only earlier stages and [`model`]; only [`pipeline`] sees all
//! of them. Beside the line: [`cli`] says what is wanted, [`discovery`] which
//! processes that means, [`limits`] what bounds it, [`privileges`] what it is allowed,
//! and [`error`] what the exit status is when it fails. [`tick`] is what all screens and
//! sinks are told as a window ends, [`tui`] the screen of a terminal, [`dashboards`] what Grafana shows of
//! [`metrics`], [`containers`] where a process runs, [`identity`] what a series says of that,
//! [`health`] what a supervisor is told; [`hosts`] keeps a static binary to itself, and
//! [`give_back`] lets go of what the start took.

pub mod aggregate;
pub mod check;
pub mod cli;
pub mod compare;
pub mod containers;
pub mod dashboards;
pub mod discovery;
pub mod error;
pub mod give_back;
pub mod health;
pub mod history;
pub mod hosts;
pub mod identity;
pub mod ingest;
pub mod limits;
pub mod measure;
pub mod metrics;
pub mod model;
pub mod output;
pub mod pipeline;
pub mod pool;
pub mod privileges;
pub mod probe;
pub mod report;
pub mod request;
mod serve;
pub mod sinks;
pub mod summary;
pub mod tick;
pub mod tui;
pub mod web;

use std::io::{self, Write};

use anyhow::{Context, Result};
use cli::Invocation;

/// Does what the command line asks for.
pub fn run(invocation: Invocation) -> Result<()> {
    match invocation {
        Invocation::Watch(settings) => pipeline::run(*settings),
        Invocation::Check { json } => {
            let report = check::Report::of_this_host();
            let said = if json { report.json()? } else { report.text() };
            print(said.as_bytes())?;
            anyhow::ensure!(report.usable(), probe::Error::unusable());
            Ok(())
        }
        Invocation::Report { input, output } => {
            for line in report::of_file(&input, &output)? {
                // stdout may be the page; if nobody listens there is nobody to tell.
                let _ = writeln!(io::stderr(), "wsgiprobe: {}", output::clean(&line));
            }
            Ok(())
        }
        Invocation::Compare(cli::Comparison::Measure(measure)) => {
            let (plan, outputs) = *measure;
            compare::run(plan, &outputs)
        }
        Invocation::Compare(cli::Comparison::Recordings {
            before,
            after,
            json,
        }) => compare::recordings::run(&before, &after, json.as_deref()),
        Invocation::Dashboards(wanted) => match wanted.what() {
            cli::Wanted::List => {
                let names: String = dashboards::names().flat_map(|name| [name, "\n"]).collect();
                print(names.as_bytes())
            }
            cli::Wanted::One(name) => {
                let dashboard = dashboards::dashboard(name, wanted.datasource)?;
                print(dashboards::text(&dashboard).as_bytes())
            }
            cli::Wanted::All(folder) => {
                for file in dashboards::write(folder, wanted.datasource)? {
                    let _ = writeln!(io::stderr(), "wsgiprobe: {}", file.display());
                }
                Ok(())
            }
        },
        Invocation::Completions(shell) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut cli::command(), "wsgiprobe", &mut script);
            print(&script)
        }
        Invocation::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(cli::command()).render(&mut page)?;
            print(&page)
        }
    }
}

fn print(bytes: &[u8]) -> Result<()> {
    match io::stdout().write_all(bytes) {
        // The reader has had enough (`wsgiprobe man | head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}
