//! The run: attach, watch, drain, deliver, account.
//!
//! One thread does it all but the delivery: outputs have threads of their own. If the
//! terminal blocks (a pipe nobody empties), records wait in the ring buffer, and those
//! that do not fit are counted as lost.

mod host;
mod identity;
mod outputs;
mod ring;
mod schedule;
mod screen;
mod services;
mod stages;
mod stop;
mod watcher;

pub(crate) use outputs::influx_settings;

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::sync::Arc;

use anyhow::{Context, Result};
use profiler_common::watched::NOTICE_EXEC;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::cli::{Hooks, Settings};
use crate::discovery::{self, ProcessId, Selection, Snapshot, apache, describe};
use crate::give_back;
use crate::output::{self, Banner};
use crate::pool::{Listeners, Pools};
use crate::privileges::{self, Confined, Needs};
use crate::probe::{self, BackEnd, Probe, Threads, Told};
use crate::summary::{Durations, SKIPPED_RUNS, Summary};
use crate::tick::About;
use host::unix_now;
use outputs::Outputs;
use ring::Ring;
use schedule::Schedule;
use screen::Screen;
use stages::{Servers, Stages};
use stop::{Stop, StopReason};
use watcher::{Change, Watcher};

/// Servers that are described at the start. A node has hundreds, and each is a look at its
/// family and its sockets.
const MOST_TARGETS: usize = 20;

/// Runs until told to stop, or until nothing is left to watch.
pub fn run(settings: Settings) -> Result<()> {
    share_one_heap();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(watch(settings))
}

/// The few threads allocate little at a time: a heap of each one's own would only keep
/// what it once took.
fn share_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no pointer; called before there are other threads (mallopt(3)).
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

async fn watch(mut settings: Settings) -> Result<()> {
    let stop = Stop::install().context("cannot install the signal handlers")?;
    let selection = std::mem::take(&mut settings.targets);
    let roots = find(&selection)?;
    // Before any thread is started, the one that writes JSON lines being the first.
    privileges::raise_priority();
    let (notices, inbox) = mpsc::unbounded_channel();
    let mut outputs = Outputs::open(&settings, &notices)?;
    let containers = identity::open(&settings, &mut outputs, &notices).await?;
    let patterns = std::mem::take(&mut settings.patterns);
    let screen = Screen::open(&settings).context("cannot start the screen's thread")?;

    let mut probe = Probe::attach(&probe_settings(&settings, &selection))?;
    let attached = Instant::now();
    let may_probe = settings.uprobe && selection.may_return();
    let mut watcher = Watcher::new(selection);
    watcher.start(&mut probe, &roots)?;
    let began_unix_ns = unix_now();
    let listeners = Listeners::open(watcher.roots());
    let pools = Pools::new(began_unix_ns, &probe.watched(), listeners);
    let (limits, detail) = (settings.limits, settings.identity);
    let mut stages = Stages::new(limits, patterns, pools, containers, detail, outputs);
    stages.keep_samples(screen.wants_samples());
    let mut run = Run {
        stages,
        schedule: Schedule::new(began_unix_ns, settings.interval),
        deadline: settings.duration.map(|duration| attached + duration),
        told: HashSet::new(),
        began_unix_ns,
        hostname: host::called(settings.node.as_deref()),
        probe,
        watcher,
        screen,
        inbox,
        stop,
    };
    run.settle(&roots, settings.sandbox, may_probe)?;
    run.until_stopped().await
}

/// What is being watched, and everything it flows through.
struct Run {
    probe: Probe,
    watcher: Watcher,
    stages: Stages,
    schedule: Schedule,
    deadline: Option<Instant>,
    /// Counters of the limits that the user knows to have been hit.
    told: HashSet<&'static str>,
    began_unix_ns: u64,
    /// As outputs are told.
    hostname: String,
    screen: Screen,
    /// What the sinks have to say.
    inbox: mpsc::UnboundedReceiver<String>,
    stop: Stop,
}

