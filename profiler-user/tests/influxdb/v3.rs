//! InfluxDB 3.x, of which no server is to be had here: **a stand-in** that answers as
//! its documentation says ("Use the v3 `write_lp` API to write data").

use serde_json::json;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};
use wsgiprobe::sinks::influxdb::{Settings, Target};

use crate::sample::request;
use crate::v2::lines;
use crate::{DEADLINE, all, settings, start, until};

fn v3(server: &MockServer) -> Settings {
    let target = Target::V3 {
        db: "d".into(),
        token: Some("s3cret".into()),
    };
    settings(&server.uri(), target)
}

fn write() -> wiremock::MockBuilder {
    Mock::given(method("POST"))
        .and(path("/api/v3/write_lp"))
        .and(query_param("db", "d"))
        .and(query_param("precision", "nanosecond"))
        .and(header("authorization", "Bearer s3cret"))
}

#[tokio::test]
async fn lines_that_are_refused_are_counted_as_listed() {
    let server = MockServer::start().await;
    let answer = |request: &Request| {
        let text = lines(request);
        let bad = text
            .lines()
            .zip(1..)
            .filter(|(line, _)| line.contains("/bad"));
        let bad: Vec<_> = bad
            .map(|(line, number)| {
                json!({"original_line": line, "line_number": number,
                       "error_message": "invalid column type for column 'ttfb'"})
            })
            .collect();
        if bad.is_empty() {
            return ResponseTemplate::new(204);
        }
        ResponseTemplate::new(400)
            .set_body_json(json!({"error": "partial write of line protocol occurred", "data": bad}))
    };
    write().respond_with(answer).mount(&server).await;
    let (mut influx, mut told) = start(v3(&server));
    for (n, path) in ["/a", "/bad", "/b", "/bad"].into_iter().enumerate() {
        influx.request(&request(path, n as u64));
    }
    let report = influx.finish(DEADLINE).await;
    assert_eq!((report.written, report.rejected), (2, 2));
    let told = all(&mut told);
    assert!(
        told.len() == 1 && told[0].contains("invalid column type for column 'ttfb'"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_token_that_is_put_right_gets_everything_in() {
    let server = MockServer::start().await;
    let refused = ResponseTemplate::new(401).set_body_json(json!({"error": "cannot authenticate"}));
    write()
        .respond_with(refused)
        .up_to_n_times(2)
        .mount(&server)
        .await;
    write()
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let (mut influx, mut told) = start(v3(&server));
    influx.request(&request("/a", 0));
    until(|| influx.report().written == 1).await;
    let told = all(&mut told);
    assert!(told[0].contains("--influx-token-file"), "{told:?}");
    assert!(!told.concat().contains("s3cret"), "{told:?}");
}
