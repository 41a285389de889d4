//! What InfluxDB 2.x refuses, by **the stand-in**: all of a write with one bad line, as
//! OSS 2 documents it, and writes that are too large, as a proxy before it does.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::json;
use wiremock::{Request, Respond, ResponseTemplate};

use crate::sample::request;
use crate::v2::{healthy, lines, v2, write};
use crate::{DEADLINE, all, start};

/// Takes writes of at most so many lines, and none with a bad one.
#[derive(Clone, Default)]
struct Strict {
    most: usize,
    stored: Arc<Mutex<BTreeSet<String>>>,
}

const BAD: &str = "route=/bad";

impl Respond for Strict {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let text = lines(request);
        if text.lines().count() > self.most {
            return ResponseTemplate::new(413).set_body_string("<html>too large</html>");
        }
        if let Some(bad) = text.lines().find(|line| line.contains(BAD)) {
            let message = format!("unable to parse '{bad}': invalid number");
            return ResponseTemplate::new(400)
                .set_body_json(json!({"code": "invalid", "message": message}));
        }
        let mut stored = self.stored.lock().unwrap();
        stored.extend(text.lines().map(str::to_owned));
        ResponseTemplate::new(204)
    }
}

async fn talk(server: Strict, paths: &[&str]) -> (wsgiprobe::sinks::influxdb::Report, Vec<String>) {
    let mock = healthy().await;
    write().respond_with(server).mount(&mock).await;
    let (mut influx, mut told) = start(v2(&mock));
    for (n, path) in (0..).zip(paths) {
        influx.request(&request(path, n));
    }
    let report = influx.finish(DEADLINE).await;
    (report, all(&mut told))
}

#[tokio::test]
async fn a_bad_line_is_found_told_once_and_blocks_nobody() {
    let strict = Strict {
        most: usize::MAX,
        ..Strict::default()
    };
    let mut paths = vec!["/good"; 500];
    (paths[77], paths[300]) = ("/bad", "/bad");
    let (report, told) = talk(strict.clone(), &paths).await;
    assert_eq!(
        (report.accepted, report.written, report.rejected),
        (500, 498, 2)
    );
    assert_eq!(strict.stored.lock().unwrap().len(), 498);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("400 Bad Request: unable to parse 'http.server.request"),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_is_too_large_is_sent_in_parts() {
    let strict = Strict {
        most: 30,
        ..Strict::default()
    };
    let (report, told) = talk(strict.clone(), &["/good"; 500]).await;
    assert_eq!((report.written, report.rejected), (500, 0));
    assert_eq!(strict.stored.lock().unwrap().len(), 500);
    assert_eq!(told, [""; 0]);
}
