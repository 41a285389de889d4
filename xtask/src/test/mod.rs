//! `cargo xtask test`: everything that can fail, from a fresh machine on.
//!
//! A step that fails does not stop the next: one run shows all that is wrong.
//! The last line is the count over all test binaries.

mod tally;

use std::env;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use tally::says_again;
pub use tally::{Tally, says_skipped};

use crate::progress::{Progress, bad, good, seconds};
use crate::workspace::cargo;
use crate::{check, dashboards, dist, fuzz, kubernetes, setup, verifier, vm, workspace};

/// The back end that hardened kernels refuse, as the end-to-end tests are told: they
/// leave it out only where the kernel does, and say so.
const MAY_LACK: (&str, &str) = ("WSGIPROBE_SKIP_BACKEND", "fentry");

/// What the environment says, if it does.
fn may_lack() -> OsString {
    env::var_os(MAY_LACK.0).unwrap_or_else(|| MAY_LACK.1.into())
}

/// What to leave out.
#[derive(clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub struct Options {
    /// Take the machine as it is.
    #[arg(long)]
    no_setup: bool,
    /// Leave out format, lints, documentation and licences.
    #[arg(long)]
    no_check: bool,
    /// Leave out the other kernels.
    #[arg(long)]
    no_vm: bool,
    /// Leave out the packages and the container image.
    #[arg(long)]
    no_dist: bool,
    /// Every kernel with every back end, not only 6.1 and 7.x with the preferred one.
    #[arg(long, conflicts_with = "no_vm")]
    all: bool,
    /// Only tests with this in their name.
    filter: Option<String>,
}

/// Does every step, then counts.
pub fn run(options: &Options) -> ExitCode {
    let began = Instant::now();
    let mut steps = Steps {
        progress: Progress::new("test", 11),
        tally: Tally::default(),
        failed: Vec::new(),
    };

    steps.job("setup", options.no_setup, setup::run);
    steps.job("check", options.no_check, check::run);
    let filter = options.filter.as_deref();
    steps.tests("unit tests", || {
        let units = ["profiler-common", "profiler-user", "xtask"];
        cargo_test(&units, filter, &mut cargo())
    });
    steps.job("fuzz", filter.is_some(), || {
        fuzz::run(&fuzz::Options::default())
    });
    let mut binary = None;
    // What is tested is what is handed out, and one build is enough for both.
    steps.job("build what is shipped", false, || {
        workspace::take(dist::binary()?);
        binary = Some(workspace::wsgiprobe()?);
        Ok(())
    });
    steps.tests("end to end, against real servers", || {
        let binary = binary.context("there is no wsgiprobe to test")?;
        cargo_test(
            &["wsgiprobe-tests"],
            filter,
            cargo()
                .env("WSGIPROBE_BIN", binary)
                .env(MAY_LACK.0, may_lack()),
        )
    });

    steps.job(
        "dashboards, by Grafana's types",
        filter.is_some(),
        dashboards::run,
    );
    steps.job(
        "manifests, by Kubernetes' schemas",
        filter.is_some(),
        kubernetes::run,
    );
    if filter.is_some() || options.no_dist {
        steps.job("packages and the image", true, || Ok(()));
    } else {
        let all = dist::Options::checked();
        steps.tests("packages and the image", || dist::tally(&all));
    }
    let verifier = verifier::Options::default();
    steps.job("the verifier's budget", false, || verifier::run(&verifier));
    // All tests of one kernel take a quarter of an hour in emulation: `cargo xtask vm`.
    let some = || (!options.all).then(|| "keepalive::".to_owned());
    let kernels = vm::Options::tests(options.all, options.filter.clone().or_else(some));
    if options.no_vm {
        steps.job("other kernels", true, || Ok(()));
    } else {
        steps.tests("end to end, on other kernels", || vm::tally(&kernels));
    }

    steps.close(began)
}

struct Steps {
    progress: Progress,
    tally: Tally,
    failed: Vec<&'static str>,
}

impl Steps {
    /// A step that counts no tests: if it fails, that is one failure.
    fn job(&mut self, name: &'static str, left_out: bool, work: impl FnOnce() -> Result<()>) {
        if left_out {
            self.progress.begin();
            self.progress.say(format_args!("{name}: left out"));
        } else if self.progress.step(name, work).is_err() {
            self.tally.failed += 1;
            self.failed.push(name);
        }
    }

    /// A step that runs tests: its failures are theirs, or one if it fell
    /// before it could count any.
    fn tests(&mut self, name: &'static str, work: impl FnOnce() -> Result<Tally>) {
        let mut tally = Tally::default();
        let done = self.progress.step(name, || {
            tally = work()?;
            if tally.failed > 0 {
                bail!("{} of {} tests", tally.failed, tally.passed + tally.failed);
            }
            Ok(())
        });
        if done.is_err() {
            tally.failed = tally.failed.max(1);
            self.failed.push(name);
        }
        self.tally += tally;
    }

    /// The summary, and the line of counts that ends it.
    fn close(&self, began: Instant) -> ExitCode {
        let took = seconds(began.elapsed());
        let well = self.failed.is_empty();
        if well {
            anstream::println!("\n{}, in {took}", good("all is well"));
        } else {
            anstream::println!("\n{} in {took}: {}", bad("failed"), self.failed.join(", "));
        }
        match self.tally.again {
            0 => {}
            again => println!("times were measured again {again} times: `again` above"),
        }
        println!("{}", self.tally);
        ExitCode::from(u8::from(!well))
    }
}

/// Runs the tests of these packages and counts them from what libtest prints.
fn cargo_test(packages: &[&str], filter: Option<&str>, cargo: &mut Command) -> Result<Tally> {
    cargo.args(["test", "--no-fail-fast"]);
    cargo.args(packages.iter().map(|name| format!("--package={name}")));
    cargo.args(filter).stdout(Stdio::piped());
    let mut child = cargo.spawn().context("starting cargo test")?;
    let stdout = child.stdout.take().expect("stdout is piped");

    let (mut tally, mut skipped) = (Tally::default(), 0);
    for line in BufReader::new(stdout).lines() {
        let line = line.context("reading what the tests print")?;
        println!("{line}");
        tally.count(&line);
        skipped += u64::from(says_skipped(&line).is_some());
        tally.again += u64::from(says_again(&line));
    }
    tally.skip(skipped);
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        bail!("the tests do not build or do not finish: {status}");
    }
    Ok(tally)
}
