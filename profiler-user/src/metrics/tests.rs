use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::aggregate::{Aggregator, MAX_ROWS};
use crate::model::{Mode, Request};
use crate::pool::{Cpu, Kind as PoolKind, Listener, Pool, Process, Snapshot};
use crate::request::{route::OTHER, sample};
use crate::summary;
use crate::tick::{About, Points, Tick};

/// What a run would say of itself.
pub(crate) fn about() -> About {
    About {
        version: "0.1.0",
        hostname: "h".into(),
        kernel: "6.18.44".into(),
        hooks: "sock",
        targets: vec!["apache2 pid 7".into()],
        interval: Duration::from_secs(1),
        began_unix_ns: 1_763_717_820_000_000_000,
    }
}

/// A window of those requests, with all that there can be beside them.
pub(crate) fn tick(requests: &[Request]) -> Tick {
    let mut aggregator = Aggregator::new();
    for request in requests {
        aggregator.record(request);
    }
    let mut account = summary::tests::sample(16);
    (account.probe.bpf_runs, account.probe.bpf_ns) = (Some(9), Some(1_000));
    Tick {
        window: aggregator.close(1_763_717_823_000_000_000, 1_763_717_824_000_000_000),
        snapshot: snapshot(),
        account,
        points: Some(Points {
            written: 7,
            ..Points::default()
        }),
    }
}

/// The servers behind it: a daemon, and a socket.
pub(crate) fn snapshot() -> Snapshot {
    let cpu = Cpu {
        user: 0.25,
        system: 0.01,
        elapsed: 1.0,
    };
    Snapshot {
        pools: vec![Pool {
            pid: 7,
            kind: PoolKind::Daemon,
            process_group: Some("app".into()),
            threads: Some(5),
            started: 3,
            busy: 2,
            busy_ns: 1_250_000_000,
            full_ns: Some(100_000_000),
            requests: 9,
            length_ns: 1_000_000_000,
        }],
        processes: vec![Process {
            pid: 7,
            kind: PoolKind::Daemon,
            name: "apache2".into(),
            cpu: Some(cpu),
            rss: 4096,
            max_rss: Some(8192),
            threads: 6,
        }],
        identities: BTreeMap::new(),
        listeners: vec![Listener {
            identity: None,
            address: "[::]:80".parse().unwrap(),
            queue: 4,
        }],
    }
}

fn value(registry: &Registry, id: Id, labels: &[&str]) -> Option<Value> {
    let mut families = registry.families();
    let family = families.find(|family| family.metric.name == id.metric().name)?;
    let said = |of: &Labels| {
        of.values
            .iter()
            .map(|label| label.text().unwrap_or_default().into_owned())
            .collect::<Vec<_>>()
    };
    let all = family.series();
    let found = all.iter().find(|(of, _)| said(of) == labels);
    found.map(|(_, series)| series.value.clone())
}

#[test]
fn every_metric_has_a_value() {
    let mut registry = Registry::new(&about());
    registry.tick(&tick(&[sample::request("/a")]));
    let fed: BTreeSet<&str> = registry
        .families()
        .map(|family| family.metric.name)
        .collect();
    let declared: BTreeSet<&str> = Id::ALL.iter().map(|id| id.metric().name).collect();
    assert_eq!(fed, declared);
}

#[test]
fn names_keep_the_rules_of_prometheus() {
    let mut names = BTreeMap::new();
    for id in Id::ALL {
        let metric = id.metric();
        let name = metric.prometheus_base();
        assert!(
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()),
            "{name}"
        );
        for reserved in ["_total", "_count", "_sum", "_bucket"] {
            assert!(!name.ends_with(reserved), "{name}");
        }
        assert!(!metric.description.ends_with('.'), "{name}");
        assert!(
            metric.name.starts_with("wsgiprobe.")
                || ["http.", "process."]
                    .iter()
                    .any(|owner| metric.name.starts_with(owner))
        );
        assert_eq!(names.insert(name, metric.name), None);
    }
    assert_eq!(
        Id::ProcessThreads.metric().prometheus_name(),
        "process_threads"
    );
    assert_eq!(
        Id::CpuTime.metric().prometheus_name(),
        "wsgiprobe_request_cpu_time_seconds_total"
    );
}

