//! `GET /healthz`, `GET /readyz`.

use std::time::Duration;

use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Request, StatusCode};
use tokio::net::TcpListener;

use super::vitals::{Verdict, Vitals};
use crate::serve::{self, Answer, Bounds, response};

/// Kubernetes gives up after a second; who holds connections must not keep it out for long.
const BOUNDS: Bounds = Bounds {
    connections: 64,
    longest: Duration::from_secs(3),
};

const TEXT: &str = "text/plain; charset=utf-8";

const HELP: &str = "wsgiprobe: /healthz says whether it works, /readyz whether all of it does\n";

/// Answers until dropped.
pub(super) async fn serve(listener: TcpListener, vitals: Vitals) {
    serve::serve(listener, BOUNDS, move |request| {
        let answer = answer(&request, &vitals);
        async move { answer }
    })
    .await;
}

fn answer<B>(request: &Request<B>, vitals: &Vitals) -> Answer {
    if !serve::only_asks(request) {
        return serve::not_allowed(TEXT, HELP.into());
    }
    let Verdict { well, text } = match request.uri().path() {
        "/healthz" => vitals.alive(),
        "/readyz" => vitals.ready(),
        "/" => return response(StatusCode::OK, TEXT, HELP.into()),
        _ => return response(StatusCode::NOT_FOUND, TEXT, HELP.into()),
    };
    let status = if well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut answer = response(status, TEXT, text.into());
    let now = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(CACHE_CONTROL, now);
    answer
}
