//! As many different paths as somebody who tries out everything asks for.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use harness::server::Server;

/// 100 000 a minute.
pub const EVERY: Duration = Duration::from_micros(600);

/// Connections, which are kept.
const CLIENTS: usize = 4;

/// Of five paths four are of these routes, each of which a path is never asked for twice.
pub const GROUPED: [&str; 4] = ["/order/{id}", "/session/{id}", "/blob/{id}", "/key/{id}"];

/// The path of that number, which no other has.
pub fn path(number: usize) -> String {
    match number % 5 {
        0 => format!("/order/{number}"),
        1 => format!("/session/{number:08x}-5f3a-4c1d-9e7b-{number:012x}"),
        2 => format!("/blob/{number:040x}"),
        3 => format!("/key/{}", spelt(number, "k3Xq9Lw5Zt", 10)),
        _ => format!("/page-{}", spelt(number, "abcdefghij", 1)),
    }
}

/// The number in ten letters of which each stands for a digit. Of a token it has many,
/// with a digit after each.
fn spelt(number: usize, letters: &str, times: usize) -> String {
    let digits = number.to_string();
    let digits = digits.bytes().map(|digit| usize::from(digit - b'0'));
    if times == 1 {
        return digits.map(|digit| &letters[digit..=digit]).collect();
    }
    let pairs = digits.map(|digit| format!("{}{digit}", &letters[digit..=digit]));
    format!("{:x>1$}", pairs.collect::<String>(), 2 * times).replace('x', "x7")
}

/// Paths below this number that are words, and so routes of their own.
pub const fn words(below: usize) -> usize {
    below / 5
}

/// Asks for the paths below that number, each when its time has come, or at once if that
/// has passed. Returns what it took.
pub fn ask(server: &impl Server, below: usize) -> Result<Duration> {
    let began = Instant::now();
    thread::scope(|scope| {
        let one = |first: usize| {
            let mut connection = server.connect()?;
            for number in (first..below).step_by(CLIENTS) {
                let due = EVERY * u32::try_from(number)?;
                thread::sleep(due.saturating_sub(began.elapsed()));
                connection.get(&path(number))?;
            }
            Ok(())
        };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|first| scope.spawn(move || one(first)))
            .collect();
        clients.into_iter().try_for_each(|client| {
            let ended = client.join();
            ended.unwrap_or_else(|_| Err(anyhow!("a client panicked")))
        })
    })?;
    Ok(began.elapsed())
}
