//! What changes for the whole machine: its clock, and its processors. These tests run
//! in the guests of `cargo xtask vm`, and elsewhere only if `WSGIPROBE_ALTER_MACHINE`
//! is set: whatever else runs there would notice.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::{self, Backend};
use harness::emulated::emulated;
use harness::load::Load;
use harness::run::Run;
use harness::server::Server;
use harness::skip;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};

/// Set if the machine may be altered.
const ALTER: &str = "WSGIPROBE_ALTER_MACHINE";

macro_rules! with_no_other_beside {
    ($($subject:ident),+) => {$(
        mod $subject {
            use super::{Backend, Result, if_allowed};

            #[test]
            fn sock() -> Result<()> {
                if_allowed(Backend::Sock, super::$subject)
            }

            #[test]
            fn fentry() -> Result<()> {
                if_allowed(Backend::Fentry, super::$subject)
            }

            #[test]
            fn syscall() -> Result<()> {
                if_allowed(Backend::Syscall, super::$subject)
            }
        }
    )+};
}

with_no_other_beside!(clock_stepped, processor_unplugged);

fn if_allowed(backend: Backend, test: fn(Backend) -> Result<()>) -> Result<()> {
    if !emulated() && std::env::var_os(ALTER).is_none() {
        skip::say(&format!(
            "it alters the whole machine, and {ALTER} is not set"
        ));
        return Ok(());
    }
    backends::alone(|| backends::unless_skipped(backend, test))
}

const LOAD: Load = Load {
    clients: 4,
    requests: 50,
    kept: true,
};

/// How far the clock is stepped.
const HOUR: Duration = Duration::from_hours(1);

/// The clock, an hour ahead until dropped.
struct Ahead {
    real: SystemTime,
    began: Instant,
}

impl Ahead {
    fn step() -> Result<Self> {
        let ahead = Self {
            real: SystemTime::now(),
            began: Instant::now(),
        };
        set(ahead.real + HOUR)?;
        Ok(ahead)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if let Err(error) = set(self.real + self.began.elapsed()) {
            eprintln!("the clock stays an hour ahead: {error:#}");
        }
    }
}

fn set(time: SystemTime) -> Result<()> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH)?;
    clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::from_duration(since))
        .context("the clock cannot be set")
}

/// Durations are of the monotonic clock; times of day follow the step, both ways.
fn clock_stepped(backend: Backend) -> Result<()> {
    clock_gettime(ClockId::CLOCK_REALTIME)?;
    let run = Run::start(backend, Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let slow = |name: &str, logged: usize| -> Result<()> {
        LOAD.run(&run.apache, |_| Ok(()))?;
        run.apache.connect()?.get(&format!("/slow/300/{name}"))?;
        // Logged after a step back, `%D` would be negative.
        run.apache.settle(logged * (LOAD.total() + 1)).map(drop)
    };
    slow("before", 1)?;
    {
        let _ahead = Ahead::step()?;
        // The clocks are compared anew now and then.
        sleep(Duration::from_secs(3));
        slow("ahead", 2)?;
    }
    sleep(Duration::from_secs(3));
    slow("after", 3)?;
    let evidence = run.finish(3 * (LOAD.total() + 1))?;
    for name in ["before", "ahead", "after"] {
        let request = evidence
            .report
            .only(&format!("/slow/300/{name}"))
            .map(|request| (request.duration, request.time.clone()));
        let (duration, time) = request?;
        println!("{name}: {duration:?} ns at {time}");
        let took = Duration::from_nanos(duration.context("no duration")?);
        ensure!(
            took >= Duration::from_millis(300) && took < HOUR / 60,
            "{name} took {took:?}"
        );
    }
    // Compares the time of each with the log's, which Apache takes from the same clock.
    evidence.check().any_sizes().run()
}

/// A processor that is not there until dropped.
struct Unplugged(PathBuf);

impl Unplugged {
    fn one(switch: &Path) -> Result<Self> {
        fs::write(switch, "0").with_context(|| switch.display().to_string())?;
        Ok(Self(switch.to_owned()))
    }
}

impl Drop for Unplugged {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.0, "1") {
            eprintln!("{} stays off: {error}", self.0.display());
        }
    }
}

fn processor_unplugged(backend: Backend) -> Result<()> {
    let switch = Path::new("/sys/devices/system/cpu/cpu1/online");
    if !switch.exists() {
        skip::say("this machine has no second processor that can be unplugged");
        return Ok(());
    }
    let run = Run::start(backend, Conf::new(Mpm::Event, Wsgi::Daemon))?;
    LOAD.run(&run.apache, |_| Ok(()))?;
    {
        let _unplugged = Unplugged::one(switch)?;
        LOAD.run(&run.apache, |_| Ok(()))?;
    }
    LOAD.run(&run.apache, |_| Ok(()))?;
    // In the middle of a load, both ways.
    let mut unplugged = std::sync::Mutex::new(None);
    LOAD.run(&run.apache, |done| {
        let mut unplugged = unplugged
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if done == LOAD.total() / 3 {
            *unplugged = Some(Unplugged::one(switch)?);
        } else if done == LOAD.total() * 2 / 3 {
            *unplugged = None;
        }
        Ok(())
    })?;
    drop(unplugged.get_mut().map(Option::take));
    run.finish(4 * LOAD.total())?.check().run()
}
