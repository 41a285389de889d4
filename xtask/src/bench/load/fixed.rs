//! The fixed load: requests at even times, measured from when they were due.
//!
//! A late answer does not put off the requests after it: these are late
//! themselves then, and their time runs from when they should have been sent. A
//! load that measured from the sending instead would spare the server exactly
//! when it is slow (coordinated omission).

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ureq::Agent;

use super::Outcome;
use crate::bench::stats;
use crate::interrupt::Interrupt;

/// How much longer than its time the load may take to catch up, as a multiple.
/// What is not sent by then is counted as an error.
const CATCH_UP: u32 = 1;

/// The longest that one answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One thread's share.
#[derive(Default)]
struct Share {
    /// Latencies, nanoseconds; of requests never sent, how late they were.
    latencies: Vec<u64>,
    /// Requests that failed or were never sent.
    errors: u64,
}

/// The times at which requests are due.
struct Timetable {
    began: Instant,
    every: Duration,
    requests: u64,
    /// Nothing is sent after this.
    closes: Instant,
    next: AtomicU64,
}

impl Timetable {
    fn new(rate: u32, time: Duration) -> Self {
        let every = Duration::from_secs(1) / rate;
        let began = Instant::now() + every;
        Self {
            began,
            every,
            requests: (time.as_nanos() / every.as_nanos()) as u64,
            closes: began + time * (1 + CATCH_UP),
            next: AtomicU64::new(0),
        }
    }

    /// When the next request is due that nobody else sends.
    fn take(&self) -> Option<Instant> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let after = self.every.checked_mul(number as u32)?;
        (number < self.requests).then(|| self.began + after)
    }
}

/// Asks for the page so many times a second.
pub fn run(
    url: &str,
    connections: u32,
    rate: u32,
    time: Duration,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    let timetable = Timetable::new(rate, time);
    let shares: Vec<Result<Share>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| drive(url, &timetable, interrupt)))
            .collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|share| share.expect("a load thread does not panic"))
            .collect()
    });
    let took = timetable.began.elapsed();

    let mut all = Share::default();
    for share in shares {
        let share = share?;
        all.latencies.extend(share.latencies);
        all.errors += share.errors;
    }
    all.latencies.sort_unstable();
    let answered = all.latencies.len() as u64 - all.errors;
    ensure!(answered > 0, "no answer at all from {url}");
    let seconds = |share| stats::percentile(&all.latencies, share) as f64 / 1e9;
    Ok(Outcome {
        answered,
        errors: all.errors,
        // The last requests are due one step before the end.
        seconds: took.max(time).as_secs_f64(),
        p50: seconds(0.5),
        p99: seconds(0.99),
    })
}

/// Sends what falls to one connection.
fn drive(url: &str, timetable: &Timetable, interrupt: &Interrupt) -> Result<Share> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let mut share = Share::default();
    while let Some(due) = timetable.take() {
        interrupt.check()?;
        let now = Instant::now();
        if now > timetable.closes {
            share.errors += 1;
        } else {
            thread::sleep(due.saturating_duration_since(now));
            share.errors += u64::from(ask(&agent, url).is_err());
        }
        share.latencies.push(due.elapsed().as_nanos() as u64);
    }
    Ok(share)
}

fn ask(agent: &Agent, url: &str) -> Result<()> {
    let mut answer = agent.get(url).call()?;
    answer
        .body_mut()
        .read_to_vec()
        .context("reading an answer")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// A server of one connection that takes so long for each answer.
    fn slow_server(takes: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            while let Some(Ok(line)) = lines.next() {
                if line.is_empty() {
                    thread::sleep(takes);
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    (&stream).write_all(answer).unwrap();
                }
            }
        });
        url
    }

    #[test]
    fn a_server_that_falls_behind_is_charged_for_all_the_waiting() {
        // 20 requests/s on one connection to a server that can do 10 at most: the
        // last of 20 is due after 0.95 s and answered after 2.
        let url = slow_server(Duration::from_millis(100));
        let interrupt = Interrupt::never();
        let outcome = run(&url, 1, 20, Duration::from_secs(1), &interrupt).unwrap();
        assert_eq!(outcome.answered + outcome.errors, 20);
        assert!(outcome.p99 > 0.9, "p99 {} s", outcome.p99);
    }

    #[test]
    fn requests_that_are_never_sent_are_errors() {
        let url = slow_server(Duration::from_millis(500));
        let interrupt = Interrupt::never();
        let outcome = run(&url, 1, 20, Duration::from_secs(1), &interrupt).unwrap();
        assert_eq!(outcome.answered + outcome.errors, 20);
        // At most five fit into the two seconds after which nothing is sent.
        assert!(outcome.errors >= 14, "{} errors", outcome.errors);
        assert!(outcome.p99 > 1.0, "p99 {} s", outcome.p99);
    }

    #[test]
    fn the_timetable_is_even_and_ends() {
        let timetable = Timetable::new(4, Duration::from_secs(1));
        let due: Vec<_> = std::iter::from_fn(|| timetable.take()).collect();
        assert_eq!(due.len(), 4);
        assert!(
            due.windows(2)
                .all(|two| two[1] - two[0] == Duration::from_millis(250))
        );
    }
}
