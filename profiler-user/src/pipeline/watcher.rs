//! Keeps the right processes watched while servers come and go.
//!
//! The kernel follows every fork of a watched process. What is left for here:
//! processes that exist already, roots that end, and roots that appear.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::discovery::apache;
use crate::discovery::listen::Listening;
use crate::discovery::{self, Process, ProcessId, Selection, Snapshot, describe};
use crate::probe::{self, Probe};

/// How often to look whether the roots live (one small file each), and, while
/// none does, whether one has come.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// Least time between two looks at the whole process table while a root lives.
const SCAN_EVERY: Duration = Duration::from_secs(1);

/// A look at the table may cost a fiftieth of a CPU: the next one waits at least
/// this many times as long as the last one took.
const SCAN_SHARE: u32 = 50;

/// The probe, as far as it is needed here.
pub(super) trait Watch {
    /// Watches a process and whatever it forks from now on; its threads that are there
    /// already, from the next `take_up` on.
    fn watch(&mut self, pid: u32) -> Result<(), probe::Error>;
    /// Takes up the threads of the processes named.
    fn take_up(&mut self) -> Result<(), probe::Error>;
    /// Names a port that watched processes listen on.
    fn serve(&mut self, port: u16) -> Result<(), probe::Error>;
    /// The processes watched now.
    fn watched(&self) -> Vec<u32>;
}

impl Watch for Probe {
    fn watch(&mut self, pid: u32) -> Result<(), probe::Error> {
        let is_apache = Process::read(pid).is_some_and(|process| apache::is_apache(&process));
        Self::watch(self, pid, is_apache)
    }

    fn take_up(&mut self) -> Result<(), probe::Error> {
        Self::take_up(self)
    }

    fn serve(&mut self, port: u16) -> Result<(), probe::Error> {
        Self::serve(self, port)
    }

    fn watched(&self) -> Vec<u32> {
        Self::watched(self)
    }
}

/// What happened to the targets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// None is left, and none can come.
    Ended,
    /// None is left for now.
    Gone,
    /// These came, in words.
    Found(Vec<String>),
}

struct Root {
    id: ProcessId,
    name: String,
}

/// Watches roots and remembers them.
pub(super) struct Watcher {
    selection: Selection,
    roots: Vec<Root>,
    next_check: Instant,
    next_scan: Instant,
}

impl Watcher {
    /// Watches nothing yet.
    pub(super) fn new(selection: Selection) -> Self {
        let now = Instant::now();
        Self {
            selection,
            roots: Vec::new(),
            next_check: now + CHECK_EVERY,
            next_scan: now + SCAN_EVERY,
        }
    }

    /// Watches the roots that were resolved.
    pub(super) fn start(&mut self, probe: &mut impl Watch, roots: &[ProcessId]) -> Result<()> {
        roots.iter().try_for_each(|root| self.add(probe, *root))
    }

    /// The roots, by number.
    pub(super) fn roots(&self) -> impl Iterator<Item = u32> {
        self.roots.iter().map(|root| root.id.pid)
    }

    /// When [`check`](Self::check) is due.
    pub(super) fn next_check(&self) -> Instant {
        self.next_check
    }

    /// Looks after the roots.
    pub(super) fn check(&mut self, probe: &mut impl Watch) -> Result<Option<Change>> {
        let now = Instant::now();
        self.next_check = now + CHECK_EVERY;
        let was_away = self.roots.is_empty();
        self.drop_ended(probe);
        let is_away = self.roots.is_empty();
        if is_away && !self.selection.may_return() {
            return Ok(Some(Change::Ended));
        }
        if self.selection.may_return() && (is_away || now >= self.next_scan) {
            let found = self.scan(probe)?;
            self.next_scan = now + SCAN_EVERY.max(now.elapsed() * SCAN_SHARE);
            if !found.is_empty() {
                return Ok(Some(Change::Found(found)));
            }
        }
        Ok((is_away && !was_away).then_some(Change::Gone))
    }

    /// A root is over when it has ended and so has every worker of its name that
    /// outlived it; a log writer or a stray child keeps nothing going.
    fn drop_ended(&mut self, probe: &impl Watch) {
        if self.roots.iter().all(|root| root.id.is_alive()) {
            return;
        }
        let names = probe.watched().into_iter().filter_map(Process::read);
        let serving: HashSet<String> = names.map(|process| process.name).collect();
        self.roots
            .retain(|root| root.id.is_alive() || serving.contains(&root.name));
    }

    /// Watches the roots that have come. Those that the kernel followed here are
    /// no news: a server that turned itself into a daemon.
    fn scan(&mut self, probe: &mut impl Watch) -> Result<Vec<String>> {
        let snapshot = Snapshot::read().map_err(discovery::Error::from)?;
        let mut fresh = self.selection.matching(&snapshot);
        fresh.retain(|id| self.roots.iter().all(|root| root.id != *id));
        let followed: HashSet<u32> = if fresh.is_empty() {
            HashSet::new()
        } else {
            probe.watched().into_iter().collect()
        };
        let mut news = Vec::new();
        for root in fresh {
            self.add(probe, root)?;
            if !followed.contains(&root.pid) {
                news.push(describe::root(root, &snapshot));
            }
        }
        Ok(news)
    }

