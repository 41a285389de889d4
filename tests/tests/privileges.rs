//! Proves that wsgiprobe runs with as little as it says: once attached it has given up
//! what it does not need, listens nowhere, and works as before; and a user who is not
//! root needs no more than a few capabilities, of which a missing one is named.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::influx::Influx;
use harness::load::Load;
use harness::probe::Probe;
use harness::report::{Mode, Request};
use harness::run::Run;
use harness::server::Server;
use harness::site::STATIC_FILE;
use harness::wait;
use procfs::process::{Process, Status};
use procfs::sys::kernel::Version;

harness::on_each_backend!(
    confined,
    later_module,
    no_uprobe,
    not_confined,
    nobody,
    nobody_who_cannot_look
);

// Numbers of capabilities (include/uapi/linux/capability.h).
const DAC_READ_SEARCH: u32 = 2;
const SYS_PTRACE: u32 = 19;
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

const LOAD: Load = Load {
    clients: 4,
    requests: 50,
    kept: true,
};

/// What the kernel says of a thread.
#[derive(Debug)]
struct Rights {
    effective: u64,
    permitted: u64,
    no_new_privs: u64,
    seccomp: u32,
}

/// Of every thread; its main thread is the first.
fn rights(pid: u32) -> Result<Vec<Rights>> {
    let process = Process::new(pid.try_into()?)?;
    // One that has ended meanwhile has none.
    let threads = process.tasks()?.filter_map(|task| task.ok()?.status().ok());
    let mut threads: Vec<_> = threads.collect();
    threads.sort_by_key(|thread| thread.pid != process.pid);
    ensure!(!threads.is_empty(), "process {pid} has no threads");
    let rights = |thread: Status| -> Result<Rights> {
        Ok(Rights {
            effective: thread.capeff,
            permitted: thread.capprm,
            no_new_privs: thread.nonewprivs.context("no NoNewPrivs")?,
            seccomp: thread.seccomp.context("no Seccomp")?,
        })
    };
    threads.into_iter().map(rights).collect()
}

/// Every thread is confined, and has none but these capabilities.
fn expect_confined(pid: u32, allowed: &[u32]) -> Result<()> {
    let allowed: u64 = allowed.iter().map(|number| 1 << number).sum();
    let threads = rights(pid)?;
    println!("{threads:x?}");
    for thread in &threads {
        ensure!(
            thread.no_new_privs == 1 && thread.seccomp == 2,
            "{thread:?}"
        );
        ensure!(thread.effective & !allowed == 0, "{thread:x?}");
        ensure!(thread.permitted & !allowed == 0, "{thread:x?}");
    }
    Ok(())
}

/// Sockets of the process that wait for somebody: none, of any kind.
fn expect_deaf(pid: u32) -> Result<()> {
    let mut own = BTreeSet::new();
    for descriptor in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let target = fs::read_link(descriptor?.path()).unwrap_or_default();
        let target = target.to_string_lossy().into_owned();
        if let Some(inode) = target.strip_prefix("socket:[") {
            own.insert(inode.trim_end_matches(']').to_owned());
        }
    }
    // State in the fourth field, inode in the tenth; of UNIX sockets flags and inode.
    for (table, field, listens, inode) in [
        ("tcp", 3, "0A", 9),
        ("tcp6", 3, "0A", 9),
        ("udp", 3, "07", 9),
        ("udp6", 3, "07", 9),
        ("raw", 3, "07", 9),
        ("unix", 3, "00010000", 6),
    ] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let state = fields.get(field) == Some(&listens);
            let owned = fields.get(inode).is_some_and(|inode| own.contains(*inode));
            ensure!(!(state && owned), "it listens: {table}: {line}");
        }
    }
    println!("{} sockets, none of which listens", own.len());
    Ok(())
}

/// With an InfluxDB that is reached by name, and under load.
fn confined(backend: Backend) -> Result<()> {
    let influx = Influx::start()?;
    influx.create("rights")?;
    let url = influx.url().replace("127.0.0.1", "localhost");
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let pid = apache.pid()?.to_string();
    let options = [
        "--pid",
        &pid,
        "--influx-url",
        &url,
        "--influx-db",
        "rights",
        "--influx-raw",
    ];
    let probe = Probe::start(backend, options)?;
    let run = Run { apache, probe };
    LOAD.run(&run.apache, |_| Ok(()))?;
    // Whatever is done now and then has been done by now.
    wait::until("points in InfluxDB", || Ok(!points(&influx)?.is_empty()))?;
    let pid = run.probe.pid();
    // Before 5.19 the kernel asks for CAP_BPF at each look into a map.
    expect_confined(pid, &[DAC_READ_SEARCH, SYS_PTRACE, BPF])?;
    expect_deaf(pid)?;
    run.apache.restart_gracefully()?;
    // The old children hang up on kept connections.
    let load = Load {
        kept: false,
        ..LOAD
    };
    load.run(&run.apache, |_| Ok(()))?;
    let evidence = run.finish(2 * LOAD.total())?;
    evidence.check().run()?;
    let stored = points(&influx)?.len();
    ensure!(stored == 2 * LOAD.total(), "{stored} points");
    Ok(())
}

fn points(influx: &Influx) -> Result<harness::influx::Rows> {
    influx.query(
        "rights",
        "SELECT \"client.port\" FROM \"http.server.request\"",
    )
}

