//! Proves what becomes of wsgiprobe and of the watched server when something fails
//! or changes around them: a killed wsgiprobe, two of them, hundreds of attaches,
//! a stepped clock, a processor that is taken away.

#[path = "faults/machine.rs"]
mod machine;
#[path = "faults/many_attaches.rs"]
mod many_attaches;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use aya::programs::{loaded_links, loaded_programs};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::load::Load;
use harness::probe::Probe;
use harness::run::{Evidence, Run};
use harness::server::Server;
use harness::wait;
use nix::sys::signal::Signal;

harness::on_each_backend!(killed, killed_while_attaching, two_instances);

/// What a process holds in the kernel, by the kernel's ids: never used again.
#[derive(Debug, Default)]
struct Held {
    programs: BTreeSet<u32>,
    maps: BTreeSet<u32>,
    links: BTreeSet<u32>,
}

impl Held {
    /// All of that process now.
    fn by(pid: u32) -> Result<Self> {
        let mut held = Self::default();
        for info in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
            // It may have been closed since.
            let text = fs::read_to_string(info?.path()).unwrap_or_default();
            for line in text.lines() {
                let Some((name, value)) = line.split_once(':') else {
                    continue;
                };
                let ids = match name {
                    "prog_id" => &mut held.programs,
                    "map_id" => &mut held.maps,
                    "link_id" => &mut held.links,
                    _ => continue,
                };
                ids.insert(value.trim().parse().context(line.to_owned())?);
            }
        }
        Ok(held)
    }

    /// What of it is still in the kernel.
    fn left(&self) -> Result<Self> {
        let programs: BTreeSet<u32> = loaded_programs()
            .map(|program| program.map(|program| program.id()))
            .collect::<Result<_, _>>()?;
        let maps: BTreeSet<u32> = aya::maps::loaded_maps()
            .map(|map| map.map(|map| map.id()))
            .collect::<Result<_, _>>()?;
        let links: BTreeSet<u32> = loaded_links()
            .map(|link| link.map(|link| link.id()))
            .collect::<Result<_, _>>()?;
        let of = |mine: &BTreeSet<u32>, all: &BTreeSet<u32>| mine & all;
        Ok(Self {
            programs: of(&self.programs, &programs),
            maps: of(&self.maps, &maps),
            links: of(&self.links, &links),
        })
    }

    fn is_nothing(&self) -> bool {
        self.programs.is_empty() && self.maps.is_empty() && self.links.is_empty()
    }

    /// Fails if any of it stays. The kernel frees in the background, soon.
    fn goes(&self) -> Result<()> {
        let mut left = Self::default();
        wait::until("the kernel to free everything", || {
            // Others load and unload meanwhile: what is listed may be gone when asked for.
            let Ok(now) = self.left() else {
                return Ok(false);
            };
            left = now;
            Ok(left.is_nothing())
        })
        .with_context(|| format!("left behind: {left:?}"))
    }
}

/// Files in the kernel's file systems for pins and probes.
fn pins() -> BTreeSet<String> {
    let folder = fs::read_dir("/sys/fs/bpf").into_iter().flatten().flatten();
    let pins = folder.map(|file| file.file_name().to_string_lossy().into_owned());
    let named = fs::read_to_string("/sys/kernel/tracing/uprobe_events").unwrap_or_default();
    pins.chain(named.lines().map(str::to_owned)).collect()
}

fn some(kept: bool) -> Load {
    Load {
        clients: 4,
        requests: 50,
        kept,
    }
}

fn killed(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let before = pins();
    let mut probe = Probe::attach(backend, apache.pid()?)?;
    some(true).run(&apache, |_| Ok(()))?;
    let held = Held::by(probe.pid())?;
    println!("{held:?}");
    ensure!(
        !held.maps.is_empty() && !held.programs.is_empty(),
        "nothing to leave behind"
    );
    ensure!(!held.left()?.is_nothing(), "the kernel does not know of it");
    // Over requests: what it was in the middle of is the worst that there is.
    some(false).run(&apache, |done| {
        if done == some(false).total() / 2 {
            probe.signal(Signal::SIGKILL)?;
        }
        Ok(())
    })?;
    probe.gone()?;
    held.goes()?;
    ensure!(pins() == before, "pins: {:?}, {before:?} before", pins());
    // The next one starts as if nothing had been.
    let run = Run::attach(backend, apache)?;
    some(true).run(&run.apache, |_| Ok(()))?;
    let mut evidence = run.finish(3 * some(true).total())?;
    evidence.entries.drain(..2 * some(true).total());
    evidence.check().run()
}

/// Over the load and the attach: with the first program in the kernel, with some,
/// with most of them.
fn killed_while_attaching(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::default())?;
    let pid = apache.pid()?.to_string();
    for wanted in [1, 4, 8] {
        let mut probe = Probe::launch(backend, ["--pid", &pid])?;
        let held = wait::value("programs to be loaded", || {
            let held = Held::by(probe.pid())?;
            Ok((held.programs.len() >= wanted).then_some(held))
        })?;
        println!(
            "killed with {} programs, {} links",
            held.programs.len(),
            held.links.len()
        );
        probe.signal(Signal::SIGKILL)?;
        probe.gone()?;
        held.goes()?;
    }
    some(true).run(&apache, |_| Ok(()))
}

fn two_instances(backend: Backend) -> Result<()> {
    let first = Run::start(backend, Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let second = Probe::attach(backend, first.apache.pid()?)?;
    for kept in [true, false] {
        some(kept).run(&first.apache, |_| Ok(()))?;
    }
    let evidence = first.finish(2 * some(true).total())?;
    let second = Evidence {
        entries: evidence.entries.clone(),
        report: second.finish()?,
    };
    evidence.check().run().context("the first")?;
    second.check().run().context("the second")
}
