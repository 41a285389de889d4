//! A stand-in for an InfluxDB that takes its time.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{sleep, spawn};
use std::time::Duration;

use anyhow::{Context, Result};

/// Takes everything that is written, after a while.
pub struct Slow {
    address: SocketAddr,
    taken: Arc<AtomicUsize>,
}

impl Slow {
    /// Its threads end with the test.
    pub fn start(after: Duration) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, taken) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&taken);
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                // It ends with its client.
                spawn(move || answer(&stream, after, &count));
            }
        });
        Ok(Self { address, taken })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests that were answered.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

fn answer(mut stream: &TcpStream, after: Duration, count: &AtomicUsize) -> Result<()> {
    let mut input = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().context("a length")?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        sleep(after);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
        count.fetch_add(1, Ordering::Relaxed);
    }
}
