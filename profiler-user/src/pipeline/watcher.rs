//! Keeps the right processes watched while servers come and go.
//!
//! The kernel follows every fork of a watched process, and watches servers that it was
//! told to wait for before they go on; of those it gives notice. What is left for here:
//! processes that exist already, roots that end, and what only a look at a process tells.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::discovery::apache;
use crate::discovery::listen::Listening;
use crate::discovery::{self, Process, ProcessId, Selection, Snapshot, describe};
use crate::probe::{self, Probe};

/// How often to look whether the roots live (one small file each).
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// The same while an Apache has not loaded its modules: until it forks, which may be
/// a hundredth of a second later.
const CHECK_STARTING_EVERY: Duration = Duration::from_millis(20);

/// For how long after a server came. One that never forks (`httpd -X`) starts for good.
const STARTING_FOR: Duration = Duration::from_secs(5);

/// Time from the start to the first look at the whole process table: for what came
/// while the hooks were put in. Also the least time between two while no root is there.
const SCAN_AWAY_EVERY: Duration = Duration::from_secs(1);

/// The same while one is: only for what the kernel had no room to give notice of.
const SCAN_EVERY: Duration = Duration::from_secs(15);

/// A look may cost a two-hundredth of a CPU: the next one waits at least this many times
/// as long as the last one took.
const LOOK_SHARE: u32 = 200;

/// The probe, as far as it is needed here.
pub(super) trait Watch {
    /// Watches a process, which descends from the root `origin`, and whatever it forks from
    /// now on; its threads that are there already, from the next `take_up` on.
    fn watch(&mut self, pid: u32, origin: u32) -> Result<(), probe::Error>;
    /// Looks again at processes that were only starting; whether there still are some.
    fn look_again(&mut self) -> Result<bool, probe::Error>;
    /// Takes up the threads of the processes named.
    fn take_up(&mut self) -> Result<(), probe::Error>;
    /// Names a port that watched processes listen on.
    fn serve(&mut self, port: u16) -> Result<(), probe::Error>;
    /// The processes watched now.
    fn watched(&self) -> Vec<u32>;
    /// The root that a watched process descends from.
    fn origin(&self, pid: u32) -> Option<u32>;
}

impl Watch for Probe {
    fn watch(&mut self, pid: u32, origin: u32) -> Result<(), probe::Error> {
        let is_apache = Process::read(pid).is_some_and(|process| apache::is_apache(&process));
        Self::watch(self, pid, origin, is_apache)
    }

    fn look_again(&mut self) -> Result<bool, probe::Error> {
        Self::look_again(self)
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

    fn origin(&self, pid: u32) -> Option<u32> {
        Self::origin(self, pid)
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
    /// The user knows of it.
    said: bool,
}

impl Root {
    fn unsaid(id: ProcessId, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            said: false,
        }
    }
}

/// Watches roots and remembers them.
pub(super) struct Watcher {
    selection: Selection,
    roots: Vec<Root>,
    next_check: Instant,
    next_scan: Instant,
    /// Until then Apaches that start are looked at often.
    starting_until: Instant,
}

impl Watcher {
    /// Watches nothing yet.
    pub(super) fn new(selection: Selection) -> Self {
        let now = Instant::now();
        Self {
            selection,
            roots: Vec::new(),
            next_check: now + CHECK_EVERY,
            next_scan: now + SCAN_AWAY_EVERY,
            starting_until: now + STARTING_FOR,
        }
    }

    /// Watches the roots that were resolved.
    pub(super) fn start(&mut self, probe: &mut impl Watch, roots: &[ProcessId]) -> Result<()> {
        self.add(probe, roots)
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
        let starting = probe.look_again()? && now < self.starting_until;
        let was_away = self.is_away();
        self.drop_ended(probe);
        let is_away = self.is_away();
        let pause = if starting {
            CHECK_STARTING_EVERY
        } else {
            CHECK_EVERY.max(now.elapsed() * LOOK_SHARE)
        };
        self.next_check = now + pause;
        if is_away && !self.selection.may_return() {
            return Ok(Some(Change::Ended));
        }
        if is_away && !was_away {
            self.next_scan = self.next_scan.min(now + SCAN_AWAY_EVERY);
        }
        if self.selection.may_return() && now >= self.next_scan {
            let found = self.scan(probe)?;
            let pause = if is_away { SCAN_AWAY_EVERY } else { SCAN_EVERY };
            self.next_scan = now + pause.max(now.elapsed() * LOOK_SHARE);
            if !found.is_empty() {
                return Ok(Some(Change::Found(found)));
            }
        }
        Ok((is_away && !was_away).then_some(Change::Gone))
    }

    /// Looks at a process that the kernel has given notice of: which server has come, in
    /// words. Only what listens is one: the same program may but check its configuration.
    pub(super) fn notice(&mut self, probe: &mut impl Watch, pid: u32) -> Result<Option<String>> {
        let Some(process) = Process::read(pid) else {
            return Ok(None);
        };
        match probe.origin(pid) {
            // The kernel watches it already, and its threads.
            Some(origin) => {
                watch_one(probe, &mut Listening::new(), pid, origin)?;
                if origin == pid && !self.knows(process.id) {
                    self.roots.push(Root::unsaid(process.id, &process.name));
                }
            }
            None if self.selection.means(&process) => {
                self.add(probe, &[process.id])?;
                self.roots
                    .last_mut()
                    .iter_mut()
                    .for_each(|root| root.said = false);
            }
            None => return Ok(None),
        }
        self.starting_until = Instant::now() + STARTING_FOR;
        self.next_check = self.next_check.min(Instant::now() + CHECK_STARTING_EVERY);
        self.say(probe.origin(pid).unwrap_or(pid))
    }

