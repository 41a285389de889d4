//! A real terminal device: it is given back after a panic, and one that nobody reads
//! holds nothing up.
//!
//! Each test runs this binary again on a pseudo-terminal of its own, as what is taken
//! is the terminal of a process, and a panic hook is the whole process's.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::{about, second, tick};
use crate::request::sample;
use crate::tui::{Samples, Tui, give_back, terminal};

/// Tells the children from a run of ignored tests.
const VARIABLE: &str = "WSGIPROBE_TEST_ON_A_TERMINAL";

/// For a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

const NORMAL_SCREEN: &str = "\x1b[?1049l";
const OTHER_SCREEN: &str = "\x1b[?1049h";
const CURSOR: &str = "\x1b[?25h";

struct Pty {
    ours: OwnedFd,
    child: Child,
}

impl Pty {
    /// Runs one of the ignored tests below.
    fn run(test: &str) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&ours, size).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let name = std::ffi::OsStr::from_bytes(name.as_bytes());
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name)
            .unwrap();
        let stream = || Stdio::from(theirs.try_clone().unwrap());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("tui::tests::pty::{test}")])
            .args(["--ignored", "--nocapture", "--test-threads=1"])
            .env(VARIABLE, "1")
            .env("TERM", "xterm")
            .env("RUST_BACKTRACE", "0")
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .unwrap();
        Self { ours, child }
    }

    /// Whether lines are edited and shown as they are typed: what a shell needs.
    fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.ours).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// All that was written until the child ended, and its exit status.
    fn output(mut self) -> (String, Option<i32>, bool) {
        let mut file = File::from(self.ours.as_fd().try_clone_to_owned().unwrap());
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            // It ends with EIO, when nobody has the other end any more.
            let _ = file.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let code = self.wait();
        let is_cooked = self.is_cooked();
        (reader.join().unwrap(), code, is_cooked)
    }

    fn wait(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            if began.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                panic!("it does not end");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn on_a_terminal() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// The picture is gone, and what follows it is on a screen that a shell can use.
fn expect_given_back(output: &str, is_cooked: bool, told: &str) {
    let taken = output.find(OTHER_SCREEN).expect("it was taken");
    let back = output.rfind(NORMAL_SCREEN).expect("it was given back");
    assert!(taken < back);
    assert!(
        output[taken..back].contains("wsgiprobe"),
        "a picture was drawn"
    );
    let cursor = output.rfind(CURSOR).expect("the cursor is shown");
    let hidden = output.rfind("\x1b[?25l").expect("it was hidden");
    assert!(hidden < cursor, "{output:?}");
    let place = output.rfind(told).expect("it was told");
    assert!(back < place, "told on the normal screen: {output:?}");
    assert!(is_cooked, "lines are edited again");
}

fn shown() -> Tui {
    let mut tui = Tui::start().unwrap();
    let super::Item::Begin(about) = about() else {
        unreachable!()
    };
    tui.begin(&about);
    let began = Instant::now();
    while !terminal::is_taken() {
        assert!(began.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(5));
    }
    // The first picture.
    thread::sleep(Duration::from_millis(500));
    tui
}

#[test]
fn the_end_of_a_run() {
    let (output, code, is_cooked) = Pty::run("child_ends").output();
    assert_eq!(code, Some(0), "{output}");
    expect_given_back(&output, is_cooked, "the account");
}

#[test]
#[ignore = "run by another test"]
fn child_ends() {
    if on_a_terminal() {
        let mut tui = shown();
        let modes = tcgetattr(std::io::stdin()).unwrap().local_modes;
        assert!(!modes.intersects(LocalModes::ICANON | LocalModes::ECHO));
        tui.close();
        println!("the account");
    }
}

#[test]
fn a_panic_of_the_main_thread() {
    let (output, code, is_cooked) = Pty::run("child_panics").output();
    assert_eq!(code, Some(101), "{output}");
    expect_given_back(&output, is_cooked, "a bug in the run");
}

#[test]
#[ignore = "run by another test"]
fn child_panics() {
    if on_a_terminal() {
        let _tui = shown();
        panic!("a bug in the run");
    }
}

#[test]
fn a_panic_elsewhere_ends_the_picture_alone() {
    let (output, code, is_cooked) = Pty::run("child_panics_elsewhere").output();
    assert_eq!(code, Some(0), "{output}");
    expect_given_back(&output, is_cooked, "a bug in an output");
    let rest = output.rsplit("a bug in an output").next().unwrap();
    assert!(rest.contains("goes on"), "{output:?}");
    assert!(
        !rest.contains(OTHER_SCREEN) && !rest.contains("req/s"),
        "{rest:?}"
    );
}

#[test]
#[ignore = "run by another test"]
fn child_panics_elsewhere() {
    if on_a_terminal() {
        let mut tui = shown();
        let output = thread::spawn(|| panic!("a bug in an output"));
        assert!(output.join().is_err());
        let began = Instant::now();
        let mut number = 0;
        while !tui.is_gone() {
            assert!(began.elapsed() < PATIENCE, "the main thread is told");
            let tick = Arc::new(tick(second(number), &[sample::request("/")]));
            tui.window(&tick, Samples::default());
            thread::sleep(Duration::from_millis(50));
            number += 1;
        }
        println!("the run goes on");
    }
}

#[test]
fn a_terminal_that_nobody_reads_holds_nothing_up() {
    let mut pty = Pty::run("child_is_not_read");
    assert_eq!(pty.wait(), Some(0));
}

#[test]
#[ignore = "run by another test"]
fn child_is_not_read() {
    if on_a_terminal() {
        let mut tui = shown();
        for number in 0..200 {
            let paths: Vec<_> = (0..9)
                .map(|at| sample::request(&format!("/{number}/{at}")))
                .collect();
            let tick = Arc::new(tick(second(number), &paths));
            let began = Instant::now();
            tui.window(&tick, Samples::default());
            tui.notice(number.to_string());
            if began.elapsed() > Duration::from_secs(2) {
                std::process::exit(3);
            }
            thread::sleep(Duration::from_millis(20));
        }
        let began = Instant::now();
        tui.close();
        give_back();
        // The test's own words would wait for a reader.
        let in_time = began.elapsed() < Duration::from_secs(10);
        std::process::exit(if in_time { 0 } else { 4 });
    }
}
