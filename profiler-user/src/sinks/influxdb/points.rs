//! OpenTelemetry's schema: one point per row of a window.
//!
//! Measurement `http.server.request.duration`, at the window's end. Figures are of
//! the window alone (delta temporality): sum them over time as you like.
//!
//! | tag | is |
//! |---|---|
//! | `host.name` | this host |
//! | `http.request.method` | the method, `_OTHER` where OpenTelemetry does not know it |
//! | `http.response.status_class` | `2xx` ...; `none` without an answer (ours) |
//! | `route` | the path's group (ours, see [`route`](crate::request::route)) |
//! | `container.id` or `k8s...name` | of requests to a container, what `--identity` says ([`identity`](crate::identity)) |
//!
//! | field | type | is |
//! |---|---|---|
//! | `requests` | integer | requests |
//! | `errors` | integer | status 5xx, or no complete answer |
//! | `client_errors` | integer | status 4xx |
//! | `count` | integer | requests with a duration: those to which something was written |
//! | `sum` `min` `max` | float, s | their durations |
//! | `p50` `p90` `p99` | float, s | quantiles of those, to 1 % |
//! | `le_0.0001` ... `le_10` | integer | how many took at most so many seconds, cumulative; at most `count` |
//! | `ttfb` | float, s | mean time to the first byte of the final response |
//! | `request_bytes` `response_bytes` | integer | heads and bodies as read and written |
//! | `accept_wait` `read_time` `server_time` `queue_time` `daemon_time` `application_time` `send_time` `busy_time` | float, s | sums of the requests' parts |
//! | `cpu` `cpu_apache` `cpu_daemon` | float, s | sums of CPU time: in all, of Apache's threads, of the daemon's |
//! | `wait_runqueue` `wait_lock` `wait_upstream` `wait_client` `wait_disk` `wait_sleep` `wait_other` | float, s | sums of waiting, by what for |
//! | each of these with `_count`, but for `wait_` | integer | requests of which it is known: what a mean is over; the waits' is `cpu_count` |
//!
//! A sum that is known of no request is left out, with its count. Whom `wait_upstream`
//! was for is in [`upstream`](super::upstream).

use super::line::Line;
use crate::aggregate::{BUCKET_BOUNDS_NS, Row};

/// OpenTelemetry's name of the histogram.
const MEASUREMENT: &str = "http.server.request.duration";

