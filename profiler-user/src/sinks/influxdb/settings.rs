//! What the command line says about InfluxDB, and what is wrong with it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

/// Where and how to write. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct Settings {
    /// The server's address, with a path if it is behind one; for 1.x it may hold
    /// `user:password@`, which goes before that of [`Target::V1`].
    pub url: String,
    /// Database or bucket.
    pub target: Target,
    /// Names of what is written.
    pub schema: Schema,
    /// One point a request as well (the workshop's schema always has them).
    pub raw: bool,
    /// This host's name, as a tag.
    pub hostname: String,
    /// For a request to the server, connecting included.
    pub timeout: Duration,
    /// Points sent at a time, at most. InfluxDB's guide advises 5 000.
    pub batch_points: usize,
    /// Bytes of points that wait in memory while the server is away; the oldest go first.
    pub buffer_bytes: usize,
    /// From the end of a window to this host's turn to deliver it; zero: at once.
    pub phase: Duration,
    /// PEM file with the certificates of those who may vouch for an `https://` server;
    /// `None`: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// The file that the token or password is from: it may be put right there during the run.
    pub secret_file: Option<PathBuf>,
    /// Where points wait on disk while the server is away; `None`: in memory alone.
    pub spool: Option<SpoolSettings>,
}

/// A place on disk for points that wait.
#[derive(Clone, Debug)]
pub struct SpoolSettings {
    /// Its folder; made if it is not there.
    pub dir: PathBuf,
    /// At most so much is kept there; the oldest goes first. Bytes.
    pub bytes: u64,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &self.shown_url())
            .field("target", &self.target)
            .field("schema", &self.schema)
            .field("raw", &self.raw)
            .finish_non_exhaustive()
    }
}

/// The version of the interface, with what it needs. Its `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// InfluxDB 1.x: `/write`.
    V1 {
        /// The database.
        db: String,
        /// From `INFLUX_USER`.
        user: Option<String>,
        /// From `INFLUX_PASSWORD`.
        password: Option<String>,
    },
    /// InfluxDB 2.x: `/api/v2/write`.
    V2 {
        /// The organisation, by name or id.
        org: String,
        /// The bucket, by name or id.
        bucket: String,
        /// From `INFLUX_TOKEN` or a file, never from an argument.
        token: String,
    },
    /// InfluxDB 3.x: `/api/v3/write_lp`.
    V3 {
        /// The database; the server makes it if it is not there.
        db: String,
        /// As for 2.x; a server may be set up to want none.
        token: Option<String>,
    },
}

impl Target {
    /// With another token or password, where there is one.
    pub(super) fn with_secret(mut self, secret: &str) -> Self {
        let secret = secret.to_owned();
        match &mut self {
            Self::V1 { password, .. } => *password = Some(secret),
            Self::V2 { token, .. } => *token = secret,
            Self::V3 { token, .. } => *token = Some(secret),
        }
        self
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V1 { db, user, .. } => write!(f, "V1 {{ db: {db:?}, user: {user:?}, .. }}"),
            Self::V2 { org, bucket, .. } => {
                write!(f, "V2 {{ org: {org:?}, bucket: {bucket:?}, .. }}")
            }
            Self::V3 { db, .. } => write!(f, "V3 {{ db: {db:?}, .. }}"),
        }
    }
}

/// Names of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// OpenTelemetry's names: [`points`](super::points), [`raw`](super::raw).
    Otel,
    /// The mod_wsgi metrics workshop's: [`workshop`](super::workshop).
    Workshop,
}

