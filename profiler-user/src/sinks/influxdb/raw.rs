//! OpenTelemetry's schema, one point a request (`--influx-raw`).
//!
//! Measurement `http.server.request`, at the time the request ended. Of two of one
//! series that ended in the same nanosecond, the later one is moved to the next.
//!
//! | tag | is |
//! |---|---|
//! | `host.name` `http.request.method` `route` | as in [`points`](super::points) |
//! | `http.response.status_code` | the final status; left out without an answer |
//!
//! | field | type | is |
//! |---|---|---|
//! | `http.server.request.duration` | float, s | request line complete to last write |
//! | `ttfb` `read_time` | float, s | to the first byte of the final response; first byte to head complete |
//! | `url.path` | string | the path as sent, without query |
//! | `http.request.method_original` | string | the method, where the tag is `_OTHER` |
//! | `network.protocol.version` | string | `1.1` |
//! | `client.address` `server.address` | string | the ends of the connection |
//! | `client.port` `server.port` | integer | |
//! | `process.pid` `thread.id` | integer | the Apache child and the thread that finished it |
//! | `http.request.size` `http.response.size` | integer, bytes | heads and bodies |
//! | `outcome` | string | `ok`, `client_closed`, `server_closed`, `timeout`, `upgraded` |
//! | `incomplete` | boolean | it began before the attach |

use super::distinct::Distinct;
use super::line::Line;
use crate::aggregate::labels;
use crate::model::Request;
use crate::sinks::names;

/// A request on the server's side; not a metric of OpenTelemetry, so ours.
const MEASUREMENT: &str = "http.server.request";

/// Writes the point of a request.
pub(super) fn request(
    out: &mut String,
    hostname: &str,
    request: &Request,
    distinct: &mut Distinct,
) {
    let method = labels::method(request.method.as_deref());
    let mut line = Line::new(out, MEASUREMENT)
        .tag("host.name", hostname)
        .tag("http.request.method", method);
    if let Some(status) = request.status {
        line = line.tag("http.response.status_code", &status.to_string());
    }
    line = line.tag("route", &request.route);
    let time = distinct.time(line.series(), ended(request));
    line = line
        .seconds("http.server.request.duration", request.times.duration)
        .seconds("ttfb", request.times.ttfb)
        .seconds("read_time", request.times.read_time);
    if let Some(path) = &request.path {
        line = line.string("url.path", path);
    }
    if let Some(original) = &request.method
        && method == labels::OTHER_METHOD
    {
        line = line.string("http.request.method_original", original);
    }
    if let Some(version) = request.protocol {
        line = line.string("network.protocol.version", version);
    }
    line.string("client.address", &request.client.ip().to_string())
        .integer("client.port", request.client.port().into())
        .string("server.address", &request.server.ip().to_string())
        .integer("server.port", request.server.port().into())
        .integer("process.pid", request.pid.into())
        .integer("thread.id", request.tid.into())
        .integer("http.request.size", request.request_bytes)
        .integer("http.response.size", request.response_bytes)
        .string("outcome", names::outcome(request.outcome))
        .boolean("incomplete", request.incomplete)
        .end(time);
}

/// When it ended; a request without an answer may have no end, but has a begin.
pub(super) fn ended(request: &Request) -> u64 {
    request.end_unix_ns.max(request.time_unix_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    #[test]
    fn a_request() {
        let mut out = String::new();
        request(&mut out, "h", &sample::request("/a"), &mut Distinct::new());
        assert_eq!(
            out,
            "http.server.request,host.name=h,http.request.method=GET,\
             http.response.status_code=200,route=/a \
             http.server.request.duration=0.0015,ttfb=0.0014,read_time=0.00005,\
             url.path=\"/a\",network.protocol.version=\"1.1\",\
             client.address=\"127.0.0.1\",client.port=41234i,\
             server.address=\"127.0.0.1\",server.port=8099i,process.pid=16596i,\
             thread.id=16626i,http.request.size=84i,http.response.size=174i,\
             outcome=\"ok\",incomplete=false 1763717823125006789\n"
        );
    }

    #[test]
    fn an_unknown_method_is_kept_as_a_field() {
        let mut brew = sample::request("/a");
        brew.method = Some("BREW".into());
        brew.status = None;
        let mut out = String::new();
        request(&mut out, "h", &brew, &mut Distinct::new());
        assert!(
            out.contains("http.request.method=_OTHER,route=/a "),
            "{out}"
        );
        assert!(out.contains("method_original=\"BREW\""), "{out}");
    }
}
