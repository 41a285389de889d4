use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use tokio::sync::mpsc::{self as channel, UnboundedReceiver};
use wiremock::matchers::{header, header_exists, path};
use wiremock::{Mock, MockServer, Request as Received, ResponseTemplate};

use super::*;
use crate::identity::tests::{docker, in_pod};
use crate::metrics::tests::{about, tick};
use crate::request::sample;
use crate::summary;

/// Two spans a second, from a second on.
pub(super) fn settings() -> Settings {
    Settings {
        url: "http://127.0.0.1:4318".parse().unwrap(),
        protocol: Protocol::Http,
        headers: vec![("x-scope".into(), "a".into())],
        resource: vec![("service.name".into(), "shop".into())],
        interval: Duration::from_secs(1),
        phase: Duration::ZERO,
        buckets: Buckets::Explicit,
        slow: Duration::from_secs(1),
        spans: 2,
        ca: None,
        timeout: Duration::from_secs(5),
    }
}

fn started(url: &str) -> (Box<Otlp>, UnboundedReceiver<String>) {
    let (notices, said) = channel::unbounded_channel();
    let settings = Settings {
        url: url.parse().unwrap(),
        ..settings()
    };
    let mut otlp = Otlp::start(settings, &Handle::current(), notices).unwrap();
    otlp.begin(&Arc::new(about()));
    (Box::new(otlp), said)
}

/// A window with one request, which failed, and was one of three.
fn window(otlp: &mut Otlp) {
    let mut request = sample::request("/a");
    request.status = Some(500);
    for _ in 0..3 {
        otlp.request(&request);
    }
    otlp.tick(&Arc::new(tick(&[request])));
}

async fn finish(otlp: Box<Otlp>, patience: Duration) -> String {
    let finish = otlp.finish(&Arc::new(summary::tests::sample(16)), patience);
    finish.await.text
}

fn body(received: &Received) -> Vec<u8> {
    if received.headers.contains_key("content-encoding") {
        let mut plain = Vec::new();
        let mut gzip = flate2::read::GzDecoder::new(&received.body[..]);
        std::io::Read::read_to_end(&mut gzip, &mut plain).unwrap();
        return plain;
    }
    received.body.clone()
}

async fn received(server: &MockServer, at: &str) -> Vec<Vec<u8>> {
    let all = server.received_requests().await.unwrap();
    let there = all.iter().filter(|request| request.url.path() == at);
    there.map(body).collect()
}

#[tokio::test]
async fn metrics_and_spans_arrive_whole() {
    let server = MockServer::start().await;
    let well = Mock::given(header("x-scope", "a")).and(header("content-encoding", "gzip"));
    well.respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let (mut otlp, _) = started(&server.uri());
    window(&mut otlp);
    let said = finish(otlp, Duration::from_secs(10)).await;

    let metrics = received(&server, "/v1/metrics").await;
    let last = ExportMetricsServiceRequest::decode(&metrics.last().unwrap()[..]).unwrap();
    let resource = last.resource_metrics[0].resource.clone().unwrap();
    let names: Vec<&str> = resource
        .attributes
        .iter()
        .map(|given| &*given.key)
        .collect();
    assert_eq!(
        names.iter().filter(|name| **name == "service.name").count(),
        1
    );
    assert!(names.contains(&"host.name"));
    assert_eq!(
        last.resource_metrics[0].scope_metrics[0].metrics.len(),
        crate::metrics::Id::ALL.len()
    );

    let traces = received(&server, "/v1/traces").await;
    let spans = ExportTraceServiceRequest::decode(&traces[0][..]).unwrap();
    let spans = &spans.resource_spans[0].scope_spans[0].spans;
    assert_eq!((traces.len(), spans.len()), (1, 12));
    let place = format!(
        " and 12 spans to {}/, 1 slow or failed requests without a span",
        server.uri()
    );
    assert!(said.contains(&place), "{said}");
}

#[tokio::test]
async fn a_container_is_a_resource() {
    let server = MockServer::start().await;
    let well = Mock::given(header("x-scope", "a")).respond_with(ResponseTemplate::new(200));
    well.mount(&server).await;
    let (mut otlp, _) = started(&server.uri());
    let mut requests = vec![sample::request("/a"); 2];
    for (request, container) in requests.iter_mut().zip([in_pod("front-1"), docker(7)]) {
        (request.status, request.container) = (Some(500), Some(container));
        otlp.request(request);
    }
    otlp.tick(&Arc::new(tick(&requests)));
    finish(otlp, Duration::from_secs(10)).await;

    let said = |resource: Option<Resource>| {
        let attributes = resource.unwrap().attributes.into_iter();
        let text = |given: KeyValue| match given.value.and_then(|value| value.value) {
            Some(any_value::Value::StringValue(text)) => Some((given.key, text)),
            _ => None,
        };
        attributes.filter_map(text).collect::<BTreeMap<_, _>>()
    };
    let metrics = received(&server, "/v1/metrics").await;
    let last = ExportMetricsServiceRequest::decode(&metrics.last().unwrap()[..]).unwrap();
    let metrics: Vec<_> = last
        .resource_metrics
        .into_iter()
        .map(|of| said(of.resource))
        .collect();
    let traces = received(&server, "/v1/traces").await;
    let traces = ExportTraceServiceRequest::decode(&traces[0][..]).unwrap();
    let spans: Vec<_> = traces
        .resource_spans
        .into_iter()
        .map(|of| said(of.resource))
        .collect();
    let id = format!("{:064x}", 7);
    for (of, pod, docker) in [(&metrics, 2, 1), (&spans, 0, 1)] {
        assert_eq!(of[pod]["k8s.deployment.name"], "front");
        assert_eq!(of[docker]["container.id"], id);
        assert_eq!(of[pod]["service.name"], "shop");
        assert!(
            !of[pod].contains_key("process.executable.name"),
            "that is wsgiprobe's"
        );
        let instance = &of[pod]["service.instance.id"];
        assert!(instance.starts_with("h:") && instance.ends_with("/shop/front-1/web"));
        let instance = &of[docker]["service.instance.id"];
        assert!(instance.ends_with(&format!("/{id}")), "{instance}");
    }
    // Of a sum the place is enough; a single request says all.
    assert!(!metrics[2].contains_key("container.id"));
    assert_eq!(spans[0]["container.id"], id);
    // The host, with what is told of the run.
    assert_eq!((metrics.len(), spans.len()), (3, 2));
    assert!(metrics[0].contains_key("process.executable.name"));
}

