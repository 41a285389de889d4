//! System calls of a process that nobody watches, timed in a tight loop.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::stats;

/// A slice is this long at most.
const SLICE: Duration = Duration::from_millis(2);

/// Slices of a measurement.
const SLICES: usize = 100;

/// Whatever interrupts a loop makes it slower, and nothing makes it faster: the
/// figure is that of the slice which this share of the slices did not exceed.
const UNDISTURBED: f64 = 0.1;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Call {
    /// `getppid`: about nothing but the way into the kernel and back.
    GetPpid,
    /// A byte read from `/dev/zero`: no socket.
    ReadZero,
    /// A byte sent through a pair of UNIX sockets and received: two calls.
    Unix,
    /// A byte sent through a TCP connection on loopback and received: two calls.
    Tcp,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::GetPpid, Self::ReadZero, Self::Unix, Self::Tcp];

    /// As the tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetPpid => "getppid",
            Self::ReadZero => "read /dev/zero",
            Self::Unix => "UNIX send + recv",
            Self::Tcp => "TCP send + recv",
        }
    }

    /// Whether it goes through a socket.
    pub fn is_socket(self) -> bool {
        matches!(self, Self::Unix | Self::Tcp)
    }
}

/// The files and sockets that are used: the same ones in all rounds.
pub struct Caller {
    zero: File,
    unix: (UnixStream, UnixStream),
    tcp: (TcpStream, TcpStream),
}

impl Caller {
    /// Opens them.
    pub fn new() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("listening on loopback")?;
        let client = TcpStream::connect(listener.local_addr()?).context("connecting")?;
        client.set_nodelay(true).context("setting TCP_NODELAY")?;
        let (server, _) = listener.accept().context("accepting")?;
        Ok(Self {
            zero: File::open("/dev/zero").context("opening /dev/zero")?,
            unix: UnixStream::pair().context("making a socket pair")?,
            tcp: (client, server),
        })
    }

    /// The undisturbed time of one call (for sockets: of both), nanoseconds.
    pub fn time(&mut self, call: Call) -> Result<f64> {
        let mut byte = [0];
        match call {
            Call::GetPpid => time(|| {
                std::hint::black_box(rustix::process::getppid());
                Ok(())
            }),
            Call::ReadZero => time(|| self.zero.read_exact(&mut byte)),
            Call::Unix => time(|| {
                self.unix.0.write_all(&byte)?;
                self.unix.1.read_exact(&mut byte)
            }),
            Call::Tcp => time(|| {
                self.tcp.0.write_all(&byte)?;
                self.tcp.1.read_exact(&mut byte)
            }),
        }
        .with_context(|| format!("timing {}", call.name()))
    }
}

fn time(mut call: impl FnMut() -> std::io::Result<()>) -> Result<f64> {
    let mut calls = 16_u32;
    let mut slices = Vec::with_capacity(SLICES);
    while slices.len() < SLICES {
        let began = Instant::now();
        for _ in 0..calls {
            call()?;
        }
        let took = began.elapsed();
        if took * 2 < SLICE {
            calls *= 2;
            slices.clear();
        } else {
            slices.push(took.as_nanos() as f64 / f64::from(calls));
        }
    }
    slices.sort_by(f64::total_cmp);
    Ok(stats::percentile(&slices, UNDISTURBED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_takes_its_time() {
        let mut caller = Caller::new().unwrap();
        let times: Vec<f64> = Call::ALL.map(|call| caller.time(call).unwrap()).to_vec();
        assert!(times.iter().all(|ns| *ns > 5.0), "{times:?}");
        // Through TCP it is longer than a call that does nothing, on any machine.
        assert!(times[0] < times[3], "{times:?}");
    }
}
