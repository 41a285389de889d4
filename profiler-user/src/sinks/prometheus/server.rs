//! `GET /metrics`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, VARY,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::format::Format;
use super::keeper::Keeper;

/// Connections at a time; others wait until one of them has ended. Fewer than the
/// keeper's places: scrapes never take a window's.
const CONNECTIONS: usize = 16;

/// From the first byte to the last, either way. Prometheus gives up after 10 s itself.
const LONGEST: Duration = Duration::from_secs(30);

/// A request's head: bytes.
const HEAD: usize = 16 << 10;

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
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        // It fails when descriptors or memory are short: that may pass.
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (keeper, counts) = (keeper.clone(), Arc::clone(&counts));
        tokio::spawn(async move {
            // Whether it was answered is its business.
            let _ = timeout(LONGEST, connection(stream, keeper, counts)).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, keeper: Keeper, counts: Arc<Counts>) {
    let service = service_fn(|request| {
        let (keeper, counts) = (keeper.clone(), Arc::clone(&counts));
        async move { Ok::<_, Infallible>(answer(&request, &keeper, &counts).await) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(HEAD)
        // A scrape a connection: who holds it open holds a place.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: &Request<Incoming>,
    keeper: &Keeper,
    counts: &Counts,
) -> Response<Full<Bytes>> {
    let plain = Format::Plain.content_type();
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, plain, HELP.into());
        let methods = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, methods);
        return refused;
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

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
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