/// Writes the point of a row.
pub(super) fn row(out: &mut String, hostname: &str, row: &Row, time_unix_ns: u64) {
    let stats = &row.stats;
    let mut line = Line::new(out, MEASUREMENT)
        .tag("host.name", hostname)
        .tag("http.request.method", row.method)
        .tag("http.response.status_class", row.status_class)
        .identity(row.identity.as_ref())
        .tag("route", &row.route)
        .integer("requests", stats.count)
        .integer("errors", stats.errors)
        .integer("client_errors", stats.client_errors)
        .integer("count", stats.timed());
    if stats.timed() > 0 {
        line = line.seconds("sum", Some(stats.sum));
    }
    line = line
        .seconds("min", stats.min())
        .seconds("max", stats.max())
        .seconds("p50", stats.p50())
        .seconds("p90", stats.p90())
        .seconds("p99", stats.p99());
    let mut within = 0;
    for (bound, count) in BUCKET_BOUNDS_NS.into_iter().zip(stats.buckets) {
        within += count;
        line = line.integer(&format!("le_{}", bound as f64 / 1e9), within);
    }
    line = line
        .seconds("ttfb", stats.ttfb_mean())
        .integer("request_bytes", stats.request_bytes)
        .integer("response_bytes", stats.response_bytes);
    for (name, sum) in stats.anatomy.sums().filter(|(_, sum)| sum.count > 0) {
        line = line.seconds(name, Some(sum.ns));
        if !name.starts_with("wait_") {
            line = line.integer(&format!("{name}_count"), sum.count);
        }
    }
    line.end(time_unix_ns);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::aggregate::Aggregator;
    use crate::identity::tests::{HOSTILE, bare_pod, docker, in_pod};
    use crate::model::Container;
    use crate::request::sample;

    fn encoded(request: &crate::model::Request) -> String {
        let mut aggregator = Aggregator::new();
        aggregator.record(request);
        let window = aggregator.close(1, 2);
        let mut out = String::new();
        row(&mut out, "h", &window.rows[0], window.end_unix_ns);
        out
    }

    #[test]
    fn a_row() {
        assert_eq!(
            encoded(&sample::request("/a b")),
            "http.server.request.duration,host.name=h,http.request.method=GET,\
             http.response.status_class=2xx,route=/a\\ b \
             requests=1i,errors=0i,client_errors=0i,count=1i,sum=0.0015,\
             min=0.0015,max=0.0015,p50=0.0015,p90=0.0015,p99=0.0015,\
             le_0.0001=0i,le_0.00025=0i,le_0.0005=0i,le_0.001=0i,le_0.0025=1i,\
             le_0.005=1i,le_0.01=1i,le_0.025=1i,le_0.05=1i,le_0.075=1i,le_0.1=1i,\
             le_0.25=1i,le_0.5=1i,le_0.75=1i,le_1=1i,le_2.5=1i,le_5=1i,le_7.5=1i,\
             le_10=1i,ttfb=0.0014,request_bytes=84i,response_bytes=174i,\
             read_time=0.00005,read_time_count=1i,server_time=0.0001,server_time_count=1i,\
             queue_time=0.0002,queue_time_count=1i,daemon_time=0.0001,daemon_time_count=1i,\
             application_time=0.001,application_time_count=1i,\
             send_time=0.0001,send_time_count=1i,busy_time=0.00115,busy_time_count=1i,\
             cpu=0.00075,cpu_count=1i,cpu_apache=0.00015,cpu_apache_count=1i,\
             cpu_daemon=0.0006,cpu_daemon_count=1i,wait_runqueue=0.00005,wait_lock=0.00015,\
             wait_upstream=0.00025,wait_client=0.00002,wait_disk=0,wait_sleep=0,\
             wait_other=0 2\n"
        );
    }

    /// The tags of a request to that container.
    fn tags(container: &Arc<Container>) -> String {
        let mut request = sample::request("/a");
        request.container = Some(Arc::clone(container));
        let text = encoded(&request);
        assert_eq!(text.lines().count(), 1, "{text}");
        let tags = text.split(" requests=1i,").next().unwrap();
        let start = "http.server.request.duration,host.name=h,http.request.method=GET,\
                     http.response.status_class=2xx,";
        tags.strip_prefix(start).unwrap().to_owned()
    }

    #[test]
    fn a_row_of_a_container() {
        assert_eq!(
            tags(&docker(7)),
            format!("container.id={:064x},route=/a", 7)
        );
        assert_eq!(
            tags(&in_pod("front-1")),
            "k8s.container.name=web,k8s.deployment.name=front,k8s.namespace.name=shop,\
             k8s.node.name=n1,k8s.pod.name=front-1,route=/a"
        );
        assert_eq!(
            tags(&bare_pod("p")),
            "k8s.namespace.name=shop,k8s.pod.name=p,route=/a"
        );
        assert_eq!(
            tags(&bare_pod(HOSTILE)),
            "k8s.namespace.name=shop,\
             k8s.pod.name=a%0A\"b\"\\,c\\=d%5C\\ {e}%0D%01,route=/a"
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut request = sample::request("/");
        request.status = None;
        request.times = crate::model::Times::default();
        (request.spent, request.daemon_spent) = (None, None);
        let text = encoded(&request);
        assert!(text.contains("status_class=none"), "{text}");
        assert!(text.contains("count=0i,le_0.0001=0i"), "{text}");
        assert!(text.ends_with(",response_bytes=174i 2\n"), "{text}");
        assert!(!text.contains("ttfb"), "{text}");
    }
}
