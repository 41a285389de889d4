//! `mod_wsgi-express` of PyPI: a newer mod_wsgi with a configuration of its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::access_log::{AccessLog, Entry, FORMAT};
use crate::client::Client;
use crate::process::Guarded;
use crate::{ports, wait};

const APP: &str = include_str!("../apps/app.wsgi");

/// What is installed: a fixed version, so that the cache can be trusted.
const PACKAGE: &str = "mod_wsgi==6.1.1";

/// A running mod_wsgi-express; it stops when dropped.
pub struct Express {
    server: Guarded,
    root: TempDir,
    port: u16,
    log: AccessLog,
}

impl Express {
    /// Starts it with the tests' application and waits until that answers.
    pub fn start() -> Result<Self> {
        let program = installed()?;
        let root = tempfile::Builder::new()
            .prefix("wsgiprobe-express-")
            .tempdir()?;
        let app = root.path().join("app.wsgi");
        fs::write(&app, APP)?;
        fs::set_permissions(root.path(), Permissions::from_mode(0o755))?;
        let port = ports::free()?;
        let mut command = Command::new(program);
        command
            .arg("start-server")
            .arg(&app)
            .arg("--server-root")
            .arg(root.path().join("server"));
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--user", "www-data", "--group", "www-data"]);
        command.args([
            "--locale",
            "C.UTF-8",
            "--processes",
            "2",
            "--threads",
            "5",
            "--access-log",
        ]);
        command.args(["--access-log-name", "access.log"]);
        command.arg("--access-log-format").arg(FORMAT);
        command.arg("--log-directory").arg(root.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(root.path().join("stderr.log"))?);
        let mut server = Guarded::spawn(&mut command)?;
        wait::until("mod_wsgi-express to answer", || {
            if let Some(status) = server.try_wait()? {
                bail!("mod_wsgi-express ended with {status}");
            }
            let answer = Client::connect(port).and_then(|mut client| client.get("/hello/warm-up"));
            Ok(answer.is_ok())
        })?;
        let log = AccessLog::after_warm_up(root.path().join("access.log"), port)?;
        Ok(Self {
            server,
            root,
            port,
            log,
        })
    }

    /// Its parent process: the program itself, which becomes Apache.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// A new connection to it.
    pub fn connect(&self) -> Result<Client> {
        Client::connect(self.port)
    }

    /// Waits until all that clients did is over, and gives what it logged.
    pub fn settle(&self, count: usize) -> Result<Vec<Entry>> {
        self.log.settle(count)
    }
}

impl Drop for Express {
    fn drop(&mut self) {
        for name in ["stderr.log", "error_log"] {
            let log = fs::read_to_string(self.root.path().join(name)).unwrap_or_default();
            eprintln!("--- mod_wsgi-express, {name}\n{log}---");
        }
    }
}

/// The program, built once and kept.
fn installed() -> Result<PathBuf> {
    let cache = cache()?;
    let venv = cache.join(PACKAGE.replace("==", "-"));
    let program = venv.join("bin/mod_wsgi-express");
    if !program.exists() {
        fs::create_dir_all(&cache)?;
        // Debian's own Python: the server's user must be able to read its library.
        run(Command::new("/usr/bin/python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv))?;
        let pip = venv.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet", "--no-cache-dir", PACKAGE]))?;
    }
    ensure_readable(&program)?;
    Ok(program)
}

/// `$XDG_CACHE_HOME/wsgiprobe`, else beside the build.
fn cache() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(named).join("wsgiprobe"));
    }
    let own = std::env::current_exe()?;
    Ok(own
        .ancestors()
        .nth(3)
        .context("no target directory")?
        .join("wsgiprobe-cache"))
}

fn ensure_readable(program: &Path) -> Result<()> {
    for folder in program.ancestors().skip(1) {
        let mode = fs::metadata(folder)?.permissions().mode();
        ensure!(
            mode & 0o001 != 0,
            "www-data cannot reach {}: {} is closed to others; set XDG_CACHE_HOME to a folder that is not",
            program.display(),
            folder.display()
        );
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {said}");
    Ok(())
}