/// A setting that cannot work. Each names its option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No URL at all.
    #[error("--influx-url {url:?}: {source}; expected something like http://127.0.0.1:8086")]
    Url {
        /// As given, without what is before an `@`.
        url: String,
        /// What the URL parser says.
        source: url::ParseError,
    },
    /// A URL of another kind.
    #[error("--influx-url {0:?}: only http:// and https:// are possible")]
    Scheme(String),
    /// Parts that a server's address does not have.
    #[error(
        "--influx-url: leave out what follows {0:?}; database, organisation and bucket have options of their own"
    )]
    UrlTail(char),
    /// Later versions take a token only.
    #[error(
        "--influx-url: InfluxDB 2.x and 3.x take no user and password but a token (INFLUX_TOKEN or --influx-token-file)"
    )]
    UserInfo,
    /// An empty value.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// What no HTTP header can hold.
    #[error("INFLUX_TOKEN or --influx-token-file: the token holds bytes that cannot be sent")]
    Token,
    /// A size of which nothing fits.
    #[error("{0} must not be 0")]
    Zero(&'static str),
}

impl Settings {
    /// Server and database, for people.
    #[must_use]
    pub fn place(&self) -> String {
        let url = self.shown_url();
        match &self.target {
            Target::V1 { db, .. } | Target::V3 { db, .. } => {
                format!("InfluxDB {url}, database {db}")
            }
            Target::V2 { org, bucket, .. } => format!("InfluxDB {url}, bucket {bucket} of {org}"),
        }
    }

    /// Finds what cannot work before anything is sent.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.base().map(drop)?;
        let required = match &self.target {
            Target::V1 { db, .. } | Target::V3 { db, .. } => vec![("--influx-db", db)],
            Target::V2 { org, bucket, token } => vec![
                ("--influx-org", org),
                ("--influx-bucket", bucket),
                ("INFLUX_TOKEN or --influx-token-file", token),
            ],
        };
        if let Some((option, _)) = required.iter().find(|(_, value)| value.trim().is_empty()) {
            return Err(SettingsError::Empty(option));
        }
        if let Target::V2 { token, .. }
        | Target::V3 {
            token: Some(token), ..
        } = &self.target
            && !token.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(SettingsError::Token);
        }
        if self.batch_points == 0 {
            return Err(SettingsError::Zero("the batch size of InfluxDB (points)"));
        }
        if self.buffer_bytes == 0 {
            return Err(SettingsError::Zero("the buffer of InfluxDB (bytes)"));
        }
        if self.timeout.is_zero() {
            return Err(SettingsError::Zero("the time-out of InfluxDB"));
        }
        Ok(())
    }

    /// The server's address, without secrets: fit to be shown.
    pub(super) fn base(&self) -> Result<Url, SettingsError> {
        let mut url = self.parsed_url()?;
        // Cannot fail for a URL with a host, which http and https always have.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(url)
    }

    /// User and password for 1.x, where there are any.
    pub(super) fn basic_auth(&self) -> Option<(String, Option<String>)> {
        let Target::V1 { user, password, .. } = &self.target else {
            return None;
        };
        let url = self.parsed_url().ok()?;
        let decode = |s: &str| {
            percent_encoding::percent_decode_str(s)
                .decode_utf8_lossy()
                .into_owned()
        };
        if url.username().is_empty() {
            let user = user.as_ref().filter(|user| !user.is_empty())?;
            return Some((user.clone(), password.clone()));
        }
        Some((decode(url.username()), url.password().map(decode)))
    }

    fn parsed_url(&self) -> Result<Url, SettingsError> {
        let url = Url::parse(self.url.trim()).map_err(|source| SettingsError::Url {
            url: self.shown_url(),
            source,
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SettingsError::Scheme(self.shown_url()));
        }
        if url.query().is_some() {
            return Err(SettingsError::UrlTail('?'));
        }
        if url.fragment().is_some() {
            return Err(SettingsError::UrlTail('#'));
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user && !matches!(self.target, Target::V1 { .. }) {
            return Err(SettingsError::UserInfo);
        }
        Ok(url)
    }

    /// Without what is before an `@`, be the rest a URL or not.
    fn shown_url(&self) -> String {
        match self.url.rsplit_once('@') {
            Some((_, host)) => format!("...@{host}"),
            None => self.url.clone(),
        }
    }
}
