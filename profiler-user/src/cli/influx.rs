//! The options of InfluxDB, once they make sense together.

#![expect(
    clippy::doc_markdown,
    reason = "help is read in a terminal, not as Markdown"
)]

use std::path::{Path, PathBuf};

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum, ValueHint};
use percent_encoding::percent_decode_str;
use url::Url;

use super::options::OUTPUTS;
use super::{Secret, values};

/// Names of the InfluxDB measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Schema {
    /// OpenTelemetry's semantic conventions
    Otel,
    /// Those of the mod_wsgi metrics workshop, for its dashboards
    Workshop,
}

/// The versions of InfluxDB's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Api {
    /// /write: a database, and a user if it wants one
    #[value(name = "1")]
    V1,
    /// /api/v2/write: an organisation, a bucket and a token
    #[value(name = "2")]
    V2,
    /// /api/v3/write_lp: a database and a token
    #[value(name = "3")]
    V3,
}

#[expect(
    clippy::struct_field_names,
    reason = "clap names the options after them"
)]
#[derive(Clone, Debug, Args)]
pub(super) struct InfluxOptions {
    /// InfluxDB, e.g. http://127.0.0.1:8086
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, help_heading = OUTPUTS)]
    influx_url: Option<String>,

    /// Version of its interface; otherwise 2 with --influx-org, 3 with --influx-db and
    /// --influx-token-file, 1 with --influx-db alone
    #[arg(long, value_enum, value_name = "VERSION", help_heading = OUTPUTS, hide_possible_values = true)]
    influx_api: Option<Api>,

    /// Database (InfluxDB 1.x and 3.x)
    #[arg(long, value_name = "NAME", help_heading = OUTPUTS)]
    influx_db: Option<String>,

    /// User (InfluxDB 1.x); otherwise INFLUX_USER from the environment
    #[arg(long, value_name = "NAME", help_heading = OUTPUTS)]
    influx_user: Option<String>,

    /// File with that user's password; otherwise INFLUX_PASSWORD from the environment
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OUTPUTS)]
    influx_password_file: Option<PathBuf>,

    /// Organisation (InfluxDB 2.x)
    #[arg(long, value_name = "NAME", help_heading = OUTPUTS)]
    influx_org: Option<String>,

    /// Bucket (InfluxDB 2.x)
    #[arg(long, value_name = "NAME", help_heading = OUTPUTS)]
    influx_bucket: Option<String>,

    /// File with the token (InfluxDB 2.x and 3.x); otherwise INFLUX_TOKEN from the environment
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OUTPUTS)]
    influx_token_file: Option<PathBuf>,

    /// PEM file with the authority that vouches for an https:// server, instead of those that
    /// the system trusts
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OUTPUTS)]
    influx_ca: Option<PathBuf>,

    /// Folder where points wait on disk while InfluxDB is away, also beyond the end of the run,
    /// e.g. /var/lib/wsgiprobe/influx; without it they wait in memory, 16 MiB of them
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = OUTPUTS)]
    influx_spool: Option<PathBuf>,

    /// At most so much waits there, compressed; the oldest points go first
    #[arg(long, value_name = "BYTES", default_value = "256MiB", value_parser = values::spool_bytes,
          help_heading = OUTPUTS)]
    influx_spool_size: u64,

    /// Names of the measurements
    #[arg(long, value_enum, value_name = "SCHEMA", default_value_t = Schema::Otel, help_heading = OUTPUTS)]
    influx_schema: Schema,

    /// Write one point a request as well as the aggregates
    #[arg(long, value_parser = FalseyValueParser::new(), help_heading = OUTPUTS)]
    influx_raw: bool,
}

/// Where and how to write to InfluxDB.
#[derive(Debug)]
pub struct Influx {
    /// Base address, without credentials.
    pub url: Url,
    /// Which API, and where in it.
    pub target: InfluxTarget,
    /// PEM file of the authorities to trust, if not those of the system.
    pub ca: Option<PathBuf>,
    /// File that the token or password is from.
    pub secret_file: Option<PathBuf>,
    /// Folder for points that wait, and how much it may hold (bytes).
    pub spool: Option<(PathBuf, u64)>,
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
    /// A database of InfluxDB 3.x.
    V3 {
        /// Its name.
        db: String,
        /// Token, where it asks for one.
        token: Option<Secret>,
    },
}

