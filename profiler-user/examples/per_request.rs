//! What a request costs user space, from the record on: CPU time of one thread, in
//! nanoseconds, the best of ten rounds.
//!
//! ```console
//! $ cargo run --release -p profiler-user --example per_request
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use profiler_common::account::Spent;
use profiler_common::event::{AF_INET, RequestHeader, SERVER_APACHE};
use profiler_common::intern::Blob;
use rustix::time::{ClockId, clock_gettime};
use wsgiprobe::aggregate::Aggregator;
use wsgiprobe::ingest::Decoder;
use wsgiprobe::model::{Container, Kubernetes};
use wsgiprobe::pool::{Listeners, Now, Pools};
use wsgiprobe::probe::Blobs;
use wsgiprobe::request::patterns::Patterns;
use wsgiprobe::request::route::Router;
use wsgiprobe::sinks::jsonl::JsonLines;

const ROUNDS: usize = 10;
/// A second's worth of a busy server.
const REQUESTS: u64 = 20_000;

struct NoBlobs;

impl Blobs for NoBlobs {
    fn blob(&self, _hash: u64) -> Option<Blob> {
        None
    }
}

fn main() {
    let paths = ["/hello", "/orders/4711", "/static/app.3f2a9c1b.js"];
    let records: Vec<Vec<u8>> = (0..REQUESTS)
        .map(|n| record(n, paths[n as usize % paths.len()]))
        .collect();
    println!("decoded and aggregated  {} ns", best(&records, &[], None));
    let pods: Vec<_> = (0..10).map(pod).collect();
    println!("of ten containers       {} ns", best(&records, &pods, None));
    let (notices, _told) = tokio::sync::mpsc::unbounded_channel();
    match JsonLines::open(Path::new("/dev/null"), None, notices) {
        Ok(mut lines) => println!(
            "and as a JSON line      {} ns",
            best(&records, &[], Some(&mut lines))
        ),
        Err(error) => println!("no JSON lines: {error}"),
    }
}

/// Nanoseconds a request.
fn best(
    records: &[Vec<u8>],
    containers: &[Arc<Container>],
    mut lines: Option<&mut JsonLines>,
) -> u64 {
    let mut decoder = Decoder::new(Router::new(1_000, Patterns::default()));
    let mut aggregator = Aggregator::new();
    let mut pools = Pools::new(0, &[], Listeners::default());
    let rounds = (0..ROUNDS).map(|_| {
        let (before, began) = (cpu_ns(), Instant::now());
        for (n, record) in records.iter().enumerate() {
            // All are valid: one that is not would show in the figure.
            let Ok(mut request) = decoder.decode(record, &NoBlobs) else {
                continue;
            };
            if !containers.is_empty() {
                request.container = Some(Arc::clone(&containers[n % containers.len()]));
            }
            aggregator.record(&request);
            pools.record(&request);
            if let Some(lines) = &mut lines {
                lines.request(&request);
            }
        }
        let spent = cpu_ns() - before;
        aggregator.close(0, began.elapsed().as_nanos() as u64);
        pools.close(0, 1, &Now::default(), &mut |_| None);
        // The writer needs its time too.
        std::thread::sleep(std::time::Duration::from_millis(100));
        spent / records.len() as u64
    });
    rounds.min().unwrap_or_default()
}

/// A container in a pod of its own.
fn pod(n: u32) -> Arc<Container> {
    Arc::new(Container {
        id: format!("{n:064x}"),
        runtime: Some("containerd"),
        pod_uid: None,
        kubernetes: Some(Kubernetes {
            namespace: "shop".into(),
            pod: format!("front-{n}"),
            container: Some("web".into()),
            node: Some("n1".into()),
            workload: None,
        }),
    })
}

fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn record(n: u64, path: &str) -> Vec<u8> {
    let at = 1_000_000 + n * 50_000;
    let mut header = RequestHeader {
        first_byte_ns: at,
        line_ns: at,
        head_ns: at + 1_000,
        first_write_ns: at + 100_000 + n % 977 * 100,
        last_write_ns: at + 110_000 + n % 977 * 100,
        taken_ns: at - 1_000,
        released_ns: at + 120_000,
        spent: Spent {
            cpu: 60_000,
            ..Spent::default()
        },
        pid: 4_000 + (n % 3) as u32,
        tid: 5_000 + (n % 75) as u32,
        server: SERVER_APACHE,
        family: AF_INET,
        client_addr: [127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        client_port: 40_000,
        status: 200,
        version: 11,
        method_len: 3,
        path_len: path.len() as u16,
        ..RequestHeader::EMPTY
    };
    header.method[..3].copy_from_slice(b"GET");
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend_from_slice(path.as_bytes());
    bytes
}
