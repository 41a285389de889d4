//! One request a connection, a bounded number of them at a time: how machines are
//! answered that ask now and then (`--prometheus`, `--health`).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// An answer, whole.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A request's head: bytes.
const HEAD: usize = 16 << 10;

/// How much of it at a time, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections; others wait until one of them has ended.
    pub connections: usize,
    /// From the first byte to the last, either way.
    pub longest: Duration,
}

/// Answers until dropped.
pub(crate) async fn serve<A, F>(listener: TcpListener, bounds: Bounds, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(bounds.connections));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        // It fails when descriptors or memory are short: that may pass.
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answer = answer.clone();
        tokio::spawn(async move {
            // Whether it was answered is its business.
            let _ = timeout(bounds.longest, connection(stream, answer)).await;
            drop(place);
        });
    }
}

async fn connection<A, F>(stream: TcpStream, answer: A)
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Answer>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(HEAD)
        // Who holds a connection open holds a place.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// An answer of that kind.
pub(crate) fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// Whether a request only asks.
pub(crate) fn only_asks<B>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// For one that does more.
pub(crate) fn not_allowed(content_type: &'static str, body: Bytes) -> Answer {
    let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, content_type, body);
    let methods = HeaderValue::from_static("GET, HEAD");
    refused.headers_mut().insert(ALLOW, methods);
    refused
}
