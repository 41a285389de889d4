//! `GET /metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderName, HeaderValue, VARY};
use hyper::{Request, StatusCode};
use tokio::net::TcpListener;

use super::format::Format;
use super::keeper::Keeper;
use crate::serve::{self, Answer, Bounds, response};

/// Fewer than the keeper's places: scrapes never take a window's. Prometheus gives up
/// after 10 s itself.
const BOUNDS: Bounds = Bounds {
    connections: 16,
    longest: Duration::from_secs(30),
};

const HELP: &str = "wsgiprobe: the metrics are at /metrics\n";

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Scrapes that were answered with metrics.
    pub answered: AtomicU64,
    /// Scrapes that were turned away.
    pub refused: AtomicU64,
}

/// Answers until dropped.
pub(super) async fn serve(listener: TcpListener, keeper: Keeper, counts: Arc<Counts>) {
    serve::serve(listener, BOUNDS, move |request| {
        let (keeper, counts) = (keeper.clone(), Arc::clone(&counts));
        async move { answer(&request, &keeper, &counts).await }
    })
    .await;
}

async fn answer(request: &Request<Incoming>, keeper: &Keeper, counts: &Counts) -> Answer {
    let plain = Format::Plain.content_type();
    if !serve::only_asks(request) {
        return serve::not_allowed(plain, HELP.into());
    }
    match request.uri().path() {
        "/metrics" => {}
        "/" => return response(StatusCode::OK, plain, HELP.into()),
        _ => return response(StatusCode::NOT_FOUND, plain, HELP.into()),
    }
    let format = Format::wanted(&all(request, &ACCEPT));
    let gzip = all(request, &ACCEPT_ENCODING).split(',').any(is_gzip);
    let Some(body) = keeper.scrape(format, gzip).await else {
        counts.refused.fetch_add(1, Ordering::Relaxed);
        let words = "wsgiprobe: not now, try again\n";
        return response(StatusCode::SERVICE_UNAVAILABLE, plain, words.into());
    };
    counts.answered.fetch_add(1, Ordering::Relaxed);
    let mut given = response(StatusCode::OK, format.content_type(), body);
    let vary = HeaderValue::from_static("Accept, Accept-Encoding");
    given.headers_mut().insert(VARY, vary);
    if gzip {
        let gzip = HeaderValue::from_static("gzip");
        given.headers_mut().insert(CONTENT_ENCODING, gzip);
    }
    given
}

/// A header that may come in several lines.
fn all(request: &Request<Incoming>, name: &HeaderName) -> String {
    let lines = request.headers().get_all(name).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    lines.join(",")
}

fn is_gzip(coding: &str) -> bool {
    let mut parts = coding.split(';').map(str::trim);
    parts.next() == Some("gzip") && !parts.any(|part| matches!(part, "q=0" | "q=0.0"))
}
