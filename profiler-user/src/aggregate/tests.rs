use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::identity::tests::{docker, in_pod};
use crate::identity::{Detail, Identity};
use crate::model::{Outcome, Request};
use crate::request::sample;

fn lasting(ns: u64) -> Request {
    let mut request = sample::request("/a");
    request.times.duration = Some(ns);
    request
}

fn stats(durations: &[u64]) -> Stats {
    let mut stats = Stats::new();
    for ns in durations {
        stats.record(&lasting(*ns));
    }
    stats
}

#[test]
fn nothing_has_no_quantiles() {
    let stats = Stats::new();
    assert_eq!((stats.p50(), stats.min(), stats.max()), (None, None, None));
    assert_eq!((stats.mean(), stats.ttfb_mean()), (None, None));
}

#[test]
fn unanswered_requests_count_without_a_duration() {
    let mut request = sample::request("/a");
    request.status = None;
    request.outcome = Outcome::ServerClosed;
    request.times.duration = None;
    let mut stats = Stats::new();
    stats.record(&request);
    assert_eq!((stats.count, stats.errors, stats.timed()), (1, 1, 0));
    assert_eq!(stats.p99(), None);
}

#[test]
fn what_is_an_error() {
    let mut stats = Stats::new();
    for (status, outcome) in [
        (Some(200), Outcome::Ok),
        (Some(101), Outcome::Upgraded),
        (Some(404), Outcome::Ok),
        (Some(500), Outcome::Ok),
        (Some(200), Outcome::ClientClosed),
        (Some(408), Outcome::Timeout),
    ] {
        let mut request = sample::request("/a");
        (request.status, request.outcome) = (status, outcome);
        stats.record(&request);
    }
    assert_eq!((stats.errors, stats.client_errors), (3, 2));
}

#[test]
fn bounds_belong_to_the_bucket_below() {
    let stats = stats(&[1, 100_000, 100_001, 10_000_000_000, 10_000_000_001]);
    assert_eq!(stats.buckets[..2], [2, 1]);
    assert_eq!(stats.buckets[BUCKETS - 2..], [1, 1]);
}

#[test]
fn durations_of_hours_stay_exact_in_max() {
    let stats = stats(&[u64::MAX, 5]);
    assert_eq!(stats.max(), Some(u64::MAX));
    assert_eq!(stats.min(), Some(5));
}

#[test]
fn a_window_closes_and_the_run_goes_on() {
    let mut aggregator = Aggregator::new();
    aggregator.record(&sample::request("/a"));
    aggregator.record(&sample::request("/b"));
    let first = aggregator.close(0, 1_000_000_000);
    assert_eq!((first.rows.len(), first.total.count), (2, 2));
    aggregator.record(&sample::request("/a"));
    let second = aggregator.close(1_000_000_000, 2_000_000_000);
    assert_eq!((second.rows.len(), second.total.count), (1, 1));
    let run = aggregator.run(0, 2_000_000_000);
    assert_eq!((run.rows.len(), run.total.count), (2, 3));
    let slowest = [&first, &second, &run].map(|window| window.slowest.len());
    assert_eq!(slowest, [2, 1, 3]);
    assert!(run.total.anatomy.shares.total() > second.total.anatomy.shares.total());
}

#[test]
fn rows_tell_method_and_status_apart() {
    let mut aggregator = Aggregator::new();
    let mut request = sample::request("/a");
    for (method, status) in [
        (Some("GET"), Some(200)),
        (Some("GET"), Some(201)),
        (Some("GET"), None),
        (Some("BREW"), Some(418)),
        (None, Some(400)),
    ] {
        request.method = method.map(Into::into);
        request.status = status;
        aggregator.record(&request);
    }
    let window = aggregator.close(0, 1);
    let mut statuses: Vec<_> = window
        .rows
        .iter()
        .map(|row| (row.method, row.status, row.stats.count))
        .collect();
    statuses.sort_unstable();
    assert_eq!(
        statuses,
        [
            ("GET", None, 1),
            ("GET", Some(200), 1),
            ("GET", Some(201), 1),
            ("_OTHER", Some(400), 1),
            ("_OTHER", Some(418), 1)
        ]
    );
    let mut labels: Vec<_> = window
        .by_class()
        .iter()
        .map(|row| (row.method, row.status_class, row.stats.count))
        .collect();
    labels.sort_unstable();
    assert_eq!(
        labels,
        [("GET", "2xx", 2), ("GET", "none", 1), ("_OTHER", "4xx", 2)]
    );
}

