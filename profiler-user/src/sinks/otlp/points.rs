//! The registry as OTLP's metrics: cumulative, as OpenTelemetry's own SDKs give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as Exponentials;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge,
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum, exemplar,
};

use super::settings::{Buckets, Settings};
use super::values;
use crate::aggregate::BUCKET_BOUNDS_NS;
use crate::identity::Identity;
use crate::metrics::{
    self, Durations, Example, Kind, Label, Labels, Registry, SCHEMA, Series, Unit, Value,
};

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// The metrics of each container or workload; first those of the host, and of the run itself.
pub(super) type ByIdentity<'a> = BTreeMap<Option<&'a Arc<Identity>>, Vec<Metric>>;

/// All that there is.
pub(super) fn all<'a>(registry: &'a Registry, settings: &Settings) -> ByIdentity<'a> {
    let now = registry.now_unix_ns();
    let mut all = ByIdentity::new();
    for family in registry.families() {
        // By identity first.
        let series = family.series();
        for series in series.chunk_by(|(one, _), (other, _)| one.identity == other.identity) {
            let part = Part {
                metric: family.metric,
                series,
            };
            let identity = series[0].0.identity.as_ref();
            let metrics = all.entry(identity).or_default();
            metrics.push(Metric {
                name: family.metric.name.into(),
                description: family.metric.description.into(),
                unit: family.metric.unit.ucum().into(),
                data: Some(data(&part, now, settings)),
                ..Metric::default()
            });
        }
    }
    all
}

/// The series of a metric that are of one identity.
struct Part<'a> {
    metric: &'static metrics::Metric,
    series: &'a [(&'a Labels, &'a Series)],
}

fn data(family: &Part<'_>, now: u64, settings: &Settings) -> Data {
    match (family.metric.kind, settings.buckets) {
        (Kind::Counter | Kind::UpDownCounter, _) => Data::Sum(Sum {
            data_points: numbers(family, now),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: family.metric.kind == Kind::Counter,
        }),
        (Kind::Gauge, _) => Data::Gauge(Gauge {
            data_points: numbers(family, now),
        }),
        (Kind::Histogram, Buckets::Explicit) => Data::Histogram(Histogram {
            data_points: durations(family, |attributes, start, durations| {
                explicit(attributes, [start, now], durations, settings)
            }),
            aggregation_temporality: CUMULATIVE,
        }),
        (Kind::Histogram, Buckets::Exponential) => {
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: durations(family, |attributes, start, durations| {
                    exponential(attributes, [start, now], durations, settings)
                }),
                aggregation_temporality: CUMULATIVE,
            })
        }
    }
}

fn numbers(family: &Part<'_>, now: u64) -> Vec<NumberDataPoint> {
    let series = family.series.iter();
    let points = series.map(|(labels, series)| NumberDataPoint {
        attributes: attributes(family, labels),
        start_time_unix_nano: match family.metric.kind {
            Kind::Gauge => 0,
            _ => series.start_unix_ns,
        },
        time_unix_nano: now,
        value: number(family.metric.unit, &series.value),
        ..NumberDataPoint::default()
    });
    points.collect()
}

fn number(unit: Unit, value: &Value) -> Option<Number> {
    match (value, unit) {
        (Value::Count(ns), Unit::Seconds) => Some(Number::AsDouble(seconds(*ns))),
        (Value::Count(count), _) => Some(Number::AsInt(i64::try_from(*count).unwrap_or(i64::MAX))),
        (Value::Level(level), Unit::Seconds | Unit::Ratio) => Some(Number::AsDouble(*level)),
        (Value::Level(level), _) => Some(Number::AsInt(*level as i64)),
        (Value::Durations(_), _) => None,
    }
}

fn durations<T>(
    family: &Part<'_>,
    mut point: impl FnMut(Vec<KeyValue>, u64, &Durations) -> T,
) -> Vec<T> {
    let series = family.series.iter();
    let points = series.filter_map(|(labels, series)| match &series.value {
        Value::Durations(durations) => Some(point(
            attributes(family, labels),
            series.start_unix_ns,
            durations,
        )),
        Value::Count(_) | Value::Level(_) => None,
    });
    points.collect()
}

fn explicit(
    attributes: Vec<KeyValue>,
    [start_time_unix_nano, time_unix_nano]: [u64; 2],
    durations: &Durations,
    settings: &Settings,
) -> HistogramDataPoint {
    let (min, max) = extremes(durations);
    HistogramDataPoint {
        attributes,
        start_time_unix_nano,
        time_unix_nano,
        count: durations.count,
        sum: Some(seconds(durations.sum)),
        bucket_counts: durations.buckets.into(),
        explicit_bounds: BUCKET_BOUNDS_NS.map(seconds).into(),
        exemplars: exemplars(durations, settings),
        min,
        max,
        ..HistogramDataPoint::default()
    }
}

fn exponential(
    attributes: Vec<KeyValue>,
    [start_time_unix_nano, time_unix_nano]: [u64; 2],
    durations: &Durations,
    settings: &Settings,
) -> ExponentialHistogramDataPoint {
    let (min, max) = extremes(durations);
    let positive = durations.exponential.dense().map(|dense| Exponentials {
        // Its buckets are numbered by their lower bound.
        offset: dense.first - 1,
        bucket_counts: dense.counts,
    });
    ExponentialHistogramDataPoint {
        attributes,
        start_time_unix_nano,
        time_unix_nano,
        count: durations.count,
        sum: Some(seconds(durations.sum)),
        scale: SCHEMA,
        zero_count: durations.exponential.zero,
        positive: Some(positive.unwrap_or_default()),
        exemplars: exemplars(durations, settings),
        min,
        max,
        ..ExponentialHistogramDataPoint::default()
    }
}

