//! A private InfluxDB 1.6: the strict judge of what wsgiprobe sends it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Client, Response, expect_status};
use crate::process::Guarded;
use crate::{ports, wait};

/// How often a port that was taken meanwhile is replaced by another.
const ATTEMPTS: u32 = 4;

/// A running server; it stops when dropped.
pub struct Influx {
    server: Guarded,
    folder: TempDir,
    port: u16,
    /// Of a query, if it wants to know who asks.
    login: String,
}

/// Who may do everything, where it wants to know.
pub const USER: &str = "root";
/// Theirs.
pub const PASSWORD: &str = "in-a-file";

impl Influx {
    /// Starts an empty server.
    pub fn start() -> Result<Self> {
        Self::start_in(None)
    }

    /// Starts one that lets in [`USER`] alone.
    pub fn start_guarded() -> Result<Self> {
        let mut influx = Self::start_with(None, true)?;
        let first = format!("CREATE USER {USER} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES");
        influx.request("POST", "", &first)?;
        influx.login = format!("&u={USER}&p={PASSWORD}");
        Ok(influx)
    }

    /// Starts one that keeps its data in that folder.
    pub fn start_in(data: Option<&Path>) -> Result<Self> {
        Self::start_with(data, false)
    }

    fn start_with(data: Option<&Path>, guarded: bool) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let folder = tempfile::Builder::new()
                .prefix("wsgiprobe-influx-")
                .tempdir()?;
            let (port, backup_port) = (ports::free()?, ports::free()?);
            let data = data.unwrap_or(folder.path()).display();
            let conf = format!(
                "reporting-disabled = true\nbind-address = \"127.0.0.1:{backup_port}\"\n\
                 [meta]\ndir = \"{data}/meta\"\n\
                 [data]\ndir = \"{data}/data\"\nwal-dir = \"{data}/wal\"\nmax-values-per-tag = 0\n\
                 [monitor]\nstore-enabled = false\n\
                 [http]\nbind-address = \"127.0.0.1:{port}\"\nlog-enabled = false\n\
                 auth-enabled = {guarded}\n"
            );
            fs::write(folder.path().join("influxdb.conf"), conf)?;
            if let Some(server) = launch(folder.path(), port)? {
                return Ok(Self {
                    server,
                    folder,
                    port,
                    login: String::new(),
                });
            }
        }
        bail!("no influxd after {ATTEMPTS} attempts")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.server.signal(signal)
    }

    /// Kills it, without any warning.
    pub fn kill(&mut self) -> Result<()> {
        self.server.signal(Signal::SIGKILL)?;
        let gone = self.server.wait_for(wait::patience())?;
        gone.map(drop).context("influxd does not die")
    }

    /// Starts it again, where it was, with the data that it has.
    pub fn start_again(&mut self) -> Result<()> {
        let server = launch(self.folder.path(), self.port)?;
        self.server = server.context("influxd does not start again")?;
        Ok(())
    }

    /// Its address for `--influx-url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of that address.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database.
    pub fn create(&self, database: &str) -> Result<()> {
        self.request("POST", database, &format!("CREATE DATABASE {database}"))
            .map(drop)
    }

    /// Writes points, in line protocol with times in nanoseconds.
    pub fn write(&self, database: &str, lines: &str) -> Result<()> {
        let (database, login) = (percent_encoded(database), &self.login);
        let url = format!("{}/write?db={database}&precision=ns{login}", self.url());
        let written = ureq::post(url).send(lines).context("writing points")?;
        ensure!(written.status() == 204, "{}", written.status());
        Ok(())
    }

    /// The rows of a query on one measurement; none if there is no such series.
    pub fn query(&self, database: &str, query: &str) -> Result<Rows> {
        let answer = self.request("GET", database, query)?;
        let result = &answer["results"][0];
        ensure!(result["error"].is_null(), "{query}: {result}");
        let series = &result["series"][0];
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let columns = list(&series["columns"])
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        Ok(Rows {
            columns,
            rows: list(&series["values"]).iter().map(list).collect(),
        })
    }

    /// Of each series of a query: its tags, and its points with their times.
    pub fn series(&self, database: &str, query: &str) -> Result<Vec<Series>> {
        let answer = self.request("GET", database, query)?;
        let result = &answer["results"][0];
        ensure!(result["error"].is_null(), "{query}: {result}");
        let one = |series: &Value| {
            let columns = series["columns"].as_array().context("no columns")?;
            let rows = series["values"].as_array().context("no values")?;
            let point = |row: &Value| {
                let row = row.as_array().context("no row")?;
                let named = columns.iter().zip(row);
                let fields = named.filter_map(|(name, value)| Some((name.as_str()?, value)));
                let fields = fields.map(|(name, value)| (name.to_owned(), value.clone()));
                let time = row.first().and_then(Value::as_u64).context("no time")?;
                Ok((time, Value::Object(fields.collect())))
            };
            let points: Result<_> = rows.iter().map(point).collect();
            Ok((series["tags"].clone(), points?))
        };
        let series = result["series"].as_array().into_iter().flatten();
        series.map(one).collect()
    }

    /// Every value of every series of a query, but for the times.
    pub fn values(&self, database: &str, query: &str) -> Result<Vec<Value>> {
        let answer = self.request("GET", database, query)?;
        let result = &answer["results"][0];
        ensure!(result["error"].is_null(), "{query}: {result}");
        let series = result["series"].as_array().into_iter().flatten();
        let mut values = Vec::new();
        for series in series {
            let columns = series["columns"].as_array().context("no columns")?;
            for row in series["values"].as_array().into_iter().flatten() {
                let row = row.as_array().context("no row")?;
                let given = columns.iter().zip(row);
                let given = given.filter(|(column, _)| *column != "time");
                values.extend(given.map(|(_, value)| value.clone()));
            }
        }
        Ok(values)
    }

    fn request(&self, method: &str, database: &str, query: &str) -> Result<Value> {
        let (database, query) = (percent_encoded(database), percent_encoded(query));
        let login = &self.login;
        let target = format!("/query?db={database}&epoch=ns{login}&q={query}");
        let response = http(self.port, method, &target)?;
        expect_status(&response, 200)?;
        serde_json::from_slice(&response.body).context("InfluxDB's answer")
    }
}

