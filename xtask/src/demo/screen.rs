//! The screen, as somebody at a terminal has it: a second wsgiprobe on the same Apache, in
//! a terminal of tmux.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::scene::Scene;
use crate::interrupt::Interrupt;

/// As much of the load as it draws, at most.
const BEFORE: Duration = Duration::from_secs(10);

const COLUMNS: &str = "100";
const ROWS: &str = "24";

/// Takes it, with its colours, while a load goes on that takes `loaded`.
pub fn picture(
    binary: &Path,
    scene: &Scene,
    loaded: Duration,
    interrupt: &Interrupt,
) -> Result<String> {
    let terminal = Terminal(scene.folder.join("tmux"));
    let size = ["-x", COLUMNS, "-y", ROWS];
    let binary = binary.to_str().context("a path that is no text")?;
    let watches = [binary, "--pid", &scene.apache.pid().to_string()];
    let begins = ["-f", "/dev/null", "new-session", "-d"];
    terminal.run(&[&begins[..], &size, &watches].concat())?;
    interrupt.sleep_until(Instant::now() + loaded.min(BEFORE))?;
    terminal.run(&["capture-pane", "-p", "-e"])
}

/// A tmux server of its own, by its socket; it ends when dropped, and what runs in it.
struct Terminal(PathBuf);

impl Terminal {
    fn run(&self, arguments: &[&str]) -> Result<String> {
        // One that the demo itself runs in is none of ours.
        let output = Command::new("tmux")
            .env_remove("TMUX")
            .env_remove("NO_COLOR")
            .arg("-S")
            .arg(&self.0)
            .args(arguments)
            .output()
            .context("cannot run tmux; `cargo xtask setup` installs it")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "tmux {arguments:?}: {words}");
        String::from_utf8(output.stdout).context("what tmux shows is no text")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Err(error) = self.run(&["kill-server"]) {
            anstream::eprintln!("the terminal could not be ended: {error:#}");
        }
    }
}
