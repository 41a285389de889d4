//! Tests of series that are of containers.

use std::sync::Arc;
use std::time::Duration;

use super::tests::{about, snapshot, tick};
use super::*;
use crate::aggregate::{Aggregator, MAX_OTHERS, MAX_ROWS};
use crate::identity::tests::{docker, in_pod};
use crate::identity::{Detail, Identities, Identity};
use crate::model::{Container, Request};
use crate::pool::Snapshot;
use crate::request::sample;
use crate::tick::Tick;

fn of(container: Option<Arc<Container>>) -> Request {
    let mut request = sample::request("/a");
    request.container = container;
    request
}

/// Windows of one run, as its pipeline gives them.
struct Run {
    registry: Registry,
    aggregator: Aggregator,
}

impl Run {
    fn new(interval: Duration) -> Self {
        let about = crate::tick::About {
            interval,
            ..about()
        };
        Self {
            registry: Registry::new(&about),
            aggregator: Aggregator::new(),
        }
    }

    fn window(&mut self, requests: &[Request], snapshot: Snapshot) {
        for request in requests {
            self.aggregator.record(request);
        }
        self.registry.tick(&Tick {
            window: self.aggregator.close(7, 8),
            snapshot,
            ..tick(&[])
        });
    }

    /// Counts of the metric's series by container.
    fn counts(&self, id: Id) -> Vec<(String, u64)> {
        let mut families = self.registry.families();
        let family = families.find(|family| family.metric == id.metric());
        let series = family.map(Family::series).unwrap_or_default();
        let count = |(labels, series): (&Labels, &Series)| match &series.value {
            Value::Count(count) => {
                let identity = labels.identity.as_ref();
                (identity.map_or_else(String::new, |of| of.name()), *count)
            }
            other => panic!("{other:?}"),
        };
        series.into_iter().map(count).collect()
    }
}

fn said(name: &str, count: u64) -> (String, u64) {
    (name.into(), count)
}

#[test]
fn a_container_that_has_gone_has_no_series_and_the_host_keeps_its_own() {
    let mut run = Run::new(Duration::from_mins(1));
    let both = [of(Some(in_pod("a"))), of(Some(in_pod("b"))), of(None)];
    run.window(&both, Snapshot::default());
    for _ in 0..9 {
        run.window(&both[..1], Snapshot::default());
    }
    // Ten minutes after the last request to it.
    let all = [said("", 1), said("shop/a", 10), said("shop/b", 1)];
    assert_eq!(run.counts(Id::Requests), all);
    run.window(&both[..1], Snapshot::default());
    let left = [said("", 1), said("shop/a", 11)];
    assert_eq!(run.counts(Id::Requests), left);
    for family in run.registry.families() {
        for (labels, _) in family.series() {
            let name = labels.identity.as_ref().map(|identity| identity.name());
            assert_ne!(name.as_deref(), Some("shop/b"), "{}", family.metric.name);
        }
    }
    // Back again: from nothing, and said to be since now.
    run.window(&both[1..2], Snapshot::default());
    let again = [said("", 1), said("shop/a", 11), said("shop/b", 1)];
    assert_eq!(run.counts(Id::Requests), again);
    let families: Vec<_> = run.registry.families().collect();
    let family = families
        .iter()
        .find(|it| it.metric == Id::Requests.metric());
    let begins: Vec<u64> = family
        .unwrap()
        .series()
        .iter()
        .map(|it| it.1.start_unix_ns)
        .collect();
    assert_eq!(begins, [about().began_unix_ns, 7, 7]);
}

/// A route that is asked for once an hour keeps its count while others are asked for.
#[test]
fn while_it_lives_no_counter_of_it_begins_anew() {
    let mut run = Run::new(Duration::from_mins(1));
    let (rare, usual) = (of(Some(docker(7))), of(Some(docker(7))));
    let usual = Request {
        route: "/usual".into(),
        ..usual
    };
    run.window(std::slice::from_ref(&rare), Snapshot::default());
    for _ in 0..30 {
        run.window(std::slice::from_ref(&usual), Snapshot::default());
    }
    run.window(&[rare], Snapshot::default());
    let name = "000000000000";
    assert_eq!(run.counts(Id::Requests), [said(name, 2), said(name, 30)]);
}

