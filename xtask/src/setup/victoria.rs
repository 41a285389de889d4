//! `VictoriaMetrics`, which speaks the interface of InfluxDB 2.
//!
//! That of a later Debian than this one (1.112), so it is unpacked into the cache and not
//! installed; it needs nothing of that release.

use anyhow::Result;

use super::Done;
use crate::progress::Progress;
use crate::vm::apt::Apt;
use crate::vm::cache::Cache;
use crate::vm::kernels::{Arch, Suite};

const PACKAGE: &str = "victoria-metrics";
const SUITE: Suite = Suite::Main("trixie");

/// Unpacks it where `profiler-user/tests/influxdb/victoria.rs` looks for it.
pub(super) fn install(_: &Progress) -> Result<Done> {
    let cache = Cache::open()?;
    let name = format!("servers/{PACKAGE}");
    let there = cache.path(&name).exists();
    let tree = cache.made(&name, |tree| {
        let arch = match std::env::consts::ARCH {
            "aarch64" => Arch::Arm64,
            _ => Arch::Amd64,
        };
        Apt::updated(&cache, SUITE, arch)?.unpack(&[PACKAGE], tree)
    })?;
    let found = tree.display().to_string();
    Ok(if there {
        Done::AlreadyThere(found)
    } else {
        Done::Now(found)
    })
}
