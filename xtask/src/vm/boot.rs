//! One boot: QEMU without hardware help, its serial line as our input.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::kernels::Kernel;

/// One thread runs all of the guest's processors in turn. With a thread for each,
/// QEMU 7.2 may run code that another processor has just replaced: the kernel dies of
/// an `int3` when a tracepoint is switched
/// (docs/journal/2026-11-21-kernels-in-qemu.md).
const EMULATION: &str = "tcg,thread=single";

/// The guest's processors: programs and tests do move between them.
const PROCESSORS: &str = "2";

/// Memory of a guest: what Apache, Postgres and the tests take, and as much for what
/// they write.
pub const MEGABYTES: u64 = 2048;

/// The longest that a guest that is well says nothing: a test that waits in vain.
const SILENCE: Duration = Duration::from_mins(10);

/// Three columns of 5.10 took more than an hour beside other work.
const LIMIT: Duration = Duration::from_hours(2);

/// What to boot.
pub struct Machine<'a> {
    /// What it runs, and on what.
    pub kernel: Kernel,
    /// Its image.
    pub image: &'a Path,
    /// Both archives, one behind the other.
    pub initrd: &'a Path,
    /// The root file system; what is written to it is forgotten.
    pub root: &'a Path,
    /// Where all that it says is kept.
    pub log: &'a Path,
}

/// How a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Over,
    /// It said nothing for too long.
    Silent,
    /// It took too long.
    Late,
}

/// Runs the guest to its end; `line` gets what it says.
pub fn run(machine: &Machine, mut line: impl FnMut(&str)) -> Result<End> {
    let mut log = File::create(machine.log).context("the guest's log")?;
    let mut guest = Guest::start(machine)?;
    let began = Instant::now();
    let lines = guest.lines();
    let end = loop {
        match lines.recv_timeout(SILENCE) {
            Ok(said) => {
                writeln!(log, "{said}").context("the guest's log")?;
                line(&said);
            }
            Err(RecvTimeoutError::Timeout) => break End::Silent,
            Err(RecvTimeoutError::Disconnected) => break End::Over,
        }
        if began.elapsed() > LIMIT {
            break End::Late;
        }
    };
    Ok(end)
}

/// A running QEMU; it is stopped when dropped.
struct Guest(Child);

impl Guest {
    fn start(machine: &Machine) -> Result<Self> {
        let console = machine.kernel.arch.console();
        let kernel = format!(
            // Only the worst goes to the console: the rest would cut into our lines.
            "console={console} quiet loglevel=1 panic=-1 oops=panic"
        );
        let disk = format!(
            "file={},if=none,id=root,format=raw,snapshot=on",
            machine.root.display()
        );
        let mut qemu = machine.kernel.qemu();
        qemu.args(["-accel", EMULATION, "-smp", PROCESSORS]);
        qemu.args(["-m", &MEGABYTES.to_string()]);
        qemu.args(["-nodefaults", "-no-reboot"]);
        qemu.args(["-display", "none", "-serial", "stdio", "-nic", "none"]);
        qemu.arg("-kernel").arg(machine.image);
        qemu.arg("-initrd").arg(machine.initrd);
        qemu.args(["-append", &kernel, "-drive", &disk]);
        qemu.args(["-device", "virtio-blk-pci,drive=root"]);
        qemu.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(Self(qemu.spawn().context("starting QEMU")?))
    }

    /// What it says, line by line, until it ends.
    fn lines(&mut self) -> Receiver<String> {
        let (sender, receiver) = channel();
        let stdout = self.0.stdout.take().expect("stdout is piped");
        thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n') {
                // Broken off: the guest is gone, or nobody listens any more.
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line);
                if sender.send(line.trim_end().to_owned()).is_err() {
                    break;
                }
            }
        });
        receiver
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