impl InfluxOptions {
    /// Checks what one of them says against what the others say. `environment` looks up
    /// the variables that hold secrets.
    pub(super) fn resolve(
        self,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Influx>, String> {
        let Some(url) = &self.influx_url else {
            return self.nothing_without_url();
        };
        let mut url = influx_url(url)?;
        if self.influx_ca.is_some() && url.scheme() != "https" {
            return Err(
                "--influx-ca is for an https:// server, and --influx-url names none".into(),
            );
        }
        let target = self.target(&url, environment)?;
        let secret_file = match self.api()? {
            Api::V1 => self.influx_password_file,
            Api::V2 | Api::V3 => self.influx_token_file,
        };
        // Neither fails for http and https; from here on the address may be shown.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Some(Influx {
            url,
            target,
            ca: self.influx_ca,
            secret_file,
            spool: self.influx_spool.map(|dir| (dir, self.influx_spool_size)),
            schema: self.influx_schema,
            raw: self.influx_raw,
        }))
    }

    fn nothing_without_url(&self) -> Result<Option<Influx>, String> {
        let given = [
            ("--influx-db", self.influx_db.is_some()),
            ("--influx-org", self.influx_org.is_some()),
            ("--influx-bucket", self.influx_bucket.is_some()),
            ("--influx-api", self.influx_api.is_some()),
            ("--influx-ca", self.influx_ca.is_some()),
            ("--influx-spool", self.influx_spool.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(format!("--influx-url is missing: {option} needs it")),
            None => Ok(None),
        }
    }

    fn api(&self) -> Result<Api, String> {
        if let Some(api) = self.influx_api {
            return Ok(api);
        }
        let v2 = self.influx_org.is_some() || self.influx_bucket.is_some();
        match (self.influx_db.is_some(), v2) {
            (true, true) => Err(
                "--influx-db is for InfluxDB 1.x and 3.x, --influx-org and --influx-bucket are \
                 for 2.x; give one or the other"
                    .into(),
            ),
            (true, false) if self.influx_token_file.is_some() => Ok(Api::V3),
            (true, false) => Ok(Api::V1),
            (false, true) => Ok(Api::V2),
            (false, false) => Err(
                "--influx-url needs to know where to: give --influx-db (1.x, 3.x), \
                 or --influx-org and --influx-bucket (2.x)"
                    .into(),
            ),
        }
    }

    fn target(
        &self,
        url: &Url,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<InfluxTarget, String> {
        let api = self.api()?;
        if api != Api::V1 && (!url.username().is_empty() || url.password().is_some()) {
            return Err(
                "--influx-url holds a user or password, but InfluxDB 2.x and 3.x take a token; \
                 use --influx-token-file or INFLUX_TOKEN"
                    .into(),
            );
        }
        let token = || {
            let file = self.influx_token_file.as_deref();
            let file = ("--influx-token-file", file);
            secret(file, ("INFLUX_TOKEN", environment))
        };
        let db = || {
            let db = self.influx_db.clone();
            db.ok_or("--influx-db is missing: which database?".to_owned())
        };
        match api {
            Api::V1 => Ok(InfluxTarget::V1 {
                db: db()?,
                login: self.login(url, environment)?,
            }),
            Api::V2 => match (&self.influx_org, &self.influx_bucket) {
                (Some(org), Some(bucket)) => Ok(InfluxTarget::V2 {
                    org: org.clone(),
                    bucket: bucket.clone(),
                    token: token()?,
                }),
                _ => Err("--influx-org and --influx-bucket belong together; give both".into()),
            },
            Api::V3 => {
                let given =
                    self.influx_token_file.is_some() || environment("INFLUX_TOKEN").is_some();
                Ok(InfluxTarget::V3 {
                    db: db()?,
                    // A server may be set up to want none; if it does, it says so.
                    token: given.then(token).transpose()?,
                })
            }
        }
    }

    /// The address may hold it (`http://user:password@host`), as InfluxDB 1.x's own
    /// clients allow; the options are the better way and go first.
    fn login(
        &self,
        url: &Url,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<(String, Secret)>, String> {
        let file = self.influx_password_file.as_deref();
        let user = self
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        influx: InfluxOptions,
    }

    fn resolve(arguments: &[&str]) -> Result<Influx, String> {
        let url = ["x", "--influx-url", "https://h"];
        let cli = Cli::try_parse_from(url.iter().chain(arguments)).unwrap();
        let token = |name: &str| (name == "INFLUX_TOKEN").then(|| "t".to_owned());
        cli.influx.resolve(&token).map(|influx| influx.unwrap())
    }

    #[test]
    fn the_version_follows_from_what_it_needs() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "t\n").unwrap();
        let file = file.path().to_str().unwrap();
        for (arguments, version) in [
            (&["--influx-db", "d"][..], 1),
            (&["--influx-org", "o", "--influx-bucket", "b"], 2),
            (&["--influx-db", "d", "--influx-token-file", file], 3),
            (&["--influx-db", "d", "--influx-api", "3"], 3),
        ] {
            let found = match resolve(arguments).unwrap().target {
                InfluxTarget::V1 { .. } => 1,
                InfluxTarget::V2 { .. } => 2,
                InfluxTarget::V3 { token, .. } => {
                    assert!(token.is_some());
                    3
                }
            };
            assert_eq!(found, version, "{arguments:?}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        for (arguments, said) in [
            (&[][..], "--influx-db"),
            (
                &["--influx-db", "d", "--influx-org", "o"],
                "one or the other",
            ),
            (&["--influx-org", "o"], "--influx-bucket"),
            (&["--influx-api", "3"], "--influx-db is missing"),
            (&["--influx-api", "2", "--influx-db", "d"], "--influx-org"),
        ] {
            let error = resolve(arguments).unwrap_err();
            assert!(error.contains(said), "{arguments:?}: {error}");
        }
        let plain = ["x", "--influx-url", "http://h", "--influx-db", "d"];
        let cli = Cli::parse_from(plain.iter().chain(&["--influx-ca", "f"]));
        let error = cli.influx.resolve(&|_| None).unwrap_err();
        assert!(error.contains("--influx-ca"), "{error}");
        let cli = Cli::parse_from(["x", "--influx-spool", "f"]);
        let error = cli.influx.resolve(&|_| None).unwrap_err();
        assert!(error.contains("--influx-url"), "{error}");
    }
}
