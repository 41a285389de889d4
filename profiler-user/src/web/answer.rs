//! What is answered to whom.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

use super::events::{self, Readers};
use super::guard::{Guard, Verdict};
use crate::report::{Shared, assets};

/// A body, whole or as it comes.
pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// What a browser may do with any of it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const TEXT: &str = "text/plain; charset=utf-8";

/// All there is to see.
pub(super) struct Site {
    guard: Guard,
    shared: Shared,
    readers: Readers,
}

impl Site {
    pub(super) fn new(guard: Guard, shared: Shared) -> Self {
        Self {
            guard,
            shared,
            readers: Readers::default(),
        }
    }

    /// Answers a request; its body, if it has one, is not looked at.
    pub(super) fn answer<B: Body>(&self, request: &Request<B>) -> Answer {
        let mut answer = self.judged(request);
        strict(answer.headers_mut());
        if *request.method() == Method::HEAD {
            *answer.body_mut() = whole(Bytes::new());
        }
        answer
    }

    fn judged<B: Body>(&self, request: &Request<B>) -> Answer {
        match self.guard.judge(request.uri(), request.headers()) {
            Verdict::Pass => self.route(request),
            Verdict::Cookie(cookie) => {
                let mut answer = text(StatusCode::SEE_OTHER, "the page is at /\n");
                let headers = answer.headers_mut();
                headers.insert(LOCATION, HeaderValue::from_static("/"));
                if let Ok(cookie) = HeaderValue::try_from(cookie) {
                    headers.insert(SET_COOKIE, cookie);
                }
                answer
            }
            Verdict::Token => {
                let mut answer = text(
                    StatusCode::UNAUTHORIZED,
                    "this page asks for a token: open /?token=... once, or send it as \
                     `Authorization: Bearer ...`\n",
                );
                let scheme = HeaderValue::from_static("Bearer");
                answer.headers_mut().insert(WWW_AUTHENTICATE, scheme);
                answer
            }
            Verdict::OtherHost => text(
                StatusCode::MISDIRECTED_REQUEST,
                "this page is for this host alone: open it as localhost or 127.0.0.1\n",
            ),
        }
    }

    fn route<B: Body>(&self, request: &Request<B>) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/" => fixed("text/html; charset=utf-8", assets::PAGE),
            "/api/state" => match events::state(&self.shared, &self.readers) {
                Some(body) => typed("application/json", body),
                None => text(StatusCode::SERVICE_UNAVAILABLE, "ask again\n"),
            },
            "/api/events" if *request.method() == Method::GET => {
                match events::stream(&self.shared, &self.readers) {
                    // A stream that ends early has a connection that is full.
                    Some(body) => {
                        let mut answer = typed("text/event-stream", body);
                        let close = HeaderValue::from_static("close");
                        answer.headers_mut().insert(CONNECTION, close);
                        answer
                    }
                    None => text(StatusCode::SERVICE_UNAVAILABLE, "too many are watching\n"),
                }
            }
            path => match path.strip_prefix("/assets/").and_then(assets::find) {
                Some(asset) => fixed(asset.kind, asset.text),
                None => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
            },
        }
    }
}

fn strict(headers: &mut HeaderMap) {
    let resource_policy = HeaderName::from_static("cross-origin-resource-policy");
    let opener_policy = HeaderName::from_static("cross-origin-opener-policy");
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (resource_policy, "same-origin"),
        (opener_policy, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn fixed(kind: &'static str, text: &'static str) -> Answer {
    typed(kind, whole(Bytes::from_static(text.as_bytes())))
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = fixed(TEXT, text);
    *answer.status_mut() = status;
    answer
}

fn typed(kind: &'static str, body: UnsyncBoxBody<Bytes, Infallible>) -> Answer {
    let mut answer = Response::new(body);
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn whole(bytes: Bytes) -> UnsyncBoxBody<Bytes, Infallible> {
    Full::new(bytes).boxed_unsync()
}
