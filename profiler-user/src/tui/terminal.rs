//! Taking the terminal, and giving it back whatever happens.

use std::fs::File;
use std::io::{self, BufWriter};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::{cursor, execute, terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// A terminal that is drawn on.
pub(super) type Terminal = ratatui::Terminal<CrosstermBackend<BufWriter<File>>>;

/// Whether the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// How it was before.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// A frame in one write, as a rule.
const FRAME_BYTES: usize = 32 << 10;

/// How long a terminal is waited for that has to be given back.
const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// End of a synchronized update, no colours, the cursor, the normal screen.
const GIVE_BACK: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?25h\x1b[?1049l";

/// Takes it: alternate screen, no cursor, keys as they are pressed.
pub(super) fn take() -> io::Result<Terminal> {
    give_back_on_panic();
    let before = tcgetattr(stdin())?;
    let _ = BEFORE.set(before);
    // Not through std's stdout: its lock must not be held where the terminal stands still.
    let stdout = File::from(stdout().as_fd().try_clone_to_owned()?);
    let mut writer = BufWriter::with_capacity(FRAME_BYTES, stdout);
    TAKEN.store(true, Ordering::SeqCst);
    let taken = terminal::enable_raw_mode()
        .and_then(|()| execute!(writer, terminal::EnterAlternateScreen, cursor::Hide))
        .and_then(|()| ratatui::Terminal::new(CrosstermBackend::new(writer)));
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Whether it still is ours: a panic elsewhere gives it back.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Gives it back, if it was taken. Async-signal-safe: an atomic and three system calls.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let output = stdout();
    let mut ready = [PollFd::new(&output, PollFlags::OUT)];
    // One that stands still must not hold up the end.
    if poll(&mut ready, Some(&AT_ONCE)) == Ok(1) {
        // If that fails there is no terminal any more.
        let _ = rustix::io::write(output, GIVE_BACK);
    }
    if let Some(before) = BEFORE.get() {
        let _ = tcsetattr(stdin(), OptionalActions::Now, before);
    }
}

/// The message of a panic belongs on the normal screen.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            tell(panic);
        }));
    });
}
