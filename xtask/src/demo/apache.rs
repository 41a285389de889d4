//! The private Apache and its site.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::interrupt::Interrupt;
use crate::process::{Process, free_port};

const CONFIGURATION: &str = include_str!("../../demo/httpd.conf");
const SITE: &str = include_str!("../../demo/site.wsgi");

/// An Apache on a free loopback port, with mod_wsgi.
pub struct Apache {
    process: Process,
    url: String,
    access_log: PathBuf,
    /// Lines in the access log from looking whether it answers.
    greetings: u64,
}

impl Apache {
    /// Starts it in a folder of its own and waits until both its applications,
    /// daemon and embedded, have answered.
    pub fn start(folder: &Path, interrupt: &Interrupt) -> Result<Self> {
        let port = free_port()?;
        let home = folder.join("apache");
        lay_out(&home, port)?;
        let process = Process::start_logged(
            Command::new("/usr/sbin/apache2")
                .arg("-f")
                .arg(home.join("httpd.conf"))
                .args(["-D", "FOREGROUND"]),
            &home.join("apache.out"),
        )?;
        let mut apache = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            access_log: home.join("access.log"),
            greetings: 0,
        };

        for path in ["/", "/embedded/"] {
            interrupt.wait_for("Apache's first answer", Duration::from_secs(15), || {
                apache.greet(path, &home)
            })?;
        }
        apache.greetings = apache.settled_lines(2)?;
        Ok(apache)
    }

    /// The id of its parent process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Requests in the access log since it was started; waits for the last
    /// lines, which Apache writes after the answer.
    pub fn logged(&self, expected: u64) -> Result<u64> {
        let lines = self.settled_lines(self.greetings + expected)?;
        Ok(lines.saturating_sub(self.greetings))
    }

    fn greet(&mut self, path: &str, home: &Path) -> Result<Option<()>> {
        if let Some(status) = self.process.ended()? {
            bail!(
                "Apache ended with {status}: {}{}",
                read(&home.join("apache.out")),
                read(&home.join("error.log"))
            );
        }
        Ok(ureq::get(format!("{}{path}", self.url))
            .call()
            .ok()
            .map(drop))
    }

    /// Lines in the access log, once there are as many or for a second no more.
    fn settled_lines(&self, expected: u64) -> Result<u64> {
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            let text = fs::read_to_string(&self.access_log).context("reading the access log")?;
            let lines = text.lines().count() as u64;
            if lines >= expected || Instant::now() > deadline {
                return Ok(lines);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn lay_out(home: &Path, port: u16) -> Result<()> {
    let context = || format!("laying out {}", home.display());
    let statics = home.join("static");
    fs::create_dir_all(&statics).with_context(context)?;
    // Apache's workers are another user, and temporary folders are private.
    for folder in home.ancestors().take(2) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).with_context(context)?;
    }
    let configuration = CONFIGURATION
        .replace("@DIR@", &home.display().to_string())
        .replace("@PORT@", &port.to_string());
    fs::write(home.join("httpd.conf"), configuration).with_context(context)?;
    fs::write(home.join("site.wsgi"), SITE).with_context(context)?;
    fs::write(statics.join("logo.txt"), "wsgiprobe\n".repeat(100)).with_context(context)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
