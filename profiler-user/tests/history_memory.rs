//! Proves the bound on the history's memory with what fills it: as many routes as there
//! may be, with durations up to an hour, as many groups, and more steps than it keeps.

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wsgiprobe::aggregate::Aggregator;
use wsgiprobe::history::{History, MAX_BYTES, MAX_GROUPS, MAX_ROUTES, MAX_SAMPLES, Origin};
use wsgiprobe::model::{Outcome, Request, Times};
use wsgiprobe::pool::{Kind, Listener, Pool, Snapshot};
use wsgiprobe::summary::ProbeCost;

/// The system's, with a count of the bytes that are in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all is the system allocator's work; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the same promises to both.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above, and the pointer came from there.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn request(route: &str, duration: u64) -> Request {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 80));
    Request {
        time_unix_ns: 0,
        end_unix_ns: duration,
        pid: 1,
        tid: 1,
        daemon_pid: None,
        daemon_tid: None,
        mode: None,
        container: None,
        names: None,
        client: nowhere,
        server: nowhere,
        method: Some(Arc::from("GET")),
        path: Some("x".repeat(8 << 10)),
        path_truncated: false,
        route: Arc::from(route),
        protocol: None,
        status: Some(200),
        request_bytes: 1,
        response_bytes: 1,
        times: Times {
            duration: Some(duration),
            ..Times::default()
        },
        spent: None,
        daemon_spent: None,
        busy: None,
        daemon_busy: None,
        upstream: None,
        outcome: Outcome::Ok,
        incomplete: false,
    }
}

fn snapshot() -> Snapshot {
    let pool = |n: usize| Pool {
        pid: n as u32,
        kind: Kind::Daemon,
        process_group: Some(format!("{n}-{}", "g".repeat(200)).into()),
        threads: Some(5),
        started: 5,
        busy: 5,
        busy_ns: 1,
        full_ns: Some(1),
        requests: 1,
        length_ns: 1_000_000_000,
    };
    Snapshot {
        pools: (0..MAX_GROUPS + 9).map(pool).collect(),
        processes: Vec::new(),
        listeners: vec![Listener {
            identity: None,
            address: SocketAddr::from(([127, 0, 0, 1], 80)),
            queue: 1,
        }],
        ..Snapshot::default()
    }
}

#[test]
fn is_bounded() {
    const HOUR: u64 = 3_600_000_000_000;
    let before = IN_USE.load(Ordering::Relaxed);
    let mut history = History::default();
    let mut aggregator = Aggregator::new();
    for route in 0..MAX_ROUTES * 3 {
        aggregator.record(&request(&format!("/{route}"), HOUR));
    }
    let (snapshot, cost) = (snapshot(), ProbeCost::default());
    history.add(&aggregator.close(0, 1), &snapshot, &cost);
    drop(aggregator);
    let mut most = 0;
    for second in 0..2 * MAX_SAMPLES as u64 {
        let mut aggregator = Aggregator::new();
        aggregator.record(&request(&format!("/{}", second % 300), 1_000_000));
        let begin = second * 1_000_000_000;
        let window = aggregator.close(begin, begin + 1_000_000_000);
        drop(aggregator);
        history.add(&window, &snapshot, &cost);
        history.notice(second, &"n".repeat(5_000));
        if second % 100 == 0 || second.is_power_of_two() {
            most = most.max(IN_USE.load(Ordering::Relaxed) - before);
        }
    }
    let requests = (MAX_ROUTES * 3 + 2 * MAX_SAMPLES) as u64;
    assert_eq!(history.requests(), requests);
    let state = history.state(Origin::Live).unwrap();
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    let samples = state["samples"].as_array().unwrap().iter();
    let counted: u64 = samples.map(|sample| sample["n"].as_u64().unwrap()).sum();
    assert_eq!(counted, requests);
    println!("{most} bytes at most, of {MAX_BYTES}");
    assert!(
        most < MAX_BYTES,
        "{most} bytes, and the bound is {MAX_BYTES}"
    );
    assert!(most > MAX_BYTES / 4, "{most} bytes: the bound says nothing");
}
