//! Pictures of pages, by a real Chromium without a window.
//!
//! The protocol is `WebDriver` (W3C): JSON by HTTP.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::interrupt::Interrupt;
use crate::process::{Process, free_port};

/// Width and height of a picture, pixels.
const SIZE: (u32, u32) = (1280, 800);

/// A picture in the repository is no larger, bytes.
const LARGEST: usize = 100_000;

/// A browser; it ends when dropped.
pub struct Camera {
    agent: Agent,
    session: String,
    _driver: Process,
    _profile: TempDir,
}

impl Camera {
    /// Starts it.
    pub fn start(interrupt: &Interrupt) -> Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("wsgiprobe-chromium.")
            .tempdir()?;
        let port = free_port()?;
        let driver = Process::start(
            Command::new("chromedriver")
                .arg(format!("--port={port}"))
                .env("HOME", profile.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .into();
        let there = format!("http://127.0.0.1:{port}");
        interrupt.wait_for("chromedriver", Duration::from_secs(15), || {
            Ok(agent.get(format!("{there}/status")).call().ok())
        })?;
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--hide-scrollbars",
            &format!("--user-data-dir={}", profile.path().join("data").display()),
        ];
        let wanted = json!({ "goog:chromeOptions": { "args": flags } });
        let wanted = json!({ "capabilities": { "alwaysMatch": wanted } });
        let url = format!("{there}/session");
        let opened = value(agent.post(&url).send(wanted.to_string())?)?;
        let id = opened["sessionId"].as_str().context("no session")?;
        let camera = Self {
            session: format!("{url}/{id}"),
            agent,
            _driver: driver,
            _profile: profile,
        };
        let (width, height) = SIZE;
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        let size = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": size });
        camera.command("chromium/send_command", &size)?;
        Ok(camera)
    }

    /// Opens a page with that theme: `light` or `dark`.
    pub fn open(&self, url: &str, theme: &str) -> Result<()> {
        self.command("url", &json!({ "url": url }))?;
        for _ in 0..3 {
            let now = self.script("return document.documentElement.dataset.theme ?? 'auto'")?;
            if now == theme {
                return Ok(());
            }
            self.script("document.getElementById('theme').click()")?;
        }
        anyhow::bail!("{url} has no theme {theme}")
    }

    /// Scrolls to the card that holds that element.
    pub fn show(&self, id: &str) -> Result<()> {
        // Below the head, which stays where it is.
        let body = format!(
            "const card = document.getElementById('{id}').closest('section'); \
             scrollTo(0, card.getBoundingClientRect().top + scrollY - 60)"
        );
        self.script(&body).map(drop)
    }

    fn script(&self, body: &str) -> Result<Value> {
        self.command("execute/sync", &json!({ "script": body, "args": [] }))
    }

    /// Writes down what is to be seen.
    pub fn picture(&self, file: &Path) -> Result<usize> {
        let taken = self
            .agent
            .get(format!("{}/screenshot", self.session))
            .call()?;
        let text = value(taken)?;
        let png = packed(&STANDARD.decode(text.as_str().context("no picture")?)?)?;
        ensure!(
            png.len() <= LARGEST,
            "{}: {} bytes are too many",
            file.display(),
            png.len()
        );
        fs::write(file, &png).with_context(|| format!("writing {}", file.display()))?;
        Ok(png.len())
    }

    fn command(&self, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/{path}", self.session);
        value(self.agent.post(url).send(body.to_string())?)
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        // The driver ends it otherwise, when it is stopped.
        let _ = self.agent.delete(&self.session).call();
    }
}

/// The same picture to the eye, as it takes little room: 32 shades of a colour, no
/// transparency, and more time for packing than the browser takes.
fn packed(png: &[u8]) -> Result<Vec<u8>> {
    let mut reader = png::Decoder::new(Cursor::new(png)).read_info()?;
    let size = reader.output_buffer_size().context("it is too large")?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels)?;
    let samples = info.color_type.samples();
    ensure!(
        samples >= 3 && info.bit_depth == png::BitDepth::Eight,
        "{info:?}"
    );
    let coarse = |shade: u8| (shade & 0xf8) | (shade >> 5);
    let pixels = pixels[..info.buffer_size()].chunks_exact(samples);
    let pixels: Vec<u8> = pixels
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]].map(coarse))
        .collect();
    let mut packed = Vec::new();
    let mut encoder = png::Encoder::new(&mut packed, info.width, info.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(packed)
}

/// The value of an answer, or what the driver says is wrong.
fn value(mut answer: ureq::http::Response<ureq::Body>) -> Result<Value> {
    // A picture as text is larger than what is read of an answer by default.
    let text = answer
        .body_mut()
        .with_config()
        .limit(16 << 20)
        .read_to_string()?;
    let mut said: Value = serde_json::from_str(&text).context("no JSON")?;
    let value = said["value"].take();
    ensure!(
        answer.status().is_success(),
        "the driver says: {}",
        value["message"]
    );
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_stays_what_it_is_to_the_eye() {
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, 2, 1);
        encoder.set_color(png::ColorType::Rgba);
        let mut writer = encoder.write_header().unwrap();
        let given = [255, 0, 17, 255, 128, 255, 200, 255];
        writer.write_image_data(&given).unwrap();
        writer.finish().unwrap();

        let packed = packed(&png).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(&packed)).read_info().unwrap();
        let mut pixels = [0; 6];
        reader.next_frame(&mut pixels).unwrap();
        let wanted = [255_u8, 0, 17, 128, 255, 200];
        assert!(pixels.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 8));
        assert_eq!((pixels[0], pixels[1]), (255, 0), "white and black stay");
    }
}
