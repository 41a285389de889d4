//! OpenTelemetry's schema: what the time of requests went to, one point per container and
//! route of a window.
//!
//! Measurement `wsgiprobe.share`, at the window's end, of the window alone; tags
//! `host.name`, `route` and those of a container as in [`points`](super::points).
//!
//! Fields `queue` `apache` `app cpu` `lock` `upstream` `client` `disk` `sleep` `runqueue`
//! `other` (float, s): all time of the requests without overlap, in sum, of those whose
//! threads' accounts are known. See [`Shares`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::line::Line;
use crate::aggregate::{Share, Shares, Window};
use crate::identity::Identity;

const MEASUREMENT: &str = "wsgiprobe.share";

/// Gives each point of a window to `emit`.
pub(super) fn all(hostname: &str, window: &Window, mut emit: impl FnMut(&str)) {
    let mut routes: BTreeMap<(Option<&Arc<Identity>>, &str), Shares> = BTreeMap::new();
    for row in &window.rows {
        let shares = routes
            .entry((row.identity.as_ref(), &*row.route))
            .or_default();
        shares.merge(&row.stats.anatomy.shares);
    }
    let mut out = String::new();
    for ((identity, route), shares) in &routes {
        if shares.total() == 0 {
            continue;
        }
        out.clear();
        let mut line = Line::new(&mut out, MEASUREMENT)
            .tag("host.name", hostname)
            .identity(*identity)
            .tag("route", route);
        for (share, ns) in Share::ALL.into_iter().zip(shares.all()) {
            line = line.seconds(share.name(), Some(ns));
        }
        line.end(window.end_unix_ns);
        emit(&out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregator;
    use crate::identity::Detail;
    use crate::identity::tests::in_pod;
    use crate::request::sample;

    #[test]
    fn a_point_per_route_that_adds_up() {
        let mut aggregator = Aggregator::new();
        let mut unknown = sample::request("/unknown");
        unknown.spent = None;
        for request in [sample::request("/a"), sample::request("/a"), unknown] {
            aggregator.record(&request);
        }
        let mut points = Vec::new();
        all("h", &aggregator.close(1, 2), |point| {
            points.push(point.to_owned());
        });
        assert_eq!(points.len(), 1, "{points:?}");
        let fields = points[0]
            .strip_prefix("wsgiprobe.share,host.name=h,route=/a queue=")
            .unwrap();
        assert!(fields.contains(",app\\ cpu=0.0012,lock="), "{fields}");
        assert!(fields.ends_with(" 2\n"), "{fields}");
    }

    #[test]
    fn containers_are_told_apart() {
        let mut aggregator = Aggregator::with(Detail::Workload);
        for pod in ["front-1", "front-2"] {
            let mut request = sample::request("/a");
            request.container = Some(in_pod(pod));
            aggregator.record(&request);
        }
        aggregator.record(&sample::request("/a"));
        let mut points = Vec::new();
        all("h", &aggregator.close(1, 2), |point| {
            points.push(point.to_owned());
        });
        assert_eq!(points.len(), 2, "{points:?}");
        let start = "wsgiprobe.share,host.name=h,k8s.deployment.name=front,\
                     k8s.namespace.name=shop,route=/a queue=0.0004,";
        assert!(points[1].starts_with(start), "{}", points[1]);
    }
}
