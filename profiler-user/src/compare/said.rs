//! What an instrument in the server says: how many requests, and how long they took.
//! It is asked for at the InfluxDB 1.x that the instrument reports to.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::load::drive;
use super::variant::Reports;

/// Time without a new figure after which the last one is there: instruments report in
/// batches, a second apart or two.
const QUIET: Duration = Duration::from_secs(3);

/// Within which instruments have reported what they know.
pub const BATCH: Duration = Duration::from_millis(1_500);

/// How often it asks.
const TICK: Duration = Duration::from_millis(250);

/// The longest that one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an instrument said of the requests since some moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// How many there were.
    pub requests: u64,
    /// How long they took in the mean, seconds.
    pub mean: Option<f64>,
}

/// The moment of now, as the database's clock of the same host has it.
pub fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
}

/// What was said since `from`, once there are as many requests as expected, or come no
/// more.
pub fn since(reports: &Reports, from: u128, expected: u64) -> Result<Said> {
    // Err: it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(PATIENCE).build();
    let client = client.context("making a client for InfluxDB")?;
    let mut requests = 0;
    let mut last = Instant::now();
    while requests < expected && last.elapsed() < QUIET {
        let now = ask(&client, reports, &reports.requests, from)?.unwrap_or(0.0) as u64;
        if now != requests {
            requests = now;
            last = Instant::now();
        }
        if requests < expected {
            thread::sleep(TICK);
        }
    }
    let mean = match &reports.mean {
        Some(query) => ask(&client, reports, query, from)?,
        None => None,
    };
    Ok(Said { requests, mean })
}

/// The single figure that a query has as its answer; `None` where there are no points.
fn ask(
    client: &reqwest::Client,
    reports: &Reports,
    query: &str,
    from: u128,
) -> Result<Option<f64>> {
    let query = with_time(query, from);
    let context = || format!("asking InfluxDB at {} for `{query}`", reports.influx_url);
    let mut url = url::Url::parse(&reports.influx_url).with_context(context)?;
    url.set_path("/query");
    url.query_pairs_mut()
        .append_pair("db", &reports.influx_db)
        .append_pair("q", &query);
    let answer = drive(async {
        let answer = client.get(url).send().await?;
        Ok(answer.bytes().await?)
    });
    let answer: Value =
        serde_json::from_slice(&answer.with_context(context)?).with_context(context)?;
    figure(&answer).with_context(context)
}

fn figure(answer: &Value) -> Result<Option<f64>> {
    let result = &answer["results"][0];
    for error in [&answer["error"], &result["error"]] {
        if let Some(error) = error.as_str() {
            bail!("it says: {error}");
        }
    }
    let Some(series) = result["series"].get(0) else {
        return Ok(None);
    };
    // The first column is the time.
    let figure = series["values"][0][1].as_f64();
    figure.map(Some).context("the answer is no single figure")
}

/// The query, of what is not older.
fn with_time(query: &str, from: u128) -> String {
    let word = if query.to_uppercase().contains(" WHERE ") {
        "AND"
    } else {
        "WHERE"
    };
    format!("{query} {word} time >= {from}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_single_figure_is_found() {
        let answer = json!({"results": [{"series": [{"values": [["1970", 12]]}]}]});
        assert_eq!(figure(&answer).unwrap(), Some(12.0));
        assert_eq!(figure(&json!({"results": [{}]})).unwrap(), None);
        let message = figure(&json!({"results": [{"error": "no such db"}]})).unwrap_err();
        assert!(message.to_string().contains("no such db"));
        assert!(figure(&json!({"results": [{"series": [{"values": [["1970", "x"]]}]}]})).is_err());
    }

    #[test]
    fn older_points_are_left_out() {
        assert_eq!(
            with_time("SELECT a FROM b", 5),
            "SELECT a FROM b WHERE time >= 5"
        );
        assert_eq!(
            with_time("SELECT a FROM b WHERE c = 1", 5),
            "SELECT a FROM b WHERE c = 1 AND time >= 5"
        );
    }
}
