//! wsgiprobe under test.

mod binary;
mod stderr;

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::sys::signal::Signal;
use tempfile::TempDir;

pub use self::binary::{VARIABLE, find};
use self::stderr::Lines;
use crate::backends::Backend;
use crate::process::Guarded;
use crate::report::{Request, Summary};
use crate::wait;

/// A running wsgiprobe; it stops when dropped.
pub struct Probe {
    process: Guarded,
    stderr: Lines,
    output: TempDir,
}

/// All that a run of wsgiprobe left behind.
pub struct Report {
    /// One for each line of `--jsonl`.
    pub requests: Vec<Request>,
    /// `--summary`.
    pub summary: Summary,
    /// What it said.
    pub stderr: String,
    /// What it said to whoever reads the lines for people.
    pub stdout: String,
    /// What it exited with.
    pub exit_code: Option<i32>,
}

impl Report {
    /// The reported requests of that path.
    pub fn of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Request> {
        self.requests
            .iter()
            .filter(move |request| request.path.as_deref() == Some(path))
    }

    /// Leaves out the other requests, in the account as well: it is to be looked at before.
    pub fn retain(&mut self, wanted: impl FnMut(&Request) -> bool) {
        let all = self.requests.len();
        self.requests.retain(wanted);
        let left_out = (all - self.requests.len()) as u64;
        self.summary.seen -= left_out;
        self.summary.reported -= left_out;
    }

    /// The one reported request of that path.
    pub fn only<'a>(&'a self, path: &'a str) -> Result<&'a Request> {
        let all: Vec<_> = self.of(path).collect();
        ensure!(
            all.len() == 1,
            "{path} was reported {} times: {all:#?}",
            all.len()
        );
        Ok(all[0])
    }
}

impl Probe {
    /// Attaches to the process and its descendants.
    pub fn attach(backend: Backend, pid: u32) -> Result<Self> {
        Self::start(backend, ["--pid", &pid.to_string()])
    }

    /// Starts wsgiprobe with those arguments, and outputs of the harness's own,
    /// and waits until it has attached.
    pub fn start<T: Into<OsString>>(
        backend: Backend,
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self> {
        let probe = Self::launch(backend, arguments)?;
        probe.attached(backend)
    }

    /// As [`Self::start`], by a user who has nothing but these capabilities.
    pub fn start_as_nobody<T: Into<OsString>>(
        backend: Backend,
        capabilities: &[&str],
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self> {
        // Where the build directory is, another user may not look.
        let folder = tempfile::Builder::new()
            .prefix("wsgiprobe-binary-")
            .tempdir()?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777))?;
        let binary = folder.path().join("wsgiprobe");
        fs::copy(find()?, &binary)?;
        let only = |set: &str| {
            let wanted = capabilities.iter().map(|name| format!(",+{name}"));
            format!("--{set}=-all{}", wanted.collect::<String>())
        };
        // As the packages' unit does; it only matters before Linux 5.11. This process may
        // not be allowed to, and then need not.
        let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
        command.args([only("inh-caps"), only("ambient-caps"), only("bounding-set")]);
        command.arg(binary);
        Self::launch_by(command, folder, backend, arguments)?.attached(backend)
    }