impl Run {
    /// Gives up what is not needed any more, and says what is watched. On a busy machine
    /// each step takes a while, and the ring buffer fills from the first: it is drained
    /// in between.
    fn settle(&mut self, roots: &[ProcessId], sandbox: bool, may_probe: bool) -> Result<()> {
        self.drain()?;
        for root in roots {
            if let Some(blind) = privileges::into_process(root.pid) {
                self.screen.warn(blind);
            }
        }
        if let Err(foreign) = privileges::same_numbers() {
            self.screen.warn(foreign.to_string());
        }
        warn_of_blind_spots(&mut self.probe, &mut self.screen);
        let confined = sandbox.then(|| {
            privileges::confine(Needs {
                later_modules: may_probe,
                maps: !self.probe.is_open(),
                outputs: self.stages.outputs.needs(),
            })
        });
        announce(&self.probe);
        self.drain()?;
        let rights = rights(confined, &mut self.screen);
        let snapshot = Snapshot::read().map_err(discovery::Error::from)?;
        let targets: Vec<String> = roots
            .iter()
            .take(MOST_TARGETS)
            .map(|id| describe::root(*id, &snapshot))
            .collect();
        self.drain()?;
        let about = self.about(&targets);
        self.stages.outputs.begin(&about);
        let banner = output::banner(&Banner {
            targets: &targets,
            more: roots.len() - targets.len(),
            hooks: self.probe.back_end().name(),
            reasons: self.probe.reasons(),
            memory: self.probe.memory(),
            rights: &rights,
            outputs: self.stages.outputs.plan(),
        });
        self.screen.begin(&about, &banner);
        self.stages.outputs.vitals().attached();
        give_back::file();
        Ok(())
    }

    fn about(&self, targets: &[String]) -> Arc<About> {
        Arc::new(About {
            version: env!("CARGO_PKG_VERSION"),
            hostname: self.hostname.clone(),
            kernel: host::kernel(),
            hooks: self.probe.back_end().name(),
            targets: targets.to_owned(),
            interval: self.schedule.interval(),
            began_unix_ns: self.began_unix_ns,
        })
    }

    async fn until_stopped(mut self) -> Result<()> {
        let reason = self.turn().await?;
        self.screen.close();
        match reason {
            StopReason::TargetsEnded => {
                self.screen.say("every watched process has ended");
            }
            StopReason::Signal => self.screen.say("stopping; again to stop at once"),
            StopReason::Elapsed | StopReason::NobodyReads => {}
        }
        self.finish().await
    }

    /// Serves whatever happens next, until something says stop.
    async fn turn(&mut self) -> Result<StopReason> {
        let ring = Ring::new(self.probe.as_fd());
        let mut ring = ring.context("cannot wait for the ring buffer")?;
        loop {
            let window_ends = sleep(self.schedule.wait(unix_now()));
            let presence = sleep_until(self.watcher.next_check());
            let deadline = self.deadline;
            // In order of urgency: under load there are always records.
            tokio::select! {
                biased;
                () = self.stop.requested() => return Ok(StopReason::Signal),
                () = elapsed(deadline) => return Ok(StopReason::Elapsed),
                () = window_ends => self.close_window()?,
                () = presence => if let Some(reason) = self.check_targets()? {
                    return Ok(reason);
                },
                Some(notice) = self.inbox.recv() => {
                    self.stages.outputs.notice(&notice);
                    self.screen.warn(notice);
                }
                ready = ring.ready() => {
                    ready.context("cannot wait for the ring buffer")?;
                    self.drain()?;
                }
            }
            if !self.screen.is_open() && !self.stages.outputs.any() {
                return Ok(StopReason::NobodyReads);
            }
        }
    }

    fn drain(&mut self) -> Result<()> {
        let Self { probe, stages, .. } = self;
        let mut noticed = Vec::new();
        probe.drain(|told| match told {
            Told::Record(record, interned) => stages.accept(record, interned),
            Told::Notice(notice) => {
                if notice.what == NOTICE_EXEC {
                    stages.root_came(notice.process);
                }
                noticed.push(notice.process);
            }
        });
        // Afterwards: what was drained had come in by the clock as it was.
        stages.refresh_clock();
        stages.outputs.vitals().beat();
        self.look_at(noticed)
    }

    /// Looks at processes that the kernel has given notice of.
    fn look_at(&mut self, processes: Vec<u32>) -> Result<()> {
        for process in processes {
            if let Some(server) = self.watcher.notice(&mut self.probe, process)? {
                self.say_found(&[server]);
            }
        }
        Ok(())
    }

    fn say_found(&mut self, servers: &[String]) {
        warn_of_blind_spots(&mut self.probe, &mut self.screen);
        for server in servers {
            self.screen.stress(format!("now watching {server}"));
        }
    }

    fn close_window(&mut self) -> Result<()> {
        let servers = self.servers();
        self.drain()?;
        let (start, end) = self.schedule.advance(unix_now());
        let tick = self.stages.close(start, end, servers, &self.probe);
        let samples = self.stages.samples.as_mut().map(std::mem::take);
        self.screen.window(&tick, samples);
        self.tell_limits(&tick.account);
        Ok(())
    }

