//! `cargo xtask bench rate`: nothing lost at the highest rate that there is.
//!
//! A small static file is what Apache serves fastest. wrk asks for it on many
//! connections; then Apache's access log says how many requests there were, and
//! wsgiprobe how many of them it saw.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Result, bail};

use super::apache::{Apache, Shape};
use super::load;
use super::probe::{Account, Probe};
use super::table::table;
use super::variant::Variant;
use crate::interrupt::Interrupt;
use crate::progress::good;
use crate::workspace;

/// How to try.
#[derive(clap::Args)]
pub struct Options {
    /// How long.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Connections.
    #[arg(long, value_name = "N", default_value = "64")]
    connections: NonZeroU32,
    /// Back ends.
    #[arg(
        long,
        value_name = "HOOKS",
        value_delimiter = ',',
        default_value = "sock"
    )]
    hooks: Vec<String>,
}

/// Tries, prints, and fails if a request is missing anywhere.
pub fn run(options: &Options) -> Result<()> {
    let binary = workspace::wsgiprobe()?;
    let interrupt = Interrupt::install()?;
    let apache = Apache::start(Shape::wide(), Variant::Bare, None, &interrupt)?;
    let time = Duration::from_secs(options.seconds);

    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for hooks in &options.hooks {
        anstream::println!(
            "{hooks}: {} s of wrk on {} connections",
            options.seconds,
            options.connections
        );
        let before = apache.logged()?;
        let probe = Probe::attach(&binary, hooks, apache.pid(), &interrupt)?;
        let url = apache.static_file();
        let outcome = load::saturate(&url, options.connections.get(), time, &interrupt)?;
        let logged = apache.logged()? - before;
        let account = probe.finish(&interrupt)?;
        rows.push(vec![
            hooks.clone(),
            format!("{:.0}", outcome.rate()),
            outcome.answered.to_string(),
            logged.to_string(),
            account.seen.to_string(),
            account.reported.to_string(),
            account.lost().to_string(),
        ]);
        missing.extend(complaint(hooks, logged, &account));
    }
    let head = [
        "back end",
        "requests/s",
        "answered",
        "access log",
        "seen",
        "reported",
        "lost",
    ];
    anstream::println!("\n{}\n", table(&head, 1, rows));
    if missing.is_empty() {
        anstream::println!("{}", good("nothing lost"));
        return Ok(());
    }
    bail!("{}", missing.join("; "))
}

/// What is wrong with an account, held against the access log.
fn complaint(hooks: &str, logged: u64, account: &Account) -> Option<String> {
    let Account {
        seen,
        reported,
        lost,
        balanced,
        ..
    } = account;
    (logged != *seen || logged != *reported || account.lost() > 0 || !balanced).then(|| {
        let lost: Vec<_> = lost.iter().filter(|(_, count)| **count > 0).collect();
        format!(
            "{hooks}: of {logged} requests in the access log {seen} seen, {reported} reported, \
             lost {lost:?}, account {}",
            if *balanced {
                "adds up"
            } else {
                "DOES NOT ADD UP"
            }
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn account(seen: u64, lost: u64) -> Account {
        Account {
            seen,
            reported: seen - lost,
            in_flight: 0,
            lost: BTreeMap::from([("ring_full".into(), lost), ("map_full".into(), 0)]),
            balanced: true,
            attach_ms: 1.0,
        }
    }

    #[test]
    fn a_request_that_is_missing_anywhere_is_complained_of() {
        assert_eq!(complaint("sock", 10, &account(10, 0)), None);
        assert!(complaint("sock", 10, &account(9, 0)).is_some());
        let lost = complaint("sock", 10, &account(10, 1)).unwrap();
        assert!(lost.contains("[(\"ring_full\", 1)]"), "{lost}");
        let unbalanced = Account {
            balanced: false,
            ..account(10, 0)
        };
        assert!(complaint("sock", 10, &unbalanced).is_some());
    }
}
