//! The interface of version 2 against a real server that speaks it: `VictoriaMetrics`.
//!
//! It is lenient, and knows neither organisation nor token: what it proves is that the
//! points arrive by that path, each once.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;
use wsgiprobe::sinks::influxdb::Target;

use crate::influxd::{free_port, http};
use crate::sample::{TIME, request};
use crate::{DEADLINE, all, settings, start};

struct Victoria {
    process: Child,
    port: u16,
    _dir: TempDir,
}

/// Where `cargo xtask setup` unpacks it, or where the variable says.
fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("WSGIPROBE_VICTORIA") {
        return named.into();
    }
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")));
    let tree = cache.unwrap().join("wsgiprobe/vm/servers/victoria-metrics");
    tree.join("usr/bin/victoria-metrics")
}

impl Victoria {
    async fn start() -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new(binary());
        command.args([
            &format!("-storageDataPath={}", dir.path().display()),
            &format!("-httpListenAddr=127.0.0.1:{port}"),
            "-search.latencyOffset=0s",
            "-retentionPeriod=100y",
            "-loggerLevel=ERROR",
        ]);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.expect("VictoriaMetrics is needed: run `cargo xtask setup`");
        let victoria = Self {
            process,
            port,
            _dir: dir,
        };
        let begin = Instant::now();
        while http().get(victoria.url("/health")).send().await.is_err() {
            assert!(
                begin.elapsed() < DEADLINE,
                "VictoriaMetrics does not answer"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        victoria
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn get(&self, path: &str) -> String {
        let response = http().get(self.url(path)).send().await.unwrap();
        response.text().await.unwrap()
    }
}

impl Drop for Victoria {
    fn drop(&mut self) {
        // Gone already: then there is nothing to stop.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn points_arrive_by_the_path_of_version_2() {
    let victoria = Victoria::start().await;
    let target = Target::V2 {
        org: "o".into(),
        bucket: "b".into(),
        token: "t".into(),
    };
    let (mut influx, mut told) = start(settings(&victoria.url(""), target));
    // It keeps milliseconds, and nothing of the future.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let past = now.as_nanos() as u64 - 3_600_000_000_000;
    for n in 0..200 {
        let mut request = request("/a", 0);
        request.end_unix_ns = past + n * 1_000_000;
        request.time_unix_ns = request.end_unix_ns;
        assert_ne!(request.end_unix_ns, TIME);
        influx.request(&request);
    }
    let report = influx.finish(DEADLINE).await;
    assert_eq!((report.written, report.rejected), (200, 0));
    assert_eq!(all(&mut told), [""; 0]);

    victoria.get("/internal/force_flush").await;
    let series = r#"{__name__="http.server.request_ttfb"}"#;
    let series: String =
        percent_encoding::utf8_percent_encode(series, percent_encoding::NON_ALPHANUMERIC)
            .to_string();
    let exported = victoria
        .get(&format!("/api/v1/export?match[]={series}"))
        .await;
    let values: usize = exported
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|series| series["timestamps"].as_array().unwrap().len())
        .sum();
    assert_eq!(values, 200, "{exported}");
}
