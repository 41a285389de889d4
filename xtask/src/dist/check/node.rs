//! A node: Apaches in containers that come and go, the image beside them as it runs in a
//! `DaemonSet`, and InfluxDB in a third.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::Scene;
use super::container::Container;
use crate::influx::{DATABASE, InfluxDb};
use crate::interrupt::Interrupt;
use crate::process::Process;

/// Requests at a time.
const CLIENTS: usize = 4;
/// Requests of a whole load.
const REQUESTS: usize = 400;

/// Of each container every request of its log is in the database under its id: also of one
/// that is destroyed in the middle of it.
pub fn is_seen(scene: &Scene<'_>) -> Result<()> {
    let interrupt = Interrupt::default();
    let folder = scene.folder("node")?;
    let influx = InfluxDb::start_by(&folder, &interrupt, |file| {
        let mut run = scene.podman.command("run");
        run.args(["--rm", "--network=host"])
            .arg(format!("--volume={0}:{0}", folder.display()))
            .arg("--rootfs")
            .arg(format!("{}:O", scene.root.display()))
            .args(["influxd", "-config"])
            .arg(file);
        run
    })?;
    let probe = watch(scene, &influx, &folder, &interrupt)?;

    let stays = Apache::start(
        scene,
        "stays",
        "WSGIDaemonProcess site processes=1 threads=5\n\
        WSGIProcessGroup site",
    )?;
    let goes = Apache::start(scene, "goes", "")?;
    thread::scope(|scope| {
        let under_load = scope.spawn(|| stays.load(REQUESTS));
        // Without an end of its own.
        let cut_off = scope.spawn(|| goes.load(usize::MAX));
        interrupt.wait_for("the load", Duration::from_mins(1), || {
            Ok((goes.logged().len() > REQUESTS).then_some(()))
        })?;
        goes.container.destroy()?;
        ensure!(
            cut_off.join().is_ok_and(|ended| ended.is_err()),
            "the load outlived it"
        );
        under_load
            .join()
            .map_err(|_| anyhow::anyhow!("a load panicked"))?
    })?;
    // It delivers what is left.
    drop(probe);
    stays.compare(&influx, 0)?;
    goes.compare(&influx, CLIENTS)
}

/// The image, with the rights and the arguments of the `DaemonSet`.
fn watch(
    scene: &Scene<'_>,
    influx: &InfluxDb,
    folder: &Path,
    interrupt: &Interrupt,
) -> Result<Process> {
    let mut run = scene.podman.command("run");
    run.args(["--rm", "--privileged", "--pid=host", "--network=host"])
        .arg(&scene.image.tag)
        .args([
            "--all",
            "--no-tui",
            "--influx-raw",
            "--influx-url",
            influx.url(),
        ])
        .args(["--influx-db", DATABASE]);
    let log = folder.join("said");
    let mut process = Process::start_logged(&mut run, &log)?;
    interrupt.wait_for("the attach", Duration::from_mins(1), || {
        let said = fs::read_to_string(&log).unwrap_or_default();
        if let Some(status) = process.ended()? {
            bail!("wsgiprobe ended with {status}: {said}");
        }
        Ok(said.contains("wsgiprobe: attached (").then_some(()))
    })?;
    Ok(process)
}

/// An Apache in a container and a network of its own.
struct Apache<'a> {
    container: Container<'a>,
    /// Outlives the container.
    logs: PathBuf,
}

impl<'a> Apache<'a> {
    /// Starts it with those directives, and does not wait for it: the load does.
    fn start(scene: &'a Scene<'_>, name: &str, directives: &str) -> Result<Self> {
        let logs = scene.folder(name)?;
        fs::write(logs.join("site.conf"), format!("{directives}\n{SITE}"))?;
        fs::write(logs.join("site.wsgi"), APPLICATION)?;
        fs::write(logs.join("load.py"), LOAD)?;
        let volume = format!("--volume={}:/site", logs.display());
        let options = ["--network=none", volume.as_str()];
        let program = ["sh", "-c", SERVE];
        let container = Container::run(&scene.podman, &options, &scene.root, &program)?;
        Ok(Self { container, logs })
    }

    /// So many requests from inside, from the first moment on at which it takes them.
    fn load(&self, requests: usize) -> Result<()> {
        let load = format!("python3 /site/load.py {CLIENTS} {requests}");
        self.container.shell(&load).map(drop)
    }

    /// The paths in its log.
    fn logged(&self) -> Vec<String> {
        let log = fs::read_to_string(self.logs.join("access.log")).unwrap_or_default();
        // The last line may be half written.
        let whole = log
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        whole.map(|line| line.trim_end().to_owned()).collect()
    }

    /// Each request of the log is in the database once, in this container; and no more than
    /// `unlogged` others, which Apache was killed over before it logged them.
    fn compare(&self, influx: &InfluxDb, unlogged: usize) -> Result<()> {
        let id = self.container.id();
        let query = format!(
            "SELECT \"url.path\" FROM \"http.server.request\" WHERE \"container.id\" = '{id}'"
        );
        let series = influx.ask(&query)?;
        let mut stored: BTreeMap<&str, usize> = BTreeMap::new();
        for one in series.as_array().into_iter().flatten() {
            for row in one["values"].as_array().context("no values")? {
                let path = row[1].as_str().context("no path")?;
                *stored.entry(path).or_default() += 1;
            }
        }
        let logged = self.logged();
        ensure!(
            logged.len() >= REQUESTS,
            "only {} requests were logged",
            logged.len()
        );
        for path in &logged {
            let times = stored.remove(path.as_str()).unwrap_or(0);
            ensure!(
                times == 1,
                "{path} is there {times} times, of container {id}"
            );
        }
        ensure!(
            stored.values().sum::<usize>() <= unlogged,
            "never logged: {stored:?}"
        );
        Ok(())
    }
}

const APPLICATION: &str = "\
def application(environ, start_response):
    start_response('200 OK', [('Content-Length', '5')])
    return [b'hello']
";

/// Port 80, as in every container.
const SITE: &str = "\
ServerName localhost
WSGIScriptAlias / /site/site.wsgi
<Directory /site>
  Require all granted
</Directory>
LogFormat \"%U\" path
CustomLog /site/access.log path
MaxKeepAliveRequests 0
";

/// Executes what a container's entry point would.
const SERVE: &str = "\
cp /site/site.conf /etc/apache2/sites-available/000-default.conf
mkdir -p /var/run/apache2 /var/lock/apache2
. /etc/apache2/envvars
exec apache2 -DFOREGROUND
";

/// Each client asks for paths of its own on connections that it keeps; the first is asked
/// for until it is answered.
const LOAD: &str = "\
import http.client, sys, threading, time
clients, requests = int(sys.argv[1]), int(sys.argv[2])
failed = []
def run(client):
    connection, number = http.client.HTTPConnection('127.0.0.1'), 0
    try:
        while number * clients < requests:
            try:
                connection.request('GET', f'/{client}-{number}')
                answer = connection.getresponse()
            except ConnectionRefusedError:
                if number: raise
                time.sleep(0.001)
                continue
            assert answer.status == 200 and answer.read() == b'hello'
            number += 1
    except BaseException as error:
        failed.append(error)
threads = [threading.Thread(target=run, args=[client]) for client in range(clients)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(repr(failed) if failed else 0)
";
