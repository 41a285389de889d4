//! The part that runs inside a guest: asks the kernel which back ends it takes,
//! runs the tests on those, and says so on the serial line.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::plan::{NO_BACK_END, Plan};
use crate::verifier::{self, report::Report};

/// Where the payload is, inside.
const PAYLOAD: &str = "/payload";

/// Where the harness keeps mod_wsgi-express in it.
pub const EXPRESS: &str = "cache/wsgiprobe";

/// What the lines begin with that are for the host; all others are for people.
pub const MARK: &str = "@vm ";

/// Tests of one run: what failed is only told at its end, and a guest may not come to its own.
const AT_A_TIME: usize = 12;

/// What a guest has to say.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It has booted.
    Up,
    /// What the kernel takes.
    Checked {
        /// Of `wsgiprobe check --json`.
        report: Report,
    },
    /// The tests of this column are next, so many.
    Column {
        /// The back end, or [`NO_BACK_END`].
        name: String,
        /// How many.
        tests: usize,
    },
    /// What the kernel complained of while they ran.
    Kernel {
        /// Its line.
        line: String,
    },
    /// All is done.
    End,
}

/// Does all of it.
pub fn run() -> Result<()> {
    let payload = Path::new(PAYLOAD);
    say(&Event::Up)?;
    let plan = fs::read(payload.join("plan.json")).context("the plan")?;
    let plan: Plan = serde_json::from_slice(&plan).context("the plan")?;
    if let Some(built) = &plan.express {
        put_back(payload, Path::new(built)).context("mod_wsgi-express")?;
    }
    let report = verifier::check(&payload.join("wsgiprobe"))?;
    let usable = report.back_ends.iter().filter(|back_end| back_end.usable);
    // The first is the one that is preferred.
    let count = if plan.auto { 1 } else { usize::MAX };
    let usable: Vec<String> = usable.map(|one| one.name.clone()).take(count).collect();
    say(&Event::Checked { report })?;
    for (name, tests) in &plan.columns {
        if name == NO_BACK_END || usable.contains(name) {
            say(&Event::Column {
                name: name.clone(),
                tests: tests.len(),
            })?;
            for some in tests.chunks(AT_A_TIME) {
                run_tests(payload, some)?;
            }
        }
    }
    for line in complaints()? {
        say(&Event::Kernel { line })?;
    }
    say(&Event::End)
}

/// To the very path that its scripts name, and where www-data can look.
fn put_back(payload: &Path, built: &Path) -> Result<()> {
    let name = built.file_name().context("it has no name")?;
    let folder = built.parent().context("it has no folder")?;
    fs::create_dir_all(folder)?;
    for folder in folder.ancestors() {
        let mode = fs::metadata(folder)?.permissions().mode();
        fs::set_permissions(folder, Permissions::from_mode(mode | 0o055))?;
    }
    Ok(symlink(payload.join(EXPRESS).join(name), built)?)
}

/// Their results are the runner's own lines; a failed test does not end the guest.
fn run_tests(payload: &Path, tests: &[String]) -> Result<()> {
    ensure!(!tests.is_empty(), "a column without tests");
    let mut runner = Command::new(payload.join("e2e"));
    // Two at a time: the tests that wait leave the processors to the others.
    runner.args(["--test-threads=2", "--color=never", "--exact"]);
    runner.args(tests).stdin(Stdio::null());
    runner
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("XDG_CACHE_HOME", payload.join("cache"))
        .env("WSGIPROBE_BIN", payload.join("wsgiprobe"))
        .env("WSGIPROBE_EMULATED", "1");
    runner.status().context("starting the tests").map(drop)
}

/// Errors and worse in the kernel's log.
fn complaints() -> Result<Vec<String>> {
    let output = Command::new("dmesg")
        .args(["--level=emerg,alert,crit,err"])
        .output()
        .context("dmesg")?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(str::to_owned).collect())
}

fn say(event: &Event) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{}", serde_json::to_string(event)?)?;
    Ok(out.flush()?)
}

/// The event in a line of the serial console, if there is one.
pub fn event(line: &str) -> Option<Event> {
    serde_json::from_str(line.strip_prefix(MARK)?).ok()
}
