//! From a window's rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::Id;
use super::registry::{Place, Registry};
use super::series::{Example, Label, peer};
use super::span_names::SpanNames;
use crate::aggregate::{Peers, Row, Share, Shares, Sum, Window, labels};
use crate::identity::Identity;
use crate::model::Request;

/// The one scheme that is followed.
const SCHEME: &str = "http";

pub(super) fn feed(registry: &mut Registry, window: &Window) {
    let mut routes: BTreeMap<Place, (Peers, Shares)> = BTreeMap::new();
    for given in &window.rows {
        let labels = [given.method, given.status_class];
        let place = registry.place(given.identity.as_ref(), &given.route, labels);
        registry.heard(place.0.as_ref());
        row(registry, given, &place);
        let (peers, shares) = routes.entry(place).or_default();
        peers.merge(&given.stats.anatomy.peers);
        shares.merge(&given.stats.anatomy.shares);
    }
    for ((identity, route), (peers, shares)) in &routes {
        let identity = identity.as_ref();
        for (share, ns) in Share::ALL.into_iter().zip(shares.all()) {
            if ns > 0 {
                let labels = [route.into(), share.name().into()];
                registry.add(Id::ShareTime, (identity, labels), ns);
            }
        }
        for (name, waited) in peers.iter() {
            let (address, port) = peer(name);
            let labels = (identity, [route.into(), address, port]);
            registry.add(Id::UpstreamTime, labels.clone(), waited.ns);
            registry.add(Id::UpstreamRequests, labels, waited.requests);
        }
    }
    // The slowest of the slowest last: of those in one bucket it stays.
    for request in window.slowest.iter().rev() {
        example(registry, request);
    }
}

fn row(registry: &mut Registry, row: &Row, (identity, route): &Place) {
    let (stats, identity) = (&row.stats, identity.as_ref());
    let class = || row.status_class.into();
    let own = || (identity, [row.method.into(), class(), route.into()]);
    let of = |what: &'static str| {
        let labels = [row.method.into(), class(), route.into(), what.into()];
        (identity, labels)
    };
    registry.add(Id::Requests, own(), stats.count);
    registry.add(Id::RequestErrors, own(), stats.errors);
    registry.add(Id::RequestClientErrors, own(), stats.client_errors);
    registry.add(Id::RequestSize, own(), stats.request_bytes);
    registry.add(Id::ResponseSize, own(), stats.response_bytes);
    if stats.timed() > 0 {
        let labels = durations_of(row.method, row.status_class, route, row.status);
        registry.durations(Id::RequestDuration, (identity, labels), stats);
    }
    let mut cpu = Sum::default();
    let mut named = 0;
    for (name, sum) in stats.anatomy.sums().filter(|(_, sum)| sum.count > 0) {
        if let Some(wait) = name.strip_prefix("wait_") {
            registry.add(Id::WaitTime, of(wait), sum.ns);
        } else if let Some(whose) = name.strip_prefix("cpu_") {
            registry.add(Id::CpuTime, of(whose), sum.ns);
            named += sum.ns;
        } else if name == "cpu" {
            cpu = sum;
        } else {
            part(registry, of(name), sum);
        }
    }
    if cpu.count > 0 {
        registry.add(Id::CpuTime, of("other"), cpu.ns.saturating_sub(named));
        registry.add(Id::CpuRequests, own(), cpu.count);
    }
    let first_byte = stats.ttfb();
    if first_byte.count > 0 {
        part(registry, of("ttfb"), first_byte);
    }
}

/// What OpenTelemetry's conventions ask of it.
fn durations_of(
    method: &'static str,
    class: &'static str,
    route: &Arc<str>,
    status: Option<u16>,
) -> [Label; 6] {
    let code = status.map_or(Label::Absent, |status| u32::from(status).into());
    let failed = status.filter(|status| *status >= 500);
    let error = failed.map_or(Label::Absent, |status| {
        Label::Text(status.to_string().into())
    });
    [
        method.into(),
        class.into(),
        route.into(),
        SCHEME.into(),
        code,
        error,
    ]
}

fn part(registry: &mut Registry, labels: (Option<&Arc<Identity>>, [Label; 4]), sum: Sum) {
    registry.add(Id::PartTime, labels.clone(), sum.ns);
    registry.add(Id::PartRequests, labels, sum.count);
}

fn example(registry: &mut Registry, request: &Request) {
    let Some(ns) = request.times.duration else {
        return;
    };
    let method = labels::method(request.method.as_deref());
    let class = labels::status_class(request.status);
    let container = request.container.as_deref();
    let identity = container.and_then(|container| registry.identity(container));
    let (identity, route) = registry.place(identity, &request.route, [method, class]);
    let labels = durations_of(method, class, &route, labels::status(request.status));
    let example = Example {
        ns,
        end_unix_ns: request.end_unix_ns,
        pid: request.pid,
        tid: request.tid,
        spans: SpanNames::of(request),
    };
    registry.example(Id::RequestDuration, (identity.as_ref(), labels), example);
}
