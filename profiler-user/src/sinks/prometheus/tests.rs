use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::MetricFamily;
use prost::Message as _;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Client, Method, Response};
use tokio::sync::mpsc;

use super::*;
use crate::metrics::tests::{about, tick};
use crate::request::sample;
use crate::summary;

struct Served {
    sink: Prometheus,
    url: String,
    http: Client,
}

fn served(address: &str) -> Served {
    let (notices, _) = mpsc::unbounded_channel();
    let sink = Prometheus::bind(address, &Handle::current(), notices).unwrap();
    let url = sink.place().to_owned();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().tls_certs_only([]).build().unwrap();
    Served { sink, url, http }
}

impl Served {
    async fn get(&self, accept: &str) -> Response {
        let request = self.http.get(&self.url).header(ACCEPT, accept);
        request.send().await.unwrap()
    }

    fn one_request(&mut self) {
        self.sink.begin(&Arc::new(about()));
        self.sink.tick(&Arc::new(tick(&[sample::request("/a")])));
    }
}

#[tokio::test]
async fn answers_in_the_format_that_is_asked_for() {
    let mut served = served("127.0.0.1:0");
    assert_eq!(served.get("*/*").await.status(), 503);
    served.one_request();

    let plain = served.get("*/*").await;
    assert_eq!(
        plain.headers()[CONTENT_TYPE],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert!(
        plain
            .text()
            .await
            .unwrap()
            .contains("\nwsgiprobe_account_seen_total 16\n")
    );

    let open = served.get("application/openmetrics-text").await;
    assert!(open.text().await.unwrap().ends_with("# EOF\n"));

    let delimited = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let mut body = served.get(delimited).await.bytes().await.unwrap();
    let mut families = Vec::new();
    while !body.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut body).unwrap());
    }
    let named = |name: &str| families.iter().find(|family| family.name == name).unwrap();
    let histogram = named("http_server_request_duration_seconds").metric[0]
        .histogram
        .clone()
        .unwrap();
    assert_eq!(
        (histogram.sample_count, histogram.positive_delta),
        (1, vec![1])
    );
    assert_eq!(histogram.exemplars.len(), 1);
    // 1.5 ms is above 2^(-76/8) and up to 2^(-75/8) seconds.
    assert_eq!(histogram.positive_span[0].offset, -75);

    let finished =
        Box::new(served.sink).finish(&Arc::new(summary::tests::sample(16)), Duration::ZERO);
    let delivered = finished.await;
    let expected = format!("3 scrapes of {}, 1 turned away", served.url);
    assert_eq!((delivered.text, delivered.failed), (expected, false));
}

#[tokio::test]
async fn has_nothing_else_to_say() {
    let mut served = served("[::1]:0");
    assert!(served.url.starts_with("http://[::1]:"), "{}", served.url);
    served.one_request();
    let root = served.url.trim_end_matches("metrics").to_owned();
    for (method, path, status) in [
        (Method::GET, "", 200),
        (Method::GET, "secret", 404),
        (Method::POST, "metrics", 405),
        (Method::HEAD, "metrics", 200),
    ] {
        let request = served.http.request(method, format!("{root}{path}"));
        assert_eq!(request.send().await.unwrap().status(), status, "{path}");
    }
    let gzip = served.http.get(&served.url).header(ACCEPT_ENCODING, "gzip");
    let answer = gzip.send().await.unwrap();
    assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
    assert_eq!(answer.bytes().await.unwrap()[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn who_only_connects_keeps_nobody_waiting() {
    let mut served = served("127.0.0.1:0");
    served.one_request();
    let at = served
        .url
        .trim_start_matches("http://")
        .trim_end_matches("/metrics")
        .to_owned();
    let mut idle: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(&at).unwrap()).collect();
    idle[0].write_all(b"GET /metrics HT").unwrap();
    assert_eq!(served.get("*/*").await.status(), 200);
}

#[test]
fn a_taken_address_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (notices, _) = mpsc::unbounded_channel();
    let refused = Prometheus::bind(&address, runtime.handle(), notices)
        .err()
        .unwrap();
    let said = refused.to_string();
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
}
