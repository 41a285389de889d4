//! Those who read what wsgiprobe serves, and those who do not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use harness::client::get;
use harness::prometheus::scrape;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, connect, setsockopt, socket, sockopt,
};
use serde_json::Value;

/// Reads each event of the page as it comes.
pub struct Attentive {
    reading: JoinHandle<Result<Vec<(Instant, String)>>>,
}

/// What it read.
pub struct Events {
    /// How many.
    pub count: usize,
    /// The longest wait from one to the next.
    pub longest_wait: Duration,
    /// The largest, bytes.
    pub largest: usize,
    /// The last.
    pub last: Value,
}

impl Attentive {
    pub fn start(port: u16) -> Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(get("/api/events").as_bytes())?;
        let lines = BufReader::new(stream).lines();
        let reading = spawn(move || {
            let mut read = Vec::new();
            for line in lines {
                if let Some(data) = line?.strip_prefix("data: ") {
                    read.push((Instant::now(), data.to_owned()));
                }
            }
            Ok(read)
        });
        Ok(Self { reading })
    }

    /// All of it, once the run is over.
    pub fn read(self) -> Result<Events> {
        let read = self.reading.join().map_err(|_| anyhow!("it panicked"))??;
        // The last one is the run's end, which waits for all outputs.
        let live = &read[..read.len().saturating_sub(1)];
        let waits = live.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let (_, last) = read.last().context("no event")?;
        Ok(Events {
            count: read.len(),
            longest_wait: waits.max().context("a single event")?,
            largest: read.iter().map(|(_, data)| data.len()).max().unwrap_or(0),
            last: serde_json::from_str(last).context("the last event")?,
        })
    }
}

/// Asks for something of the page, so many times, and never reads it.
pub struct Idle {
    stream: TcpStream,
}

impl Idle {
    pub fn start(port: u16, path: &str, times: usize) -> Result<Self> {
        let (domain, kind) = (AddressFamily::Inet, SockType::Stream);
        let socket = socket(domain, kind, SockFlag::SOCK_CLOEXEC, None)?;
        // The kernel keeps little for it; that is settled with the connect.
        setsockopt(&socket, sockopt::RcvBuf, &1024)?;
        connect(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port))?;
        let mut stream = TcpStream::from(socket);
        stream.write_all(get(path).repeat(times).as_bytes())?;
        Ok(Self { stream })
    }

    /// What the kernels' buffers kept for it, bytes, once the other side is gone.
    pub fn kept(mut self) -> usize {
        let mut kept = Vec::new();
        // It may have been cut off.
        let _ = self.stream.read_to_end(&mut kept);
        kept.len()
    }
}

/// Scrapes twice a second until it is told that it is over.
pub struct Scraper {
    over: std::sync::Arc<AtomicBool>,
    scraping: JoinHandle<Result<Scrapes>>,
}

/// What came of it.
#[derive(Default)]
pub struct Scrapes {
    pub count: usize,
    pub slowest: Duration,
    /// The largest, bytes.
    pub largest: usize,
}

impl Scraper {
    pub fn start(port: u16) -> Self {
        let over = std::sync::Arc::new(AtomicBool::new(false));
        let told = std::sync::Arc::clone(&over);
        let scraping = spawn(move || {
            let mut all = Scrapes::default();
            while !told.load(Ordering::Relaxed) {
                let began = Instant::now();
                let body = scrape(port)?;
                all.count += 1;
                all.slowest = all.slowest.max(began.elapsed());
                all.largest = all.largest.max(body.len());
                sleep(Duration::from_millis(500));
            }
            Ok(all)
        });
        Self { over, scraping }
    }

    pub fn stop(self) -> Result<Scrapes> {
        self.over.store(true, Ordering::Relaxed);
        let all = self.scraping.join().map_err(|_| anyhow!("it panicked"))??;
        ensure!(all.count > 1, "{} scrapes", all.count);
        Ok(all)
    }
}
