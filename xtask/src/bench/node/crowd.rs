//! Stand-ins for containers: idle processes with Apache's name, in cgroups and network
//! namespaces of their own.

use std::fs;
use std::io;
use std::io::{PipeReader, PipeWriter, pipe};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use tempfile::TempDir;

use super::hierarchy::Cgroups;
use crate::interrupt::Interrupt;

/// How long a container may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where each listens, in its namespace: as images of Apache do.
const ADDRESS: &str = "0.0.0.0:80";

/// Goes into its cgroup, forks as often as it is told, and idles until the pipe that is
/// its input is closed: also when who holds the other end was killed.
const IDLE: &str = r#"
echo $$ > "$1/cgroup.procs" || exit 1
exec 3<&0
left=$2
while [ "$left" -gt 0 ]; do (read -r line <&3) & left=$((left-1)); done
read -r line <&3
wait
"#;

/// The containers. When dropped all their processes end.
pub struct Crowd {
    program: PathBuf,
    random: fastrand::Rng,
    containers: Vec<Container>,
    // Before the cgroups, which must be empty.
    cgroups: Cgroups,
    _folder: TempDir,
}

/// A container.
pub struct Container {
    root: Child,
    /// Closed, all its processes end.
    life: Option<PipeWriter>,
    started: Instant,
}

impl Container {
    /// Its first process.
    pub fn pid(&self) -> u32 {
        self.root.id()
    }

    /// When that was started.
    pub fn started(&self) -> Instant {
        self.started
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.life.take();
        // It waits for its children. An error says that it is gone.
        let _ = self.root.wait();
    }
}

impl Crowd {
    /// Nobody yet.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir().context("creating a folder")?;
        let program = folder.path().join("apache2");
        // A shell, since it forks without executing anything: the children have its name.
        fs::copy("/bin/dash", &program).context("copying /bin/dash, the stand-in")?;
        Ok(Self {
            program,
            random: fastrand::Rng::new(),
            containers: Vec::new(),
            cgroups: Cgroups::make()?,
            _folder: folder,
        })
    }

    /// Where the cgroups are.
    pub fn place(&self) -> &Path {
        self.cgroups.place()
    }

    /// Starts a container of so many processes, and waits until they are there.
    pub fn start(&mut self, processes: u32, interrupt: &Interrupt) -> Result<&Container> {
        let cgroup = self.cgroups.container(&mut self.random)?;
        let container = start(&self.program, &cgroup, processes)?;
        self.containers.push(container);
        let list = cgroup.join("cgroup.procs");
        interrupt.wait_for("a container's processes", PATIENCE, || {
            let there = fs::read_to_string(&list).context("reading a cgroup")?;
            Ok((there.lines().count() as u32 >= processes).then_some(()))
        })?;
        self.containers.last().context("it was just started")
    }

    /// Ends the youngest.
    pub fn end_last(&mut self) {
        self.containers.pop();
    }

    /// All of them.
    pub fn len(&self) -> usize {
        self.containers.len()
    }
}

/// In a thread of its own: it stays in the namespace that it made, and what it starts
/// begins there.
fn start(program: &Path, cgroup: &Path, processes: u32) -> Result<Container> {
    let (input, life) = pipe().context("making a pipe")?;
    let started = thread::scope(|scope| {
        let starts = scope.spawn(|| {
            let listener = listen_apart()?;
            let started = Instant::now();
            let child = command(program, cgroup, processes, input, listener).spawn();
            let child = child.context("starting a stand-in")?;
            Ok((child, started))
        });
        starts.join().map_err(|_| anyhow!("a thread panicked"))?
    });
    let (root, started): (Child, Instant) = started.map_err(|error: anyhow::Error| error)?;
    Ok(Container {
        root,
        life: Some(life),
        started,
    })
}

fn command(
    program: &Path,
    cgroup: &Path,
    processes: u32,
    input: PipeReader,
    listener: TcpListener,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-c", IDLE, "apache2"])
        .arg(cgroup)
        .arg(processes.saturating_sub(1).to_string())
        .stdin(input)
        // It writes nothing there: that is how it holds the socket.
        .stdout(OwnedFd::from(listener))
        .stderr(Stdio::null());
    command
}

/// A socket that listens in a new network namespace, into which this thread goes.
fn listen_apart() -> Result<TcpListener> {
    // SAFETY: takes no pointer; only this thread is moved, and it ends soon (unshare(2)).
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return Err(io::Error::last_os_error()).context("making a network namespace");
    }
    TcpListener::bind(ADDRESS).context("listening in a new network namespace")
}
