//! A request that was slow or failed, as spans: one for itself, and one below it for each
//! of its parts.
//!
//! ```text
//! GET /orders/{id}   ├──────────────────────────────────────────┤   established ... last write
//!   accept_wait      ├────┤
//!   server                 ├──┤                                     from the request line on
//!   queue                     ├──────┤
//!   daemon                           ├─┤
//!   application                        ├─────────────────────┤
//!   send                                                     ├──┤
//! ```
//!
//! `accept_wait` ends where the first byte was read; of a client that connected and then
//! said nothing that is later than it was. The application may go on after the last write.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::values::{number, seconds, text};
use crate::aggregate::labels;
use crate::metrics::SpanNames;
use crate::model::{Outcome, Request, Wait};
use crate::sinks::names;

/// Sampled, and for certain the root.
const FLAGS: u32 = 0x101;

const WAITS: [(&str, Wait); 7] = [
    ("wsgiprobe.wait.runqueue", Wait::Runqueue),
    ("wsgiprobe.wait.lock", Wait::Lock),
    ("wsgiprobe.wait.upstream", Wait::Upstream),
    ("wsgiprobe.wait.client", Wait::Client),
    ("wsgiprobe.wait.disk", Wait::Disk),
    ("wsgiprobe.wait.sleep", Wait::Sleep),
    ("wsgiprobe.wait.other", Wait::Other),
];

/// Whether it went wrong on the server's side, or was never fully answered.
pub(super) fn failed(request: &Request) -> bool {
    request.status.is_none_or(|status| status >= 500)
        || !matches!(request.outcome, Outcome::Ok | Outcome::Upgraded)
}

/// Its spans, its own first.
pub(super) fn of(request: &Request) -> Vec<Span> {
    let called = SpanNames::of(request);
    let times = &request.times;
    let read = request.time_unix_ns;
    let end = request.end_unix_ns.max(read);
    let line = times
        .duration
        .map_or(read, |duration| end.saturating_sub(duration));
    let established = read.saturating_sub(times.accept_wait.unwrap_or(0));
    let mut spans = vec![root(request, &called, [established, end])];
    let mut part = |name: &str, from: u64, length: Option<u64>| {
        let Some(length) = length else {
            return from;
        };
        let to = from.saturating_add(length);
        let place = spans.len() as u8;
        spans.push(Span {
            trace_id: called.trace().into(),
            span_id: called.span(place).into(),
            parent_span_id: called.span(0).into(),
            flags: FLAGS,
            name: name.into(),
            kind: SpanKind::Internal as i32,
            start_time_unix_nano: from,
            end_time_unix_nano: to,
            ..Span::default()
        });
        to
    };
    part("accept_wait", established, times.accept_wait);
    let mut at = line;
    for (name, length) in [
        ("server", times.server_time),
        ("queue", times.queue_time),
        ("daemon", times.daemon_time),
        ("application", times.application_time),
        ("send", times.send_time),
    ] {
        at = part(name, at, length);
    }
    spans
}

fn root(request: &Request, spans: &SpanNames, [start, end]: [u64; 2]) -> Span {
    let method = labels::method(request.method.as_deref());
    let called = if method == labels::OTHER_METHOD {
        "HTTP"
    } else {
        method
    };
    Span {
        trace_id: spans.trace().into(),
        span_id: spans.span(0).into(),
        flags: FLAGS,
        name: format!("{called} {}", request.route),
        kind: SpanKind::Server as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: attributes(request, method),
        status: failed(request).then(|| Status {
            message: String::new(),
            code: StatusCode::Error as i32,
        }),
        ..Span::default()
    }
}

