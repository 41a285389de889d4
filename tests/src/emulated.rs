//! Emulated processors: everything takes longer, and nothing takes as long as usual.

use std::time::Duration;

/// Set where processors are emulated (`cargo xtask vm` does): what is bounded by
/// fractions of milliseconds is skipped, what is waited for may take longer.
pub const VARIABLE: &str = "WSGIPROBE_EMULATED";

/// How much slower it is. Measured 7 to 12 times on QEMU's TCG; the machine under
/// it may be busy as well.
const SLOWER: u32 = 12;

/// Whether they are.
#[must_use]
pub fn emulated() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty())
}

/// What takes `usual` on a real machine may take so long here.
#[must_use]
pub fn patiently(usual: Duration) -> Duration {
    if emulated() { usual * SLOWER } else { usual }
}