#[test]
fn counts_go_on_from_window_to_window() {
    let mut registry = Registry::new(&about());
    let mut alone = sample::request("/a");
    alone.mode = Some(Mode::Http);
    alone.daemon_spent = None;
    registry.tick(&tick(&[sample::request("/a")]));
    registry.tick(&tick(&[sample::request("/a"), alone]));
    let row = ["GET", "2xx", "/a"];
    assert_eq!(value(&registry, Id::Requests, &row), Some(Value::Count(3)));
    let cpu = |whose| value(&registry, Id::CpuTime, &[row[0], row[1], row[2], whose]);
    assert_eq!(cpu("apache"), Some(Value::Count(300_000)));
    assert_eq!(cpu("daemon"), Some(Value::Count(1_200_000)));
    assert_eq!(cpu("other"), Some(Value::Count(150_000)));
    let peer = ["/a", "127.0.0.1", "5432"];
    assert_eq!(
        value(&registry, Id::UpstreamRequests, &peer),
        Some(Value::Count(3))
    );
    assert_eq!(
        value(&registry, Id::PoolBusyTime, &["7", "daemon", "app"]),
        Some(Value::Count(2_500_000_000))
    );
    assert_eq!(
        value(&registry, Id::Lost, &["ring_full"]),
        Some(Value::Count(2))
    );
    let of = ["GET", "2xx", "/a", "http", "200", ""];
    let Some(Value::Durations(durations)) = value(&registry, Id::RequestDuration, &of) else {
        panic!("no durations");
    };
    assert_eq!((durations.count, durations.sum), (3, 4_500_000));
    let counts = durations
        .exponential
        .stretches()
        .into_iter()
        .flat_map(|stretch| stretch.counts);
    assert_eq!(counts.sum::<u64>(), 3);
    let examples: Vec<Example> = durations.examples.into_iter().flatten().collect();
    assert_eq!(
        examples
            .iter()
            .map(|example| (example.ns, example.pid))
            .collect::<Vec<_>>(),
        [(1_500_000, 16_596)]
    );
}

#[test]
fn durations_have_the_status_itself() {
    let mut requests = Vec::new();
    for status in [404, 410, 410, 503] {
        let mut request = sample::request("/a");
        request.status = Some(status);
        requests.push(request);
    }
    let mut registry = Registry::new(&about());
    registry.tick(&tick(&requests));
    let count = |class, code, error| {
        let of = ["GET", class, "/a", "http", code, error];
        match value(&registry, Id::RequestDuration, &of) {
            Some(Value::Durations(durations)) => durations.count,
            _ => 0,
        }
    };
    assert_eq!(count("4xx", "404", ""), 1);
    assert_eq!(count("4xx", "410", ""), 2);
    assert_eq!(count("5xx", "503", "503"), 1);
    // The others are by class alone.
    let all = value(&registry, Id::Requests, &["GET", "4xx", "/a"]);
    assert_eq!(all, Some(Value::Count(3)));
}

#[test]
fn what_has_ended_has_no_series() {
    let mut registry = Registry::new(&about());
    registry.tick(&tick(&[]));
    assert!(value(&registry, Id::ProcessMemory, &["7", "apache2", "wsgi"]).is_some());
    let mut empty = tick(&[]);
    empty.snapshot = Snapshot::default();
    registry.tick(&empty);
    for gone in [
        "wsgiprobe.pool.busy.time",
        "process.cpu.time",
        "wsgiprobe.listen.queue",
    ] {
        assert!(
            registry.families().all(|family| family.metric.name != gone),
            "{gone}"
        );
    }
    assert_eq!(value(&registry, Id::Seen, &[]), Some(Value::Count(16)));
}

#[test]
fn routes_are_bounded_and_none_is_lost() {
    let mut registry = Registry::new(&about());
    for round in 0..3 {
        let paths = (0..MAX_ROWS).map(|number| sample::request(&format!("/{round}/{number}")));
        registry.tick(&tick(&paths.collect::<Vec<_>>()));
    }
    let families: Vec<&Family> = registry.families().collect();
    let requests = families
        .iter()
        .find(|family| family.metric.name == "wsgiprobe.requests");
    assert_eq!(requests.unwrap().series().len(), MAX_ROWS + 1);
    assert_eq!(
        value(&registry, Id::Requests, &["GET", "2xx", OTHER]),
        Some(Value::Count(2 * MAX_ROWS as u64))
    );
    assert!(
        families
            .iter()
            .all(|family| family.series().len() <= 10 * MAX_ROWS)
    );
}

#[test]
fn the_document_is_of_this_catalogue() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let found = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        found == document(),
        "docs/metrics.md is stale: run `cargo xtask docs`"
    );
}
