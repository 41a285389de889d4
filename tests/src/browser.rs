//! A real Chromium without a window, by its driver.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::process::Guarded;
use crate::{ports, wait};

const DRIVER: &str = "chromedriver";

/// For one command to the driver.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A browser; it ends when dropped. The protocol is `WebDriver` (W3C): JSON by HTTP. Crate
/// `fantoccini` speaks it, but through one under MPL-2.0, which `deny.toml` does not take.
pub struct Browser {
    agent: Agent,
    /// Address of the session.
    session: String,
    _driver: Guarded,
    _profile: TempDir,
}

/// What a page looks like.
pub struct Picture {
    /// Pixels: red, green and blue each.
    pub pixels: Vec<[u8; 3]>,
    /// The file.
    pub png: Vec<u8>,
}

impl Browser {
    /// Whether there is one. A guest of `cargo xtask vm` has none.
    #[must_use]
    pub fn installed() -> bool {
        let found = Command::new(DRIVER)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        found.is_ok_and(|status| status.success())
    }

    /// Starts it.
    pub fn start() -> Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("wsgiprobe-chromium-")
            .tempdir()?;
        let port = ports::free()?;
        let mut command = Command::new(DRIVER);
        command.arg(format!("--port={port}"));
        command.env("HOME", profile.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        let driver = Guarded::spawn(&mut command)?;
        wait::until("chromedriver", || {
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
        })?;
        let data = profile.path().join("data");
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &format!("--user-data-dir={}", data.display()),
        ];
        let wanted = json!({
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build()
            .new_agent();
        let url = format!("http://127.0.0.1:{port}/session");
        let wanted = json!({ "capabilities": { "alwaysMatch": wanted } });
        let opened = ask(&agent, &url, &wanted).context("no session with Chromium")?;
        let id = opened["sessionId"].as_str().context("it has no name")?;
        Ok(Self {
            session: format!("{url}/{id}"),
            agent,
            _driver: driver,
            _profile: profile,
        })
    }

    /// Opens a page.
    pub fn open(&self, url: &str) -> Result<()> {
        self.command("url", &json!({ "url": url })).map(drop)
    }

    /// What a function with that body returns on the page.
    pub fn script(&self, body: &str) -> Result<Value> {
        let script = json!({ "script": body, "args": [] });
        self.command("execute/sync", &script)
            .with_context(|| format!("on the page: {body}"))
    }

    /// The text of that element; `None` if there is none.
    pub fn text(&self, id: &str) -> Result<Option<String>> {
        let body = format!("return document.getElementById('{id}')?.textContent ?? null");
        Ok(self.script(&body)?.as_str().map(str::to_owned))
    }

    /// The figure that an element shows, whole.
    pub fn figure(&self, id: &str) -> Result<Option<u64>> {
        let body = format!("return document.getElementById('{id}')?.dataset.value ?? null");
        let value = self.script(&body)?;
        Ok(value.as_str().and_then(|text| text.parse().ok()))
    }

    /// Waits until an element shows that figure.
    pub fn shows(&self, id: &str, figure: u64) -> Result<()> {
        let what = format!("{id} to show {figure}");
        let waited = wait::until(&what, || Ok(self.figure(id)? == Some(figure)));
        waited.with_context(|| format!("it shows {:?}", self.figure(id)))
    }

    /// Presses a key on the page: as it comes from a keyboard, to whatever has the
    /// focus.
    pub fn press(&self, key: &str) -> Result<()> {
        let value = match key {
            "Tab" => '\u{e004}',
            "Enter" => '\u{e007}',
            "Escape" => '\u{e00c}',
            other => other.chars().next().context("no key")?,
        };
        let steps = json!([
            { "type": "keyDown", "value": value },
            { "type": "keyUp", "value": value },
        ]);
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": steps });
        self.command("actions", &json!({ "actions": [keyboard] }))
            .map(drop)
    }

    /// Makes the page that large.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.command(
            "chromium/send_command",
            &json!({
                "cmd": "Emulation.setDeviceMetricsOverride",
                "params": {
                    "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
                },
            }),
        )?;
        let body = "return [innerWidth, innerHeight]";
        wait::until("the page's size", || {
            Ok(self.script(body)? == json!([width, height]))
        })
    }

    /// What it looks like.
    pub fn picture(&self) -> Result<Picture> {
        let answer = ask_for(&self.agent, &format!("{}/screenshot", self.session))?;
        let png = STANDARD.decode(answer.as_str().context("no screenshot")?)?;
        let decoder = png::Decoder::new(std::io::Cursor::new(&png));
        let mut reader = decoder.read_info()?;
        let size = reader.output_buffer_size().context("too large")?;
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes)?;
        let each = info.color_type.samples();
        ensure!(each >= 3, "a screenshot without colours");
        let pixels = bytes.chunks_exact(each).map(|p| [p[0], p[1], p[2]]);
        Ok(Picture {
            pixels: pixels.collect(),
            png,
        })
    }

    /// What the browser has complained of since it was asked last: violations of the
    /// page's policy, errors, requests that failed.
    pub fn complaints(&self) -> Result<Vec<String>> {
        let log = self.command("se/log", &json!({ "type": "browser" }))?;
        let entries = log.as_array().context("no log")?.iter();
        let bad = entries.filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG");
        Ok(bad.map(ToString::to_string).collect())
    }

    fn command(&self, path: &str, body: &Value) -> Result<Value> {
        ask(&self.agent, &format!("{}/{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends it otherwise, when it is stopped.
        let _ = self.agent.delete(&self.session).call();
    }
}

fn ask(agent: &Agent, url: &str, body: &Value) -> Result<Value> {
    let request = agent.post(url).content_type("application/json");
    answer(request.send(body.to_string()))
}

fn ask_for(agent: &Agent, url: &str) -> Result<Value> {
    answer(agent.get(url).call())
}

/// The value of an answer, or what the driver says is wrong.
fn answer(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
    let mut answer = answer?;
    let text = answer.body_mut().read_to_string()?;
    let mut said: Value = serde_json::from_str(&text).context("no JSON")?;
    let value = said["value"].take();
    ensure!(
        answer.status().is_success(),
        "the driver says: {}",
        value["message"]
    );
    Ok(value)
}
