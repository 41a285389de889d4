//! Proves that the screen of a terminal shows what the access log has, does what keys
//! say, fits whatever size the terminal is, and gives it back at whatever end.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::load::Load;
use harness::probe;
use harness::server::Server;
use harness::tmux::Tmux;
use harness::wait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

harness::on_each_backend!(shows, given_back, plain);

/// All of them of one route.
const LOAD: Load = Load {
    clients: 4,
    requests: 50,
    kept: true,
};
const MEANWHILE: Load = Load {
    clients: 4,
    requests: 800,
    kept: true,
};
const ROUTE: &str = "/hello/{id}/{id}";

fn command(backend: Backend, apache: &Apache, more: &str) -> Result<String> {
    let binary = probe::find()?;
    let (name, pid) = (backend.name(), apache.pid()?);
    // The exit status of whatever the shell is left with.
    Ok(format!(
        "{} --pid {pid} --hooks {name} {more}; echo exit=$?",
        binary.display()
    ))
}

/// Starts it, and waits for its first picture.
fn started(backend: Backend, apache: &Apache, tmux: &Tmux) -> Result<()> {
    tmux.enter(&command(backend, apache, "")?)?;
    tmux.shows("the first picture", |screen| {
        screen.contains("waiting for the first request")
    })?;
    ensure!(
        tmux.is_taken()? && !tmux.has_cursor()?,
        "a screen of its own"
    );
    Ok(())
}

