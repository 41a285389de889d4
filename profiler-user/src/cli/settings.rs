//! The options once they make sense together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use percent_encoding::percent_decode_str;
use regex::Regex;
use url::Url;

use super::options::Options;
use super::{Hooks, Otlp, Schema, Secret, otlp};
use crate::limits::Limits;

/// What a run does.
#[derive(Debug)]
pub struct Settings {
    /// What to watch.
    pub targets: Targets,
    /// The hook back end.
    pub hooks: Hooks,
    /// How much is kept.
    pub limits: Limits,
    /// Give up what is not needed any more, once attached.
    pub sandbox: bool,
    /// When to stop; `None`: at a signal.
    pub duration: Option<Duration>,
    /// Length of an aggregation window.
    pub interval: Duration,
    /// File for one JSON object a request; `-` is stdout.
    pub jsonl: Option<PathBuf>,
    /// File for the run's account; `-` is stdout.
    pub summary: Option<PathBuf>,
    /// InfluxDB, if it is to be written to.
    pub influx: Option<Influx>,
    /// Where Prometheus may scrape: host and port.
    pub prometheus: Option<String>,
    /// An OpenTelemetry collector, if it is to be written to.
    pub otlp: Option<Otlp>,
}

impl Settings {
    /// Whether stdout carries data for a machine, and so nothing else.
    #[must_use]
    pub fn stdout_is_data(&self) -> bool {
        [&self.jsonl, &self.summary]
            .into_iter()
            .flatten()
            .any(|path| is_stdout(path))
    }
}

/// What to watch; nothing named means whatever Apache is found.
#[derive(Debug, Default)]
pub struct Targets {
    /// Process ids.
    pub pids: Vec<u32>,
    /// Matched against names.
    pub names: Vec<Regex>,
    /// TCP ports listened on.
    pub ports: Vec<u16>,
}

/// Where and how to write to InfluxDB.
#[derive(Debug)]
pub struct Influx {
    /// Base address, without credentials.
    pub url: Url,
    /// Which API, and where in it.
    pub target: InfluxTarget,
    /// Names of the measurements.
    pub schema: Schema,
    /// One point a request as well as the aggregates.
    pub raw: bool,
}

/// A place to write to.
#[derive(Debug)]
pub enum InfluxTarget {
    /// A database of InfluxDB 1.x.
    V1 {
        /// Its name.
        db: String,
        /// User and password, where it asks for them.
        login: Option<(String, Secret)>,
    },
    /// A bucket of InfluxDB 2.x.
    V2 {
        /// Organisation.
        org: String,
        /// Bucket.
        bucket: String,
        /// API token.
        token: Secret,
    },
}

/// Whether that output path means stdout.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Checks what one option says against what the others say. `environment`
/// looks up the variables that hold secrets.
pub(super) fn resolve(
    options: Options,
    matches: &ArgMatches,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Settings, String> {
    if let (Some(jsonl), Some(summary)) = (&options.jsonl, &options.summary)
        && jsonl == summary
        && !is_stdout(jsonl)
    {
        return Err("--jsonl and --summary name the same file; give each its own".into());
    }
    let influx = influx(&options, &environment)?;
    let otlp = otlp::resolve(&options.otlp, &environment)?;
    Ok(Settings {
        targets: targets(&options, matches),
        hooks: options.hooks,
        limits: options.bounds.limits(),
        sandbox: !options.no_sandbox,
        duration: options.duration,
        interval: options.interval,
        jsonl: options.jsonl,
        summary: options.summary,
        influx,
        prometheus: options.prometheus.prometheus,
        otlp,
    })
}

/// The targets are one setting in three options: who names a target on the
/// command line does not mean those of the environment or the file as well.
fn targets(options: &Options, matches: &ArgMatches) -> Targets {
    let rank = |id| match matches.value_source(id) {
        Some(ValueSource::CommandLine) => 3,
        Some(ValueSource::EnvVariable) => 2,
        Some(_) => 1,
        None => 0,
    };
    let highest = ["pid", "name", "port"].map(rank).into_iter().max();
    let speaks = |id| Some(rank(id)) == highest;
    let mut targets = Targets::default();
    if speaks("pid") {
        targets.pids.clone_from(&options.pid);
    }
    if speaks("name") {
        targets.names.clone_from(&options.name);
    }
    if speaks("port") {
        targets.ports.clone_from(&options.port);
    }
    targets
}

fn influx(
    options: &Options,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Option<Influx>, String> {
    let Some(url) = &options.influx_url else {
        let given = options.influx_db.is_some()
            || options.influx_org.is_some()
            || options.influx_bucket.is_some();
        return if given {
            Err(
                "--influx-url is missing: --influx-db, --influx-org and --influx-bucket need it"
                    .into(),
            )
        } else {
            Ok(None)
        };
    };
    let mut url = influx_url(url)?;
    let target = influx_target(options, &url, environment)?;
    // Neither fails for http and https; from here on the address may be shown.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(Some(Influx {
        url,
        target,
        schema: options.influx_schema,
        raw: options.influx_raw,
    }))
}

