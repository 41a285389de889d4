//! Pools, processes and listening sockets of a real Apache with mod_wsgi.

mod apache;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use apache::Apache;
use wsgiprobe::pool::{Kind, Listeners, Now, Pool, Pools, Serving, Snapshot};

const SECOND: u64 = 1_000_000_000;

/// What is the case after a second, with these threads (process to thread) having
/// served; `busy` since its middle, or idle.
fn snapshot(apache: &Apache, served: &BTreeMap<u32, u32>, busy: bool) -> Snapshot {
    let watched = apache.processes();
    let serving = |(pid, tid): (&u32, &u32)| Serving {
        pid: *pid,
        tid: *tid,
        busy_since_unix_ns: busy.then_some(SECOND / 2),
    };
    let now = Now {
        threads: served.iter().map(serving).collect(),
        watched,
        roots: vec![apache.pid()],
    };
    let mut pools = Pools::new(0, &now.watched, Listeners::default());
    // Who has just answered may not be back in its place at the first look.
    pools.close(0, 0, &now, &mut |_| None);
    thread::sleep(Duration::from_millis(100));
    pools.close(0, SECOND, &now, &mut |_| None)
}

fn threads(snapshot: &Snapshot) -> Vec<(Kind, Option<u32>)> {
    let pools = snapshot.pools.iter();
    let mut threads: Vec<_> = pools.map(|pool| (pool.kind, pool.threads)).collect();
    threads.sort_unstable();
    threads
}

/// One thread of each process has served: the others are found.
fn counts(mpm: &str, children: usize, threads_per_child: u32) {
    let apache = &Apache::start(mpm);
    let mut served = apache.threads_of("/daemon", 2);
    served.extend(apache.threads_of("/", children));
    let daemons = vec![(Kind::Daemon, Some(5)); 2];
    let children = vec![(Kind::Apache, Some(threads_per_child)); children];
    let expected = [daemons, children].concat();
    assert_eq!(threads(&snapshot(apache, &served, false)), expected, "idle");

    // Threads that have just worked wait elsewhere than those that never have.
    thread::scope(|scope| {
        for path in ["/daemon/slow", "/slow"].repeat(3) {
            scope.spawn(move || apache.get(path));
        }
    });
    let after = snapshot(apache, &served, true);
    assert_eq!(threads(&after), expected, "after work");
    let capacity = |pool: &Pool| pool.capacity_used().unwrap() * f64::from(pool.threads.unwrap());
    assert!(
        after
            .pools
            .iter()
            .all(|pool| (capacity(pool) - 0.5).abs() < 1e-9)
    );
}

/// Every thread of it.
fn is_stopped(pid: u32) -> bool {
    let process = procfs::process::Process::new(pid as i32).unwrap();
    let mut tasks = process.tasks().unwrap();
    tasks.all(|task| task.unwrap().stat().unwrap().state == 'T')
}

#[test]
fn event() {
    counts("event", 1, 8);
}

#[test]
fn worker() {
    counts("worker", 1, 8);
}

#[test]
fn prefork() {
    counts("prefork", 2, 1);
}

#[test]
fn processes_and_listening_sockets() {
    let apache = Apache::start("event");
    apache.get("/daemon");
    let kinds = |snapshot: &Snapshot| {
        let mut kinds: Vec<Kind> = snapshot.processes.iter().map(|p| p.kind).collect();
        kinds.sort_unstable();
        kinds
    };
    let first = snapshot(&apache, &BTreeMap::new(), false);
    assert_eq!(
        kinds(&first),
        [Kind::Daemon, Kind::Daemon, Kind::Apache, Kind::Apache]
    );
    assert!(first.pools.is_empty(), "nobody has served");
    assert!(first.processes.iter().all(|process| process.cpu.is_some()));
    let listener = |snapshot: &Snapshot| snapshot.listeners.clone();
    assert_eq!(listener(&first).len(), 1);
    assert_eq!(
        (listener(&first)[0].address, listener(&first)[0].queue),
        (apache.address(), 0)
    );

    // Stopped, Apache accepts nobody.
    let signal = |pids: &[u32], signal: &str| {
        let mut kill = std::process::Command::new("kill");
        kill.arg(signal).args(pids.iter().map(u32::to_string));
        assert!(kill.status().unwrap().success());
    };
    let all = apache.processes();
    signal(&all, "-STOP");
    while !all.iter().all(|pid| is_stopped(*pid)) {}
    let waiting = [(); 3].map(|()| {
        let mut stream = TcpStream::connect(apache.address()).unwrap();
        // Apache asks the kernel not to bother it before (`TCP_DEFER_ACCEPT`).
        stream.write_all(b"GET").unwrap();
        stream
    });
    let queue = listener(&snapshot(&apache, &BTreeMap::new(), false))[0].queue;
    signal(&all, "-CONT");
    assert_eq!(queue, 3);
    drop(waiting);
}
