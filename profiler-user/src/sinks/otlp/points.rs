//! The registry as OTLP's metrics: cumulative, as OpenTelemetry's own SDKs give them.

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
use crate::metrics::{
    Durations, Example, Family, Kind, Label, Labels, Registry, SCHEMA, Unit, Value,
};

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// All that there is, and how many points that are.
pub(super) fn all(registry: &Registry, settings: &Settings) -> (Vec<Metric>, u64) {
    let now = registry.now_unix_ns();
    let metrics: Vec<Metric> = registry
        .families()
        .map(|family| Metric {
            name: family.metric.name.into(),
            description: family.metric.description.into(),
            unit: family.metric.unit.ucum().into(),
            data: Some(data(family, now, settings)),
            ..Metric::default()
        })
        .collect();
    let points = registry
        .families()
        .map(|family| family.series().len() as u64);
    (metrics, points.sum())
}

fn data(family: &Family, now: u64, settings: &Settings) -> Data {
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

fn numbers(family: &Family, now: u64) -> Vec<NumberDataPoint> {
    let series = family.series().into_iter();
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
    family: &Family,
    mut point: impl FnMut(Vec<KeyValue>, u64, &Durations) -> T,
) -> Vec<T> {
    let series = family.series().into_iter();
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
            trace_id: id(&example.identity.trace()),
            span_id: id(&example.identity.span(0)),
            value: Some(exemplar::Value::AsDouble(seconds(example.ns))),
        }
    };
    durations.examples.iter().flatten().map(exemplar).collect()
}

fn attributes(family: &Family, labels: &Labels) -> Vec<KeyValue> {
    let named = family.metric.attributes.iter().zip(labels);
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
    use crate::metrics::tests::{about, tick};
    use crate::request::sample;

    fn metric(name: &str, settings: &Settings) -> Metric {
        let mut registry = Registry::new(&about());
        registry.tick(&tick(&[sample::request("/a")]));
        let (metrics, points) = all(&registry, settings);
        assert!(points > metrics.len() as u64);
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
