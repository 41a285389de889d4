//! Messages as protobuf in HTTP requests.

use std::io::Write as _;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Response, redirect};
use url::Url;

use super::Error;
use super::message::{Answer, Message};
use super::settings::Settings;

/// Of an answer's body no more than this is read, bytes.
const BODY: usize = 16 << 10;

/// No receiver is waited for longer before the next attempt.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Knows where to write and as whom.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    url: Url,
}

impl Http {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        // Another part of the program may have chosen one before; either serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let refused = || Error::Header(name.clone());
            let key = HeaderName::try_from(name).map_err(|_| refused())?;
            let mut value = HeaderValue::try_from(value).map_err(|_| refused())?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        let mut client = Client::builder()
            .user_agent(super::USER_AGENT)
            .default_headers(headers)
            .timeout(settings.timeout)
            // A redirected POST would arrive as an empty GET, and be taken for success.
            .redirect(redirect::Policy::none());
        if let Some(named) = super::authorities(settings)? {
            // Who names an authority means no other.
            client = client.tls_certs_only(named.certificates);
        } else if settings.url.scheme() == "http" {
            // Hosts without CA certificates (an image from scratch) need none then.
            client = client.tls_certs_only([]);
        }
        Ok(Self {
            client: client.build().map_err(Error::Http)?,
            url: settings.url.clone(),
        })
    }

    pub(super) async fn send(&self, message: &Message, gzip: bool) -> Answer {
        let mut url = self.url.clone();
        let path = format!("{}/{}", url.path().trim_end_matches('/'), message.path());
        url.set_path(&path);
        let mut request = self.client.post(url);
        request = request.header(CONTENT_TYPE, "application/x-protobuf");
        let body = message.encode();
        request = match gzip.then(|| compressed(&body)) {
            Some(body) => request.header(CONTENT_ENCODING, "gzip").body(body),
            None => request.body(body),
        };
        match request.send().await {
            Ok(response) => read(response, message, gzip).await,
            Err(error) => Answer::Later {
                after: None,
                words: innermost(&error),
            },
        }
    }
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    // Writing to a Vec does not fail.
    let _ = gzip.write_all(body);
    gzip.finish().unwrap_or_default()
}

async fn read(mut response: Response, message: &Message, gzip: bool) -> Answer {
    let status = response.status();
    let after = response.headers().get(RETRY_AFTER);
    let after = after.and_then(|value| value.to_str().ok()?.parse().ok());
    let after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    let mut body = Vec::new();
    // A body that breaks off still has its status.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= BODY {
            body.truncate(BODY);
            break;
        }
    }
    if status.is_success() {
        return message.answer(&body);
    }
    let said = printable(&body);
    let words = format!("{status}{}{said}", if said.is_empty() { "" } else { ": " });
    match status.as_u16() {
        415 if gzip => Answer::Unpacked,
        429 | 502 | 503 | 504 => Answer::Later { after, words },
        _ => Answer::Refused { words },
    }
}

/// The message of a `google.rpc.Status`, or text, as far as it can be shown.
fn printable(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let shown = text
        .chars()
        .filter(|c| !c.is_control() && *c != char::REPLACEMENT_CHARACTER);
    shown.take(200).collect()
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    // What a gRPC port's answer looks like to HTTP/1.
    let told = cause.downcast_ref::<hyper::Error>();
    if told.is_some_and(hyper::Error::is_parse) {
        return format!("{cause}; if it speaks gRPC, say --otlp-protocol grpc");
    }
    cause.to_string()
}
