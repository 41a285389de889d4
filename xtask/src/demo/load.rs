//! The load: every route on a connection of its own, at its own fixed pace.
//!
//! The pace does not wait for answers that are late: a request is sent when its
//! turn has come, or at once if that has passed. Number and time are bounded.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ureq::Agent;

use super::routes::{Method, ROUTES, Route};
use crate::interrupt::Interrupt;

/// The longest that one answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends the load for so long; returns how many requests were answered.
pub fn run(url: &str, time: Duration, interrupt: &Interrupt) -> Result<u64> {
    let began = Instant::now();
    thread::scope(|scope| {
        let routes: Vec<_> = ROUTES
            .iter()
            .map(|route| scope.spawn(move || drive(url, route, began, time, interrupt)))
            .collect();
        let mut answered = 0;
        for route in routes {
            answered += route.join().expect("a load thread does not panic")?;
        }
        Ok(answered)
    })
}

/// Asks for one route until the time is over.
fn drive(
    url: &str,
    route: &Route,
    began: Instant,
    time: Duration,
    interrupt: &Interrupt,
) -> Result<u64> {
    // A failure is an answer here.
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let mut answered = 0;
    let mut due = began;
    while due < began + time && began.elapsed() < time {
        interrupt.sleep_until(due)?;
        ask(&agent, url, route, answered).with_context(|| format!("asking for {}", route.path))?;
        answered += 1;
        due += route.every;
    }
    Ok(answered)
}

fn ask(agent: &Agent, url: &str, route: &Route, number: u64) -> Result<()> {
    let url = format!("{url}{}", route.path.replace("{}", &number.to_string()));
    let mut answer = match route.method {
        Method::Get => agent.get(url).call()?,
        Method::Post(bytes) => agent.post(url).send(&vec![b'x'; bytes])?,
    };
    answer.body_mut().read_to_vec()?;
    Ok(())
}
