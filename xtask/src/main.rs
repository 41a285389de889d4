//! The project's own jobs, run as `cargo xtask JOB`: one file (or folder) a job.
//!
//! - [`setup`] makes a fresh machine able to do all the others;
//! - [`check`] reads the code: format, lints, documentation, licences, lengths;
//! - [`mod@test`] runs everything that can fail, and counts it;
//! - [`mod@fuzz`] makes up inputs for all that reads what comes over the wire;
//! - [`docs`] writes what the code says of itself;
//! - [`run`] builds wsgiprobe and becomes it;
//! - [`vm`] runs the end-to-end tests on other kernels;
//! - [`verifier`] counts what the kernel's verifier has to do;
//! - [`demo`] shows it at work on a real Apache, and checks what it said;
//! - [`dist`] makes packages and an image, and installs them;
//! - [`dashboards`] renders Grafana's dashboards, and holds them against its types;
//! - [`kubernetes`] renders the Helm chart, and holds it against Kubernetes' schemas;
//! - [`vendor`] holds the chart library against the one that npm has;
//! - [`mod@bench`] measures what it costs, beside other instruments.
//!
//! They share [`command`] (start a program), [`progress`] (say what goes on) and
//! [`workspace`] (where things are); those with servers also [`process`],
//! [`interrupt`], [`influx`] and [`root`].

mod bench;
mod check;
mod command;
mod dashboards;
mod demo;
mod dist;
mod docs;
mod fuzz;
mod influx;
#[path = "../../profiler-user/src/compare/interrupt.rs"]
mod interrupt;
mod kubernetes;
mod process;
mod progress;
mod root;
mod run;
mod setup;
mod test;
#[path = "../../profiler-user/build/toolchain.rs"]
mod toolchain;
mod vendor;
mod verifier;
mod vm;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// The jobs of the wsgiprobe project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Job {
    /// Install what building, testing and the demo need; quick if all is there.
    Setup,
    /// Read the code: format, lints, documentation, licences, file lengths.
    Check,
    /// Set up, check, and run every test; ends with the counts.
    Test(test::Options),
    /// Run the end-to-end tests on Debian's kernels, in QEMU.
    Vm(vm::Options),
    /// Count what the kernel's verifier goes through, against the budget.
    Verifier(verifier::Options),
    /// What `vm` runs inside its guests.
    #[command(hide = true)]
    Guest,
    /// Feed made-up inputs to all that reads what comes over the wire.
    Fuzz(fuzz::Options),
    /// Write the documents that are made of the code: docs/metrics.md.
    Docs,
    /// Build wsgiprobe and run it with these arguments.
    Run(run::Options),
    /// Show wsgiprobe at work on a private Apache and InfluxDB, and check it.
    Demo(demo::Options),
    /// Make what is handed out: a static binary, packages, a container image.
    Dist(dist::Options),
    /// Render the Grafana dashboards, and hold them against Grafana's own types.
    Dashboards,
    /// Render the Helm chart, and hold it against Kubernetes' schemas and wsgiprobe's options.
    Kubernetes,
    /// Write the manifests that are made of the chart: deploy/kubernetes/.
    Manifests,
    /// Hold the vendored chart library against npm's.
    Vendor(vendor::Options),
    /// Measure what wsgiprobe costs the server, beside instruments inside it.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let done = match Job::parse() {
        Job::Setup => setup::run(),
        Job::Check => check::run(),
        Job::Test(options) => return test::run(&options),
        Job::Vm(options) => vm::run(&options),
        Job::Verifier(options) => verifier::run(&options),
        Job::Guest => vm::guest::run(),
        Job::Fuzz(options) => fuzz::run(&options),
        Job::Docs => docs::run(),
        Job::Run(options) => run::run(&options),
        Job::Demo(options) => demo::run(&options),
        Job::Dist(options) => dist::run(&options),
        Job::Dashboards => dashboards::run(),
        Job::Kubernetes => kubernetes::run(),
        Job::Manifests => kubernetes::manifests(),
        Job::Vendor(options) => vendor::run(&options),
        Job::Bench(bench) => bench::run(&bench),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("{}: {error:#}", progress::bad("error"));
            ExitCode::FAILURE
        }
    }
}
