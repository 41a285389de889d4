//! The files and services that a run writes to.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::host;
use super::services::Services;
use crate::cli::{
    self, Influx, InfluxTarget, OtlpHistogram, OtlpProtocol, Schema, Settings, is_stdout,
};
use crate::health::{Health, Vitals};
use crate::model::Request;
use crate::privileges::OutputNeeds;
use crate::report::Keeper;
use crate::sinks::influxdb::{self, InfluxDb};
use crate::sinks::jsonl::{JsonLines, shown};
use crate::sinks::otlp::{self, Otlp};
use crate::sinks::prometheus::Prometheus;
use crate::sinks::{self, Delivered, Notices, Sink};
use crate::summary::Summary;
use crate::tick::{About, Points, Tick};
use crate::web::Web;

/// For one request to InfluxDB, connecting included.
const INFLUX_TIMEOUT: Duration = Duration::from_secs(5);
/// For one message to an OpenTelemetry collector, connecting included: what its SDKs wait.
const OTLP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of the run waits for an output to take the rest.
const PATIENCE: Duration = Duration::from_secs(10);
/// Points per write: what InfluxDB's documentation advises.
const INFLUX_BATCH: usize = 5_000;
/// Points waiting while InfluxDB is away: some 100 000 of about 150 bytes.
const INFLUX_BUFFER: usize = 16 << 20;

/// Everything that is written besides lines for people.
#[derive(Default)]
pub(super) struct Outputs {
    sinks: Vec<Box<dyn Sink>>,
    summary: Option<(PathBuf, Box<dyn Write>)>,
    plan: Vec<String>,
    needs: OutputNeeds,
    /// Only where a sink needs it.
    services: Option<Services>,
    vitals: Vitals,
}

impl Outputs {
    /// Opens them all: what cannot be written shows before anything is watched.
    pub(super) fn open(settings: &Settings, notices: &Notices) -> Result<Self> {
        let mut outputs = Self::default();
        if let Some(path) = &settings.jsonl {
            outputs.needs.new_files = settings.jsonl_rotation.is_some();
            let sink = JsonLines::open(path, settings.jsonl_rotation, notices.clone())?;
            outputs.add(format!("each request to {}", shown(path)), sink);
        }
        if let Some(influx) = &settings.influx {
            let _there = outputs.services()?.handle().enter();
            let mut given = influx_settings(influx);
            given.hostname = host::called(settings.node.as_deref());
            given.phase = phase(settings.interval, settings);
            let interval = humantime::format_duration(settings.interval);
            let plan = format!("aggregates of every {interval} to {}", given.place());
            outputs.needs.spool = given.spool.is_some();
            let sink = InfluxDb::start(given, notices.clone());
            outputs.add(plan, sink.context("cannot write to InfluxDB")?);
        }
        outputs.pictures(settings, notices)?;
        if let Some(listen) = &settings.prometheus {
            let services = outputs.services()?.handle();
            let sink = Prometheus::bind(&listen.to_string(), services, notices.clone())?;
            outputs.needs.serves = true;
            outputs.add(format!("metrics for Prometheus at {}", sink.place()), sink);
        }
        if let Some(otlp) = &settings.otlp {
            let services = outputs.services()?.handle();
            let mut given = otlp_settings(otlp);
            given.phase = phase(otlp.interval.max(settings.interval), settings);
            let sink = Otlp::start(given, services, notices.clone())?;
            outputs.add(format!("metrics and spans to {}", otlp.url), sink);
        }
        if let Some(path) = &settings.summary {
            let plan = format!("the summary to {}, at the end", shown(path));
            let file = open(path);
            let file = file.with_context(|| format!("--summary: cannot open {}", path.display()));
            outputs.summary = Some((path.clone(), file?));
            outputs.plan.push(plan);
        }
        outputs.health(settings)?;
        Ok(outputs)
    }

    /// Whoever asks is answered from here on: that it is not attached yet.
    fn health(&mut self, settings: &Settings) -> Result<()> {
        self.vitals
            .watch(self.sinks.iter().flat_map(|sink| sink.conditions()));
        let Some(listen) = &settings.health else {
            return Ok(());
        };
        let health = Health::bind(listen)?;
        self.plan.push(format!("health at {}", health.url()));
        let (there, vitals) = (self.services()?.handle().clone(), self.vitals.clone());
        health
            .serve(&there, vitals)
            .context("cannot answer --health")?;
        self.needs.serves = true;
        Ok(())
    }