    /// As [`Self::start`], without waiting for anything.
    pub fn launch<T: Into<OsString>>(
        backend: Backend,
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self> {
        let output = tempfile::Builder::new()
            .prefix("wsgiprobe-output-")
            .tempdir()?;
        Self::launch_by(Command::new(find()?), output, backend, arguments)
    }

    fn launch_by<T: Into<OsString>>(
        mut command: Command,
        output: TempDir,
        backend: Backend,
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self> {
        command
            .args(arguments.into_iter().map(Into::into))
            .args(["--hooks", backend.name()]);
        command.arg("--jsonl").arg(output.path().join("requests"));
        command.arg("--summary").arg(output.path().join("summary"));
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        command.stdout(fs::File::create(output.path().join("stdout"))?);
        let mut process = Guarded::spawn(&mut command)?;
        let stderr = Lines::follow(process.child().stderr.take().context("no stderr")?);
        Ok(Self {
            process,
            stderr,
            output,
        })
    }

    fn attached(mut self, backend: Backend) -> Result<Self> {
        let line = format!("wsgiprobe: attached ({backend}), watching ");
        wait::until("wsgiprobe to attach", || {
            if self.stderr.any(|said| said.starts_with(&line)) {
                return Ok(true);
            }
            if let Some(status) = self.process.try_wait()? {
                bail!(
                    "wsgiprobe did not attach ({status}): {}",
                    self.stderr.finish()
                );
            }
            Ok(false)
        })
        .with_context(|| format!("wsgiprobe said: {}", self.stderr.text()))?;
        Ok(self)
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it has said up to now.
    #[must_use]
    pub fn said(&self) -> String {
        self.stderr.text()
    }

    /// The lines for people so far, as they are.
    pub fn stdout(&self) -> Result<Vec<u8>> {
        fs::read(self.output.path().join("stdout")).context("no stdout")
    }

    /// The file that it writes requests to, as it is now.
    pub fn copy_requests(&self, to: &Path) -> Result<()> {
        fs::copy(self.output.path().join("requests"), to).context("no requests")?;
        Ok(())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Waits until it has ended, however.
    pub fn gone(&mut self) -> Result<()> {
        let ended = self.process.wait_for(wait::patience())?;
        ended.map(drop).context("wsgiprobe does not end")
    }

    /// Interrupts it (SIGINT) and collects what it flushed.
    pub fn finish(self) -> Result<Report> {
        self.process.signal(Signal::SIGINT)?;
        self.wait()
    }

    /// Waits until it ends by itself and collects what it flushed.
    pub fn wait(mut self) -> Result<Report> {
        let Some(status) = self.process.wait_for(wait::patience())? else {
            bail!(
                "wsgiprobe did not end within {:?}; it said: {}",
                wait::patience(),
                self.stderr.text()
            );
        };
        let stderr = self.stderr.finish();
        Ok(Report {
            requests: self.requests()?,
            summary: serde_json::from_str(&self.read("summary")?).context("the summary")?,
            stderr,
            stdout: String::from_utf8_lossy(&self.stdout()?).into_owned(),
            exit_code: status.code(),
        })
    }

    /// The requests written so far.
    pub fn requests(&self) -> Result<Vec<Request>> {
        requests(&self.read("requests")?)
    }

    /// Those in the old file of that number (`--jsonl-rotate`), if it is there.
    pub fn rotated(&self, number: u32) -> Result<Option<Vec<Request>>> {
        let path = self.output.path().join(format!("requests.{number}"));
        if !path.exists() {
            return Ok(None);
        }
        requests(&fs::read_to_string(path)?).map(Some)
    }

    fn read(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.output.path().join(name)).with_context(|| format!("no {name}"))
    }
}

fn requests(text: &str) -> Result<Vec<Request>> {
    let parse =
        |line: &str| serde_json::from_str(line).with_context(|| format!("not a request: {line}"));
    // Without its newline a line is still being written.
    let whole = text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    whole.map(parse).collect()
}

impl Drop for Probe {
    fn drop(&mut self) {
        eprintln!("--- wsgiprobe said\n{}---", self.stderr.text());
    }
}

/// Runs wsgiprobe with just those arguments until it ends by itself.
pub fn run<T: Into<OsString>>(arguments: impl IntoIterator<Item = T>) -> Result<Output> {
    let mut command = Command::new(find()?);
    command.args(arguments.into_iter().map(Into::into));
    to_end(&mut command)
}

/// Runs any command to its end, which must come soon.
pub fn to_end(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = Guarded::spawn(command)?;
    let stderr = Lines::follow(process.child().stderr.take().context("no stderr")?);
    let stdout = Lines::follow(process.child().stdout.take().context("no stdout")?);
    let Some(status) = process.wait_for(wait::patience())? else {
        bail!(
            "{command:?} is still running after {:?}: {}",
            wait::patience(),
            stderr.text()
        );
    };
    let (stdout, stderr) = (stdout.finish().into_bytes(), stderr.finish().into_bytes());
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}
