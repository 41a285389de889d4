//! Writes to any version of the interface.
//!
//! Crate `influxdb2` can write to 2.x as well; why that is done here is in
//! `docs/journal/2026-11-21-influxdb2-crate.md`.

use std::io::Write as _;
use std::time::SystemTime;

use flate2::{Compression, write::GzEncoder};
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderName, RETRY_AFTER};
use reqwest::{Response, Url, redirect};

use super::answer::{self, Answer};
use super::credentials::Credentials;
use super::settings::{Settings, Target};
use super::{Error, retry_after};
use crate::sinks::authority;

/// Of an answer's body no more than this is read, bytes.
const BODY: usize = 64 << 10;

/// Bodies shorter than this are sent as they are: compressing costs more than it
/// saves. Bytes.
const GZIP_FROM: usize = 1 << 10;

/// Knows where to write and as whom.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    /// With the query, which holds no secret.
    write_url: Url,
    credentials: Credentials,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let base = settings.base()?;
        // Another part of the program may have chosen one before; either serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("wsgiprobe/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout)
            // A redirected POST would arrive as an empty GET, and be taken for success.
            .redirect(redirect::Policy::none());
        if let Some(file) = &settings.ca {
            // Like curl's --cacert: who names an authority means no other.
            let read = authority::read(file).map_err(|why| Error::Authority {
                file: file.clone(),
                why,
            })?;
            http = http.tls_certs_only(read.certificates);
        } else if base.scheme() == "http" {
            // Hosts without CA certificates (an image from scratch) need none then.
            http = http.tls_certs_only([]);
        }
        Ok(Self {
            http: http.build().map_err(Error::Client)?,
            write_url: write_url(base, &settings.target),
            credentials: Credentials::new(settings)?,
        })
    }

    /// Looks whether the secret was put right in its file; if so it is used from now on.
    pub(super) async fn renew(&self) -> bool {
        self.credentials.renew().await
    }

    /// Sends some points.
    pub(super) async fn write(&self, lines: &str) -> Answer {
        let mut request = self
            .credentials
            .sign(self.http.post(self.write_url.clone()));
        request = match gzip(lines).await {
            Some(body) => request.header(CONTENT_ENCODING, "gzip").body(body),
            None => request.body(lines.to_owned()),
        };
        match request.send().await {
            Ok(response) => read(response).await,
            Err(error) => Answer::Later {
                after: None,
                status: None,
                words: causes(&error),
            },
        }
    }
}

fn write_url(mut url: Url, target: &Target) -> Url {
    let base = url.path().trim_end_matches('/').to_owned();
    match target {
        Target::V1 { db, .. } => {
            url.set_path(&format!("{base}/write"));
            url.query_pairs_mut().append_pair("db", db);
        }
        Target::V2 { org, bucket, .. } => {
            url.set_path(&format!("{base}/api/v2/write"));
            url.query_pairs_mut()
                .append_pair("org", org)
                .append_pair("bucket", bucket);
        }
        Target::V3 { db, .. } => {
            url.set_path(&format!("{base}/api/v3/write_lp"));
            // What it can take of a batch it takes (`accept_partial`), and says so only
            // once it is on its disk (`no_sync`): its defaults, and what is counted on.
            url.query_pairs_mut()
                .append_pair("db", db)
                .append_pair("accept_partial", "true")
                .append_pair("no_sync", "false");
        }
    }
    let precision = match target {
        Target::V1 { .. } | Target::V2 { .. } => "ns",
        Target::V3 { .. } => "nanosecond",
    };
    url.query_pairs_mut().append_pair("precision", precision);
    url
}

/// `None` where it is not worth it. On a thread of its own: a megabyte takes some
/// 10 ms, for which the profiling should not wait.
async fn gzip(lines: &str) -> Option<Vec<u8>> {
    if lines.len() < GZIP_FROM {
        return None;
    }
    let lines = lines.to_owned();
    let compress = move || {
        let body = Vec::with_capacity(lines.len() / 8);
        let mut gzip = GzEncoder::new(body, Compression::fast());
        gzip.write_all(lines.as_bytes())?;
        gzip.finish()
    };
    tokio::task::spawn_blocking(compress).await.ok()?.ok()
}

async fn read(mut response: Response) -> Answer {
    let (mut body, mut whole) = (Vec::new(), true);
    // A body that breaks off still has its status.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= BODY {
            body.truncate(BODY);
            whole = false;
            break;
        }
    }
    let header = |name: HeaderName| response.headers().get(name)?.to_str().ok();
    let after = header(RETRY_AFTER)
        .and_then(|after| retry_after::read(after, header(DATE), SystemTime::now()));
    let body = String::from_utf8_lossy(&body);
    answer::read(response.status().as_u16(), after, &body, whole)
}

/// What failed and the innermost cause, without the URL: "cannot connect:
/// Connection refused (os error 111)".
fn causes(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        return "no answer in time".to_owned();
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    };
    format!("{what}: {}", innermost(error))
}

/// What is at the bottom of an error: there the system says what is wrong.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::credentials::Authorization;
    use super::super::settings::Schema;
    use super::*;

    fn settings(url: &str, target: Target) -> Settings {
        Settings {
            url: url.into(),
            target,
            schema: Schema::Otel,
            raw: false,
            hostname: "h".into(),
            timeout: Duration::from_secs(1),
            batch_points: 1,
            buffer_bytes: 1,
            phase: Duration::ZERO,
            ca: None,
            secret_file: None,
            spool: None,
        }
    }

    #[test]
    fn urls_of_all_versions() {
        let v1 = Target::V1 {
            db: "a&b".into(),
            user: None,
            password: None,
        };
        let v2 = Target::V2 {
            org: "my org".into(),
            bucket: "b".into(),
            token: "secret".into(),
        };
        let v3 = Target::V3 {
            db: "d".into(),
            token: Some("secret".into()),
        };
        for (url, target, expected) in [
            (
                "http://h:8181",
                &v3,
                "http://h:8181/api/v3/write_lp?db=d&accept_partial=true&no_sync=false&precision=nanosecond",
            ),
            (
                "http://u:p%40ss@h:8086",
                &v1,
                "http://h:8086/write?db=a%26b&precision=ns",
            ),
            (
                "https://h/influx/",
                &v2,
                "https://h/influx/api/v2/write?org=my+org&bucket=b&precision=ns",
            ),
        ] {
            let base = settings(url, target.clone()).base().unwrap();
            assert_eq!(write_url(base, target).as_str(), expected);
        }
        let client = Client::new(&settings("http://u:p%40ss@h", v1)).unwrap();
        assert!(matches!(
            client.credentials.authorization(),
            Some(Authorization::Basic(user, Some(password))) if user == "u" && password == "p@ss"
        ));
        for target in [v2, v3] {
            let client = Client::new(&settings("http://h", target)).unwrap();
            assert!(!format!("{client:?}").contains("secret"));
        }
    }

    #[test]
    fn an_authority_that_is_none_is_told_with_its_file() {
        let mut settings = settings(
            "https://h",
            Target::V3 {
                db: "d".into(),
                token: None,
            },
        );
        for (file, said) in [
            ("/nowhere/ca.pem", "No such file"),
            ("/dev/null", "no certificate"),
        ] {
            settings.ca = Some(file.into());
            let error = Client::new(&settings).unwrap_err().to_string();
            assert!(
                error.contains("--influx-ca") && error.contains(said),
                "{error}"
            );
        }
    }
}