/// The messages leave the address out: it may hold a password.
fn influx_url(text: &str) -> Result<Url, String> {
    const EXAMPLE: &str = "give something like http://127.0.0.1:8086";
    let url = Url::parse(text).map_err(|error| format!("--influx-url: {error}; {EXAMPLE}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!(
            "--influx-url must start with http:// or https://; {EXAMPLE}"
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("--influx-url must end before any ? or #; \
                    use --influx-db, or --influx-org and --influx-bucket"
            .into());
    }
    Ok(url)
}

fn influx_target(
    options: &Options,
    url: &Url,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<InfluxTarget, String> {
    match (
        &options.influx_db,
        &options.influx_org,
        &options.influx_bucket,
    ) {
        (Some(db), None, None) => Ok(InfluxTarget::V1 {
            db: db.clone(),
            login: login(options, url, environment)?,
        }),
        (None, Some(_), Some(_)) if !url.username().is_empty() || url.password().is_some() => Err(
            "--influx-url holds a user or password, but InfluxDB 2.x takes a token; \
                 use --influx-token-file or INFLUX_TOKEN"
                .into(),
        ),
        (None, Some(org), Some(bucket)) => Ok(InfluxTarget::V2 {
            org: org.clone(),
            bucket: bucket.clone(),
            token: secret(
                ("--influx-token-file", options.influx_token_file.as_deref()),
                ("INFLUX_TOKEN", environment),
            )?,
        }),
        (None, None, None) => Err(
            "--influx-url needs to know where to: give --influx-db (1.x), \
                                   or --influx-org and --influx-bucket (2.x)"
                .into(),
        ),
        (None, ..) => Err("--influx-org and --influx-bucket belong together; give both".into()),
        (Some(_), ..) => Err(
            "--influx-db is for InfluxDB 1.x, --influx-org and --influx-bucket \
                              for 2.x; give one or the other"
                .into(),
        ),
    }
}

/// The address may hold it (`http://user:password@host`), as InfluxDB 1.x's own
/// clients allow; the options are the better way and go first.
fn login(
    options: &Options,
    url: &Url,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Option<(String, Secret)>, String> {
    let file = options.influx_password_file.as_deref();
    let user = options
        .influx_user
        .clone()
        .or_else(|| environment("INFLUX_USER"));
    if let Some(user) = user {
        let password = secret(
            ("--influx-password-file", file),
            ("INFLUX_PASSWORD", environment),
        )?;
        return Ok(Some((user, password)));
    }
    if file.is_some() {
        return Err("--influx-password-file: whose? give --influx-user as well".into());
    }
    let decode = |text| percent_decode_str(text).decode_utf8_lossy();
    let (user, Some(password)) = (decode(url.username()), url.password().map(decode)) else {
        return Ok(None);
    };
    let password = Secret::new(&password)
        .map_err(|problem| format!("--influx-url: the password in it: {problem}"))?;
    Ok(Some((user.into_owned(), password)))
}

/// From the file of an option, or else from a variable.
fn secret(
    (option, file): (&str, Option<&Path>),
    (variable, environment): (&str, &impl Fn(&str) -> Option<String>),
) -> Result<Secret, String> {
    if let Some(path) = file {
        return Secret::read(path)
            .map_err(|problem| format!("{option} {}: {problem}", path.display()));
    }
    let text = environment(variable).ok_or_else(|| {
        format!("{option} or the variable {variable} is needed, and neither is set")
    })?;
    Secret::new(&text).map_err(|problem| format!("{variable}: {problem}"))
}
