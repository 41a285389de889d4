//! Metrics in messages that a receiver takes: a node has those of hundreds of containers.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use prost::Message as _;

use super::lane::Parcel;
use super::message::Message;

/// Bytes of a message, not compressed. gRPC servers refuse more than 4 MiB unless told otherwise
/// (`defaultServerMaxReceiveMessageSize` in grpc-go's server.go).
const MOST: usize = 3 << 20;

/// The same metrics, as few messages as may be.
pub(super) fn parcels(all: Vec<ResourceMetrics>) -> Vec<Parcel> {
    let mut parcels = Vec::new();
    let (mut portion, mut size) = (Vec::new(), 0);
    for resource in all.into_iter().flat_map(small) {
        let more = resource.encoded_len();
        if size + more > MOST && !portion.is_empty() {
            parcels.push(parcel(std::mem::take(&mut portion)));
            size = 0;
        }
        size += more;
        portion.push(resource);
    }
    parcels.push(parcel(portion));
    parcels
}

/// One resource, again and again with a part of its metrics if it is too large. A single
/// metric is not divided: the bound on rows keeps it below that.
fn small(resource: ResourceMetrics) -> Vec<ResourceMetrics> {
    let metrics: usize = resource
        .scope_metrics
        .iter()
        .map(|it| it.metrics.len())
        .sum();
    if metrics < 2 || resource.encoded_len() <= MOST {
        return vec![resource];
    }
    let mut first = resource;
    let mut second = first.clone();
    for (front, back) in first
        .scope_metrics
        .iter_mut()
        .zip(&mut second.scope_metrics)
    {
        let half = front.metrics.len() / 2;
        back.metrics = front.metrics.split_off(half);
    }
    let mut both = small(first);
    both.extend(small(second));
    both
}

fn parcel(resource_metrics: Vec<ResourceMetrics>) -> Parcel {
    let scopes = resource_metrics.iter().flat_map(|it| &it.scope_metrics);
    let count: usize = scopes
        .flat_map(|it: &ScopeMetrics| &it.metrics)
        .map(points)
        .sum();
    let message = Message::Metrics(ExportMetricsServiceRequest { resource_metrics });
    Parcel::new(message, count as u64)
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::{Gauge, NumberDataPoint};

    use super::*;

    fn resource(metrics: usize, name_bytes: usize) -> ResourceMetrics {
        let metric = |number| Metric {
            name: format!("{number} {}", "x".repeat(name_bytes)),
            data: Some(Data::Gauge(Gauge {
                data_points: vec![NumberDataPoint::default(); 2],
            })),
            ..Metric::default()
        };
        ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: (0..metrics).map(metric).collect(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }
    }

    fn names(parcels: &[Parcel]) -> Vec<String> {
        let requests = parcels.iter().map(|parcel| match &parcel.message {
            Message::Metrics(request) => request,
            Message::Spans(_) => panic!("these are metrics"),
        });
        requests
            .flat_map(|request| &request.resource_metrics)
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics)
            .map(|metric| metric.name.clone())
            .collect()
    }

    #[test]
    fn what_is_small_is_one_message() {
        let parcels = parcels(vec![resource(3, 10), resource(2, 10)]);
        assert_eq!(parcels.len(), 1);
        assert_eq!(parcels[0].count, 10);
    }

    #[test]
    fn nothing_is_lost_and_nothing_too_large() {
        // A resource of 8 MB between some that are not.
        let all = vec![
            resource(2, 100),
            resource(80, 100_000),
            resource(5, 500_000),
        ];
        let whole: Vec<String> = names(&parcels_of_one(all.clone()));
        let parcels = parcels(all);
        assert!(parcels.len() >= 4, "{}", parcels.len());
        assert!(
            parcels
                .iter()
                .all(|parcel| parcel.message.encode().len() <= MOST + 1024)
        );
        assert_eq!(names(&parcels), whole);
        assert_eq!(parcels.iter().map(|it| it.count).sum::<u64>(), 2 * 87);
    }

    fn parcels_of_one(all: Vec<ResourceMetrics>) -> Vec<Parcel> {
        vec![parcel(all)]
    }
}
