//! What another load generator says that it did.
//!
//! `wrk` and `ab` are read as they print. Anything else is asked for one line of JSON
//! on its standard output, the last one counts:
//!
//! ```json
//! {"requests":3051,"errors":0,"seconds":1.01,"mean":0.0016,"p50":0.0015,"max":0.0034}
//! ```
//!
//! Times are seconds; `mean` and the percentiles `p50`, `p90`, `p99`, `p99.9` and `max`
//! may be left out.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use regex::Regex;
use serde::Deserialize;

use super::{Latency, Outcome};

/// The line of JSON.
#[derive(Deserialize)]
struct Line {
    requests: u64,
    #[serde(default)]
    errors: u64,
    seconds: f64,
    mean: Option<f64>,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

/// Finds out what it did.
pub(super) fn read(text: &str) -> Result<Outcome> {
    let outcome = json(text).or_else(|| wrk(text)).or_else(|| ab(text));
    let outcome = outcome.context(
        "the load did not say what it did: use wrk or ab, or let it print a line such as \
         {\"requests\":3051,\"errors\":0,\"seconds\":1.01,\"p50\":0.0015,\"p99\":0.0034}",
    )?;
    ensure!(
        outcome.sent > 0 && outcome.seconds > 0.0,
        "the load says that it had no answer at all"
    );
    Ok(outcome)
}

fn json(text: &str) -> Option<Outcome> {
    let objects = text.lines().rev().map(str::trim);
    let mut lines = objects.filter(|line| line.starts_with('{'));
    let line: Line = lines.find_map(|line| serde_json::from_str(line).ok())?;
    let percentile = |(name, value): (&String, &serde_json::Value)| {
        let percentile = match name.as_str() {
            "max" => 100.0,
            name => name.strip_prefix('p')?.parse().ok()?,
        };
        Some((percentile, value.as_f64()?))
    };
    let percentiles = line.others.iter().filter_map(percentile).collect();
    Some(outcome(
        line.requests,
        line.errors,
        line.seconds,
        line.mean,
        percentiles,
    ))
}

/// What `wrk` prints, with the percentiles if it was asked for them (`--latency`).
fn wrk(text: &str) -> Option<Outcome> {
    let all = figures(text, r"(\d+) requests in ([\d.]+)(us|ms|s|m|h), ")?;
    let requests = all[0].parse().ok()?;
    let seconds = seconds(all[1], all[2])?;
    let latency = figures(
        text,
        r"Latency +([\d.]+)(us|ms|s|m) +\S+ +([\d.]+)(us|ms|s|m)",
    )?;
    let refused = figures(text, r"Non-2xx or 3xx responses: (\d+)");
    let broken = figures(
        text,
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)",
    );
    let errors = [refused, broken].into_iter().flatten().flatten();
    let errors = errors.filter_map(|count| count.parse::<u64>().ok()).sum();
    let mut percentiles = percentiles(text, r"(?m)^ +([\d.]+)% +([\d.]+)(us|ms|s|m)$");
    percentiles.push((100.0, self::seconds(latency[2], latency[3])?));
    let mean = self::seconds(latency[0], latency[1]);
    Some(outcome(requests, errors, seconds, mean, percentiles))
}

/// What `ab` prints.
fn ab(text: &str) -> Option<Outcome> {
    let count = |pattern| figures(text, pattern)?[0].parse::<u64>().ok();
    let requests = count(r"(?m)^Complete requests: +(\d+)")?;
    let seconds = figures(text, r"(?m)^Time taken for tests: +([\d.]+) seconds")?;
    let failed = count(r"(?m)^Failed requests: +(\d+)").unwrap_or(0);
    let refused = count(r"(?m)^Non-2xx responses: +(\d+)").unwrap_or(0);
    // A page whose length varies is "failed" for it.
    let length = count(r"Length: (\d+)").unwrap_or(0);
    let mean = figures(text, r"(?m)^Time per request: +([\d.]+) \[(ms)\] \(mean\)$");
    let mean = mean.and_then(|mean| self::seconds(mean[0], mean[1]));
    let percentiles = percentiles(text, r"(?m)^ +(\d+)% +(\d+)()(?: \(longest request\))?$");
    let errors = failed.saturating_sub(length) + refused;
    Some(outcome(
        requests,
        errors,
        seconds[0].parse().ok()?,
        mean,
        percentiles,
    ))
}

fn outcome(
    requests: u64,
    errors: u64,
    seconds: f64,
    mean: Option<f64>,
    mut percentiles: Vec<(f64, f64)>,
) -> Outcome {
    percentiles.sort_by(|left, right| left.0.total_cmp(&right.0));
    Outcome {
        sent: requests,
        answered: requests.saturating_sub(errors),
        errors,
        seconds,
        latency: Latency::Told { mean, percentiles },
        by_second: Vec::new(),
    }
}

