//! `cargo xtask bench node`: wsgiprobe on a node that is as full as they get.
//!
//! The containers are stand-ins ([`crowd`]) that serve nothing: what is measured is what
//! their number costs, at the start, while nothing happens, and when one comes. It is held
//! against what the Kubernetes manifests allow ([`limits`]).

mod crowd;
mod hierarchy;
mod limits;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use self::crowd::Crowd;
use self::limits::Limits;
use super::probe::Probe;
use super::table::{mebibytes, table};
use crate::interrupt::Interrupt;
use crate::progress::{Progress, good};
use crate::workspace;

/// Longest that wsgiprobe may take to attach: the chart's `startupProbe` gives it as much.
const START: Duration = Duration::from_mins(1);

/// Between the attach and the calm: what is said and opened once.
const SETTLE: Duration = Duration::from_secs(5);

/// Longest until a container that has come is spoken of.
const NOTICED: Duration = Duration::from_secs(30);

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Containers, each a pod's only one, with a network of its own.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    containers: u32,
    /// Processes, over all containers.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    processes: u32,
    /// How long its CPU time is measured once it has started.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Its aggregation window; the chart's is 10s, its own default 1s.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    interval: String,
    /// Where `resources` says what it may take.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "deploy/kubernetes/chart/values.yaml"
    )]
    values: PathBuf,
    /// Further arguments of wsgiprobe.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// What came out.
struct Figures {
    /// To being attached, with all processes watched.
    attached: Duration,
    /// CPU until then, and until it was calm: nanoseconds.
    cpu_of_start: [u64; 2],
    /// CPU of the calm, cores.
    cpu: f64,
    /// Memory when calm, and the most there was: bytes.
    memory: (u64, u64),
    /// Of the maps in the kernel, bytes.
    maps: u64,
    /// Between a container's `exec` and being spoken of, and CPU until then, nanoseconds.
    noticed: (Duration, u64),
    /// To leave.
    ended: Duration,
}

/// Measures, prints, and fails if it is more than is allowed.
pub fn run(options: &Options) -> Result<()> {
    let each = options.processes / options.containers;
    ensure!(
        each * options.containers == options.processes && each > 0,
        "--processes must be a multiple of --containers"
    );
    let limits = Limits::read(&workspace::root().join(&options.values))?;
    let binary = workspace::wsgiprobe()?;
    let interrupt = Interrupt::install()?;
    let mut progress = Progress::new("node", 2);
    let mut crowd = Crowd::new()?;
    let what = format!(
        "{} containers of {each} processes in {}",
        options.containers,
        crowd.place().display()
    );
    progress.step(what, || {
        (0..options.containers).try_for_each(|_| crowd.start(each, &interrupt).map(drop))
    })?;
    let figures = progress.step("wsgiprobe", || {
        measure(options, &binary, each, &mut crowd, &interrupt)
    })?;
    anstream::println!("\n{}\n", show(&figures, &limits));
    let over = complaints(&figures, &limits);
    if over.is_empty() {
        anstream::println!("{}", good("within the manifest's limits"));
        return Ok(());
    }
    bail!("{}", over.join("; "))
}

fn measure(
    options: &Options,
    binary: &Path,
    each: u32,
    crowd: &mut Crowd,
    interrupt: &Interrupt,
) -> Result<Figures> {
    let mut arguments: Vec<&str> = vec!["--all", "--kubernetes", "off", "--no-tui"];
    arguments.extend(["--interval", &options.interval]);
    arguments.extend(options.arguments.iter().map(String::as_str));
    let probe = Probe::start(binary, &arguments, START, interrupt)?;
    let at_attach = probe.cpu()?;
    let watched = watched(probe.attached())?;
    ensure!(
        watched >= options.processes,
        "of {} processes only {watched} are watched",
        options.processes
    );
    interrupt.sleep_until(Instant::now() + SETTLE)?;
    let (began, before) = (Instant::now(), probe.cpu()?);
    interrupt.sleep_until(began + Duration::from_secs(options.seconds))?;
    let cpu = (probe.cpu()? - before) as f64 / began.elapsed().as_nanos() as f64;
    let maps = probe.held()?.map_bytes;

    let before_one = probe.cpu()?;
    let one = crowd.start(each, interrupt)?;
    let (pid, exec) = (one.pid(), one.started());
    let words = format!("now watching apache2 pid {pid},");
    let noticed = interrupt.wait_for("the newcomer's notice", NOTICED, || {
        let said = fs::read_to_string(probe.said()).context("reading what it said")?;
        Ok(said.contains(&words).then(|| exec.elapsed()))
    })?;
    let cpu_of_one = probe.cpu()? - before_one;
    crowd.end_last();
    ensure!(
        crowd.len() == options.containers as usize,
        "a container ended"
    );
    interrupt.sleep_until(Instant::now() + Duration::from_secs(1))?;

    let figures = Figures {
        attached: probe.start_time(),
        cpu_of_start: [at_attach, before],
        cpu,
        memory: probe.memory()?,
        maps,
        noticed: (noticed, cpu_of_one),
        ended: Duration::ZERO,
    };
    let leaving = Instant::now();
    let account = probe.finish(interrupt)?;
    ensure!(account.balanced, "its account does not add up");
    Ok(Figures {
        ended: leaving.elapsed(),
        ..figures
    })
}

