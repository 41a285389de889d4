//! The fixed rate: requests at even times, measured from when they were due.
//!
//! A late answer does not put off the requests after it: these are late
//! themselves then, and their time runs from when they should have been sent. A
//! load that measured from the sending instead would spare the server exactly
//! when it is slow (coordinated omission). Where a connection was free in time, the
//! time runs from the sending: that a timer of ours was late is no fault of the
//! server's.

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::client::Client;
use super::{Outcome, Page, second};
use crate::compare::interrupt::Interrupt;

/// How much longer than its time the load may take to catch up, as a multiple.
/// What is not sent by then is counted as an error.
const CATCH_UP: u32 = 1;

/// The times at which requests are due.
struct Timetable {
    began: Instant,
    every: Duration,
    requests: u64,
    next: Cell<u64>,
}

impl Timetable {
    fn new(rate: NonZeroU32, time: Duration) -> Self {
        let requests = (time.as_secs_f64() * f64::from(rate.get())).round() as u64;
        Self {
            began: Instant::now(),
            every: Duration::from_secs(1) / rate.get(),
            requests: requests.max(1),
            next: Cell::new(0),
        }
    }

    /// When the next request is due that nobody has taken.
    fn take(&self) -> Option<Instant> {
        let number = self.next.get();
        if number >= self.requests {
            return None;
        }
        self.next.set(number + 1);
        Some(self.began + self.every.mul_f64(number as f64))
    }
}

pub(super) async fn run(
    page: &Page,
    connections: NonZeroU32,
    rate: NonZeroU32,
    time: Duration,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    let outcome = RefCell::new(Outcome::new());
    let timetable = Timetable::new(rate, time);
    let closes = timetable.began + time * (1 + CATCH_UP);
    let connection = async || {
        let mut client = Client::new(page);
        while let Some(due) = timetable.take() {
            if interrupt.is_set() {
                return;
            }
            let free = Instant::now();
            let from = if free < due {
                tokio::time::sleep_until(due.into()).await;
                Instant::now()
            } else {
                due
            };
            let well = if free > closes {
                false
            } else {
                client.ask().await.is_ok_and(|status| status.as_u16() < 400)
            };
            let now = Instant::now();
            let took = (now - from).as_nanos() as u64;
            let second = second(timetable.began, now);
            outcome.borrow_mut().record(well, took, second);
        }
    };
    futures_util::future::join_all((0..connections.get()).map(|_| connection())).await;
    interrupt.check()?;
    let mut outcome = outcome.into_inner();
    // The last requests are due one step before the end.
    outcome.seconds = timetable.began.elapsed().max(time).as_secs_f64();
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SLOW, slow_server};
    use super::super::{Load, drive};
    use super::*;

    fn load(time: u64) -> Outcome {
        let server = slow_server();
        let page = Page::new(&server, &[]).unwrap();
        let (one, rate) = (NonZeroU32::MIN, NonZeroU32::new(20).unwrap());
        let time = Duration::from_secs(time);
        let interrupt = Interrupt::never();
        drive(run(&page, one, rate, time, &interrupt)).unwrap()
    }

    /// 20 requests a second, of which the server can do 10.
    #[test]
    fn a_server_that_falls_behind_is_charged_for_all_the_waiting() {
        let outcome = load(1);
        assert_eq!((outcome.sent, outcome.answered + outcome.errors), (20, 20));
        // The last is due after 0.95 s and answered after 2.
        assert!(outcome.latency.percentile(100.0).unwrap() > 0.9);
        assert!(outcome.latency.percentile(0.0).unwrap() < 3.0 * SLOW.as_secs_f64());
    }

    #[test]
    fn the_timetable_is_even_and_ends() {
        let timetable = Timetable::new(NonZeroU32::new(4).unwrap(), Duration::from_secs(1));
        let due: Vec<_> = std::iter::from_fn(|| timetable.take()).collect();
        assert_eq!(due.len(), 4);
        let step = Duration::from_millis(250);
        assert!(due.windows(2).all(|two| two[1] - two[0] == step));
        let load = Load::Fixed {
            connections: NonZeroU32::MIN,
            rate: NonZeroU32::MIN,
        };
        assert_eq!(load.name(), "fixed");
    }
}