    /// Says once of each limit that it was hit.
    fn tell_limits(&mut self, account: &Summary) {
        let skipped = account.notes.get(SKIPPED_RUNS);
        if skipped > 0 && self.told.insert(SKIPPED_RUNS) {
            self.screen.warn(format!(
                "the kernel left out {skipped} runs of a program that was under way on that \
                 CPU: parts of requests may be missing"
            ));
        }
        for hit in &account.limits {
            if self.told.insert(hit.counter) {
                let text = format!("{} so far {}: {}", hit.count, hit.counter, hit.words);
                self.screen.warn(text);
            }
        }
    }

    fn servers(&mut self) -> Servers {
        let threads = self.probe.threads().unwrap_or_else(|error| {
            self.screen.warn(format!("the pool is not known: {error}"));
            Threads::default()
        });
        Servers {
            threads,
            watched: self.probe.watched(),
            roots: self.watcher.roots().collect(),
        }
    }

    fn check_targets(&mut self) -> Result<Option<StopReason>> {
        let Some(change) = self.watcher.check(&mut self.probe)? else {
            return Ok(None);
        };
        match change {
            Change::Ended => return Ok(Some(StopReason::TargetsEnded)),
            Change::Gone => {
                let text = "every watched process has ended; waiting for its return";
                self.screen.warn(text);
            }
            Change::Found(servers) => {
                for root in self.watcher.roots() {
                    self.stages.root_came(root);
                }
                self.say_found(&servers);
            }
        }
        Ok(None)
    }

    /// Takes the hooks out, delivers what is left, and accounts for it.
    async fn finish(mut self) -> Result<()> {
        self.stages.outputs.vitals().stopping();
        let servers = self.servers();
        self.probe.detach();
        // What cannot be looked at any more holds up nothing that is to be flushed.
        let looked = self.drain();
        let now = unix_now().max(self.began_unix_ns);
        let (start, end) = self.schedule.close(now);
        self.stages.close(start, end, servers, &self.probe);
        let run = self.stages.run(self.began_unix_ns, now);
        let mut summary = self.stages.summary(&self.probe);
        summary.duration = Durations::of(&run.total);
        let summary = Arc::new(summary);
        let (delivered, finished) = self.stages.outputs.finish(&summary).await;
        while let Ok(notice) = self.inbox.try_recv() {
            self.screen.warn(notice);
        }
        self.screen
            .print(&output::account(&run, &summary, &delivered));
        finished.and(looked)
    }
}

fn warn_of_blind_spots(probe: &mut Probe, screen: &mut Screen) {
    for why in probe.blind_spots() {
        screen.warn(format!(
            "cannot tell which requests reach mod_wsgi in embedded mode: {why}{}",
            privileges::uprobe(&why)
        ));
    }
}

/// What is left, in words; what could not be given up is told.
fn rights(confined: Option<Confined>, screen: &mut Screen) -> String {
    let Some(confined) = confined else {
        return "all kept, as asked".into();
    };
    for failure in &confined.failures {
        screen.warn(format!("runs with more rights than it needs: {failure}"));
    }
    confined.words()
}

async fn elapsed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// A wrong number is wrong usage for everybody; whatever else is (not) found
/// depends on the privileges, so these are looked at first.
fn find(selection: &Selection) -> Result<Vec<ProcessId>> {
    // Who waits for whatever comes is told, in `settle`.
    if !selection.all {
        privileges::same_numbers()?;
    }
    let snapshot = Snapshot::read().map_err(discovery::Error::from)?;
    selection.check_pids(&snapshot)?;
    privileges::check()?;
    Ok(selection.resolve(&snapshot)?)
}

/// The line that scripts wait for: from here on every request is seen.
fn announce(probe: &Probe) {
    use std::io::Write as _;
    // If nobody reads it there is nobody to tell.
    let _ = writeln!(
        std::io::stderr(),
        "wsgiprobe: attached ({}), watching {} processes",
        probe.back_end().name(),
        probe.watched().len(),
    );
}

fn probe_settings(settings: &Settings, selection: &Selection) -> probe::Settings {
    probe::Settings {
        hooks: match settings.hooks {
            Hooks::Auto => None,
            Hooks::Sock => Some(BackEnd::Sock),
            Hooks::Fentry => Some(BackEnd::Fentry),
            Hooks::Syscall => Some(BackEnd::Syscall),
        },
        limits: settings.limits,
        uprobe: settings.uprobe,
        follow: probe::Follow {
            names: if selection.any_apache() {
                apache::program_names()
            } else {
                Vec::new()
            },
            ports: selection.ports.clone(),
            execs: selection.must_look(),
        },
    }
}