#[test]
fn routes_are_merged_worst_first() {
    let mut aggregator = Aggregator::new();
    for (path, ns, status) in [
        ("/fast", 1_000_000, 200),
        ("/slow", 2_000_000, 200),
        ("/slow", 90_000_000, 500),
    ] {
        let mut request = sample::request(path);
        request.times.duration = Some(ns);
        request.status = Some(status);
        aggregator.record(&request);
    }
    let mut unanswered = sample::request("/dead");
    unanswered.times.duration = None;
    aggregator.record(&unanswered);
    let routes = aggregator.close(0, 1).by_route();
    let names: Vec<_> = routes.iter().map(|(route, _)| &**route).collect();
    assert_eq!(names, ["/slow", "/fast", "/dead"]);
    assert_eq!((routes[0].1.count, routes[0].1.errors), (2, 1));
    assert_eq!(routes[0].1.max(), Some(90_000_000));
}

#[test]
fn rows_are_bounded() {
    let mut aggregator = Aggregator::new();
    for n in 0..MAX_ROWS + 50 {
        aggregator.record(&sample::request(&format!("/{n}")));
    }
    let window = aggregator.close(0, 1);
    assert_eq!(window.rows.len(), MAX_ROWS + 1);
    assert_eq!(window.total.count as usize, MAX_ROWS + 50);
}

/// Requests of so many containers to so many routes each.
fn of_containers(aggregator: &mut Aggregator, containers: u32, routes: u32) {
    for number in 0..containers {
        let container = docker(number);
        for route in 0..routes {
            let mut request = sample::request(&format!("/{route}"));
            request.container = Some(Arc::clone(&container));
            aggregator.record(&request);
        }
    }
}

#[test]
fn containers_are_told_apart_as_far_as_is_asked() {
    let rows = |detail| {
        let mut aggregator = Aggregator::with(detail);
        for pod in ["front-1", "front-2", "front-1"] {
            let mut request = sample::request("/a");
            request.container = Some(in_pod(pod));
            aggregator.record(&request);
        }
        aggregator.record(&sample::request("/a"));
        let window = aggregator.close(0, 1);
        let row = |row: &Cow<'_, Row>| {
            let name = row.identity.as_ref().map(|identity| identity.name());
            (name.unwrap_or_default(), row.stats.count)
        };
        let mut rows: Vec<_> = window.by_class().iter().map(row).collect();
        rows.sort();
        assert_eq!(window.by_route().len(), 1);
        rows
    };
    let of = |name: &str, count| (name.to_owned(), count);
    let each = [of("", 1), of("shop/front-1", 2), of("shop/front-2", 1)];
    assert_eq!(rows(Detail::Container), each);
    assert_eq!(rows(Detail::Workload), [of("", 1), of("shop/front", 3)]);
    assert_eq!(rows(Detail::None), [of("", 4)]);
}

#[test]
fn containers_do_not_choose_how_many_rows_there_are() {
    let mut aggregator = Aggregator::new();
    of_containers(&mut aggregator, 500, 10);
    let window = aggregator.close(0, 1);
    // 200 containers found room for all, the others keep a row each.
    assert_eq!(window.rows.len(), MAX_ROWS + 300);
    let told: BTreeSet<_> = window.rows.iter().map(|row| &row.identity).collect();
    assert_eq!(told.len(), 500);
    assert_eq!(window.total.count, 5_000);

    of_containers(&mut aggregator, 3_000, 10);
    let window = aggregator.close(1, 2);
    assert_eq!(window.rows.len(), MAX_ROWS + MAX_OTHERS + 1);
    let several = Some(Arc::clone(Identity::several()));
    let rest = window.rows.iter().find(|row| row.identity == several);
    let rest = rest.unwrap();
    assert_eq!((&*rest.route, rest.stats.count), ("_other", 23_000));
    assert_eq!(window.total.count, 30_000);

    // Of the run no route is lost to containers.
    let run = aggregator.run(0, 2);
    assert_eq!((run.rows.len(), run.total.count), (11, 35_000));
    assert!(run.rows.iter().all(|row| row.identity == several));
}

