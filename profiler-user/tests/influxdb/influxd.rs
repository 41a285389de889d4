//! A private InfluxDB 1.x: on loopback, in a directory of its own, gone with the
//! test.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A running server.
pub struct Influxd {
    process: Child,
    port: u16,
    _dir: TempDir,
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Influxd {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        Self::start_at(free_port(), false).await
    }

    /// Starts one at a port; with `auth`, it wants a user and password.
    pub async fn start_at(port: u16, auth: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let rpc = free_port();
        let config = format!(
            "reporting-disabled = true\n\
             bind-address = \"127.0.0.1:{rpc}\"\n\
             [meta]\ndir = \"{path}/meta\"\n\
             [data]\ndir = \"{path}/data\"\nwal-dir = \"{path}/wal\"\n\
             [monitor]\nstore-enabled = false\n\
             [http]\nbind-address = \"127.0.0.1:{port}\"\nauth-enabled = {auth}\n"
        );
        let file = dir.path().join("influxd.toml");
        fs::write(&file, config).unwrap();
        let process = Command::new("influxd")
            .arg("-config")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("influxd 1.x is needed for this test: run `cargo xtask setup`");
        let mut influxd = Self {
            process,
            port,
            _dir: dir,
        };
        influxd.wait().await;
        influxd
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Runs a statement of InfluxQL as `user:password`, if any.
    pub async fn query_as(&self, user: Option<(&str, &str)>, db: &str, query: &str) -> Value {
        let mut url = reqwest::Url::parse(&self.url()).unwrap();
        url.set_path("/query");
        url.query_pairs_mut()
            .append_pair("db", db)
            .append_pair("epoch", "ns")
            .append_pair("q", query);
        let mut request = http().post(url);
        if let Some((user, password)) = user {
            request = request.basic_auth(user, Some(password));
        }
        let body = request.send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&body).unwrap();
        let result = answer["results"][0].clone();
        assert!(result["error"].is_null(), "{query}: {answer}");
        assert!(answer["error"].is_null(), "{query}: {answer}");
        result
    }

    /// The series that a query finds.
    pub async fn series(&self, db: &str, query: &str) -> Vec<Value> {
        let result = self.query_as(None, db, query).await;
        result["series"].as_array().cloned().unwrap_or_default()
    }

    /// One column of all series of a query, sorted as text.
    pub async fn column(&self, db: &str, query: &str, column: &str) -> Vec<Value> {
        let mut values = Vec::new();
        for series in self.series(db, query).await {
            let columns = series["columns"].as_array().unwrap();
            let n = columns.iter().position(|c| c == column).unwrap();
            let rows = series["values"].as_array().unwrap();
            values.extend(rows.iter().map(|row| row[n].clone()));
        }
        values.sort_by_key(Value::to_string);
        values
    }

    pub async fn create(&self, db: &str) {
        self.query_as(None, "", &format!("CREATE DATABASE \"{db}\""))
            .await;
    }

    async fn wait(&mut self) {
        let begin = Instant::now();
        let url = format!("{}/ping", self.url());
        while begin.elapsed() < Duration::from_secs(20) {
            if http().get(&url).send().await.is_ok() {
                return;
            }
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("influxd ended at its start: {status}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("influxd does not answer");
    }
}

impl Drop for Influxd {
    fn drop(&mut self) {
        // Gone already: then there is nothing to stop.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client without TLS.
pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .tls_certs_only([])
        .build()
        .unwrap()
}