    /// The page and the report show one history.
    fn pictures(&mut self, settings: &Settings, notices: &Notices) -> Result<()> {
        if settings.web.is_none() && settings.report.is_none() {
            return Ok(());
        }
        let report = settings.report.as_ref().map(|path| {
            let file = File::create(path);
            let file = file.with_context(|| format!("--report: cannot open {}", path.display()));
            file.map(|file| (path.clone(), file))
        });
        let report = report.transpose()?;
        let web = settings.web.as_ref().map(Web::bind).transpose()?;
        let mut plans = Vec::new();
        plans.extend(
            web.as_ref()
                .map(|web| format!("the web page at {}", web.url())),
        );
        let path = report.as_ref().map(|(path, _)| path.display());
        plans.extend(path.map(|path| format!("the report to {path}, at the end")));
        let there = self.services()?.handle().clone();
        let keeper = Keeper::start(&there, report, notices.clone());
        if let Some(web) = web {
            web.serve(&there, keeper.shared())
                .context("cannot serve the web page")?;
            self.needs.serves = true;
        }
        self.add(plans.join("; "), keeper);
        Ok(())
    }

    fn add(&mut self, plan: String, sink: impl Sink + 'static) {
        self.plan.push(plan);
        self.sinks.push(Box::new(sink));
    }

    /// The thread that outputs work on.
    pub(super) fn services(&mut self) -> Result<&Services> {
        if self.services.is_none() {
            let services = Services::start();
            self.services = Some(services.context("cannot start the outputs' thread")?);
        }
        self.services.as_ref().context("it was just started")
    }

    /// What will be written where, a line each.
    pub(super) fn plan(&self) -> &[String] {
        &self.plan
    }

    /// Whether there is any that anything is written to.
    pub(super) fn any(&self) -> bool {
        !self.sinks.is_empty() || self.summary.is_some()
    }

    /// Where the run says that it is well.
    pub(super) const fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// What they do after the attach.
    pub(super) const fn needs(&self) -> OutputNeeds {
        self.needs
    }

    /// Tells all of them what is watched.
    pub(super) fn begin(&mut self, about: &Arc<About>) {
        for sink in &mut self.sinks {
            sink.begin(about);
        }
    }

    /// Delivers a request.
    pub(super) fn request(&mut self, request: &Request) {
        for sink in &mut self.sinks {
            sink.request(request);
        }
    }

    /// Delivers a window.
    pub(super) fn tick(&mut self, tick: &Arc<Tick>) {
        for sink in &mut self.sinks {
            sink.tick(tick);
        }
    }

    /// What became of the points for InfluxDB so far.
    pub(super) fn points(&self) -> Option<Points> {
        self.sinks.iter().find_map(|sink| sink.points())
    }

    /// Tells all of them what the operator is told.
    pub(super) fn notice(&mut self, text: &str) {
        for sink in &mut self.sinks {
            sink.notice(text);
        }
    }

    /// Delivers the rest, to all at the same time, and the summary. Says what arrived;
    /// what did not arrive is an error as well.
    pub(super) async fn finish(mut self, summary: &Arc<Summary>) -> (Vec<Delivered>, Result<()>) {
        let sinks = std::mem::take(&mut self.sinks).into_iter();
        let ends: Vec<_> = sinks.map(|sink| sink.finish(summary, PATIENCE)).collect();
        let delivered = futures_util::future::join_all(ends).await;
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

/// How long after a window this host delivers, where it does so once in `interval`.
fn phase(interval: Duration, settings: &Settings) -> Duration {
    sinks::phase(&host::name(), interval.min(settings.flush_jitter))
}

/// What the options say of InfluxDB, as its sink wants it.
pub(crate) fn influx_settings(influx: &Influx) -> influxdb::Settings {
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
            InfluxTarget::V3 { db, token } => influxdb::Target::V3 {
                db: db.clone(),
                token: token.as_ref().map(|token| token.reveal().to_owned()),
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
        phase: Duration::ZERO,
        ca: influx.ca.clone(),
        secret_file: influx.secret_file.clone(),
        spool: influx
            .spool
            .clone()
            .map(|(dir, bytes)| influxdb::SpoolSettings { dir, bytes }),
    }
}

fn otlp_settings(given: &cli::Otlp) -> otlp::Settings {
    let headers = given.headers.iter();
    otlp::Settings {
        url: given.url.clone(),
        protocol: match given.protocol {
            OtlpProtocol::Grpc => otlp::Protocol::Grpc,
            OtlpProtocol::Http => otlp::Protocol::Http,
        },
        headers: headers
            .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
            .collect(),
        resource: given.resource.clone(),
        interval: given.interval,
        phase: Duration::ZERO,
        buckets: match given.histogram {
            OtlpHistogram::Explicit => otlp::Buckets::Explicit,
            OtlpHistogram::Exponential => otlp::Buckets::Exponential,
        },
        slow: given.slow,
        spans: given.spans,
        ca: given.ca.clone(),
        timeout: OTLP_TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_arrive_is_an_error() {
        let delivered = |failed| Delivered {
            text: "6 requests to out, 3 lost".into(),
            failed,
        };
        assert!(all_arrived(&[delivered(false)]).is_ok());
        assert_eq!(
            all_arrived(&[delivered(false), delivered(true)])
                .unwrap_err()
                .to_string(),
            "not everything was delivered: 6 requests to out, 3 lost"
        );
    }
}