    /// A root that has not been spoken of and listens, in words.
    fn say(&mut self, pid: u32) -> Result<Option<String>> {
        let mut unsaid = self.roots.iter_mut().filter(|root| !root.said);
        let Some(root) = unsaid.find(|root| root.id.pid == pid) else {
            return Ok(None);
        };
        let snapshot = Snapshot::read().map_err(discovery::Error::from)?;
        let mut listening = Listening::new();
        let family = snapshot.families(&[pid]).into_iter().map(|(pid, _)| pid);
        let listens = |pid| !listening.addresses(pid).is_empty();
        root.said = std::iter::once(pid).chain(family).any(listens);
        Ok(root.said.then(|| describe::root(root.id, &snapshot)))
    }

    fn knows(&self, id: ProcessId) -> bool {
        self.roots.iter().any(|root| root.id == id)
    }

    /// Whether no server is there that was spoken of.
    fn is_away(&self) -> bool {
        self.roots.iter().all(|root| !root.said)
    }

    /// A root is over when it has ended and so has every worker of its name that
    /// outlived it; a log writer or a stray child keeps nothing going.
    fn drop_ended(&mut self, probe: &impl Watch) {
        let ended = self.roots.iter().filter(|root| !root.id.is_alive());
        let ended: HashMap<u32, &str> = ended.map(|root| (root.id.pid, &*root.name)).collect();
        if ended.is_empty() {
            return;
        }
        let outlived = probe.watched().into_iter().filter_map(|pid| {
            let origin = probe.origin(pid)?;
            let name = ended.get(&origin)?;
            (Process::read(pid)?.name == *name).then_some(origin)
        });
        let outlived: HashSet<u32> = outlived.collect();
        let over = ended.into_keys().filter(|pid| !outlived.contains(pid));
        let over: HashSet<u32> = over.collect();
        self.roots.retain(|root| !over.contains(&root.id.pid));
    }

    /// Watches the roots that have come. Those that the kernel followed here are
    /// no news: a server that turned itself into a daemon.
    fn scan(&mut self, probe: &mut impl Watch) -> Result<Vec<String>> {
        let snapshot = Snapshot::read().map_err(discovery::Error::from)?;
        let mut fresh = self.selection.matching(&snapshot);
        fresh.retain(|id| !self.knows(*id));
        let followed: HashSet<u32> = if fresh.is_empty() {
            HashSet::new()
        } else {
            probe.watched().into_iter().collect()
        };
        self.add(probe, &fresh)?;
        let news = fresh
            .into_iter()
            .filter(|root| !followed.contains(&root.pid));
        Ok(news.map(|root| describe::root(root, &snapshot)).collect())
    }

    /// Watches roots, then their descendants until a look at the table finds no further
    /// one: what is forked meanwhile, the kernel follows if its parent was watched
    /// already, and the next look finds it if not.
    fn add(&mut self, probe: &mut impl Watch, roots: &[ProcessId]) -> Result<()> {
        let mut listening = Listening::new();
        let pids: Vec<u32> = roots.iter().map(|root| root.pid).collect();
        for &pid in &pids {
            watch_one(probe, &mut listening, pid, pid)?;
        }
        if pids.is_empty() {
            return Ok(());
        }
        probe.take_up()?;
        let mut known: HashSet<u32> = pids.iter().copied().collect();
        loop {
            let snapshot = Snapshot::read().map_err(discovery::Error::from)?;
            known.extend(probe.watched());
            let mut missing = snapshot.families(&pids);
            missing.retain(|(pid, _)| !known.contains(pid));
            if missing.is_empty() {
                let root = |&id: &ProcessId| Root {
                    said: true,
                    ..Root::unsaid(id, snapshot.get(id.pid).map_or("", |process| &process.name))
                };
                self.roots.extend(roots.iter().map(root));
                return Ok(());
            }
            for (pid, root) in missing {
                watch_one(probe, &mut listening, pid, root)?;
                known.insert(pid);
            }
            probe.take_up()?;
        }
    }
}

/// Its ports first: with the first byte seen it must be known whose it is.
fn watch_one(
    probe: &mut impl Watch,
    listening: &mut Listening,
    pid: u32,
    origin: u32,
) -> Result<()> {
    for address in listening.addresses(pid) {
        probe.serve(address.port())?;
    }
    Ok(probe.watch(pid, origin)?)
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
        fn watch(&mut self, pid: u32, _origin: u32) -> Result<(), probe::Error> {
            self.0.push(pid);
            Ok(())
        }

        fn look_again(&mut self) -> Result<bool, probe::Error> {
            Ok(false)
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

        fn origin(&self, _pid: u32) -> Option<u32> {
            None
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
        watcher.next_scan = Instant::now();
        let change = watcher.check(&mut probe).unwrap();
        let news = format!("wsgiprobe-t1 pid {}", root.pid);
        assert_eq!(change, Some(Change::Found(vec![news])));
        assert_eq!(probe.0.last(), Some(&root.pid));
        assert_eq!(watcher.check(&mut probe).unwrap(), None);
        end(second);
    }
}