/// A server comes back with another mod_wsgi: a probe is set in that too.
fn later_module(backend: Backend) -> Result<()> {
    let conf = Conf {
        own_module: true,
        ..Conf::new(Mpm::Event, Wsgi::Embedded)
    };
    let mut apache = Apache::start(conf)?;
    let port = apache.port().to_string();
    let probe = Probe::start(backend, ["--port", &port])?;
    expect_confined(
        probe.pid(),
        &[DAC_READ_SEARCH, SYS_PTRACE, SYS_ADMIN, PERFMON, BPF],
    )?;
    expect_status(&apache.connect()?.get("/hello/first")?, 200)?;
    apache.settle(1)?;
    apache.stop()?;
    apache.start_again()?;
    let mut tries = 0;
    wait::until("wsgiprobe to notice the server", || {
        tries += 1;
        expect_status(&apache.connect()?.get(&format!("/hello/try-{tries}"))?, 200)?;
        std::thread::sleep(std::time::Duration::from_millis(100));
        let requests = probe.requests()?;
        let noticed = |path: &str| path.starts_with("/hello/try-");
        Ok(requests
            .iter()
            // Not known at first, if it was noticed before it had loaded its modules.
            .filter(|r| r.mode.is_some())
            .any(|r| r.path.as_deref().is_some_and(noticed)))
    })?;
    expect_status(&apache.connect()?.get("/hello/second")?, 200)?;
    apache.settle(tries + 1)?;
    let report = probe.finish()?;
    for path in ["/hello/first", "/hello/second"] {
        let request = report.only(path)?;
        ensure!(request.mode == Some(Mode::Embedded), "{request:?}");
    }
    let of_apache = |request: &&Request| request.mode == Some(Mode::Static);
    let wrong = report.requests.iter().find(of_apache);
    ensure!(wrong.is_none(), "{wrong:?}");
    Ok(())
}

/// Without the probe, what no daemon took is nobody's; and no right is kept for one.
fn no_uprobe(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Embedded))?;
    let port = apache.port().to_string();
    let probe = Probe::start(backend, ["--port", &port, "--no-uprobe"])?;
    let mut kept = vec![DAC_READ_SEARCH, SYS_PTRACE];
    if Version::current()? < Version::new(5, 19, 0) {
        // The kernel asks for it at each look into a map.
        kept.push(BPF);
    }
    expect_confined(probe.pid(), &kept)?;
    let run = Run { apache, probe };
    for path in ["/hello/embedded", STATIC_FILE] {
        expect_status(&run.apache.connect()?.get(path)?, 200)?;
    }
    let evidence = run.finish(2)?;
    evidence.check().run()?;
    let modes = evidence.report.requests.iter().map(|request| request.mode);
    ensure!(
        modes.flatten().count() == 0,
        "{:?}",
        evidence.report.requests
    );
    Ok(())
}

fn not_confined(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::default())?;
    let pid = apache.pid()?.to_string();
    let probe = Probe::start(backend, ["--pid", &pid, "--no-sandbox"])?;
    let threads = rights(probe.pid())?;
    ensure!(
        threads[0].seccomp == 0 && threads[0].no_new_privs == 0,
        "{threads:?}"
    );
    ensure!(threads[0].effective & (1 << SYS_ADMIN) != 0, "{threads:x?}");
    probe.finish().map(drop)
}

/// Whether its tracepoints are found in tracefs, and opened as perf events.
fn by_tracefs(backend: Backend) -> Result<bool> {
    Ok(match backend {
        Backend::Syscall => true,
        Backend::Sock => Version::current()? >= Version::new(7, 0, 0),
        Backend::Fentry => false,
    })
}

/// What the documentation says suffices.
fn nobody(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let pid = apache.pid()?.to_string();
    let mut capabilities = vec!["bpf", "perfmon", "sys_ptrace", "dac_read_search"];
    let by_tracefs = by_tracefs(backend)?;
    if by_tracefs {
        // To mount it, where it is not; and for Debian's `kernel.perf_event_paranoid` of 3.
        capabilities.push("sys_admin");
    }
    let probe = Probe::start_as_nobody(backend, &capabilities, ["--pid", &pid])?;
    expect_confined(probe.pid(), &[DAC_READ_SEARCH, SYS_PTRACE, BPF])?;
    let said = probe.said();
    // Without it there is no uprobe.
    let warned = said.contains("CAP_SYS_ADMIN is missing");
    ensure!(warned != by_tracefs, "{said}");
    let run = Run { apache, probe };
    LOAD.run(&run.apache, |_| Ok(()))?;
    let evidence = run.finish(LOAD.total())?;
    evidence.check().run()
}

/// All is counted, and what is not known is told with the reason.
fn nobody_who_cannot_look(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let pid = apache.pid()?.to_string();
    let (capabilities, missing): (&[&str], _) = if by_tracefs(backend)? {
        // Without the latter two it cannot attach.
        (
            &["bpf", "perfmon", "sys_admin", "dac_read_search"],
            "CAP_SYS_PTRACE is missing",
        )
    } else {
        (
            &["bpf", "perfmon"],
            "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH are missing",
        )
    };
    let probe = Probe::start_as_nobody(backend, capabilities, ["--pid", &pid])?;
    let said = probe.said();
    let ports = said.lines().find(|line| line.contains("ports of process"));
    let ports = ports.with_context(|| format!("nothing of ports: {said}"))?;
    ensure!(ports.contains(missing), "{ports}");
    let run = Run { apache, probe };
    LOAD.run(&run.apache, |_| Ok(()))?;
    let evidence = run.finish(LOAD.total())?;
    evidence.check().run()
}
