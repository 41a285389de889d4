//! docs/metrics.md, written from the catalogue: `cargo xtask docs`.

use std::fmt::Write as _;

use super::catalogue::Id;
use super::declare::{Attribute, Kind, Metric};
use crate::aggregate::BUCKET_BOUNDS_NS;
use crate::{compare, identity};

const HEAD: &str = "\
<!-- Written by `cargo xtask docs` from profiler-user/src/metrics/catalogue.rs: edit that. -->

# Metrics

Every metric that `--prometheus` and `--otlp` give, and where InfluxDB has the same. From where to
where each time goes, and how exact it is: [anatomy](anatomy.md). Pools: [pools](pools.md).

- **Prometheus and OTLP** get sums from the start of the run on (cumulative), as of the last window
  that ended. A series of a process or pool ends with it, those of a container some time after it. Seconds, bytes, shares from 0 to 1.
- **InfluxDB** (schema `otel`) gets a point for each window, of that window alone. Besides what is
  below, `http.server.request.duration` has `min`, `max`, `p50`, `p90` and `p99` there.
- Names are OpenTelemetry's where it has one; ours begin with `wsgiprobe.`. In Prometheus' names dots
  are underscores, the unit is at the end, and counters have `_total`. So are its labels:
  `http.response.status_class` is `http_response_status_class`.
- A field's name with a label in braces stands for a field for each value of that label:
  `wait_{wait}` for `wait_lock` and the others.
- What is not known is left out: a series, or a label.
- What is of a container has its labels, too: [containers](#containers).
- `http.server.request.duration` has the status itself and `error.type`, as OpenTelemetry asks; the others, and
  all of InfluxDB's but single requests, have its class.
";

const CONTAINERS: &str = "
## Containers

Requests to a server in a container, its pools, processes and sockets say whose they are, as far as
`--identity` goes. What runs on the host itself has none of these labels, nor has what is told of the run.

| `--identity` | a series has | and is as many times there as |
|---|---|---|
| `container` (the default) | namespace, pod, container, node and workload; `container.id` where nothing is known of Kubernetes | containers, and each start of one anew |
| `workload` | namespace and workload, the pod where it stands for itself; nothing outside of Kubernetes | workloads: a rollout adds none |
| `none` | nothing: containers and the host are added up | |

- **InfluxDB** has them as tags, **Prometheus** as labels with underscores (`k8s_pod_name`), **OTLP** as what
  OpenTelemetry has them for, attributes of the resource: one resource a container, with a `service.instance.id`
  of its own, since a receiver that makes labels of nothing else of it (Prometheus) would take two
  containers' series for one. Spans are by container likewise.
- A single request (`--jsonl`, `--influx-raw`, spans) says all that is known, whatever `--identity` is.
- What the API server tells of a container comes a moment after its first request: those before it are
  in the series of its `container.id` (with `workload` in those without any of these labels).
- The series of a container that are counted from the start of the run on (all of requests) end ten minutes
  after the last window with a request or process of it, all of them at once. Within its life none goes
  backwards. If there is something of it later, it is another series of the same name, which begins at 0 with that
  window; OTLP and protobuf say so by its start time, which in a container is the begin of
  the window that brought it. So a sum over containers may fall, and a sum of rates or increases does not.
- `_other`: past 2 000 combinations, a container's requests to further routes have the route `_other`; past
  500 of these, `container.id` is `_other`, too.
";

const TAIL: &str = "
## Bounds

Routes are bounded by `--max-routes`, methods and status classes are few: at most 2 000 combinations
of the three and containers are kept apart, the rest have the route `_other`, of which 500 more are told
apart by container. Which statuses there are is the application's choice: in
an interval, and in a run, at most 2 000 combinations with the status itself are kept apart. Of any other metric at most 25 000
series are kept; `wsgiprobe.probe.series.unkept` counts what found no place.
";

/// The whole file.
#[must_use]
pub fn document() -> String {
    let mut out = HEAD.to_owned();
    let bounds = BUCKET_BOUNDS_NS.map(|ns| (ns as f64 / 1e9).to_string());
    paragraph(
        &mut out,
        &format!(
            "The buckets of `http.server.request.duration` end at {} s. To a Prometheus that asks for \
         protobuf it is a native histogram as well (schema 3: each bucket 9 % wider than the one \
         below), to OTLP an exponential one if asked. Those buckets are filled to 1 %. Exemplars \
         are the slowest requests of each window, by process and thread: with their time they are \
         found in `--jsonl`.",
            bounds.join(", ")
        ),
    );
    for (title, belongs) in SECTIONS {
        section(&mut out, title, belongs);
    }
    attributes(&mut out);
    containers(&mut out);
    out.push_str(TAIL);
    out.push_str(&compare::influx::document());
    out
}

type Belongs = fn(&Metric) -> bool;

const SECTIONS: [(&str, Belongs); 3] = [
    ("Requests", |metric| !server(metric) && !metric.is_own()),
    ("Pools, processes, sockets", server),
    ("The run itself", Metric::is_own),
];

fn server(metric: &Metric) -> bool {
    let name = metric.name;
    [
        "wsgiprobe.pool.",
        "wsgiprobe.listen.",
        "process.",
        "wsgiprobe.process.",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

fn section(out: &mut String, title: &str, belongs: Belongs) {
    let _ = write!(
        out,
        "\n## {title}\n\n\
         | metric | Prometheus | InfluxDB | unit | kind | labels | is | measured by |\n\
         |---|---|---|---|---|---|---|---|\n"
    );
    let metrics = Id::ALL.iter().map(|id| id.metric());
    for metric in metrics.filter(|metric| belongs(metric)) {
        let labels = metric
            .attributes
            .iter()
            .map(|attribute| code(attribute.name));
        let influx = metric.influx.map(|(measurement, fields)| {
            let fields = fields.split(' ').map(code);
            format!(
                "{}: {}",
                code(measurement),
                fields.collect::<Vec<_>>().join(" ")
            )
        });
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            code(metric.name),
            code(&metric.prometheus_name()),
            influx.unwrap_or_default(),
            code(metric.unit.ucum()),
            kind(metric.kind),
            labels.collect::<Vec<_>>().join(" "),
            metric.description,
            metric.source,
        );
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        // Prometheus does not tell them apart.
        Kind::UpDownCounter => "up-down counter (gauge)",
        kind => kind.name(),
    }
}

fn attributes(out: &mut String) {
    out.push_str("\n## Labels\n\n| label | is |\n|---|---|\n");
    let mut told: Vec<Attribute> = Vec::new();
    for attribute in Id::ALL.iter().flat_map(|id| id.metric().attributes) {
        if !told.contains(attribute) {
            told.push(*attribute);
            let _ = writeln!(out, "| {} | {} |", code(attribute.name), attribute.values);
        }
    }
}

fn containers(out: &mut String) {
    out.push_str(CONTAINERS);
    out.push_str("\n| label | is |\n|---|---|\n");
    for (name, what) in identity::NAMES {
        let _ = writeln!(out, "| {} | {what} |", code(name));
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Filled to the width of the other documents.
fn paragraph(out: &mut String, text: &str) {
    const WIDTH: usize = 102;
    out.push('\n');
    let mut length = 0;
    for word in text.split(' ') {
        if length > 0 && length + 1 + word.len() > WIDTH {
            out.push('\n');
            length = 0;
        } else if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += word.len();
    }
    out.push('\n');
}
