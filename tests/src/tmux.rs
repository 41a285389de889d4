//! A terminal: a real one, of tmux, in which a shell runs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::process::descendants;
use crate::wait;

/// What the shell asks for the next command with.
const PROMPT: &str = "ready>";

/// A tmux server of its own with one shell; it ends when dropped.
pub struct Tmux {
    folder: TempDir,
}

impl Tmux {
    /// Starts a shell in a terminal of that size.
    pub fn start(columns: u16, rows: u16) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("wsgiprobe-tmux-")
            .tempdir()?;
        let tmux = Self { folder };
        let size = [columns.to_string(), rows.to_string()];
        let shell = format!("PS1='{PROMPT}' exec bash --norc --noprofile -i");
        tmux.run(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &size[0],
            "-y",
            &size[1],
            &shell,
        ])?;
        tmux.run(&["set-option", "-g", "window-size", "manual"])?;
        tmux.shows("a prompt", |screen| screen.contains(PROMPT))?;
        Ok(tmux)
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let socket = self.folder.path().join("socket");
        let mut command = Command::new("tmux");
        // One that the tests themselves run in is none of ours.
        command.env_remove("TMUX").env_remove("NO_COLOR");
        command.arg("-S").arg(socket).args(arguments);
        let output = command
            .output()
            .context("cannot run tmux; `cargo xtask setup` installs it")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "tmux {arguments:?}: {words}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Types text as it is.
    pub fn types(&self, text: &str) -> Result<()> {
        self.run(&["send-keys", "-l", text]).map(drop)
    }

    /// Presses keys by tmux's names: `Enter`, `Escape`, `Down`, `C-c`.
    pub fn press(&self, keys: &[&str]) -> Result<()> {
        self.run(&[&["send-keys"], keys].concat()).map(drop)
    }

    /// Types a command line and ends it.
    pub fn enter(&self, line: &str) -> Result<()> {
        self.types(line)?;
        self.press(&["Enter"])
    }

    /// Forgets what was shown.
    pub fn clear(&self) -> Result<()> {
        self.enter("clear")?;
        self.shows("a prompt alone", |screen| screen.trim() == PROMPT)?;
        self.run(&["clear-history"]).map(drop)
    }

    /// The screen as it is, lines without trailing blanks.
    pub fn screen(&self) -> Result<String> {
        self.run(&["capture-pane", "-p"])
    }

    /// The screen with what has scrolled out of it, lines as long as they were written.
    pub fn everything(&self) -> Result<String> {
        self.run(&["capture-pane", "-p", "-J", "-S", "-"])
    }

    /// Waits for a screen on which that holds, and gives it.
    pub fn shows(&self, what: &str, holds: impl Fn(&str) -> bool) -> Result<String> {
        let found = wait::value(what, || {
            let screen = self.screen()?;
            Ok(holds(&screen).then_some(screen))
        });
        found.with_context(|| format!("the screen is\n{}", self.screen().unwrap_or_default()))
    }

    fn flag(&self, name: &str) -> Result<bool> {
        let format = format!("#{{{name}}}");
        let shown = self.run(&["display-message", "-p", &format])?;
        Ok(shown.trim() == "1")
    }

    /// Whether a program has the whole screen for itself.
    pub fn is_taken(&self) -> Result<bool> {
        self.flag("alternate_on")
    }

    /// Whether the cursor is seen.
    pub fn has_cursor(&self) -> Result<bool> {
        self.flag("cursor_flag")
    }

    /// Makes the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        let size = [columns.to_string(), rows.to_string()];
        self.run(&["resize-window", "-x", &size[0], "-y", &size[1]])
            .map(drop)
    }

    /// The process of that name below the shell.
    pub fn process(&self, name: &str) -> Result<u32> {
        let shell: u32 = self
            .run(&["display-message", "-p", "#{pane_pid}"])?
            .trim()
            .parse()?;
        let is_named = |pid: &u32| {
            let path = PathBuf::from(format!("/proc/{pid}/comm"));
            std::fs::read_to_string(path).is_ok_and(|found| found.trim() == name)
        };
        wait::value("the process", || {
            Ok(descendants(shell).into_iter().find(is_named))
        })
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // With it goes whatever runs inside.
        let _ = self.run(&["kill-server"]);
    }
}
