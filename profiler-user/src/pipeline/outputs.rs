//! The files and services that a run writes to.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::UnboundedSender;

use super::host;
use crate::aggregate::Window;
use crate::cli::{Influx, InfluxTarget, Schema, Settings, is_stdout};
use crate::model::Request;
use crate::output::Delivered;
use crate::pool::Snapshot;
use crate::sinks::influxdb::{self, InfluxDb};
use crate::sinks::jsonl::{self, JsonLines};
use crate::summary::Summary;

/// For one request to InfluxDB, connecting included.
const INFLUX_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of the run waits for an output to take the rest.
const PATIENCE: Duration = Duration::from_secs(10);
/// Points per write: what InfluxDB's documentation advises.
const INFLUX_BATCH: usize = 5_000;
/// Points waiting while InfluxDB is away: some 100 000 of about 150 bytes.
const INFLUX_BUFFER: usize = 16 << 20;

/// Everything that is written besides lines for people.
pub(super) struct Outputs {
    jsonl: Option<(PathBuf, JsonLines)>,
    influx: Option<(String, InfluxDb)>,
    summary: Option<(PathBuf, Box<dyn Write>)>,
    plan: Vec<String>,
}

impl Outputs {
    /// Opens them all: what cannot be written shows before anything is watched.
    pub(super) fn open(settings: &Settings, notices: UnboundedSender<String>) -> Result<Self> {
        let mut plan = Vec::new();
        let jsonl = match &settings.jsonl {
            Some(path) => {
                plan.push(format!("each request to {}", shown(path)));
                Some((path.clone(), JsonLines::open(path, notices.clone())?))
            }
            None => None,
        };
        let influx = match &settings.influx {
            Some(influx) => {
                let place = place(influx);
                let interval = humantime::format_duration(settings.interval);
                plan.push(format!("aggregates of every {interval} to {place}"));
                let started = InfluxDb::start(influx_settings(influx), notices);
                Some((place, started.context("cannot write to InfluxDB")?))
            }
            None => None,
        };
        let summary = match &settings.summary {
            Some(path) => {
                plan.push(format!("the summary to {}, at the end", shown(path)));
                let file = open(path);
                let file =
                    file.with_context(|| format!("--summary: cannot open {}", path.display()));
                Some((path.clone(), file?))
            }
            None => None,
        };
        Ok(Self {
            jsonl,
            influx,
            summary,
            plan,
        })
    }

    /// What will be written where, a line each.
    pub(super) fn plan(&self) -> &[String] {
        &self.plan
    }

    /// Whether there is any.
    pub(super) fn any(&self) -> bool {
        !self.plan.is_empty()
    }

    /// Delivers a request.
    pub(super) fn request(&mut self, request: &Request) {
        if let Some((_, jsonl)) = &mut self.jsonl {
            jsonl.request(request);
        }
        if let Some((_, influx)) = &mut self.influx {
            influx.request(request);
        }
    }

    /// Delivers a window, and the servers' state at its end.
    pub(super) fn window(&mut self, window: &Window, snapshot: &Snapshot) {
        if let Some((_, influx)) = &mut self.influx {
            influx.window(window, snapshot);
        }
    }

    /// Delivers the rest and the summary. Says what arrived; what did not arrive
    /// is an error as well.
    pub(super) async fn finish(mut self, summary: &Summary) -> (Vec<Delivered>, Result<()>) {
        let mut delivered = Vec::new();
        if let Some((path, jsonl)) = self.jsonl.take() {
            delivered.push(jsonl_report(&path, jsonl.finish(PATIENCE)));
        }
        if let Some((place, influx)) = self.influx.take() {
            let report = influx.finish(PATIENCE).await;
            delivered.push(influx_report(&place, &report));
        }
        let mut result = match self.summary.take() {
            Some((path, mut file)) => write_summary(&mut file, summary)
                .with_context(|| format!("--summary: cannot write {}", path.display())),
            None => Ok(()),
        };
        if result.is_ok() {
            result = all_arrived(&delivered);
        }
        (delivered, result)
    }
}

fn all_arrived(delivered: &[Delivered]) -> Result<()> {
    let failed: Vec<&str> = delivered
        .iter()
        .filter(|output| output.failed)
        .map(|output| output.text.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!("not everything was delivered: {}", failed.join("; "));
}

fn write_summary(file: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    serde_json::to_writer(&mut *file, summary)?;
    writeln!(file)?;
    file.flush()
}

fn open(path: &Path) -> io::Result<Box<dyn Write>> {
    Ok(if is_stdout(path) {
        Box::new(io::stdout())
    } else {
        Box::new(File::create(path)?)
    })
}

fn shown(path: &Path) -> String {
    if is_stdout(path) {
        "stdout".into()
    } else {
        path.display().to_string()
    }
}

fn jsonl_report(path: &Path, report: jsonl::Report) -> Delivered {
    let lost = match report.lost {
        0 => String::new(),
        lost => format!(", {lost} lost"),
    };
    Delivered {
        text: format!("{} requests to {}{lost}", report.written, shown(path)),
        failed: report.lost > 0,
    }
}

fn influx_report(place: &str, report: &influxdb::Report) -> Delivered {
    let problems = [
        (report.dropped, "dropped while it was away"),
        (report.rejected, "rejected by it"),
        (report.errors, "failed attempts"),
    ];
    let mut parts = vec![format!("{} points to {place}", report.written)];
    let problems = problems.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(problems.map(|(count, what)| format!("{count} {what}")));
    // Counted and told, but no failure of this run: the database is somebody
    // else's, and the profiling went on.
    Delivered {
        text: parts.join(", "),
        failed: false,
    }
}

fn place(influx: &Influx) -> String {
    match &influx.target {
        InfluxTarget::V1 { db, .. } => format!("InfluxDB {}, database {db}", influx.url),
        InfluxTarget::V2 { org, bucket, .. } => {
            format!("InfluxDB {}, bucket {bucket} of {org}", influx.url)
        }
    }
}

fn influx_settings(influx: &Influx) -> influxdb::Settings {
    influxdb::Settings {
        url: influx.url.to_string(),
        target: match &influx.target {
            InfluxTarget::V1 { db, login } => influxdb::Target::V1 {
                db: db.clone(),
                user: login.as_ref().map(|(user, _)| user.clone()),
                password: login.as_ref().map(|(_, word)| word.reveal().to_owned()),
            },
            InfluxTarget::V2 { org, bucket, token } => influxdb::Target::V2 {
                org: org.clone(),
                bucket: bucket.clone(),
                token: token.reveal().to_owned(),
            },
        },
        schema: match influx.schema {
            Schema::Otel => influxdb::Schema::Otel,
            Schema::Workshop => influxdb::Schema::Workshop,
        },
        raw: influx.raw,
        hostname: host::name(),
        timeout: INFLUX_TIMEOUT,
        batch_points: INFLUX_BATCH,
        buffer_bytes: INFLUX_BUFFER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_arrive_is_an_error() {
        let report = influxdb::Report {
            written: 7,
            errors: 2,
            ..Default::default()
        };
        let made_good = influx_report("x", &report);
        assert_eq!(made_good.text, "7 points to x, 2 failed attempts");
        assert!(all_arrived(&[made_good]).is_ok());
        let report = jsonl::Report {
            written: 6,
            lost: 3,
        };
        let disk_full = jsonl_report(Path::new("out"), report);
        assert_eq!(
            all_arrived(&[disk_full]).unwrap_err().to_string(),
            "not everything was delivered: 6 requests to out, 3 lost"
        );
    }
}
