//! Proves that OTLP reaches a collector by TLS whose certificate is of a private authority,
//! by gRPC and by HTTP, if that authority is named, and only then.

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf};
use harness::backends::{self, Backend};
use harness::load::Load;
use harness::probe::{Probe, Report};
use harness::rotel::Rotel;
use harness::run::Run;
use harness::server::Server;
use harness::tls::Tls;
use harness::wait;

use crate::otlp::Said;

/// The output is the same whatever the hooks are.
const BACKEND: Backend = Backend::Syscall;

const LOAD: Load = Load {
    clients: 2,
    requests: 50,
    kept: true,
};

/// The report of a run with that collector, and that authority if there is one.
fn run(tls: &Tls, protocol: &str, authority: Option<&Tls>) -> Result<Report> {
    let apache = Apache::start(Conf::default())?;
    let (pid, url) = (apache.pid()?.to_string(), tls.url());
    let mut arguments = ["--pid", &pid, "--otlp", &url, "--otlp-protocol", protocol].to_vec();
    let file = authority.map(Tls::authority);
    if let Some(file) = &file {
        arguments.extend(["--otlp-ca", file.to_str().context("no UTF-8")?]);
    }
    let probe = Probe::start(BACKEND, arguments)?;
    LOAD.run(&apache, |_| Ok(()))?;
    let evidence = Run { apache, probe }.finish_whatever(LOAD.total())?;
    evidence.check().run()?;
    Ok(evidence.report)
}

fn arrives(protocol: &str, port: impl Fn(&Rotel) -> u16, agreed: &str) -> Result<()> {
    let Some(rotel) = Rotel::start()? else {
        return Ok(());
    };
    let tls = Tls::before(port(&rotel), agreed)?;
    let other = Tls::before(port(&rotel), agreed)?;
    for wrong in [None, Some(&other)] {
        let report = run(&tls, protocol, wrong)?;
        let told = report.stderr.lines().find(|line| line.contains("otlp: "));
        let told = told.with_context(|| format!("nothing told: {}", report.stderr))?;
        println!("{told}");
        ensure!(told.to_lowercase().contains("certificate"), "{told}");
        ensure!(
            report.stdout.contains(" 0 points and 0 spans to"),
            "{}",
            report.stdout
        );
    }
    let report = run(&tls, protocol, Some(&tls))?;
    ensure!(report.exit_code == Some(0), "{}", report.stderr);
    wait::until("the collector to print all", || {
        let said = Said::of(&rotel.said()?);
        Ok(said.sum("wsgiprobe.requests", "Value: ") == Some(LOAD.total() as u64))
    })
    .with_context(|| format!("{}{}", report.stdout, report.stderr))
}

#[test]
fn by_grpc() -> Result<()> {
    backends::run(BACKEND, |_| arrives("grpc", |rotel| rotel.grpc, "h2"))
}

#[test]
fn by_http() -> Result<()> {
    backends::run(BACKEND, |_| {
        arrives("http/protobuf", |rotel| rotel.http, "http/1.1")
    })
}
