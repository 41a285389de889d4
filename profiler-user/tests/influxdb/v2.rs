//! InfluxDB 2.x, of which no server is to be had here: **a stand-in** that answers
//! as its API documentation says. What it stores nobody checks; that is done
//! against 1.x, which reads the same lines.

use std::io::Read as _;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::json;
use wiremock::matchers::{body_string, header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};
use wsgiprobe::sinks::influxdb::{Settings, Target};

use crate::sample::request;
use crate::{DEADLINE, all, settings, start, until};

pub fn v2(server: &MockServer) -> Settings {
    let target = Target::V2 {
        org: "my org".into(),
        bucket: "b".into(),
        token: "s3cret".into(),
    };
    settings(&server.uri(), target)
}

fn unauthorized() -> ResponseTemplate {
    ResponseTemplate::new(401)
        .set_body_json(json!({"code": "unauthorized", "message": "unauthorized access"}))
}

pub fn write() -> wiremock::MockBuilder {
    Mock::given(method("POST"))
        .and(path("/api/v2/write"))
        .and(query_param("org", "my org"))
        .and(query_param("bucket", "b"))
        .and(query_param("precision", "ns"))
        .and(header("authorization", "Token s3cret"))
}

/// A server that is well: `/health`, and 400 to the empty write of the check.
pub async fn healthy() -> MockServer {
    let server = MockServer::start().await;
    let health = json!({"name": "influxdb", "status": "pass", "checks": [], "version": "v2.7.1"});
    Mock::given(path("/health"))
        .respond_with(ResponseTemplate::new(200).set_body_json(health))
        .mount(&server)
        .await;
    write()
        .and(body_string(""))
        .respond_with(
            ResponseTemplate::new(400)
                .set_body_json(json!({"code": "invalid", "message": "writing requires points"})),
        )
        .with_priority(1)
        .mount(&server)
        .await;
    server
}

pub fn lines(request: &Request) -> String {
    let mut text = String::new();
    if request.headers.contains_key("content-encoding") {
        GzDecoder::new(&request.body[..])
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text.push_str(str::from_utf8(&request.body).unwrap());
    }
    text
}

#[tokio::test]
async fn points_are_written_compressed_with_the_token() {
    let server = healthy().await;
    write()
        .and(header("content-encoding", "gzip"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let (mut influx, mut told) = start(v2(&server));
    for n in 0..100 {
        influx.request(&request("/a", n));
    }
    assert_eq!(influx.finish(DEADLINE).await.written, 100);
    assert_eq!(all(&mut told), [""; 0]);
    let received = server.received_requests().await.unwrap();
    let written: String = received
        .iter()
        .filter(|request| request.url.path() == "/api/v2/write")
        .map(lines)
        .collect();
    assert_eq!(written.lines().count(), 100);
    assert!(written.starts_with("http.server.request,host.name=web\\ 1,"));
}

#[tokio::test]
async fn a_wrong_token_is_told_once_without_saying_it() {
    let server = MockServer::start().await;
    write().respond_with(unauthorized()).mount(&server).await;
    let (mut influx, mut told) = start(v2(&server));
    influx.request(&request("/a", 0));
    let report = influx.finish(DEADLINE).await;
    // Somebody can put the token right; here nobody did.
    assert_eq!((report.dropped, report.rejected, report.written), (1, 0, 0));
    assert_eq!(
        all(&mut told),
        [format!(
            "influxdb at {}: 401 Unauthorized: unauthorized access (check INFLUX_TOKEN or \
             --influx-token-file); points are kept and sent later",
            server.uri()
        )]
    );
}

#[tokio::test]
async fn a_token_that_is_put_right_in_its_file_is_used() {
    let server = MockServer::start().await;
    let refused = Mock::given(header("authorization", "Token outdated"));
    refused.respond_with(unauthorized()).mount(&server).await;
    let taken = write().respond_with(ResponseTemplate::new(204));
    taken.mount(&server).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "outdated\n").unwrap();
    let mut settings = v2(&server);
    if let Target::V2 { token, .. } = &mut settings.target {
        *token = "outdated".into();
    }
    settings.secret_file = Some(file.clone());
    let (mut influx, mut told) = start(settings);
    influx.request(&request("/a", 0));
    until(|| influx.report().errors > 1).await;
    std::fs::write(&file, "s3cret\n").unwrap();
    until(|| influx.report().written == 1).await;
    assert_eq!(influx.finish(DEADLINE).await.written, 1);
    let told = all(&mut told);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].ends_with("is there again"), "{told:?}");
}

#[tokio::test]
async fn overload_is_waited_out_as_asked() {
    let dates = (
        "Sat, 21 Nov 2026 09:37:03 GMT",
        "Sat, 21 Nov 2026 09:37:05 GMT",
    );
    for (status, after) in [(429, "2"), (503, "2"), (503, dates.1)] {
        let server = healthy().await;
        let overloaded = ResponseTemplate::new(status)
            .insert_header("Retry-After", after)
            .insert_header("Date", dates.0);
        write()
            .respond_with(overloaded)
            .up_to_n_times(1)
            .mount(&server)
            .await;
        write()
            .respond_with(ResponseTemplate::new(204))
            .mount(&server)
            .await;
        let mut settings = v2(&server);
        settings.batch_points = 1;
        let (mut influx, _told) = start(settings);
        influx.request(&request("/a", 0));
        until(|| influx.report().errors == 1).await;
        let refused = Instant::now();
        until(|| influx.report().written == 1).await;
        // Its own first delay would be half a second at most.
        assert!(refused.elapsed() > Duration::from_millis(1_800), "{status}");
        assert_eq!(influx.finish(DEADLINE).await.errors, 1, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_healthy_is_told_at_the_start() {
    let server = MockServer::start().await;
    let health = json!({"name": "influxdb", "status": "fail", "message": "no disk", "checks": []});
    Mock::given(path("/health"))
        .respond_with(ResponseTemplate::new(503).set_body_json(health))
        .mount(&server)
        .await;
    let (_influx, mut told) = start(v2(&server));
    let notice = tokio::time::timeout(DEADLINE, told.recv()).await.unwrap();
    assert!(notice.unwrap().contains("not healthy: no disk"));
}
