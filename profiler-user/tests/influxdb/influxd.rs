//! A private InfluxDB 1.x: on loopback, in a directory of its own, gone with the
//! test.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A running server.
pub struct Influxd {
    process: Child,
    port: u16,
    client: reqwest::Client,
    scheme: &'static str,
    _dir: TempDir,
}

/// A certificate of `localhost`, and who vouches for it: PEM files.
pub struct Certificate {
    pub authority: PathBuf,
    chain: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// Makes both, in that folder.
    pub fn make(dir: &Path) -> Self {
        let write = |name: &str, pem: String| {
            let path = dir.join(name);
            fs::write(&path, pem).unwrap();
            path
        };
        let mut params = rcgen::CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let authority_pem = authority.pem();
        let issuer = rcgen::Issuer::new(params, key);
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        let server = params.signed_by(&key, &issuer).unwrap();
        Self {
            authority: write("ca.pem", authority_pem),
            chain: write("server.pem", server.pem()),
            key: write("server.key", key.serialize_pem()),
        }
    }
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
        Self::launch(port, &format!("auth-enabled = {auth}"), None).await
    }

    /// Starts one that is reached as `https://localhost`.
    pub async fn start_with_tls(certificate: &Certificate) -> Self {
        let (chain, key) = (certificate.chain.display(), certificate.key.display());
        let http = format!(
            "https-enabled = true\nhttps-certificate = \"{chain}\"\nhttps-private-key = \"{key}\""
        );
        let authority = fs::read(&certificate.authority).unwrap();
        Self::launch(free_port(), &http, Some(&authority)).await
    }

    async fn launch(port: u16, http: &str, authority: Option<&[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let rpc = free_port();
        let config = format!(
            "reporting-disabled = true\n\
             bind-address = \"127.0.0.1:{rpc}\"\n\
             [meta]\ndir = \"{path}/meta\"\n\
             [data]\ndir = \"{path}/data\"\nwal-dir = \"{path}/wal\"\n\
             [monitor]\nstore-enabled = false\n\
             [http]\nbind-address = \"127.0.0.1:{port}\"\n{http}\n"
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
            client: client(authority),
            scheme: if authority.is_some() { "https" } else { "http" },
            _dir: dir,
        };
        influxd.wait().await;
        influxd
    }

    pub fn url(&self) -> String {
        // A certificate is for a name.
        let host = if self.scheme == "https" {
            "localhost"
        } else {
            "127.0.0.1"
        };
        format!("{}://{host}:{}", self.scheme, self.port)
    }

    /// Runs a statement of InfluxQL as `user:password`, if any.
    pub async fn query_as(&self, user: Option<(&str, &str)>, db: &str, query: &str) -> Value {
        let mut url = reqwest::Url::parse(&self.url()).unwrap();
        url.set_path("/query");
        url.query_pairs_mut()
            .append_pair("db", db)
            .append_pair("epoch", "ns")
            .append_pair("q", query);
        let mut request = self.client.post(url);
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
            if self.client.get(&url).send().await.is_ok() {
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
    client(None)
}

/// A client that trusts that authority alone.
fn client(authority: Option<&[u8]>) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let trusted = authority.map(|pem| reqwest::Certificate::from_pem(pem).unwrap());
    let client = reqwest::Client::builder().tls_certs_only(trusted);
    client.build().unwrap()
}