/// How many it says that it watches.
fn watched(line: &str) -> Result<u32> {
    let number = line.rsplit_once("watching ").map(|(_, rest)| rest);
    let number = number.and_then(|rest| rest.split_once(' ')?.0.parse().ok());
    number.with_context(|| format!("no number of processes in {line:?}"))
}

fn show(figures: &Figures, limits: &Limits) -> String {
    let ms = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1e3);
    let cpu_ms = |ns: u64| format!("{:.0} ms", ns as f64 / 1e6);
    let mib = |bytes| format!("{} MiB", mebibytes(bytes));
    let (now, most) = figures.memory;
    let [at_attach, at_calm] = figures.cpu_of_start;
    let row = |what: &str, figure: String, limit: String| vec![what.to_owned(), figure, limit];
    let rows = vec![
        row(
            "start to attached, all processes watched",
            ms(figures.attached),
            ms(START),
        ),
        row("CPU until then", cpu_ms(at_attach), String::new()),
        row("CPU until 5 s later", cpu_ms(at_calm), String::new()),
        row(
            "CPU afterwards, of a core",
            format!("{:.2} %", figures.cpu * 1e2),
            format!("{:.2} %", limits.cpu * 1e2),
        ),
        row("its memory", mib(now), String::new()),
        row("the most there was", mib(most), String::new()),
        row("the kernel's maps", mib(figures.maps), String::new()),
        row(
            "the most, with the maps",
            mib(most + figures.maps),
            mib(limits.memory),
        ),
        row(
            "another container: exec to told",
            ms(figures.noticed.0),
            String::new(),
        ),
        row("CPU until then", cpu_ms(figures.noticed.1), String::new()),
        row("SIGTERM to its end", ms(figures.ended), String::new()),
    ];
    table(&["", "measured", "allowed"], 1, rows)
}

/// What is more than allowed.
fn complaints(figures: &Figures, limits: &Limits) -> Vec<String> {
    let mut over = Vec::new();
    if figures.cpu > limits.cpu {
        over.push(format!(
            "CPU: {:.3} cores of {:.3}",
            figures.cpu, limits.cpu
        ));
    }
    let memory = figures.memory.1 + figures.maps;
    if memory > limits.memory {
        over.push(format!("memory: {memory} bytes of {}", limits.memory));
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_a_limit_is_complained_of() {
        let limits = Limits {
            cpu: 0.05,
            memory: 100,
        };
        let figures = |cpu, most| Figures {
            attached: Duration::ZERO,
            cpu_of_start: [0; 2],
            cpu,
            memory: (0, most),
            maps: 40,
            noticed: (Duration::ZERO, 0),
            ended: Duration::ZERO,
        };
        assert_eq!(complaints(&figures(0.05, 60), &limits).len(), 0);
        assert_eq!(complaints(&figures(0.06, 60), &limits).len(), 1);
        assert_eq!(complaints(&figures(0.06, 61), &limits).len(), 2);
    }

    #[test]
    fn the_number_of_processes_is_read() {
        let line = "wsgiprobe: attached (sock), watching 2000 processes";
        assert_eq!(watched(line).unwrap(), 2000);
        assert!(watched("wsgiprobe: attached").is_err());
    }
}