/// The total of a route in the table.
fn total(screen: &str, route: &str) -> Option<usize> {
    let line = screen
        .lines()
        .find(|line| line.trim_start().starts_with(route))?;
    line.trim_start()[route.len()..]
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// Waits until the table has that total.
fn shows_total(tmux: &Tmux, route: &str, count: usize) -> Result<String> {
    let what = format!("{count} requests to {route}");
    tmux.shows(&what, |screen| total(screen, route) == Some(count))
}

fn shows(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let tmux = Tmux::start(100, 30)?;
    started(backend, &apache, &tmux)?;

    unprivileged(tmux.process("wsgiprobe")?)?;

    LOAD.run(&apache, |_| Ok(()))?;
    apache.connect()?.get("/other")?;
    shows_total(&tmux, ROUTE, LOAD.total())?;
    // It may be of the next window.
    let screen = shows_total(&tmux, "/other", 1)?;
    ensure!(screen.contains("pool app"), "the pool's gauge: {screen}");
    ensure!(screen.contains("lost 0") && screen.contains(" sock") == (backend == Backend::Sock));

    keys(&tmux)?;
    pause(&tmux, &apache)?;
    thread::scope(|scope| {
        let load = scope.spawn(|| MEANWHILE.run(&apache, |_| Ok(())));
        sizes(&tmux)?;
        load.join().unwrap_or_else(|_| bail!("a client panicked"))
    })?;

    // The truth.
    let logged = apache.settle(LOAD.total() + 2 + MEANWHILE.total())?;
    let of_route = logged.iter().filter(|entry| {
        entry
            .path
            .as_deref()
            .is_some_and(|path| path.starts_with("/hello/"))
    });
    let count = of_route.count();
    shows_total(&tmux, ROUTE, count)?;

    tmux.press(&["q"])?;
    ended(&tmux, 0)?;
    let all = tmux.everything()?;
    let sum = format!(
        "seen {0} = reported {0} + in flight 0 + lost 0",
        logged.len()
    );
    ensure!(all.contains(&sum), "{sum}: {all}");
    for line in [
        "whole run",
        "watching",
        "stopping; again to stop at once",
        "cost ",
    ] {
        ensure!(all.contains(line), "{line} on the normal screen: {all}");
    }
    ensure!(
        !all.contains("waiting for the first request"),
        "no picture is left: {all}"
    );
    usable(&tmux)
}

/// The thread that draws has no capability, no more than its share of the CPU, and no
/// system call but those that a run needs.
fn unprivileged(pid: u32) -> Result<()> {
    let folder = format!("/proc/{pid}/task");
    let mut threads = fs::read_dir(folder)?.map(|task| Ok(task?.path()));
    let screen = threads.find(|path: &Result<_>| {
        let name = |path: &PathBuf| fs::read_to_string(path.join("comm")).ok();
        path.as_ref()
            .ok()
            .and_then(name)
            .is_some_and(|name| name == "screen\n")
    });
    let screen = screen.context("no thread of that name")??;
    // The filter comes last.
    wait::until("a confined thread", || {
        let status = fs::read_to_string(screen.join("status"))?;
        let has = |line: &str| status.lines().any(|found| found == line);
        Ok(has("CapEff:\t0000000000000000")
            && has("CapPrm:\t0000000000000000")
            && has("Seccomp:\t2"))
    })?;
    // The 19th field is the nice value; the name before them has no blank.
    let stat = fs::read_to_string(screen.join("stat"))?;
    let nice = stat.split(' ').nth(18);
    ensure!(nice == Some("0"), "its nice value is {nice:?}");
    Ok(())
}

/// Sort, filter, details, help, other pages.
fn keys(tmux: &Tmux) -> Result<()> {
    let place = |screen: &str, route: &str| screen.find(&format!(" {route} "));
    tmux.types("2")?;
    tmux.shows("the most requests first", |screen| {
        screen.contains("total▼") && place(screen, ROUTE) < place(screen, "/other")
    })?;
    tmux.types("r")?;
    tmux.shows("the least first", |screen| {
        screen.contains("total▲") && place(screen, ROUTE) > place(screen, "/other")
    })?;
    tmux.press(&["Left"])?;
    tmux.shows("by name", |screen| screen.contains("route▼"))?;

    tmux.types("/hell")?;
    let filtered = tmux.shows("one route", |screen| screen.contains("Routes 1/2"))?;
    ensure!(place(&filtered, "/other").is_none(), "{filtered}");
    tmux.press(&["Enter", "Enter"])?;
    let detail = tmux.shows("its details", |screen| {
        screen.contains("how long they took")
    })?;
    for part in ["slowest of the run", "application", "200 requests in all"] {
        ensure!(detail.contains(part), "{part}: {detail}");
    }
    tmux.press(&["Enter"])?;
    tmux.shows("a request", |screen| {
        screen.contains("one after another") && screen.contains("1 of 5")
    })?;
    tmux.press(&["Down"])?;
    tmux.shows("another request", |screen| screen.contains("2 of 5"))?;
    // tmux itself waits whether more follows an Escape.
    for _ in 0..3 {
        tmux.press(&["BSpace"])?;
    }
    tmux.shows("all routes", |screen| screen.contains(" Routes 2 "))?;

    tmux.types("s")?;
    tmux.shows("servers", |screen| {
        screen.contains("listening sockets") && screen.contains("pool app")
    })?;
    tmux.types("m")?;
    tmux.shows("messages", |screen| {
        screen.contains("messages, the last first")
    })?;
    tmux.types("?")?;
    tmux.shows("help", |screen| screen.contains("end the run"))?;
    tmux.press(&["Enter", "Tab"])?;
    tmux.shows("the table", |screen| screen.contains("route▼"))
        .map(drop)
}

/// The picture stands still, the run goes on.
fn pause(tmux: &Tmux, apache: &Apache) -> Result<()> {
    tmux.types("p")?;
    let held = tmux.shows("a pause", |screen| screen.contains("PAUSED"))?;
    apache.connect()?.get("/hello/9/9")?;
    // Longer than two windows: what is to be seen would be.
    thread::sleep(Duration::from_millis(2_500));
    let still = tmux.screen()?;
    ensure!(held == still, "it stands still:\n{held}\n{still}");
    tmux.types("p")?;
    shows_total(tmux, ROUTE, LOAD.total() + 1).map(drop)
}

/// Other sizes, down to one that is too small, and back.
fn sizes(tmux: &Tmux) -> Result<()> {
    for (columns, rows) in [(80, 24), (50, 12), (160, 50), (100, 30)] {
        tmux.resize(columns, rows)?;
        let screen = tmux.shows("a picture of that size", |screen| {
            // The keys are in the last line, and the state ends the first.
            let last = screen.lines().nth(usize::from(rows) - 1);
            let first = screen.lines().next().unwrap_or_default();
            last.is_some_and(|line| line.contains("Enter look"))
                && first.chars().count() == usize::from(columns) - 1
                && first.ends_with("live")
        });
        let screen = screen.with_context(|| format!("{columns}x{rows}"))?;
        ensure!(total(&screen, ROUTE) > Some(LOAD.total()), "{screen}");
    }
    tmux.resize(30, 5)?;
    tmux.shows("what it needs", |screen| screen.contains("needed   50x12"))?;
    tmux.resize(100, 30)?;
    let is_back = |screen: &str| total(screen, ROUTE) > Some(LOAD.total());
    tmux.shows("the table again", is_back).map(drop)
}

/// It has ended, with that status, and the normal screen is back.
fn ended(tmux: &Tmux, status: i32) -> Result<()> {
    let line = format!("exit={status}");
    let is_line = |screen: &str| screen.lines().any(|found| found == line);
    tmux.shows(&line, is_line)?;
    ensure!(!tmux.is_taken()?, "the normal screen");
    ensure!(tmux.has_cursor()?, "a cursor");
    Ok(())
}

/// The shell shows what is typed, and does it.
fn usable(tmux: &Tmux) -> Result<()> {
    // What was there before is no answer.
    tmux.clear()?;
    tmux.enter("stty -a | tr ';' ' '; echo $((6 * 7))")?;
    let screen = tmux.shows("an answer", |screen| {
        screen.lines().any(|line| line == "42")
    })?;
    let words: Vec<&str> = screen.split_whitespace().collect();
    for mode in ["echo", "icanon", "isig", "opost", "icrnl", "onlcr"] {
        ensure!(words.contains(&mode), "{mode} is on: {screen}");
    }
    Ok(())
}

fn given_back(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Embedded))?;
    let tmux = Tmux::start(80, 24)?;
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        tmux.clear()?;
        started(backend, &apache, &tmux)?;
        let pid = tmux.process("wsgiprobe")?;
        kill(Pid::from_raw(pid as i32), signal)?;
        ended(&tmux, 0).with_context(|| format!("after {signal}"))?;
        let all = tmux.everything()?;
        ensure!(
            all.contains("whole run"),
            "the account after {signal}: {all}"
        );
        usable(&tmux)?;
    }

    // Ctrl-C is a key there, and Ctrl-Z as well.
    started(backend, &apache, &tmux)?;
    tmux.press(&["C-z"])?;
    tmux.shows("the shell", |screen| screen.contains("Stopped"))?;
    ensure!(
        !tmux.is_taken()? && tmux.has_cursor()?,
        "the shell has its screen"
    );
    tmux.enter("fg")?;
    tmux.shows("the picture again", |screen| screen.contains("Routes 0"))?;
    wait::until("a screen of its own", || tmux.is_taken())?;
    tmux.press(&["C-c"])?;
    tmux.shows("the account", |screen| screen.contains("cost "))?;
    ensure!(!tmux.is_taken()? && tmux.has_cursor()?, "the normal screen");
    usable(&tmux)
}

/// Where there is nothing to draw on, or it is not wanted, there are lines.
fn plain(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Embedded))?;
    let tmux = Tmux::start(100, 30)?;
    let cases = [
        ("", "--no-tui --duration 1s"),
        ("TERM=dumb ", "--duration 1s"),
        ("", "--duration 1s </dev/null"),
        ("", "--duration 1s | cat"),
        ("", "--duration 1s --jsonl -"),
        ("WSGIPROBE_NO_TUI=1 ", "--duration 1s"),
    ];
    for (before, more) in cases {
        tmux.clear()?;
        let line = format!("{before}{}", command(backend, &apache, more)?);
        tmux.enter(&line)?;
        let is_over = |screen: &str| screen.lines().any(|found| found == "exit=0");
        wait::until("its end", || {
            ensure!(!tmux.is_taken()?, "{line} draws");
            Ok(is_over(&tmux.screen()?))
        })?;
        let all = tmux.everything()?;
        ensure!(all.contains("whole run"), "{line}: {all}");
    }
    Ok(())
}
