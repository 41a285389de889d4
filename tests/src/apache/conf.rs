//! What a private Apache is like, and the configuration that makes it so.

use std::path::Path;

use crate::{access_log, site};

/// Apache's way to spread connections over processes and threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mpm {
    /// A process for each connection.
    Prefork,
    /// A thread for each connection.
    Worker,
    /// A thread for each request; idle connections wait in the listener.
    Event,
}

/// Where the application runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wsgi {
    /// In Apache's children.
    Embedded,
    /// In processes of its own.
    Daemon,
}

/// The settings of a private Apache.
#[derive(Clone, Debug)]
pub struct Conf {
    /// Default: event.
    pub mpm: Mpm,
    /// Default: embedded.
    pub wsgi: Wsgi,
    /// Address to listen on, as Apache writes it. Default: `127.0.0.1`.
    pub listen: &'static str,
    /// Send files without reading them. Default: off, as Debian has it.
    pub sendfile: bool,
    /// Connections after which a child is replaced; 0 for never.
    pub connections_per_child: u32,
    /// Seconds that an idle connection is kept.
    pub keep_alive_timeout: u32,
    /// The application's file: one of [`site`]'s.
    pub script: &'static str,
    /// Whether the application logs mod_wsgi's events.
    pub events: bool,
    /// For the application one process with so many threads (prefork: so many
    /// processes) instead of the usual pool.
    pub threads: Option<u32>,
    /// Load mod_wsgi from a copy of the server's own, which is a new file at each start.
    pub own_module: bool,
    /// Further options of `WSGIDaemonProcess`.
    pub daemon_options: &'static str,
    /// Further directives, one a line.
    pub directives: Vec<String>,
    /// Environment of Apache and the application.
    pub environment: Vec<(String, String)>,
}

impl Default for Conf {
    fn default() -> Self {
        Self {
            mpm: Mpm::Event,
            wsgi: Wsgi::Embedded,
            listen: "127.0.0.1",
            sendfile: false,
            connections_per_child: 0,
            keep_alive_timeout: 60,
            script: site::APP,
            events: false,
            threads: None,
            own_module: false,
            daemon_options: "",
            directives: Vec::new(),
            environment: Vec::new(),
        }
    }
}

impl Conf {
    /// With that MPM and application mode.
    #[must_use]
    pub fn new(mpm: Mpm, wsgi: Wsgi) -> Self {
        Self {
            mpm,
            wsgi,
            ..Self::default()
        }
    }

    /// With the application that tells what each request did to it.
    #[must_use]
    pub fn measured(mpm: Mpm, wsgi: Wsgi) -> Self {
        Self {
            script: site::MEASURED,
            ..Self::new(mpm, wsgi)
        }
    }

    /// Adds a line to the configuration.
    #[must_use]
    pub fn directive(mut self, line: impl Into<String>) -> Self {
        self.directives.push(line.into());
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The configuration file for a server in `root` on `port`.
    pub(super) fn render(&self, root: &Path, port: u16) -> String {
        let (root, listen) = (root.display(), self.listen);
        let mut lines = vec![
            format!("ServerRoot {root}\nDefaultRuntimeDir {root}\nPidFile {root}/pid"),
            format!("ServerName localhost\nListen {listen}:{port}\nTimeout 60"),
            "User www-data\nGroup www-data".to_owned(),
            modules(&["authz_core", "alias", "env", "reqtimeout"]),
            if self.own_module {
                format!("LoadModule wsgi_module {root}/{MODULE}")
            } else {
                modules(&["wsgi"])
            },
            self.mpm_lines(),
            format!("LogLevel warn\nErrorLog {root}/error.log"),
            // The log is read while Apache runs: no buffering.
            format!(
                "LogFormat \"{}\" truth\nCustomLog {root}/access.log truth",
                access_log::FORMAT
            ),
            "KeepAlive On\nMaxKeepAliveRequests 0".to_owned(),
            format!("KeepAliveTimeout {}", self.keep_alive_timeout),
            format!(
                "EnableSendfile {}",
                if self.sendfile { "on" } else { "off" }
            ),
            "RequestReadTimeout header=0 body=0".to_owned(),
            format!("<Directory {root}>\nRequire all granted\nAcceptPathInfo On\n</Directory>"),
            format!("DocumentRoot {root}/static\nAlias /static {root}/static"),
            format!("WSGISocketPrefix {root}/wsgi\nWSGIChunkedRequest On"),
            self.wsgi_lines(),
            format!("WSGIScriptAlias / {root}/apps/{}", self.script),
            format!("SetEnv gate.directory {root}/gates/"),
        ];
        lines.extend(self.directives.iter().cloned());
        lines.join("\n") + "\n"
    }

    fn mpm_lines(&self) -> String {
        let recycle = self.connections_per_child;
        let (module, usual) = match self.mpm {
            Mpm::Prefork => ("mpm_prefork", PROCESSES),
            Mpm::Worker => ("mpm_worker", THREADS),
            Mpm::Event => ("mpm_event", THREADS),
        };
        let few = self.threads.filter(|_| self.wsgi == Wsgi::Embedded);
        let sizes = match (few, self.mpm) {
            (None, _) => usual.to_owned(),
            (Some(count), Mpm::Prefork) => {
                format!("ServerLimit {count}\nMaxRequestWorkers {count}\nStartServers {count}")
            }
            (Some(count), _) => format!(
                "ServerLimit 1\nStartServers 1\nThreadsPerChild {count}\nMaxRequestWorkers {count}"
            ),
        };
        format!(
            "{}\n{sizes}\nMaxConnectionsPerChild {recycle}",
            modules(&[module])
        )
    }

    fn wsgi_lines(&self) -> String {
        let group = "WSGIApplicationGroup %{GLOBAL}";
        let (processes, threads) = self.threads.map_or((2, 5), |threads| (1, threads));
        let options = self.daemon_options;
        match self.wsgi {
            Wsgi::Embedded => group.to_owned(),
            Wsgi::Daemon => format!(
                "WSGIDaemonProcess app processes={processes} threads={threads} {options}\n\
                 WSGIProcessGroup app\n{group}"
            ),
        }
    }
}

/// The usual pools of Apache. None is ever too many: prefork wakes a child that is to end by
/// a request of its own (`OPTIONS *`), which that child may not live to log.
const PROCESSES: &str =
    "ServerLimit 12\nMaxRequestWorkers 12\nStartServers 4\nMinSpareServers 2\nMaxSpareServers 12";
const THREADS: &str = "ServerLimit 3\nThreadsPerChild 8\nMaxRequestWorkers 24\nStartServers 2\n\
                       MinSpareThreads 8\nMaxSpareThreads 24";

/// The copy's name, which must tell what it is.
pub(super) const MODULE: &str = "mod_wsgi.so";

fn modules(names: &[&str]) -> String {
    let line = |name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so");
    names.iter().map(line).collect::<Vec<_>>().join("\n")
}