fn attributes(request: &Request, method: &str) -> Vec<KeyValue> {
    let mut given = vec![
        text("http.request.method", method),
        text("url.scheme", "http"),
        text("route", &*request.route),
        text("server.address", request.server.ip().to_string()),
        number("server.port", request.server.port().into()),
        text("client.address", request.client.ip().to_string()),
        number("client.port", request.client.port().into()),
        number("process.pid", request.pid.into()),
        number("thread.id", request.tid.into()),
        number("wsgiprobe.request.size", request.request_bytes),
        number("wsgiprobe.response.size", request.response_bytes),
        text("wsgiprobe.outcome", names::outcome(request.outcome)),
    ];
    let token = request.method.as_deref().filter(|token| *token != method);
    let failure = failed(request).then(|| match request.status {
        Some(status) if status >= 500 => status.to_string(),
        _ => names::outcome(request.outcome).to_owned(),
    });
    let words = [
        ("http.request.method_original", token.map(str::to_owned)),
        ("url.path", request.path.clone()),
        (
            "network.protocol.version",
            request.protocol.map(str::to_owned),
        ),
        ("error.type", failure),
        (
            "wsgiprobe.mode",
            request.mode.map(|mode| names::mode(mode).to_owned()),
        ),
        (
            "process_group",
            request
                .names
                .as_ref()
                .map(|names| names.process_group.clone()),
        ),
        (
            "wsgiprobe.upstream",
            request.upstream.as_deref().map(str::to_owned),
        ),
    ];
    given.extend(
        words
            .into_iter()
            .filter_map(|(key, word)| Some(text(key, word?))),
    );
    let numbers = [
        ("http.response.status_code", request.status.map(u64::from)),
        ("wsgiprobe.daemon.pid", request.daemon_pid.map(u64::from)),
        (
            "wsgiprobe.daemon.thread.id",
            request.daemon_tid.map(u64::from),
        ),
    ];
    given.extend(
        numbers
            .into_iter()
            .filter_map(|(key, value)| Some(number(key, value?))),
    );
    let times = [
        ("wsgiprobe.duration", request.times.duration),
        ("wsgiprobe.ttfb", request.times.ttfb),
        ("wsgiprobe.read_time", request.times.read_time),
        ("wsgiprobe.busy_time", request.times.busy_time),
        ("wsgiprobe.cpu", request.cpu()),
    ];
    let waits = WAITS.map(|(key, wait)| (key, request.waited(wait)));
    let times = times.into_iter().chain(waits);
    given.extend(times.filter_map(|(key, ns)| Some(seconds(key, ns?))));
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    #[test]
    fn parts_follow_one_another_up_to_the_last_write() {
        let mut request = sample::request("/a");
        request.times.accept_wait = Some(70_000);
        let spans = of(&request);
        let begin = request.time_unix_ns;
        let places: Vec<(&str, i64, i64)> = spans
            .iter()
            .map(|span| {
                let after = |time: u64| time as i64 - begin as i64;
                (
                    &*span.name,
                    after(span.start_time_unix_nano),
                    after(span.end_time_unix_nano),
                )
            })
            .collect();
        // 50 µs pass until the request line is complete.
        assert_eq!(
            places,
            [
                ("GET /a", -70_000, 1_550_000),
                ("accept_wait", -70_000, 0),
                ("server", 50_000, 150_000),
                ("queue", 150_000, 350_000),
                ("daemon", 350_000, 450_000),
                ("application", 450_000, 1_450_000),
                ("send", 1_450_000, 1_550_000),
            ]
        );
        let root = &spans[0];
        assert!(root.status.is_none() && root.parent_span_id.is_empty());
        assert!(
            spans[1..]
                .iter()
                .all(|span| span.parent_span_id == root.span_id && span.trace_id == root.trace_id)
        );
        let mut ids: Vec<_> = spans.iter().map(|span| &span.span_id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), spans.len());
    }

    #[test]
    fn a_failure_is_said_to_be_one() {
        let mut request = sample::request("/a");
        assert!(!failed(&request));
        request.status = Some(503);
        assert_eq!(error_type(&request).as_deref(), Some("503"));
        request.status = None;
        request.outcome = Outcome::ServerClosed;
        request.times = crate::model::Times::default();
        assert_eq!(error_type(&request).as_deref(), Some("server_closed"));
        assert_eq!(of(&request).len(), 1);
    }

    fn error_type(request: &Request) -> Option<String> {
        let root = of(request).swap_remove(0);
        assert_eq!(root.status.unwrap().code, StatusCode::Error as i32);
        let found = root
            .attributes
            .into_iter()
            .find(|given| given.key == "error.type");
        let found = found.map(|given| text("", "").value.and(given.value));
        found.map(|value| match value.and_then(|value| value.value) {
            Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text)) => {
                text
            }
            other => panic!("{other:?}"),
        })
    }
}