fn extremes(durations: &Durations) -> (Option<f64>, Option<f64>) {
    let (min, max) = durations.extremes.unzip();
    (min.map(seconds), max.map(seconds))
}

/// Those that were slow enough for a span lead to it.
fn exemplars(durations: &Durations, settings: &Settings) -> Vec<Exemplar> {
    let exemplar = |example: &Example| {
        let spanned = u128::from(example.ns) >= settings.slow.as_nanos() && settings.spans > 0;
        let id = |id: &[u8]| if spanned { id.to_vec() } else { Vec::new() };
        Exemplar {
            filtered_attributes: vec![
                values::number("process.pid", example.pid.into()),
                values::number("thread.id", example.tid.into()),
            ],
            time_unix_nano: example.end_unix_ns,
            trace_id: id(&example.spans.trace()),
            span_id: id(&example.spans.span(0)),
            value: Some(exemplar::Value::AsDouble(seconds(example.ns))),
        }
    };
    durations.examples.iter().flatten().map(exemplar).collect()
}

fn attributes(family: &Part<'_>, labels: &Labels) -> Vec<KeyValue> {
    let named = family.metric.attributes.iter().zip(&labels.values);
    let known = named.filter_map(|(attribute, label)| {
        let key = attribute.name;
        match label {
            Label::Number(value) => Some(values::number(key, *value)),
            label => Some(values::text(key, label.text()?)),
        }
    });
    known.collect()
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings;
    use super::*;
    use crate::identity::tests::{docker, in_pod};
    use crate::metrics::tests::{about, tick};
    use crate::request::sample;

    fn metric(name: &str, settings: &Settings) -> Metric {
        let mut registry = Registry::new(&about());
        registry.tick(&tick(&[sample::request("/a")]));
        let mut all = all(&registry, settings);
        assert_eq!(all.len(), 1, "nothing runs in a container");
        let metrics = all.remove(&None).unwrap();
        metrics
            .into_iter()
            .find(|metric| metric.name == name)
            .unwrap()
    }

    #[test]
    fn both_forms_of_durations_hold_all() {
        let mut settings = settings();
        let name = "http.server.request.duration";
        let Some(Data::Histogram(given)) = metric(name, &settings).data else {
            panic!("no histogram");
        };
        let point = &given.data_points[0];
        assert_eq!((point.count, point.sum), (1, Some(0.0015)));
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts[4], 1);
        assert_eq!(
            (point.exemplars.len(), point.exemplars[0].trace_id.len()),
            (1, 0)
        );
        settings.buckets = Buckets::Exponential;
        settings.slow = std::time::Duration::from_millis(1);
        let Some(Data::ExponentialHistogram(given)) = metric(name, &settings).data else {
            panic!("no exponential histogram");
        };
        let point = &given.data_points[0];
        let buckets = point.positive.clone().unwrap();
        // 1.5 ms is above 2^(-76/8) and up to 2^(-75/8) seconds.
        assert_eq!(
            (point.scale, buckets.offset, buckets.bucket_counts),
            (3, -76, vec![1])
        );
        assert_eq!(point.exemplars[0].trace_id.len(), 16);
    }

    #[test]
    fn containers_have_their_own() {
        let mut requests = vec![sample::request("/a"); 3];
        requests[1].container = Some(docker(7));
        requests[2].container = Some(in_pod("front-1"));
        let mut registry = Registry::new(&about());
        let tick = tick(&requests);
        registry.tick(&tick);
        let all = all(&registry, &settings());
        let paths = all.keys().map(|identity| identity.map(|it| it.name()));
        let expected = [
            None,
            Some("000000000000".into()),
            Some("shop/front-1".into()),
        ];
        assert_eq!(paths.collect::<Vec<_>>(), expected);
        for (identity, metrics) in &all {
            let requests = metrics.iter().find(|it| it.name == "wsgiprobe.requests");
            let Some(Data::Sum(sum)) = &requests.unwrap().data else {
                panic!("no sum");
            };
            let point = &sum.data_points[0];
            assert_eq!(point.value, Some(Number::AsInt(1)), "{identity:?}");
            // It is the resource that says which container.
            assert_eq!(point.attributes.len(), 3);
            let began = identity.map_or(about().began_unix_ns, |_| tick.window.start_unix_ns);
            assert_eq!(point.start_time_unix_nano, began);
        }
        let seen =
            |metrics: &Vec<Metric>| metrics.iter().any(|it| it.name == "wsgiprobe.account.seen");
        assert_eq!(all.values().filter(|metrics| seen(metrics)).count(), 1);
    }

    #[test]
    fn numbers_are_in_their_units() {
        let Some(Data::Sum(sum)) = metric("wsgiprobe.pool.busy.time", &settings()).data else {
            panic!("no sum");
        };
        assert!(sum.is_monotonic);
        let point = &sum.data_points[0];
        assert_eq!(point.value, Some(Number::AsDouble(1.25)));
        assert_eq!(point.attributes[0], values::number("process.pid", 7));
        assert!(point.start_time_unix_nano < point.time_unix_nano);
        let Some(Data::Sum(sum)) = metric("process.memory.usage", &settings()).data else {
            panic!("no sum");
        };
        assert!(!sum.is_monotonic);
        assert_eq!(sum.data_points[0].value, Some(Number::AsInt(4096)));
    }
}
