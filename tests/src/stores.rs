//! Private Redis and Postgres servers: what real applications wait for.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use nix::unistd::{User, chown};
use tempfile::TempDir;

use crate::client::Client;
use crate::emulated::patiently;
use crate::process::Guarded;
use crate::{ports, wait};

/// A folder that servers and www-data may look into.
fn folder(name: &str) -> Result<TempDir> {
    let prefix = format!("wsgiprobe-{name}-");
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// A running server, once it is ready.
fn launch(command: &mut Command, folder: &Path, ready: impl Fn() -> bool) -> Result<Guarded> {
    let log = folder.join("log");
    let said = fs::File::create(&log)?;
    command.stdin(Stdio::null()).stdout(said.try_clone()?);
    let mut server = Guarded::spawn(command.stderr(said).current_dir(folder))?;
    wait::until("a store to be ready", || {
        if let Some(status) = server.try_wait()? {
            let said = fs::read_to_string(&log).unwrap_or_default();
            bail!("{command:?} ended with {status}: {said}");
        }
        Ok(ready())
    })?;
    Ok(server)
}

/// A running Redis; it stops when dropped.
pub struct Redis {
    _server: Guarded,
    folder: TempDir,
    port: u16,
}

impl Redis {
    /// Starts an empty one.
    pub fn start() -> Result<Self> {
        let (folder, port) = (folder("redis")?, ports::free()?);
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--unixsocketperm", "777", "--unixsocket"]);
        command.arg(folder.path().join("socket"));
        command.args(["--save", "", "--appendonly", "no"]);
        let pings = || {
            let mut client = Client::connect(port)?;
            client.send("PING\r\n")?;
            client.receive_some()
        };
        let server = launch(&mut command, folder.path(), || pings().is_ok())?;
        Ok(Self {
            _server: server,
            folder,
            port,
        })
    }

    /// Its loopback port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its UNIX socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

/// A running Postgres; it stops when dropped.
pub struct Postgres {
    server: Guarded,
    _folder: TempDir,
    port: u16,
}

/// How long it may take to end without waiting for its clients.
const TIME_TO_END: Duration = Duration::from_secs(10);

impl Postgres {
    /// Starts an empty one, which trusts everybody on this machine.
    pub fn start() -> Result<Self> {
        let (folder, port) = (folder("postgres")?, ports::free()?);
        let user = User::from_name("postgres")?.context("no user postgres")?;
        chown(folder.path(), Some(user.uid), Some(user.gid))?;
        let data = folder.path().join("data");
        let as_user = |program: &str| -> Result<Command> {
            let mut command = Command::new(programs()?.join(program));
            // It refuses to run as root.
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
            command.arg("-D").arg(&data).current_dir(folder.path());
            Ok(command)
        };
        let mut initdb = as_user("initdb")?;
        let made = initdb
            .args(["--auth", "trust", "--no-sync", "--username", "postgres"])
            .output()?;
        let said = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "initdb: {said}");

        let mut postgres = as_user("postgres")?;
        postgres.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-F", "-k"]);
        postgres.arg(folder.path());
        let socket = folder.path().join(format!(".s.PGSQL.{port}.lock"));
        // The last line of this file says whether it takes clients.
        let state = data.join("postmaster.pid");
        let ready = || {
            let state = fs::read_to_string(&state).unwrap_or_default();
            socket.exists() && state.contains("ready")
        };
        let server = launch(&mut postgres, folder.path(), ready)?;
        Ok(Self {
            server,
            _folder: folder,
            port,
        })
    }

    /// Where it is, in the words of its client library.
    #[must_use]
    pub fn address(&self) -> String {
        let port = self.port;
        format!("host=127.0.0.1 port={port} user=postgres dbname=postgres")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At SIGTERM it waits for its clients to leave, at SIGINT it does not. What
        // fails here is said when the process is stopped for good.
        self.server.signal(Signal::SIGINT).ok();
        self.server.wait_for(patiently(TIME_TO_END)).ok();
    }
}

/// Debian keeps them apart by version and out of the search path.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").context("no PostgreSQL is installed")?;
    let newest = versions.flatten().map(|entry| entry.path()).max();
    Ok(newest.context("no PostgreSQL is installed")?.join("bin"))
}
