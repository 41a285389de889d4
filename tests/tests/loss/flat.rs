//! Many paths and many connections take no more memory than few: neither of
//! wsgiprobe's own nor of the kernel's.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::apache::Conf;
use harness::backends::Backend;
use harness::emulated::patiently;
use harness::load::Load;
use harness::server::Server;

use super::{balances, start};

harness::on_each_backend!(paths, connections);

/// So many times the variable says, the test is larger: 1 is quick, 9 makes 108,000
/// paths, 167 makes 1,002,000 connections.
const SCALE: &str = "WSGIPROBE_FLAT_SCALE";

/// After each of so many parts memory is looked at. The first fills what is bounded.
const PARTS: usize = 10;

/// The default of `--interval`.
const INTERVAL: Duration = Duration::from_secs(1);

fn scale() -> usize {
    let named = std::env::var(SCALE).ok();
    named.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Fails unless memory after each part is what it was after the first.
fn stays_flat(pid: u32, mut part: impl FnMut(usize) -> Result<()>) -> Result<()> {
    part(0)?;
    // What each interval keeps of its routes is made as it ends.
    sleep(patiently(2 * INTERVAL + INTERVAL / 2));
    let first = Memory::of(pid)?;
    println!("after 1 of {PARTS}: {first:?}");
    for number in 1..PARTS {
        part(number)?;
        let now = Memory::of(pid)?;
        println!("after {} of {PARTS}: {now:?}", number + 1);
        now.is_flat_since(first)?;
    }
    Ok(())
}

/// Memory of a process: resident and of no file, since pages of its program come and go
/// with what it does; and of its maps in the kernel. Bytes.
#[derive(Clone, Copy, Debug)]
struct Memory {
    resident: u64,
    kernel: u64,
}

impl Memory {
    fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: u64 = kib.context("no RssAnon")?.trim().parse()?;
        let (mut kernel, mut known) = (0, BTreeSet::new());
        for info in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
            let text = fs::read_to_string(info?.path()).unwrap_or_default();
            let field = |name| text.lines().find_map(|line| line.strip_prefix(name));
            let (Some(id), Some(bytes)) = (field("map_id:"), field("memlock:")) else {
                continue;
            };
            // A map may have several descriptors.
            if known.insert(id.to_owned()) {
                kernel += bytes.trim().parse::<u64>()?;
            }
        }
        Ok(Self {
            resident: kib * 1024,
            kernel,
        })
    }

    /// Fails if there is much more than `before`.
    fn is_flat_since(self, before: Self) -> Result<()> {
        let more = self.resident.saturating_sub(before.resident);
        ensure!(more < 2 << 20, "{more} bytes more are resident");
        let more = self.kernel.saturating_sub(before.kernel);
        ensure!(more < 256 << 10, "{more} bytes more in the kernel");
        Ok(())
    }
}

/// Every path another one, and none of them a number.
fn paths(backend: Backend) -> Result<()> {
    let load = Load {
        clients: 4,
        requests: 300 * scale(),
        kept: true,
    };
    let run = start(backend, Conf::default(), &[])?;
    stays_flat(run.probe.pid(), |part| {
        let part = char::from(b'a' + part as u8);
        load.words(&run.apache, &format!("/static/part-{part}"))
    })?;
    let evidence = run.finish(PARTS * load.total())?;
    balances(&evidence, 0)?;
    let summary = &evidence.report.summary;
    ensure!(
        summary.note("route_overflow") > 0,
        "every route had a place"
    );
    Ok(())
}

/// Connections that say nothing.
fn connections(backend: Backend) -> Result<()> {
    let count = 600 * scale();
    let run = start(backend, Conf::default(), &[])?;
    let port = run.apache.port();
    run.apache.connect()?.get("/hello/first")?;
    stays_flat(run.probe.pid(), |_| {
        for _ in 0..count {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        }
        harness::ports::wait_until_closed(port)
    })?;
    let evidence = run.finish(1)?;
    balances(&evidence, 0)
}