/// What the pattern's groups matched first.
fn figures<'a>(text: &'a str, pattern: &str) -> Option<Vec<&'a str>> {
    let pattern = Regex::new(pattern).expect("a pattern of ours");
    let found = pattern.captures(text)?;
    Some(
        found
            .iter()
            .skip(1)
            .flatten()
            .map(|group| group.as_str())
            .collect(),
    )
}

/// Of lines with a percentile, a time and its unit; milliseconds without one, of which
/// there are whole ones only: less is nothing.
fn percentiles(text: &str, pattern: &str) -> Vec<(f64, f64)> {
    let pattern = Regex::new(pattern).expect("a pattern of ours");
    let lines = pattern
        .captures_iter(text)
        .map(|found| found.extract::<3>().1);
    lines
        .filter_map(|[percentile, time, unit]| {
            let unit = if unit.is_empty() { "ms" } else { unit };
            let seconds = seconds(time, unit).filter(|seconds| *seconds > 0.0)?;
            Some((percentile.parse().ok()?, seconds))
        })
        .collect()
}

fn seconds(figure: &str, unit: &str) -> Option<f64> {
    let figure: f64 = figure.parse().ok()?;
    Some(
        figure
            * match unit {
                "us" => 1e-6,
                "ms" => 1e-3,
                "m" => 60.0,
                "h" => 3_600.0,
                _ => 1.0,
            },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRK: &str = "\
Running 2s test @ http://127.0.0.1:8555/
  1 threads and 3 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   434.49us  151.26us   4.58ms   92.34%
    Req/Sec     6.90k   446.08     7.61k    70.00%
  Latency Distribution
     50%  411.00us
     75%  475.00us
     90%  557.00us
     99%    1.01ms
  13740 requests in 2.00s, 2.36MB read
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 4
Requests/sec:   6868.46
Transfer/sec:      1.18MB
";

    const AB: &str = "\
Concurrency Level:      4
Time taken for tests:   0.291 seconds
Complete requests:      2000
Failed requests:        3
   (Connect: 0, Receive: 0, Length: 2, Exceptions: 1)
Non-2xx responses:      5
Requests per second:    6876.29 [#/sec] (mean)
Time per request:       0.582 [ms] (mean)
Time per request:       0.145 [ms] (mean, across all concurrent requests)

Percentage of the requests served within a certain time (ms)
  50%      0
  99%      2
 100%      9 (longest request)
";

    fn told(outcome: &Outcome, percentile: f64) -> f64 {
        outcome.latency.percentile(percentile).unwrap()
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn wrk_is_understood() {
        let outcome = read(WRK).unwrap();
        assert_eq!((outcome.sent, outcome.errors), (13_740, 7));
        assert!(close(outcome.seconds, 2.0));
        assert!(close(told(&outcome, 50.0), 411e-6) && close(told(&outcome, 99.0), 1.01e-3));
        assert!(close(told(&outcome, 100.0), 4.58e-3));
        assert!(close(outcome.latency.mean().unwrap(), 434.49e-6));
        assert!(outcome.latency.percentile(99.9).is_none());
        let without = WRK
            .replace("%  4", "")
            .replace("%  5", "")
            .replace("%    1", "");
        assert_eq!(read(&without).unwrap().sent, 13_740);
    }

    #[test]
    fn ab_is_understood() {
        let outcome = read(AB).unwrap();
        assert_eq!((outcome.sent, outcome.errors), (2_000, 6));
        assert!(close(outcome.seconds, 0.291));
        assert!(close(told(&outcome, 99.0), 2e-3) && close(told(&outcome, 100.0), 9e-3));
        assert!(close(outcome.latency.mean().unwrap(), 0.582e-3));
        assert_eq!(outcome.latency.percentile(50.0), None);
    }

    #[test]
    fn a_line_of_json_is_understood() {
        let text = "starting {\n{\"requests\":10,\"seconds\":2,\"p99.9\":0.5,\"max\":0.7,\"x\":[]}\ndone\n";
        let outcome = read(text).unwrap();
        assert_eq!((outcome.sent, outcome.errors), (10, 0));
        assert!(close(told(&outcome, 99.9), 0.5) && close(told(&outcome, 100.0), 0.7));
        assert_eq!(outcome.latency.mean(), None);
    }

    #[test]
    fn what_says_nothing_is_told_what_to_say() {
        let message = read("done\n").unwrap_err().to_string();
        assert!(message.contains("\"requests\":"), "{message}");
        let none = read("{\"requests\":0,\"seconds\":1}").unwrap_err();
        assert!(none.to_string().contains("no answer"));
    }
}
