//! Proves that `wsgiprobe compare` finds what there is to find, nothing else, and that
//! whatever goes wrong ends it cleanly, with nothing left running.

mod breakdowns;
mod findings;
mod outputs;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::RwLockReadGuard;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use harness::backends::beside_others;
use harness::emulated::emulated;
use harness::probe::find;
use harness::process::Guarded;
use harness::skip;
use serde_json::Value;

/// The longest that any of these may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Where the line-up of instruments is.
fn line_up() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/compare")
}

/// What became of a comparison.
struct Ended {
    status: ExitStatus,
    /// All that it said.
    said: String,
}

/// A comparison of servers whose files are in a folder of its own.
struct Comparison {
    folder: tempfile::TempDir,
    _cores: Option<RwLockReadGuard<'static, ()>>,
}

impl Comparison {
    /// With the line-up's scripts in it; none where nothing can be measured.
    fn new() -> Result<Option<Self>> {
        let beside = Some(beside_others());
        Ok(Self::within_alone()?.map(|alone| Self {
            _cores: beside,
            ..alone
        }))
    }

    /// The same for who has the machine to itself ([`harness::backends::alone`]).
    fn within_alone() -> Result<Option<Self>> {
        if emulated() {
            skip::say("it compares what things cost, and processors are emulated");
            return Ok(None);
        }
        let folder = tempfile::Builder::new().prefix("compare.").tempdir()?;
        for entry in fs::read_dir(line_up())? {
            let entry = entry?;
            fs::copy(entry.path(), folder.path().join(entry.file_name()))?;
        }
        Ok(Some(Self {
            folder,
            _cores: None,
        }))
    }

    /// Adds a script for Apache, which wraps the line-up's application.
    fn script(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.path().join(format!("{name}.wsgi"));
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// Options, and variants by name and script.
    fn of(&self, options: &[&str], variants: &[(&str, &str)]) -> Vec<String> {
        let serve = self.folder.path().join("serve");
        let variants = variants.iter().map(|(name, script)| {
            format!(
                "--variant={name}={} {script} {{port}} {{dir}}",
                serve.display()
            )
        });
        let url = "--url=http://127.0.0.1:{port}/".to_owned();
        let options = options.iter().map(|&option| option.to_owned());
        std::iter::once(url)
            .chain(options)
            .chain(variants)
            .collect()
    }

    /// Runs it; all servers are to be gone afterwards.
    fn run<T: AsRef<OsStr>>(&self, arguments: &[T]) -> Result<Ended> {
        self.start(arguments, &[])?.wait()
    }

    /// Starts it.
    fn start<T: AsRef<OsStr>>(
        &self,
        arguments: &[T],
        environment: &[(&str, &str)],
    ) -> Result<Running<'_>> {
        let log = self.folder.path().join("said");
        let file = fs::File::create(&log)?;
        let mut command = Command::new(find()?);
        command
            .arg("compare")
            .args(arguments)
            // Logs and servers' folders are made there.
            .env("TMPDIR", self.folder.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        Ok(Running {
            process: Guarded::spawn(&mut command)?,
            log,
            folder: self.folder.path(),
        })
    }

    /// Runs it to a good end; its results.
    fn results<T: AsRef<OsStr>>(&self, arguments: &[T]) -> Result<Value> {
        self.results_with(arguments, &[])
    }

    /// The same in that environment.
    fn results_with<T: AsRef<OsStr>>(
        &self,
        arguments: &[T],
        environment: &[(&str, &str)],
    ) -> Result<Value> {
        let json = self.folder.path().join("results.json");
        let mut all: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        all.extend([OsStr::new("--json"), json.as_os_str()]);
        let ran = self.start(&all, environment)?.wait()?;
        println!("{}", ran.said);
        ensure!(ran.status.success(), "it ended with {}", ran.status);
        let text = fs::read(&json).with_context(|| format!("reading {}", json.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }
}

/// A comparison that runs.
struct Running<'a> {
    process: Guarded,
    log: PathBuf,
    folder: &'a Path,
}

impl Running<'_> {
    /// What it has said so far.
    fn said(&self) -> Result<String> {
        let said =
            fs::read(&self.log).with_context(|| format!("reading {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    fn wait(mut self) -> Result<Ended> {
        let status = self.process.wait_for(PATIENCE)?;
        let said = self.said()?;
        let status = status.with_context(|| format!("it is still running: {said}"))?;
        ensure!(status.signal().is_none(), "{status}: {said}");
        nothing_is_left(self.folder)?;
        Ok(Ended { status, said })
    }
}

/// Fails if a process still has that folder in its command line.
fn nothing_is_left(folder: &Path) -> Result<()> {
    let folder = folder.as_os_str().as_encoded_bytes();
    for entry in fs::read_dir("/proc")?.flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if line.windows(folder.len()).any(|part| part == folder) {
            bail!(
                "still there: {}",
                String::from_utf8_lossy(&line).replace('\0', " ")
            );
        }
    }
    Ok(())
}

/// What a variant's figure is in the results.
fn variant<'a>(results: &'a Value, name: &str) -> Result<&'a Value> {
    let variants = results["variants"]
        .as_array()
        .context("there are no variants")?;
    let found = variants.iter().find(|variant| variant["name"] == name);
    found.with_context(|| format!("there is no {name}"))
}
