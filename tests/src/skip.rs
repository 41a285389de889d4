//! Tests that cannot run here say so, and why.

use std::io::Write;

/// Prints `skipped TEST: REASON` for whoever counts.
pub fn say(reason: &str) {
    tell("skipped", reason);
}

/// Prints `WHAT TEST: REASON` past the test runner, which keeps back what a test that ends
/// well prints.
pub(crate) fn tell(what: &str, reason: &str) {
    let thread = std::thread::current();
    let line = format!("{what} {}: {reason}\n", thread.name().unwrap_or("?"));
    // Whole lines, since other tests print too; who reads no more misses nothing.
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}