/// A server of that folder, once it answers; `None` if it ended instead.
fn launch(folder: &Path, port: u16) -> Result<Option<Guarded>> {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))?;
    let mut command = Command::new("influxd");
    command
        .args(["run", "-config"])
        .arg(folder.join("influxdb.conf"))
        .env("HOME", folder);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    let mut server = Guarded::spawn(&mut command)?;
    let answers = wait::value("influxd to answer", || {
        if server.try_wait()?.is_some() {
            return Ok(Some(false));
        }
        Ok(http(port, "GET", "/ping").is_ok().then_some(true))
    })?;
    Ok(answers.then_some(server))
}

/// Tags; times in nanoseconds since the epoch, and fields.
pub type Series = (Value, Vec<(u64, Value)>);

/// A table.
#[derive(Debug)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One column, in the rows' order; an error if there is no such column.
    pub fn column(&self, name: &str) -> Result<Vec<&Value>> {
        let at = self.columns.iter().position(|column| column == name);
        let at = at.with_context(|| format!("no {name} in {:?}", self.columns))?;
        Ok(self.rows.iter().filter_map(|row| row.get(at)).collect())
    }
}

fn http(port: u16, method: &str, target: &str) -> Result<Response> {
    let mut client = Client::connect(port)?;
    client.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ))?;
    client.receive_for(method)
}

/// Text for a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            .then(|| char::from(byte).to_string())
    };
    text.bytes()
        .map(|byte| plain(byte).unwrap_or_else(|| format!("%{byte:02X}")))
        .collect()
}