#[tokio::test]
async fn a_receiver_that_comes_back_gets_all_spans_and_the_newest_metrics() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "0");
    let first = Mock::given(header_exists("x-scope")).respond_with(busy);
    first.up_to_n_times(2).with_priority(1).mount(&server).await;
    let then = Mock::given(header_exists("x-scope")).respond_with(ResponseTemplate::new(200));
    then.mount(&server).await;
    let (mut otlp, mut notices) = started(&server.uri());
    window(&mut otlp);
    let said = finish(otlp, Duration::from_secs(20)).await;
    assert!(
        said.contains(" 12 spans ") && said.contains("2 failed attempts"),
        "{said}"
    );
    assert!(!said.contains("lost"), "{said}");
    let told = notices.recv().await.unwrap();
    assert!(
        told.contains("503") && told.contains(&server.uri()),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_refused_or_rejected_is_counted_and_not_sent_again() {
    let server = MockServer::start().await;
    let partial = ExportMetricsServiceResponse {
        partial_success: Some(ExportMetricsPartialSuccess {
            rejected_data_points: 3,
            error_message: "too old".into(),
        }),
    };
    let partial = ResponseTemplate::new(200).set_body_bytes(partial.encode_to_vec());
    Mock::given(path("/v1/metrics"))
        .respond_with(partial)
        .mount(&server)
        .await;
    let refused = ResponseTemplate::new(400).set_body_string("no traces here");
    Mock::given(path("/v1/traces"))
        .respond_with(refused)
        .mount(&server)
        .await;
    let (mut otlp, mut notices) = started(&server.uri());
    window(&mut otlp);
    let said = finish(otlp, Duration::from_secs(10)).await;
    assert!(
        said.contains(" and 0 spans ") && said.contains("15 rejected by it"),
        "{said}"
    );
    assert_eq!(received(&server, "/v1/traces").await.len(), 1);
    let mut told = vec![notices.recv().await.unwrap(), notices.recv().await.unwrap()];
    told.sort();
    assert!(
        told[0].contains("refuses spans: 400 Bad Request: no traces here"),
        "{told:?}"
    );
    assert!(told[1].contains("rejected 3 metrics: too old"), "{told:?}");
}

#[tokio::test]
async fn who_does_not_read_gzip_gets_it_plain() {
    let server = MockServer::start().await;
    let gzip = Mock::given(header("content-encoding", "gzip"));
    let gzip = gzip
        .respond_with(ResponseTemplate::new(415))
        .with_priority(1);
    gzip.mount(&server).await;
    let plain = Mock::given(path("/v1/metrics")).respond_with(ResponseTemplate::new(200));
    plain.mount(&server).await;
    let (mut otlp, _) = started(&server.uri());
    otlp.tick(&Arc::new(tick(&[sample::request("/a")])));
    let said = finish(otlp, Duration::from_secs(10)).await;
    assert!(
        !said.starts_with("0 points") && !said.contains("rejected"),
        "{said}"
    );
}

#[tokio::test]
async fn a_dead_receiver_costs_its_own_and_no_more_than_patience() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // Connects, and never answers.
    let url = format!("http://{}", taken.local_addr().unwrap());
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let (notices, _) = channel::unbounded_channel();
        let settings = Settings {
            url: url.parse().unwrap(),
            protocol,
            ..settings()
        };
        let mut otlp = Otlp::start(settings, &Handle::current(), notices).unwrap();
        otlp.begin(&Arc::new(about()));
        window(&mut otlp);
        let began = std::time::Instant::now();
        let said = finish(Box::new(otlp), Duration::from_millis(300)).await;
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
        assert!(said.contains("12 spans lost while it was away"), "{said}");
        assert!(said.contains("points of the last windows lost"), "{said}");
    }
}

#[tokio::test]
async fn metrics_wait_for_their_turn_and_the_end_does_not() {
    for (phase, is_sent) in [(Duration::ZERO, true), (Duration::from_hours(1), false)] {
        let server = MockServer::start().await;
        let well = Mock::given(header("x-scope", "a")).respond_with(ResponseTemplate::new(200));
        well.mount(&server).await;
        let settings = Settings {
            url: server.uri().parse().unwrap(),
            phase,
            ..settings()
        };
        let (notices, _) = channel::unbounded_channel();
        let mut otlp = Box::new(Otlp::start(settings, &Handle::current(), notices).unwrap());
        otlp.begin(&Arc::new(about()));
        window(&mut otlp);
        let began = std::time::Instant::now();
        while is_sent && received(&server, "/v1/metrics").await.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if !is_sent {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert_eq!(received(&server, "/v1/metrics").await.is_empty(), !is_sent);
        finish(otlp, Duration::from_secs(10)).await;
        assert_eq!(received(&server, "/v1/metrics").await.len(), 1);
    }
}
