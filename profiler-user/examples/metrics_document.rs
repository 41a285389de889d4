//! Prints docs/metrics.md, as `cargo xtask docs` writes it.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(wsgiprobe::metrics::document().as_bytes())
}
