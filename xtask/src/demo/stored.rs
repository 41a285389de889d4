//! What can be read back from InfluxDB.

use anyhow::Result;
use serde_json::Value;

use crate::influx::InfluxDb;

/// What `--influx-schema otel` calls a window's aggregate, and a request.
const AGGREGATES: &str = "http.server.request.duration";
const REQUESTS: &str = "http.server.request";

/// What InfluxDB holds after the run.
pub struct Stored {
    /// Points of the aggregates: one a second, route, method and status class.
    pub aggregates: u64,
    /// The requests they sum up to.
    pub aggregated_requests: u64,
    /// Points of single requests.
    pub requests: u64,
    /// By route, the busiest first.
    pub routes: Vec<Route>,
}

/// One route's figures over the whole run.
pub struct Route {
    /// The path's group.
    pub name: String,
    /// Requests.
    pub requests: u64,
    /// Mean duration, seconds.
    pub mean: f64,
    /// Longest duration, seconds.
    pub max: f64,
    /// Those that failed on the server.
    pub errors: u64,
}

impl Stored {
    /// Reads back what wsgiprobe wrote.
    pub fn read(influx: &InfluxDb) -> Result<Self> {
        let points = influx.ask(&format!("SELECT COUNT(requests) FROM \"{AGGREGATES}\""))?;
        let total = influx.ask(&format!("SELECT SUM(requests) FROM \"{AGGREGATES}\""))?;
        let raw = influx.ask(&format!("SELECT COUNT(outcome) FROM \"{REQUESTS}\""))?;
        let by_route = influx.ask(&format!(
            "SELECT SUM(requests), SUM(sum) / SUM(count), MAX(max), SUM(errors) \
             FROM \"{AGGREGATES}\" GROUP BY route"
        ))?;
        let mut routes: Vec<Route> = series(&by_route).map(route).collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.requests));
        Ok(Self {
            aggregates: first_count(&points),
            aggregated_requests: first_count(&total),
            requests: first_count(&raw),
            routes,
        })
    }
}

/// The series of an answer; none if nothing was found.
fn series(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.as_array().into_iter().flatten()
}

/// The first figure of the first series; zero if nothing was found.
fn first_count(answer: &Value) -> u64 {
    answer[0]["values"][0][1].as_u64().unwrap_or(0)
}

fn route(series: &Value) -> Route {
    let row = &series["values"][0];
    Route {
        name: series["tags"]["route"].as_str().unwrap_or("").to_owned(),
        requests: row[1].as_u64().unwrap_or(0),
        mean: row[2].as_f64().unwrap_or(0.0),
        max: row[3].as_f64().unwrap_or(0.0),
        errors: row[4].as_u64().unwrap_or(0),
    }
}
