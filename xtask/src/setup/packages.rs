//! The Debian packages, and what each is for.

use std::process::Command;

use anyhow::{Result, bail};

use super::{Done, apt, cargo_tools};
use crate::command;
use crate::progress::Progress;
use crate::toolchain::Toolchain;

/// A C compiler and linker, for crates; what `mod_wsgi-express` is built with; and
/// what loads a server.
const BUILD: [&str; 6] = [
    "build-essential",
    "apache2-dev",
    "python3-dev",
    "python3-venv",
    "wrk",
    "curl",
];

/// The servers that the tests and the demo watch and write to: here, and in the
/// guests of `cargo xtask vm`. Redis and Postgres, with Python's libraries for them,
/// are what applications wait for; tmux is the terminal that a screen is drawn on.
pub const SERVERS: [&str; 9] = [
    "apache2",
    "libapache2-mod-wsgi-py3",
    "influxdb",
    "prometheus",
    "redis-server",
    "python3-redis",
    "postgresql",
    "python3-psycopg2",
    "tmux",
];

/// What shows the web page to the tests.
const BROWSER: [&str; 3] = ["chromium", "chromium-driver", "fonts-dejavu-core"];

/// What `cargo xtask dashboards` and `vendor` fetch from npm with, where there is no other.
const NODE: [&str; 2] = ["nodejs", "npm"];

/// What `cargo xtask dist` packs with, and where it installs that: containers, a root for
/// them, and the tools of other distributions. Mozilla's authorities go into the image.
const PACKAGES: [&str; 9] = [
    "podman",
    "buildah",
    "runc",
    "catatonit",
    "rpm",
    "rpmlint",
    "ca-certificates",
    "libcap2-bin",
    "systemd",
];

/// Other kernels: QEMU, and what makes a root and an initrd for them. The tools
/// for file systems and archives may be missing in a container.
pub const KERNELS: [&str; 7] = [
    "qemu-system-x86",
    "debootstrap",
    "e2fsprogs",
    "cpio",
    "findutils",
    "xz-utils",
    "zstd",
];

/// The same for arm64, and a compiler for it.
pub const ARM64: [&str; 3] = [
    "qemu-system-arm",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
];

/// A Rust compiler with a compiled `core` for eBPF, and its clippy.
const KERNEL_TOOLCHAIN: [&str; 4] = [
    "rustc-web",
    "cargo-web",
    "libstd-rust-web-dev-bpf",
    "rust-web-clippy",
];

/// The LLVM that bpf-linker is built with: [`toolchain::LLVM`](crate::toolchain::LLVM).
const LLVM: [&str; 4] = [
    "llvm-22-dev",
    "libpolly-22-dev",
    "zlib1g-dev",
    "libzstd-dev",
];

/// Installs those that are missing, in one run of apt.
pub(super) fn install(progress: &Progress) -> Result<Done> {
    let mut wanted = [
        &BUILD[..],
        &SERVERS[..],
        &BROWSER[..],
        &KERNELS[..],
        &PACKAGES[..],
    ]
    .concat();
    if cargo_tools::working_bpf_linker().is_none() {
        wanted.extend(LLVM);
    }
    if command::first_line(Command::new("npm").arg("--version")).is_none() {
        wanted.extend(NODE);
    }
    // A nightly that can do it spares the distribution's compiler.
    if Toolchain::find() != Some(Toolchain::Nightly) {
        wanted.extend(KERNEL_TOOLCHAIN);
    }

    match install_missing(progress, &wanted)? {
        0 => Ok(Done::AlreadyThere(format!("{} of them", wanted.len()))),
        count => Ok(Done::Now(format!("{count} installed"))),
    }
}

/// Installs those of these that are missing; says how many that were.
pub fn install_missing(progress: &Progress, wanted: &[&'static str]) -> Result<usize> {
    let missing = apt::missing(wanted)?;
    if missing.is_empty() {
        return Ok(0);
    }
    apt::require_root(&missing)?;
    apt::update(progress)?;
    let missing = offered(progress, missing)?;
    apt::install(progress, &missing)?;
    Ok(missing.len())
}

/// Leaves out the compiler where this release has none: a nightly replaces it.
/// Nothing replaces the others.
fn offered(progress: &Progress, mut packages: Vec<&'static str>) -> Result<Vec<&'static str>> {
    let is_compiler = |name: &&str| KERNEL_TOOLCHAIN.contains(name);
    let (compiler, others): (Vec<_>, Vec<_>) = apt::not_offered(&packages)
        .into_iter()
        .partition(is_compiler);
    if !others.is_empty() {
        bail!(
            "this release does not offer {}: Debian 12 with its security archive does",
            others.join(", ")
        );
    }
    if !compiler.is_empty() {
        progress.say("this release has no Rust with `core` for eBPF: a nightly has to do");
        packages.retain(|name| !is_compiler(name));
    }
    Ok(packages)
}
