//! The private Apache that is measured.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::cpu;
use super::variant::{Mode, Mpm, Variant};
use crate::influx;
use crate::interrupt::Interrupt;
use crate::process::{Process, free_port};
use crate::workspace;

/// Threads that run the application, in either mode: one process of five.
const POOL_THREADS: u32 = 5;

/// Threads of an Apache child that runs no application itself.
const FRONT_THREADS: u32 = 25;

/// Time without a new line in the access log after which the last one is there.
const QUIET: Duration = Duration::from_millis(150);

/// What Apache is made of.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Where the application runs.
    pub mode: Mode,
    /// How connections find their threads.
    pub mpm: Mpm,
    /// Apache's children.
    pub processes: u32,
    /// Threads of each.
    pub threads: u32,
}

impl Shape {
    /// One child, and one process of five threads for the application: the child
    /// itself, or a daemon behind it.
    pub fn small(mode: Mode, mpm: Mpm) -> Self {
        Self {
            mode,
            mpm,
            processes: 1,
            threads: match mode {
                Mode::Embedded => POOL_THREADS,
                Mode::Daemon => FRONT_THREADS,
            },
        }
    }

    /// Enough children for 64 clients of static files.
    pub fn wide() -> Self {
        Self {
            mode: Mode::Daemon,
            mpm: Mpm::Event,
            processes: 4,
            threads: FRONT_THREADS,
        }
    }
}

/// An Apache on a free loopback port. It ends when dropped.
pub struct Apache {
    process: Process,
    url: String,
    access_log: PathBuf,
    // Dropped last: Apache's files are in it.
    _home: TempDir,
}

impl Apache {
    /// Starts it with this variant's script, and waits until that has answered.
    /// `influx_url` is handed to the script.
    pub fn start(
        shape: Shape,
        variant: Variant,
        influx_url: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let home = tempfile::Builder::new()
            .prefix("wsgiprobe-bench.")
            .tempdir()
            .context("creating Apache's folder")?;
        let port = free_port()?;
        lay_out(home.path())?;
        let mut command = Command::new("/usr/sbin/apache2");
        command
            .arg("-f")
            .arg(instruments().join("httpd.conf"))
            .args(["-D", "FOREGROUND", "-D", shape.mode.define()])
            .env("INFLUX_DB", influx::DATABASE);
        for (name, value) in definitions(home.path(), port, shape, variant) {
            command.args(["-C", &format!("Define {name} {value}")]);
        }
        if let Some(url) = influx_url {
            command.env("INFLUX_URL", url);
        }
        let output = home.path().join("apache.out");
        let mut apache = Self {
            process: Process::start_logged(&mut command, &output)?,
            url: format!("http://127.0.0.1:{port}"),
            access_log: home.path().join("access.log"),
            _home: home,
        };
        interrupt.wait_for("Apache's first answer", Duration::from_secs(15), || {
            if let Some(status) = apache.process.ended()? {
                let said = fs::read_to_string(&output).unwrap_or_default();
                bail!("Apache ended with {status}: {said}");
            }
            Ok(ureq::get(apache.page()).call().ok())
        })?;
        Ok(apache)
    }

    /// The id of its parent process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The application's page.
    pub fn page(&self) -> String {
        format!("{}/hello", self.url)
    }

    /// A file of 1 kB that Apache serves by itself.
    pub fn static_file(&self) -> String {
        format!("{}/static/logo.txt", self.url)
    }

    /// CPU used so far by Apache, its children and daemons, nanoseconds.
    pub fn cpu(&self) -> Result<u64> {
        cpu::used(&cpu::family(self.pid() as i32)?)
    }

    /// Lines of the access log, once there come no more: Apache writes a line
    /// after the answer.
    pub fn logged(&self) -> Result<u64> {
        let size = || {
            let log = fs::metadata(&self.access_log).context("looking at the access log")?;
            anyhow::Ok(log.len())
        };
        let mut last = size()?;
        let mut since = Instant::now();
        while since.elapsed() < QUIET {
            thread::sleep(Duration::from_millis(10));
            let now = size()?;
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        let text = fs::read_to_string(&self.access_log).context("reading the access log")?;
        Ok(text.lines().count() as u64)
    }
}

/// What the configuration leaves open.
fn definitions(
    home: &Path,
    port: u16,
    shape: Shape,
    variant: Variant,
) -> [(&'static str, String); 7] {
    [
        ("DIR", home.display().to_string()),
        ("PORT", port.to_string()),
        ("MPM", shape.mpm.name().to_owned()),
        ("PROCESSES", shape.processes.to_string()),
        ("THREADS", shape.threads.to_string()),
        ("WORKERS", (shape.processes * shape.threads).to_string()),
        ("SCRIPT", variant.script().to_owned()),
    ]
}

/// Where the configuration and the scripts are.
fn instruments() -> PathBuf {
    workspace::root().join("deploy/compare")
}

fn lay_out(home: &Path) -> Result<()> {
    let context = || format!("laying out {}", home.display());
    // Apache's workers are another user, and temporary folders are private.
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).with_context(context)?;

    let statics = home.join("static");
    fs::create_dir(&statics).with_context(context)?;
    fs::write(statics.join("logo.txt"), "wsgiprobe\n".repeat(100)).with_context(context)?;

    let site = home.join("site");
    fs::create_dir(&site).with_context(context)?;
    for entry in fs::read_dir(instruments()).context("listing the instruments")? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), site.join(entry.file_name())).with_context(context)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_configuration_is_left_open() {
        let text = fs::read_to_string(instruments().join("httpd.conf")).unwrap();
        let shape = Shape::small(Mode::Daemon, Mpm::default());
        let defined = definitions(Path::new("/home"), 80, shape, Variant::Bare);
        let defined = defined.map(|(name, _)| name);
        let settings = text.lines().filter(|line| !line.starts_with('#'));
        for line in settings {
            let names = line
                .split("${")
                .skip(1)
                .filter_map(|rest| rest.split('}').next());
            for name in names {
                let is_here = text.contains(&format!("Define {name} "));
                assert!(defined.contains(&name) || is_here, "{name}");
            }
        }
    }
}
