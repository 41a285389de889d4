//! Every count held against Apache's access log.

use anyhow::{Result, bail};
use serde_json::Value;

use super::probe::Report;
use super::stored::{Route, Stored};
use crate::progress::{bad, bold, good};

/// What everybody said.
pub struct Evidence {
    /// Requests that the load had an answer to.
    pub answered: u64,
    /// Requests of which Prometheus would read.
    pub scraped: u64,
    /// Requests on the web page.
    pub shown: u64,
    /// Requests that the OpenTelemetry collector was told of.
    pub collected: u64,
    /// Requests in Apache's access log.
    pub logged: u64,
    /// What wsgiprobe wrote.
    pub report: Report,
    /// What InfluxDB holds.
    pub stored: Stored,
}

/// Prints it; fails if any of it disagrees.
pub fn print(evidence: &Evidence) -> Result<()> {
    let Evidence {
        answered,
        scraped,
        shown,
        collected,
        logged,
        report,
        stored,
    } = evidence;
    let summary = &report.summary;

    print_routes(&stored.routes);
    anstream::println!("\n{}", bold("Requests, by who counts them"));
    anstream::println!("  {logged:>8}  Apache's access log");
    let mut disagree = 0;
    let counts = [
        ("the load: answered", *answered),
        ("wsgiprobe --jsonl: lines", report.lines),
        ("wsgiprobe --prometheus: scraped", *scraped),
        ("wsgiprobe --web: on the page", *shown),
        ("Rotel: decoded from OTLP", *collected),
        ("wsgiprobe --summary: reported", count(summary, "reported")),
        (
            "InfluxDB: sum of the aggregates",
            stored.aggregated_requests,
        ),
        ("InfluxDB: points of single requests", stored.requests),
    ];
    for (who, number) in counts {
        let agrees = number == *logged;
        disagree += u32::from(!agrees);
        anstream::println!("  {number:>8}  {who}  {}", mark(agrees));
    }

    let (seen, sum) = balance(summary);
    let balances = seen == sum;
    disagree += u32::from(!balances);
    anstream::println!(
        "\nseen {seen} = reported {} + in flight {} + lost {}  {}",
        count(summary, "reported"),
        count(summary, "in_flight"),
        lost(summary),
        mark(balances)
    );
    anstream::println!("{} aggregate points in InfluxDB", stored.aggregates);

    print_next();
    if disagree > 0 {
        bail!("{disagree} of the counts disagree");
    }
    Ok(())
}

fn print_routes(routes: &[Route]) {
    anstream::println!("\n{}", bold("What InfluxDB now knows"));
    anstream::println!(
        "  {:<18} {:>8} {:>7} {:>11} {:>11}",
        "route",
        "requests",
        "errors",
        "mean",
        "longest"
    );
    for route in routes {
        anstream::println!(
            "  {:<18} {:>8} {:>7} {:>8.2} ms {:>8.2} ms",
            route.name,
            route.requests,
            route.errors,
            route.mean * 1e3,
            route.max * 1e3
        );
    }
}

fn print_next() {
    anstream::println!("\n{}", bold("On a server of your own"));
    anstream::println!("  sudo wsgiprobe check      can this kernel do it?");
    anstream::println!("  sudo wsgiprobe            watch the Apache that runs here");
    anstream::println!("  sudo wsgiprobe --pid $(cat /run/apache2/apache2.pid) \\");
    anstream::println!("       --influx-url http://HOST:8086 --influx-db NAME\n");
}

fn mark(agrees: bool) -> String {
    if agrees {
        good("agrees").to_string()
    } else {
        bad("DISAGREES").to_string()
    }
}

/// Both sides of `seen = reported + in flight + lost`.
fn balance(summary: &Value) -> (u64, u64) {
    let parts = count(summary, "reported") + count(summary, "in_flight") + lost(summary);
    (count(summary, "seen"), parts)
}

fn lost(summary: &Value) -> u64 {
    let losses = summary["lost"].as_object().into_iter().flatten();
    losses.filter_map(|(_, number)| number.as_u64()).sum()
}

fn count(summary: &Value, key: &str) -> u64 {
    summary[key].as_u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn evidence(reported: u64, lost: u64) -> Evidence {
        Evidence {
            answered: 10,
            scraped: reported,
            shown: reported,
            collected: reported,
            logged: 10,
            report: Report {
                lines: reported,
                summary: json!({
                    "seen": 10, "reported": reported, "in_flight": 0,
                    "lost": {"ring_full": lost, "unparsed": 0},
                }),
            },
            stored: Stored {
                aggregates: 3,
                aggregated_requests: reported,
                requests: reported,
                routes: Vec::new(),
            },
        }
    }

    #[test]
    fn equal_counts_pass() {
        print(&evidence(10, 0)).unwrap();
    }

    #[test]
    fn a_loss_fails_even_if_it_is_confessed() {
        let error = print(&evidence(9, 1)).unwrap_err();
        assert_eq!(error.to_string(), "7 of the counts disagree");
    }

    #[test]
    fn a_silent_loss_is_a_count_more() {
        let error = print(&evidence(9, 0)).unwrap_err();
        assert_eq!(error.to_string(), "8 of the counts disagree");
    }

    #[test]
    fn an_empty_summary_disagrees() {
        let mut empty = evidence(10, 0);
        empty.report.summary = json!({});
        assert!(print(&empty).is_err());
    }
}