#[test]
fn a_route_says_who_served_it_where_there_are_several() {
    let mut aggregator = Aggregator::new();
    let mut record = |path: &str, number: Option<u32>| {
        let mut request = sample::request(path);
        request.container = number.map(docker);
        aggregator.record(&request);
    };
    record("/one", Some(1));
    record("/both", Some(1));
    record("/both", Some(2));
    record("/host", None);
    let window = aggregator.close(0, 1);
    for window in [window, aggregator.run(0, 1)] {
        let served = window.served_by();
        let name = |route| served.of(route).map(|identity| identity.name());
        assert_eq!(name("/one").as_deref(), Some("000000000000"));
        assert_eq!(name("/both").as_deref(), Some("several"));
        assert_eq!(name("/host"), None);
    }
    let mut alone = sample::request("/one");
    alone.container = Some(docker(1));
    aggregator.record(&alone);
    assert!(aggregator.close(1, 2).served_by().is_empty());
}

#[test]
fn named_peers_are_bounded() {
    let mut aggregator = Aggregator::new();
    for n in 0..MAX_NAMED_PEERS + 3 {
        let mut request = sample::request(&format!("/{n}"));
        request.upstream = Some(format!("peer {n}").into());
        aggregator.record(&request);
    }
    let rows = aggregator.close(0, 1).rows;
    let peers = rows.iter().map(|row| row.stats.anatomy.peers.heaviest());
    let named = peers.filter(|peer| *peer != Some(OTHER_PEER));
    assert_eq!(named.count(), MAX_NAMED_PEERS);
    aggregator.record(&sample::request("/later"));
    let later = aggregator.close(1, 2).total.anatomy.peers;
    assert_eq!(later.heaviest(), Some(OTHER_PEER));
    let run = aggregator.run(0, 2).total.anatomy.peers;
    let requests: u64 = run.iter().map(|(_, waited)| waited.requests).sum();
    assert_eq!(requests as usize, MAX_NAMED_PEERS + 4);
}

proptest! {
    #[test]
    fn quantiles_are_within_a_percent(mut durations in prop::collection::vec(1..600_000_000_000_u64, 1..300)) {
        let stats = stats(&durations);
        durations.sort_unstable();
        for (q, got) in [(0.5, stats.p50()), (0.9, stats.p90()), (0.99, stats.p99())] {
            let rank = (q * durations.len() as f64).ceil() as usize;
            let exact = durations[rank.max(1) - 1] as f64;
            let got = got.unwrap() as f64;
            // 1 % or the finest step, whichever is more.
            prop_assert!((got - exact).abs() <= (exact * 0.01).max(1_100.0), "{q}: {got} for {exact}");
        }
    }

    #[test]
    fn merging_is_recording_all(a in prop::collection::vec(1..u64::MAX / 600, 0..200), b in prop::collection::vec(1..u64::MAX / 600, 0..200)) {
        let mut merged = stats(&a);
        merged.merge(&stats(&b));
        let whole = stats(&[a, b].concat());
        prop_assert_eq!(merged.count, whole.count);
        prop_assert_eq!(merged.sum, whole.sum);
        prop_assert_eq!(merged.buckets, whole.buckets);
        prop_assert_eq!((merged.min(), merged.max()), (whole.min(), whole.max()));
        prop_assert_eq!((merged.p50(), merged.p90(), merged.p99()), (whole.p50(), whole.p90(), whole.p99()));
    }
}
