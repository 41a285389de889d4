//! The registry as the messages of Prometheus' client library.

use std::borrow::Cow;

use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{
    Bucket, BucketSpan, Counter, Exemplar, Gauge, Histogram, LabelPair, Metric, MetricFamily,
    MetricType,
};
use prost_types::Timestamp;

use crate::aggregate::BUCKET_BOUNDS_NS;
use crate::identity::Identity;
use crate::metrics::{self, Durations, Example, Exponential, Kind, Registry, SCHEMA, Unit, Value};
use crate::tick::About;

/// Durations of no more count as zero, seconds: what Prometheus' own clients take.
const ZERO: f64 = 2.938_735_877_055_719e-39;

/// All that there is.
pub(super) fn all(about: &About, registry: &Registry) -> Vec<MetricFamily> {
    let given = registry.families().map(family);
    std::iter::once(target(about)).chain(given).collect()
}

/// Who says all this, by OpenTelemetry's names for it.
fn target(about: &About) -> MetricFamily {
    let labels = [
        ("host_name", about.hostname.as_str()),
        ("service_name", "wsgiprobe"),
        ("service_version", about.version),
    ];
    let label = |(name, value): (&str, &str)| LabelPair {
        name: name.into(),
        value: value.into(),
    };
    MetricFamily {
        name: "target_info".into(),
        help: "The host that is watched.".into(),
        r#type: MetricType::Gauge as i32,
        metric: vec![Metric {
            label: labels.map(label).into(),
            gauge: Some(Gauge { value: 1.0 }),
            ..Metric::default()
        }],
        ..MetricFamily::default()
    }
}

fn family(family: &metrics::Family) -> MetricFamily {
    let metric = family.metric;
    let series = family.series();
    let kind = match metric.kind {
        Kind::Counter => MetricType::Counter,
        Kind::UpDownCounter | Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    let told = series.iter().map(|(labels, series)| {
        let mut told = Metric {
            label: pairs(metric, labels),
            ..Metric::default()
        };
        let start_timestamp = Some(timestamp(series.start_unix_ns));
        match &series.value {
            Value::Count(count) => {
                told.counter = Some(Counter {
                    value: amount(metric.unit, *count),
                    start_timestamp,
                    ..Counter::default()
                });
            }
            Value::Level(value) => told.gauge = Some(Gauge { value: *value }),
            Value::Durations(durations) => {
                told.histogram = Some(Histogram {
                    start_timestamp,
                    ..histogram(durations)
                });
            }
        }
        told
    });
    MetricFamily {
        name: metric.prometheus_name(),
        help: format!("{}.", metric.description),
        r#type: kind as i32,
        metric: told.collect(),
        unit: metric.unit.prometheus().unwrap_or_default().into(),
    }
}

fn pairs(metric: &metrics::Metric, labels: &metrics::Labels) -> Vec<LabelPair> {
    let named = metric.attributes.iter().zip(&labels.values);
    let known = named.filter_map(|(attribute, label)| Some((attribute.name, label.text()?)));
    let identity = labels.identity.as_deref();
    let identity = identity.into_iter().flat_map(Identity::attributes);
    let identity = identity.map(|(name, value)| (*name, Cow::from(&**value)));
    known
        .chain(identity)
        .map(|(name, value)| LabelPair {
            name: name.replace('.', "_"),
            value: value.into_owned(),
        })
        .collect()
}

fn amount(unit: Unit, count: u64) -> f64 {
    match unit {
        Unit::Seconds => seconds(count),
        _ => count as f64,
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn histogram(durations: &Durations) -> Histogram {
    let bounds = BUCKET_BOUNDS_NS.into_iter().map(seconds);
    let mut within = 0;
    let mut bucket = Vec::with_capacity(durations.buckets.len());
    let each = durations.buckets.iter().zip(&durations.examples);
    for ((count, example), upper_bound) in each.zip(bounds.chain([f64::INFINITY])) {
        within += count;
        bucket.push(Bucket {
            cumulative_count: within,
            upper_bound,
            exemplar: example.as_ref().map(exemplar),
            ..Bucket::default()
        });
    }
    let (positive_span, positive_delta) = native(&durations.exponential);
    Histogram {
        sample_count: durations.count,
        sample_sum: seconds(durations.sum),
        bucket,
        schema: SCHEMA,
        zero_threshold: ZERO,
        zero_count: durations.exponential.zero,
        positive_span,
        positive_delta,
        exemplars: durations.examples.iter().flatten().map(exemplar).collect(),
        ..Histogram::default()
    }
}

/// Buckets as what each differs by from the one before it.
fn native(exponential: &Exponential) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas) = (Vec::new(), Vec::new());
    let (mut next, mut before) = (0, 0);
    for stretch in exponential.stretches() {
        let length = stretch.counts.len() as u32;
        spans.push(BucketSpan {
            offset: stretch.first - next,
            length,
        });
        next = stretch.first + length as i32;
        for count in stretch.counts {
            let count = count as i64;
            deltas.push(count - before);
            before = count;
        }
    }
    (spans, deltas)
}

/// No path: it may be long, or nobody's business. The time and the thread lead to it.
fn exemplar(example: &Example) -> Exemplar {
    let label = |name: &str, value: u32| LabelPair {
        name: name.into(),
        value: value.to_string(),
    };
    Exemplar {
        label: vec![
            label("process_pid", example.pid),
            label("thread_id", example.tid),
        ],
        value: seconds(example.ns),
        timestamp: Some(timestamp(example.end_unix_ns)),
    }
}

fn timestamp(unix_ns: u64) -> Timestamp {
    Timestamp {
        seconds: (unix_ns / 1_000_000_000) as i64,
        nanos: (unix_ns % 1_000_000_000) as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_buckets_are_differences() {
        let mut given = Exponential::default();
        for (ns, count) in [
            (1_000_000_000, 3),
            (1_050_000_000, 1),
            (4_000_000_000, 5),
            (500_000_000, 2),
        ] {
            given.add(ns, count);
        }
        let (spans, deltas) = native(&given);
        let spans: Vec<_> = spans
            .iter()
            .map(|span| (span.offset, span.length))
            .collect();
        assert_eq!(spans, [(-8, 1), (7, 2), (14, 1)]);
        assert_eq!(deltas, [2, 1, -2, 4]);
    }
}
