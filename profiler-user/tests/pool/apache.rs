//! A private Apache with mod_wsgi: on loopback, in a directory of its own, gone
//! with the test.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A thread of its own beside the pool, one more with the first request; answers
/// with who it is, `/slow` only after a second.
const APP: &str = "\
import os, threading, time
threading.Thread(target=threading.Event().wait, daemon=True).start()
late = []
def application(environ, start_response):
    if not late:
        late.append(threading.Thread(target=threading.Event().wait, daemon=True))
        late[0].start()
    if 'slow' in environ['PATH_INFO']:
        time.sleep(1)
    body = ('%d %d' % (os.getpid(), threading.get_native_id())).encode()
    start_response('200 OK', [('Content-Length', str(len(body)))])
    return [body]
";

/// A port that nobody listens on, below those that the kernel hands out: one of
/// these could connect to itself while Apache is not there yet.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let offset = std::process::id() * 16 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (offset % 10_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running server.
pub struct Apache {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl Apache {
    /// Starts one with that MPM; `/daemon` goes to a daemon, `/` does not. The
    /// daemons' pool: 2 processes of 5 threads. Apache's: 1 of 8, or of 1.
    pub fn start(mpm: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let port = free_port();
        let path = dir.path().display();
        let workers = match mpm {
            "prefork" => "StartServers 2\nMinSpareServers 2\nMaxSpareServers 2",
            _ => {
                "StartServers 1\nServerLimit 1\nThreadsPerChild 8\nMaxRequestWorkers 8\n\
                 MinSpareThreads 1\nMaxSpareThreads 8"
            }
        };
        let config = format!(
            "ServerRoot {path}\nDefaultRuntimeDir {path}\nPidFile {path}/pid\n\
             ServerName localhost\nListen 127.0.0.1:{port}\nErrorLog {path}/error.log\n\
             LoadModule mpm_{mpm}_module /usr/lib/apache2/modules/mod_mpm_{mpm}.so\n\
             LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n\
             LoadModule wsgi_module /usr/lib/apache2/modules/mod_wsgi.so\n\
             User www-data\nGroup www-data\n{workers}\n\
             <Directory {path}>\nRequire all granted\n</Directory>\n\
             WSGISocketPrefix {path}/wsgi\n\
             WSGIDaemonProcess app processes=2 threads=5 display-name=%{{GROUP}}\n\
             WSGIScriptAlias /daemon {path}/app.wsgi process-group=app application-group=%{{GLOBAL}}\n\
             WSGIScriptAlias / {path}/app.wsgi\n"
        );
        fs::write(dir.path().join("app.wsgi"), APP).unwrap();
        fs::write(dir.path().join("apache.conf"), config).unwrap();
        let process = Command::new("/usr/sbin/apache2")
            .args(["-DFOREGROUND", "-f"])
            .arg(dir.path().join("apache.conf"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            // To be ended together; and Apache itself ends its whole group.
            .process_group(0)
            .spawn()
            .expect("apache2 is installed");
        let apache = Self {
            process,
            port,
            _dir: dir,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while apache.try_get("/daemon").is_none() {
            assert!(Instant::now() < deadline, "Apache does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        apache
    }

    /// Its parent process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its processes, the parent first.
    pub fn processes(&self) -> Vec<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        let children = fs::read_to_string(children).unwrap();
        let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
        [self.pid()].into_iter().chain(children).collect()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Process and thread of the application that answered.
    pub fn get(&self, path: &str) -> (u32, u32) {
        self.try_get(path).expect("Apache answers")
    }

    fn try_get(&self, path: &str) -> Option<(u32, u32)> {
        let mut stream = TcpStream::connect(self.address()).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let (pid, tid) = body.split_once(' ')?;
        Some((pid.parse().ok()?, tid.parse().ok()?))
    }

    /// Asks until every one of `count` processes has answered: a thread of each.
    pub fn threads_of(&self, path: &str, count: usize) -> BTreeMap<u32, u32> {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut found = BTreeMap::new();
        while found.len() < count {
            assert!(Instant::now() < deadline, "only {found:?} answer");
            found.extend([self.get(path)]);
        }
        found
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        // All at once: daemons asked to end take seconds.
        let group = format!("-{}", self.pid());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}
