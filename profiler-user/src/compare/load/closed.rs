//! The closed loop: as many requests at a time as there are connections.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::client::Client;
use super::{Outcome, Page, second};
use crate::compare::interrupt::Interrupt;

/// After a request that failed without an answer: a server that is down must not
/// keep the client busy.
const BREATHER: Duration = Duration::from_millis(10);

pub(super) async fn run(
    page: &Page,
    connections: NonZeroU32,
    time: Duration,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    let outcome = RefCell::new(Outcome::new());
    let began = Instant::now();
    let until = began + time;
    let connection = async || {
        let mut client = Client::new(page);
        loop {
            let sent = Instant::now();
            if sent >= until || interrupt.is_set() {
                return;
            }
            let answer = client.ask().await;
            let now = Instant::now();
            let well = answer.as_ref().is_ok_and(|status| status.as_u16() < 400);
            let took = (now - sent).as_nanos() as u64;
            outcome.borrow_mut().record(well, took, second(began, now));
            if answer.is_err() {
                tokio::time::sleep(BREATHER).await;
            }
        }
    };
    futures_util::future::join_all((0..connections.get()).map(|_| connection())).await;
    interrupt.check()?;
    let mut outcome = outcome.into_inner();
    outcome.seconds = began.elapsed().as_secs_f64();
    Ok(outcome)
}
