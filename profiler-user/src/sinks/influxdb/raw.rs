//! OpenTelemetry's schema, one point a request (`--influx-raw`).
//!
//! Measurement `http.server.request`, at the time the request ended. Of two of one
//! series that ended in the same nanosecond, the later one is moved to the next.
//!
//! | tag | is |
//! |---|---|
//! | `host.name` `http.request.method` `route` | as in [`points`](super::points) |
//! | `http.response.status_code` | the final status; left out without an answer |
//! | `mode` | who served it: `embedded`, `daemon`, `static` (Apache itself), `http` (another server) |
//! | `process_group` | mod_wsgi's |
//! | `container.id` | the engine's id of the container that the server runs in |
//! | `k8s.namespace.name` `k8s.pod.name` `k8s.container.name` `k8s.node.name` | its place in Kubernetes |
//! | `k8s.deployment.name` `k8s.statefulset.name` `k8s.daemonset.name` `k8s.cronjob.name` `k8s.job.name` `k8s.replicaset.name` | what keeps its pod running |
//!
//! These are as many as the server's configuration names; what a client or an
//! application may choose is a field. `container.id` is a tag in Kubernetes, too: a pod's name
//! is one, and says nearly as much, so that it adds a series for a container that was started
//! again in its pod, and no other. A field there and a tag elsewhere it cannot be: what knows
//! it by one name knows it as one of the two (InfluxDB 3 refuses the other).
//!
//! | field | type | is |
//! |---|---|---|
//! | `http.server.request.duration` | float, s | request line complete to last write |
//! | `ttfb` | float, s | request line complete to the first byte of the final response |
//! | `accept_wait` `read_time` `server_time` `queue_time` `daemon_time` `application_time` `send_time` `busy_time` | float, s | its [parts](crate::model::Times) |
//! | `cpu` `cpu_apache` `cpu_daemon` | float, s | CPU time: in all, of Apache's threads, of the daemon's |
//! | `wait_runqueue` `wait_lock` `wait_upstream` `wait_client` `wait_disk` `wait_sleep` `wait_other` | float, s | waiting, by what for |
//! | `upstream` | string | the peer that it waited for longest at a time: `127.0.0.1:5432`, `unix:/run/x` |
//! | `application_group` `script_name` | string | mod_wsgi's: empty for `%{GLOBAL}`, and at the root |
//! | `url.path` | string | the path as sent, without query |
//! | `http.request.method_original` | string | the method, where the tag is `_OTHER` |
//! | `network.protocol.version` | string | `1.1` |
//! | `client.address` `server.address` | string | the ends of the connection |
//! | `client.port` `server.port` | integer | |
//! | `process.pid` `thread.id` | integer | the Apache child and the thread that finished it |
//! | `http.request.size` `http.response.size` | integer, bytes | heads and bodies |
//! | `outcome` | string | `ok`, `client_closed`, `server_closed`, `timeout`, `upgraded` |
//! | `incomplete` | boolean | it began before the attach |
//!
//! What is not known of a request is left out.

use super::distinct::Distinct;
use super::line::Line;
use crate::aggregate::{FIGURES, labels};
use crate::identity;
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
    let container = request.container.as_deref();
    for (name, value) in container.into_iter().flat_map(identity::all) {
        line = line.tag(name, value);
    }
    if let Some(status) = request.status {
        line = line.tag("http.response.status_code", &status.to_string());
    }
    if let Some(mode) = request.mode {
        line = line.tag("mode", names::mode(mode));
    }
    if let Some(names) = &request.names {
        line = line.tag("process_group", &names.process_group);
    }
    line = line.tag("route", &request.route);
    let time = distinct.time(line.series(), ended(request));
    line = line
        .seconds("http.server.request.duration", request.times.duration)
        .seconds("ttfb", request.times.ttfb);
    for (name, figure) in FIGURES {
        line = line.seconds(name, figure(request));
    }
    if let Some(upstream) = &request.upstream {
        line = line.string("upstream", upstream);
    }
    if let Some(names) = &request.names {
        line = line
            .string("application_group", &names.application_group)
            .string("script_name", &names.script_name);
    }
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
    use crate::identity::tests::{HOSTILE, bare_pod, docker, in_pod};
    use crate::request::sample;

    #[test]
    fn a_request() {
        let mut out = String::new();
        request(&mut out, "h", &sample::request("/a"), &mut Distinct::new());
        assert_eq!(
            out,
            "http.server.request,host.name=h,http.request.method=GET,\
             http.response.status_code=200,mode=daemon,process_group=app,route=/a \
             http.server.request.duration=0.0015,ttfb=0.0014,read_time=0.00005,\
             server_time=0.0001,queue_time=0.0002,daemon_time=0.0001,\
             application_time=0.001,send_time=0.0001,busy_time=0.00115,\
             cpu=0.00075,cpu_apache=0.00015,cpu_daemon=0.0006,wait_runqueue=0.00005,\
             wait_lock=0.00015,wait_upstream=0.00025,wait_client=0.00002,wait_disk=0,\
             wait_sleep=0,wait_other=0,upstream=\"127.0.0.1:5432\",\
             application_group=\"\",script_name=\"\",\
             url.path=\"/a\",network.protocol.version=\"1.1\",\
             client.address=\"127.0.0.1\",client.port=41234i,\
             server.address=\"127.0.0.1\",server.port=8099i,process.pid=16596i,\
             thread.id=16626i,http.request.size=84i,http.response.size=174i,\
             outcome=\"ok\",incomplete=false 1763717823125006789\n"
        );
    }

    #[test]
    fn a_request_to_a_container() {
        let tags = |container| {
            let mut given = sample::request("/a");
            given.container = Some(container);
            let mut out = String::new();
            request(&mut out, "h", &given, &mut Distinct::new());
            assert_eq!(out.lines().count(), 1, "{out}");
            let tags = out.split(",http.response.status_code=").next().unwrap();
            let start = "http.server.request,host.name=h,http.request.method=GET,";
            tags.strip_prefix(start).unwrap().to_owned()
        };
        let id = format!("container.id={:064x}", 7);
        assert_eq!(tags(docker(7)), id);
        assert_eq!(
            tags(in_pod("front-1")),
            format!(
                "{id},k8s.namespace.name=shop,k8s.pod.name=front-1,k8s.container.name=web,\
                 k8s.node.name=n1,k8s.deployment.name=front"
            )
        );
        assert_eq!(
            tags(bare_pod(HOSTILE)),
            format!(
                "{id},k8s.namespace.name=shop,\
                 k8s.pod.name=a%0A\"b\"\\,c\\=d%5C\\ {{e}}%0D%01"
            )
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut unknown = sample::request("/a");
        unknown.times = crate::model::Times::default();
        (unknown.spent, unknown.daemon_spent) = (None, None);
        (unknown.mode, unknown.names, unknown.upstream) = (None, None, None);
        let mut out = String::new();
        request(&mut out, "h", &unknown, &mut Distinct::new());
        assert!(
            out.contains("status_code=200,route=/a url.path=\"/a\",network"),
            "{out}"
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
            out.contains("http.request.method=_OTHER,mode=daemon,process_group=app,route=/a "),
            "{out}"
        );
        assert!(out.contains("method_original=\"BREW\""), "{out}");
    }
}
