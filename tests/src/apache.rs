//! A private Apache with mod_wsgi, in a directory and on a port of its own.

mod conf;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use self::conf::{Conf, Mpm, Wsgi};
use crate::access_log::AccessLog;
use crate::client::Client;
use crate::process::{Guarded, single_threaded_below};
use crate::server::Server;
use crate::site::Site;
use crate::{ports, wait};

/// Where Debian keeps them.
const MODULES: &str = "/usr/lib/apache2/modules";

/// How often a port that was taken meanwhile is replaced by another.
const ATTEMPTS: u32 = 4;

/// A running Apache; it stops when dropped.
pub struct Apache {
    server: Option<Guarded>,
    conf: Conf,
    site: Site,
    port: u16,
    log: Option<AccessLog>,
}

impl Apache {
    /// Starts a server and waits until the application answers.
    pub fn start(conf: Conf) -> Result<Self> {
        let mut apache = Self {
            server: None,
            conf,
            site: Site::new()?,
            port: 0,
            log: None,
        };
        if apache.conf.events {
            apache.site.log_events()?;
        }
        for _ in 0..ATTEMPTS {
            apache.port = ports::free()?;
            if apache.launch()? {
                return Ok(apache);
            }
        }
        bail!(
            "no Apache after {ATTEMPTS} attempts: {}",
            apache.error_log()
        )
    }

    /// Starts it again where it was, after [`Self::stop`].
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "Apache is still running");
        ensure!(
            self.launch()?,
            "Apache does not start again: {}",
            self.error_log()
        );
        Ok(())
    }

    /// False if the server ended at once, for instance since the port is taken.
    fn launch(&mut self) -> Result<bool> {
        let file = self.site.path("apache.conf");
        fs::write(&file, self.conf.render(self.site.root(), self.port))?;
        if self.conf.own_module {
            let copy = self.site.path(conf::MODULE);
            // Not into the old file: a new one.
            let _ = fs::remove_file(&copy);
            fs::copy(format!("{MODULES}/{}", conf::MODULE), &copy)?;
        }
        let mut command = Command::new("/usr/sbin/apache2");
        command.arg("-f").arg(&file).arg("-DFOREGROUND");
        command
            .env_clear()
            .envs(self.conf.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(self.site.path("stderr.log"))?);
        let mut server = Guarded::spawn(&mut command)?;
        let answers = wait::value("Apache to answer", || {
            if server.try_wait()?.is_some() {
                return Ok(Some(false));
            }
            let answer =
                Client::connect(self.port).and_then(|mut client| client.get("/hello/warm-up"));
            Ok(answer.is_ok().then_some(true))
        })?;
        if answers {
            self.server = Some(server);
            self.log = Some(AccessLog::after_warm_up(
                self.site.path("access.log"),
                self.port,
            )?);
        }
        Ok(answers)
    }

    /// Ends the server, children and all.
    pub fn stop(&mut self) -> Result<()> {
        self.server
            .take()
            .map_or(Ok(()), |mut server| server.stop())
    }

    /// Replaces every child once it has finished what it does (SIGUSR1).
    pub fn restart_gracefully(&self) -> Result<()> {
        self.server()?.signal(Signal::SIGUSR1)
    }

    /// Ends every child at once, whatever it does, and starts others (SIGHUP).
    pub fn restart_hard(&self) -> Result<()> {
        self.server()?.signal(Signal::SIGHUP)
    }

    /// Ends event children whose workers are gone, and whose main thread does not know.
    ///
    /// A child at `MaxConnectionsPerChild` sends itself SIGTERM to get its main thread
    /// out of its read of the pipe to the parent (`server/mpm/event/event.c`). One that
    /// comes before that read is lost, and the child stays until the server stops, with
    /// whatever connection it had. Such an answer is cut short, and not logged.
    pub fn end_hollow_children(&self) -> Result<HashSet<u32>> {
        let mut ended = HashSet::new();
        wait::until("children without workers to end", || {
            let before = single_threaded_below(self.pid()?);
            // One that starts has a single thread too, for a moment.
            sleep(Duration::from_secs(1));
            let mut stay = single_threaded_below(self.pid()?);
            stay.retain(|pid| before.contains(pid));
            for &pid in &stay {
                println!("child {pid} has missed its end");
                match kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM) {
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            ended.extend(&stay);
            Ok(stay.is_empty())
        })?;
        Ok(ended)
    }

    /// Touches the application's file: daemons are restarted at their next request.
    pub fn touch_script(&self) -> Result<()> {
        let script = self.site.path("apps").join(self.conf.script);
        let file = fs::File::options().write(true).open(&script)?;
        file.set_modified(std::time::SystemTime::now())
            .with_context(|| script.display().to_string())
    }

    fn server(&self) -> Result<&Guarded> {
        self.server.as_ref().context("Apache is not running")
    }

    /// Lets the request `path` go on, which waits for that (`gates.py`).
    pub fn open_gate(&self, path: &str) -> Result<()> {
        let gate = self.gate(path);
        fs::write(&gate, "").with_context(|| gate.display().to_string())
    }

    /// Waits until the application has come to where the request `path` waits.
    pub fn wait_until_at_gate(&self, path: &str) -> Result<()> {
        let begun = self.gate(path).with_added_extension("begun");
        wait::until("the application to begin", || Ok(begun.exists()))
    }

    fn gate(&self, path: &str) -> PathBuf {
        self.site.path("gates").join(path.replace('/', "_"))
    }

    /// What went wrong in Apache or in the application.
    fn error_log(&self) -> String {
        let files = ["stderr.log", "error.log"];
        let text = files
            .map(|name| fs::read_to_string(self.site.path(name)).unwrap_or_default())
            .concat();
        let lines = text.lines().filter(|line| !line.contains(":notice]"));
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

impl Server for Apache {
    fn pid(&self) -> Result<u32> {
        Ok(self.server()?.pid())
    }

    fn log(&self) -> Result<&AccessLog> {
        self.log.as_ref().context("Apache has not been running")
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn site(&self) -> &Site {
        &self.site
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        drop(self.server.take());
        let log = self.error_log();
        if !log.is_empty() {
            eprintln!(
                "--- Apache's error log ({:?}, port {})\n{log}---",
                self.conf.mpm, self.port
            );
        }
    }
}
