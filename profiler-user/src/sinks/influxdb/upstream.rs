//! OpenTelemetry's schema: one point per container, route and peer of a window.
//!
//! Measurement `wsgiprobe.upstream`, at the window's end, of the window alone.
//!
//! | tag | is |
//! |---|---|
//! | `host.name` `route`, and those of a container | as in [`points`](super::points) |
//! | `server.address` | the peer that was waited for: IP address, or the path (`@name`) of a UNIX socket; left out where that has none; `_other` past [`MAX_PEERS`](crate::aggregate::MAX_PEERS) of a row and [`MAX_NAMED_PEERS`](crate::aggregate::MAX_NAMED_PEERS) of the run |
//! | `server.port` | its port; left out where it has none |
//!
//! | field | type | is |
//! |---|---|---|
//! | `wait` | float, s | in sum; all of a request's waiting counts for the peer that it waited for longest at a time |
//! | `requests` | integer | requests that waited |

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::line::Line;
use crate::aggregate::{Peers, Window};
use crate::identity::Identity;

const MEASUREMENT: &str = "wsgiprobe.upstream";

/// Gives each point of a window to `emit`.
pub(super) fn peers(hostname: &str, window: &Window, mut emit: impl FnMut(&str)) {
    // A point for each row would be several of one series and time.
    let mut routes: BTreeMap<(Option<&Arc<Identity>>, &str), Peers> = BTreeMap::new();
    for row in &window.rows {
        let peers = routes
            .entry((row.identity.as_ref(), &*row.route))
            .or_default();
        peers.merge(&row.stats.anatomy.peers);
    }
    let mut out = String::new();
    for ((identity, route), peers) in &routes {
        for (peer, waited) in peers.iter() {
            let (address, port) = address(peer);
            out.clear();
            Line::new(&mut out, MEASUREMENT)
                .tag("host.name", hostname)
                .identity(*identity)
                .tag("route", route)
                .tag("server.address", &address)
                .tag("server.port", &port)
                .seconds("wait", Some(waited.ns))
                .integer("requests", waited.requests)
                .end(window.end_unix_ns);
            emit(&out);
        }
    }
}

/// Address and port of a peer; empty what it does not have.
fn address(peer: &str) -> (String, String) {
    if let Ok(socket) = peer.parse::<SocketAddr>() {
        return (socket.ip().to_string(), socket.port().to_string());
    }
    let path = peer.strip_prefix("unix:").unwrap_or(peer);
    (path.to_owned(), String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregator;
    use crate::identity::tests::{docker, in_pod};
    use crate::request::sample;

    #[test]
    fn containers_are_told_apart() {
        let mut aggregator = Aggregator::new();
        for container in [Some(docker(7)), Some(in_pod("front-1")), None] {
            let mut request = sample::request("/a");
            request.container = container;
            aggregator.record(&request);
        }
        let mut tags = Vec::new();
        peers("h", &aggregator.close(1, 2), |point| {
            let start = point.split(",server.address=").next().unwrap();
            tags.push(start.to_owned());
        });
        assert_eq!(
            tags,
            [
                "wsgiprobe.upstream,host.name=h,route=/a".to_owned(),
                format!(
                    "wsgiprobe.upstream,host.name=h,container.id={:064x},route=/a",
                    7
                ),
                "wsgiprobe.upstream,host.name=h,k8s.container.name=web,k8s.deployment.name=front,\
                 k8s.namespace.name=shop,k8s.node.name=n1,k8s.pod.name=front-1,route=/a"
                    .to_owned(),
            ]
        );
    }

    #[test]
    fn a_point_per_route_and_peer() {
        let mut aggregator = Aggregator::new();
        for (route, status, peer) in [
            ("/a", 200, Some("[::1]:5432")),
            ("/a", 500, Some("[::1]:5432")),
            ("/a", 200, Some("unix:/run/pg sql")),
            ("/b", 200, Some("unix:")),
            ("/c", 200, None),
        ] {
            let mut request = sample::request(route);
            request.status = Some(status);
            request.upstream = peer.map(Into::into);
            aggregator.record(&request);
        }
        let mut points = Vec::new();
        peers("h", &aggregator.close(1, 2), |point| {
            points.push(point.to_owned());
        });
        points.sort();
        assert_eq!(
            points,
            [
                "wsgiprobe.upstream,host.name=h,route=/a,server.address=/run/pg\\ sql \
                 wait=0.00025,requests=1i 2\n",
                "wsgiprobe.upstream,host.name=h,route=/a,server.address=::1,server.port=5432 \
                 wait=0.0005,requests=2i 2\n",
                "wsgiprobe.upstream,host.name=h,route=/b wait=0.00025,requests=1i 2\n",
            ]
        );
    }
}
