//! Which rustup toolchain compiles the kernel programs.
//!
//! Included by `profiler-user/build.rs` and by `xtask`, so that what `setup`
//! installs, what `check` lints with and what the build takes are one choice.

use std::path::PathBuf;
use std::process::Command;

/// The target triple of the kernel programs.
pub const TARGET: &str = "bpfel-unknown-none";

/// The major version of the LLVM that `cargo xtask setup` builds bpf-linker with.
///
/// A compiler with a newer one writes bitcode that the linker refuses
/// (`Invalid record`), and only at the very end of the build.
pub const LLVM: u32 = 22;

/// A toolchain that has, or can build, `core` for [`TARGET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// Debian's compiler, linked into rustup. It carries a compiled `core` for
    /// eBPF, so nothing beyond the distribution's packages is needed.
    Debian,
    /// Rust's nightly with `rust-src`, out of which cargo builds `core`.
    Nightly,
}

impl Toolchain {
    /// Every choice, the better first: a compiled `core` saves building one.
    pub const ALL: [Self; 2] = [Self::Debian, Self::Nightly];

    /// The first one that is installed and complete.
    #[must_use]
    pub fn find() -> Option<Self> {
        Self::ALL.into_iter().find(|toolchain| toolchain.usable())
    }

    /// Its name in rustup.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debian => "wsgiprobe-bpf",
            Self::Nightly => "nightly",
        }
    }

    /// What `RUSTC_BOOTSTRAP` has to be while it compiles the kernel programs.
    ///
    /// `aya-ebpf` writes inline assembly for eBPF, which is still behind a
    /// feature gate, and so do the programs for one instruction (`kernel::full_barrier`). A
    /// released compiler opens it for these two; every other crate stays on stable Rust.
    #[must_use]
    pub const fn bootstrap(self) -> Option<&'static str> {
        match self {
            Self::Debian => Some("aya_ebpf,wsgiprobe_ebpf"),
            Self::Nightly => None,
        }
    }

    /// Whether it is installed with all that the kernel programs need, and
    /// writes what the linker can read.
    #[must_use]
    pub fn usable(self) -> bool {
        self.sysroot()
            .is_some_and(|sysroot| sysroot.join(self.core()).exists())
            && self.llvm().is_some_and(|major| major <= LLVM)
    }

    /// Where its `core` for eBPF lies: compiled, or as source.
    fn core(self) -> String {
        match self {
            Self::Debian => format!("lib/rustlib/{TARGET}/lib"),
            Self::Nightly => "lib/rustlib/src/rust/library/core/src/lib.rs".to_owned(),
        }
    }

    /// Its installation folder; `None` if rustup does not know the toolchain.
    fn sysroot(self) -> Option<PathBuf> {
        let sysroot = self.rustc(&["--print", "sysroot"])?;
        Some(PathBuf::from(sysroot.trim_end()))
    }

    /// The major version of its LLVM.
    fn llvm(self) -> Option<u32> {
        let version = self.rustc(&["--version", "--verbose"])?;
        let llvm = version
            .lines()
            .find_map(|line| line.strip_prefix("LLVM version: "))?;
        llvm.split('.').next()?.parse().ok()
    }

    fn rustc(self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("rustup")
            .args(["run", self.name(), "rustc"])
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then_some(text)
    }
}