#[test]
fn one_whose_processes_live_has_not_gone() {
    let mut run = Run::new(Duration::from_mins(1));
    run.window(&[of(Some(docker(7)))], Snapshot::default());
    let identity = run.aggregator.identity(&docker(7)).unwrap();
    let mut idle = snapshot();
    idle.identities.insert(7, identity);
    for _ in 0..30 {
        run.window(&[], idle.clone());
    }
    assert_eq!(run.counts(Id::Requests), [said("000000000000", 1)]);
    // Of the pool and the process, too, and only while they are there.
    assert_eq!(run.counts(Id::PoolRequests), [said("000000000000", 270)]);
    run.window(&[], Snapshot::default());
    assert_eq!(run.counts(Id::PoolRequests), []);
    for _ in 0..9 {
        run.window(&[], Snapshot::default());
    }
    assert_eq!(run.counts(Id::Requests), []);
}

#[test]
fn containers_do_not_choose_how_many_series_there_are() {
    let mut run = Run::new(Duration::from_secs(1));
    for round in 0..4 {
        let mut requests = Vec::new();
        for container in 0..500 {
            let container = docker(round * 500 + container);
            for route in 0..10 {
                let mut request = sample::request(&format!("/{route}"));
                request.container = Some(Arc::clone(&container));
                requests.push(request);
            }
        }
        run.window(&requests, Snapshot::default());
    }
    let counts = run.counts(Id::Requests);
    assert_eq!(counts.len(), MAX_ROWS + MAX_OTHERS + 1);
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 20_000);
    assert!(
        counts
            .iter()
            .any(|(name, _)| *name == Identity::several().name())
    );
    assert_eq!(run.counts(Id::ProbeUnkept), [said("", 0)]);
}

#[test]
fn the_slowest_of_a_container_is_its_example() {
    let mut run = Run::new(Duration::from_secs(1));
    let mut requests = [of(Some(in_pod("a"))), of(Some(in_pod("b"))), of(None)];
    for (request, tid) in requests.iter_mut().zip(1..) {
        request.tid = tid;
    }
    run.window(&requests, Snapshot::default());
    let families: Vec<_> = run.registry.families().collect();
    let family = families
        .iter()
        .find(|it| it.metric == Id::RequestDuration.metric());
    let example = |(labels, series): (&Labels, &Series)| {
        let Value::Durations(durations) = &series.value else {
            panic!("no durations");
        };
        let examples = durations
            .examples
            .iter()
            .flatten()
            .map(|example| example.tid);
        let name = labels.identity.as_ref().map(|identity| identity.name());
        (name.unwrap_or_default(), examples.collect::<Vec<_>>())
    };
    let examples: Vec<_> = family.unwrap().series().into_iter().map(example).collect();
    let expected = [("", 3), ("shop/a", 1), ("shop/b", 2)];
    assert_eq!(
        examples,
        expected.map(|(name, tid)| (name.to_owned(), vec![tid]))
    );
}

#[test]
fn one_that_found_no_place_is_no_example_of_the_host() {
    let mut registry = Run::new(Duration::from_secs(1)).registry;
    assert_eq!(
        registry.identity(&docker(7)),
        None,
        "nothing is said of any"
    );
    registry.heard(Some(Identity::several()));
    assert_eq!(registry.identity(&docker(7)), Some(Identity::several()));
}

#[test]
fn of_a_workload_a_rollout_is_no_new_series() {
    let mut run = Run::new(Duration::from_secs(1));
    run.aggregator = Aggregator::with(Detail::Workload);
    for pod in ["front-1", "front-2", "front-3"] {
        run.window(&[of(Some(in_pod(pod)))], Snapshot::default());
    }
    assert_eq!(run.counts(Id::Requests), [said("shop/front", 3)]);
    assert!(Identities::new(Detail::None).of(&docker(1)).is_none());
}
