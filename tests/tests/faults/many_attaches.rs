//! Attached and detached again and again under load, `WSGIPROBE_ATTACHES` times (15 if
//! that is not set, 4 where processors are emulated): no request fails, nothing stays in the kernel.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{Closed, expect_status};
use harness::emulated::emulated;
use harness::probe::{Probe, Report};
use harness::server::Server;

use super::Held;

harness::on_each_backend!(event_daemon, prefork_embedded);

/// How often.
const ATTACHES: &str = "WSGIPROBE_ATTACHES";

/// Each takes a third of a second and more.
const USUAL: usize = 15;

/// There each takes half a minute.
const EMULATED: usize = 4;

fn event_daemon(backend: Backend) -> Result<()> {
    attach_often(backend, Conf::new(Mpm::Event, Wsgi::Daemon))
}

fn prefork_embedded(backend: Backend) -> Result<()> {
    attach_often(backend, Conf::new(Mpm::Prefork, Wsgi::Embedded))
}

fn attach_often(backend: Backend, conf: Conf) -> Result<()> {
    let named = std::env::var(ATTACHES).ok();
    let usual = if emulated() { EMULATED } else { USUAL };
    let times: usize = named.and_then(|text| text.parse().ok()).unwrap_or(usual);
    let apache = Apache::start(conf)?;
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let client = |number: usize| -> Result<()> {
        let mut kept = apache.connect()?;
        while !over.load(Ordering::Relaxed) {
            let request = answered.load(Ordering::Relaxed);
            let path = format!("/hello/kept-{number}-{request}");
            let answer = match kept.get(&path) {
                // When all its threads are busy, Apache's listener closes kept connections.
                Err(error) if emulated() && error.is::<Closed>() => {
                    kept = apache.connect()?;
                    kept.get(&path)
                }
                other => other,
            };
            expect_status(&answer?, 200)?;
            expect_status(
                &apache
                    .connect()?
                    .post(&format!("/read/{number}-{request}"), &[b'b'; 500])?,
                200,
            )?;
            answered.fetch_add(2, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    };
    let (client, over) = (&client, &over);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|number| scope.spawn(move || client(number)))
            .collect();
        let outcome = (0..times).try_for_each(|_| attach_once(backend, &apache));
        over.store(true, Ordering::Relaxed);
        for client in clients {
            client
                .join()
                .unwrap_or_else(|_| Err(anyhow!("a client panicked")))?;
        }
        outcome
    })?;
    println!(
        "{} requests answered well over {times} attaches",
        answered.load(Ordering::Relaxed)
    );
    let held = apache.processes()?.into_iter().map(bpf_descriptors);
    ensure!(held.sum::<usize>() == 0, "Apache has descriptors of BPF");
    Ok(())
}

fn attach_once(backend: Backend, apache: &Apache) -> Result<()> {
    let probe = Probe::attach(backend, apache.pid()?)?;
    let began = Instant::now();
    while probe.requests()?.is_empty() {
        ensure!(
            began.elapsed() < harness::wait::patience(),
            "no request is reported"
        );
        thread::sleep(Duration::from_millis(20));
    }
    let held = Held::by(probe.pid())?;
    ensure!(!held.programs.is_empty(), "it has no programs");
    let report = probe.finish()?;
    adds_up(&report)?;
    held.goes()
}

/// The equation, with nothing lost but what had begun before.
fn adds_up(report: &Report) -> Result<()> {
    let summary = &report.summary;
    let lost = summary.total_lost();
    ensure!(
        report.exit_code == Some(0),
        "exit status {:?}: {}",
        report.exit_code,
        report.stderr
    );
    ensure!(
        summary.seen == summary.reported + summary.in_flight + lost,
        "{summary:?}"
    );
    ensure!(
        summary.reported == report.requests.len() as u64,
        "{summary:?}"
    );
    let before = summary
        .lost
        .get("started_before_attach")
        .copied()
        .unwrap_or(0);
    ensure!(lost == before && lost <= 4, "lost: {:?}", summary.lost);
    Ok(())
}

fn bpf_descriptors(pid: u32) -> usize {
    let links = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    links
        .filter_map(|link| fs::read_link(link.path()).ok())
        .filter(|target| target.to_string_lossy().contains("bpf"))
        .count()
}
