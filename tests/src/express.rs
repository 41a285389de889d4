//! `mod_wsgi-express` of PyPI: a newer mod_wsgi with a configuration of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::access_log::{AccessLog, FORMAT};
use crate::apache::{Mpm, Wsgi};
use crate::client::Client;
use crate::process::Guarded;
use crate::server::Server;
use crate::site::{APP, MEASURED, Site};
use crate::{ports, wait};

/// What is installed: a fixed version, so that the cache can be trusted.
const PACKAGE: &str = "mod_wsgi==6.1.1";

/// A running mod_wsgi-express; it stops when dropped.
pub struct Express {
    server: Guarded,
    site: Site,
    port: u16,
    log: AccessLog,
}

impl Express {
    /// Starts it with the tests' application, as it comes, and waits until that
    /// answers.
    pub fn start() -> Result<Self> {
        Self::launch(APP, &["--processes", "2", "--threads", "5"], Site::new()?)
    }

    /// Starts it with the application that tells what each request did to it and
    /// logs mod_wsgi's events; `threads` of them in one process.
    pub fn measured(mpm: Mpm, wsgi: Wsgi, threads: u32) -> Result<Self> {
        let (mpm, threads) = (format!("{mpm:?}").to_lowercase(), threads.to_string());
        let mut options = vec!["--server-mpm", &mpm];
        options.extend(match wsgi {
            Wsgi::Daemon => vec!["--processes", "1", "--threads", &threads],
            Wsgi::Embedded => vec!["--embedded-mode", "--max-clients", &threads],
        });
        let site = Site::new()?;
        site.log_events()?;
        Self::launch(MEASURED, &options, site)
    }

    fn launch(script: &str, options: &[&str], site: Site) -> Result<Self> {
        let program = installed()?;
        let port = ports::free()?;
        let mut command = Command::new(program);
        command
            .arg("start-server")
            .arg(site.path("apps").join(script))
            .arg("--server-root")
            .arg(site.path("server"));
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--user", "www-data", "--group", "www-data"]);
        command.args(["--locale", "C.UTF-8", "--access-log"]);
        command
            .args(["--access-log-name", "access.log"])
            .args(options);
        command.arg("--access-log-format").arg(FORMAT);
        command.arg("--log-directory").arg(site.root());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(site.path("stderr.log"))?);
        let mut server = Guarded::spawn(&mut command)?;
        wait::until("mod_wsgi-express to answer", || {
            if let Some(status) = server.try_wait()? {
                bail!("mod_wsgi-express ended with {status}");
            }
            let answer = Client::connect(port).and_then(|mut client| client.get("/hello/warm-up"));
            Ok(answer.is_ok())
        })?;
        let log = AccessLog::after_warm_up(site.path("access.log"), port)?;
        Ok(Self {
            server,
            site,
            port,
            log,
        })
    }
}

impl Server for Express {
    /// The program itself, which becomes Apache.
    fn pid(&self) -> Result<u32> {
        Ok(self.server.pid())
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn log(&self) -> Result<&AccessLog> {
        Ok(&self.log)
    }

    fn site(&self) -> &Site {
        &self.site
    }
}

impl Drop for Express {
    fn drop(&mut self) {
        for name in ["stderr.log", "error_log"] {
            let log = fs::read_to_string(self.site.path(name)).unwrap_or_default();
            eprintln!("--- mod_wsgi-express, {name}\n{log}---");
        }
    }
}

/// The program, built once and kept.
fn installed() -> Result<PathBuf> {
    let cache = cache()?;
    let venv = cache.join(PACKAGE.replace("==", "-") + "-marked");
    let program = venv.join("bin/mod_wsgi-express");
    if !program.exists() {
        fs::create_dir_all(&cache)?;
        // Debian's own Python: the server's user must be able to read its library.
        run(Command::new("/usr/bin/python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv))?;
        let pip = venv.join("bin/pip");
        let mut pip = Command::new(pip);
        pip.args(["install", "--quiet", "--no-cache-dir", PACKAGE]);
        if cfg!(target_arch = "x86_64") {
            // As Ubuntu's compiler does by default, and Debian's does not: each function
            // begins with `endbr64`, and the uprobe is to be set behind it.
            pip.env("CFLAGS", "-fcf-protection=full");
        }
        run(&mut pip)?;
    }
    ensure_readable(&program)?;
    Ok(program)
}

/// `$XDG_CACHE_HOME/wsgiprobe`, else beside the build.
pub(crate) fn cache() -> Result<PathBuf> {
    // Set and empty is as good as not set (XDG Base Directory Specification).
    let named = std::env::var_os("XDG_CACHE_HOME").filter(|named| !named.is_empty());
    if let Some(named) = named {
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