    /// Watches a root, then its descendants until a look at the table finds no
    /// further one: what is forked meanwhile, the kernel follows if its parent was
    /// watched already, and the next look finds it if not.
    fn add(&mut self, probe: &mut impl Watch, root: ProcessId) -> Result<()> {
        let mut listening = Listening::new();
        watch_one(probe, &mut listening, root.pid)?;
        probe.take_up()?;
        let mut known = HashSet::from([root.pid]);
        loop {
            let snapshot = Snapshot::read().map_err(discovery::Error::from)?;
            known.extend(probe.watched());
            let missing: Vec<u32> = snapshot
                .descendants(root.pid)
                .into_iter()
                .map(|process| process.id.pid)
                .filter(|pid| !known.contains(pid))
                .collect();
            if missing.is_empty() {
                let name = snapshot.get(root.pid).map(|process| process.name.clone());
                let name = name.unwrap_or_default();
                self.roots.push(Root { id: root, name });
                return Ok(());
            }
            for pid in missing {
                watch_one(probe, &mut listening, pid)?;
                known.insert(pid);
            }
            probe.take_up()?;
        }
    }
}

/// Its ports first: with the first byte seen it must be known whose it is.
fn watch_one(probe: &mut impl Watch, listening: &mut Listening, pid: u32) -> Result<()> {
    for address in listening.addresses(pid) {
        probe.serve(address.port())?;
    }
    Ok(probe.watch(pid)?)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use regex::Regex;

    use super::*;

    /// A probe that follows no fork.
    #[derive(Default)]
    struct Fake(Vec<u32>);

    impl Watch for Fake {
        fn watch(&mut self, pid: u32) -> Result<(), probe::Error> {
            self.0.push(pid);
            Ok(())
        }

        fn take_up(&mut self) -> Result<(), probe::Error> {
            Ok(())
        }

        fn serve(&mut self, _port: u16) -> Result<(), probe::Error> {
            Ok(())
        }

        fn watched(&self) -> Vec<u32> {
            self.0.clone()
        }
    }

    /// A copy of `sleep` under a name that no other test runs.
    struct Server {
        program: std::path::PathBuf,
    }

    impl Server {
        fn new(name: &str) -> Self {
            let program = std::env::temp_dir().join(name);
            std::fs::copy("/bin/sleep", &program).unwrap();
            Self { program }
        }

        fn run(&self) -> Child {
            Command::new(&self.program).arg("60").spawn().unwrap()
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.program);
        }
    }

    fn end(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn settled(child: &Child) -> ProcessId {
        let own = std::process::id();
        let own = Process::read(own).unwrap().name;
        loop {
            let process = Process::read(child.id()).unwrap();
            if process.name != own {
                return process.id;
            }
        }
    }

    #[test]
    fn descendants_that_exist_already_are_watched_too() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .spawn()
            .unwrap();
        let root = settled(&shell);
        let below = loop {
            let snapshot = Snapshot::read().unwrap();
            if let [child] = snapshot.descendants(root.pid)[..] {
                break child.id.pid;
            }
        };
        let mut probe = Fake::default();
        let mut watcher = Watcher::new(Selection {
            pids: vec![root.pid],
            ..Selection::default()
        });
        watcher.start(&mut probe, &[root]).unwrap();
        assert_eq!(probe.0, [root.pid, below]);
        assert_eq!(watcher.check(&mut probe).unwrap(), None);
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert_eq!(watcher.check(&mut probe).unwrap(), Some(Change::Ended));
        Command::new("kill")
            .arg(below.to_string())
            .status()
            .unwrap();
    }

    #[test]
    fn waits_for_the_return_of_what_has_a_name() {
        let server = Server::new("wsgiprobe-t1");
        let first = server.run();
        let root = settled(&first);
        let mut probe = Fake::default();
        let mut watcher = Watcher::new(Selection {
            names: vec![Regex::new("^wsgiprobe-t1$").unwrap()],
            ..Selection::default()
        });
        watcher.start(&mut probe, &[root]).unwrap();
        end(first);
        assert_eq!(watcher.check(&mut probe).unwrap(), Some(Change::Gone));
        assert_eq!(watcher.check(&mut probe).unwrap(), None);
        let second = server.run();
        let root = settled(&second);
        let change = watcher.check(&mut probe).unwrap();
        let news = format!("wsgiprobe-t1 pid {}", root.pid);
        assert_eq!(change, Some(Change::Found(vec![news])));
        assert_eq!(probe.0.last(), Some(&root.pid));
        assert_eq!(watcher.check(&mut probe).unwrap(), None);
        end(second);
    }
}
