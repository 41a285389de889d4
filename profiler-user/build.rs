//! Compiles the kernel programs and leaves the object in `OUT_DIR/wsgiprobe-ebpf.zz`, and
//! one for old kernels in `wsgiprobe-ebpf.old.zz`, from where `probe` embeds them.
//!
//! cargo runs this for `build`, `check`, `clippy` and `doc` alike, and again
//! only when something that goes into the object has changed.

#[path = "build/pack.rs"]
mod pack;
#[path = "build/strip.rs"]
mod strip;
#[path = "build/toolchain.rs"]
mod toolchain;

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use aya_build::Package;
use toolchain::Toolchain;

/// What goes into the object besides `profiler-ebpf`'s own folder, which
/// aya-build names itself. The workspace's files set its profile and versions.
const INPUTS: [&str; 8] = [
    "build.rs",
    "build/pack.rs",
    "build/strip.rs",
    "build/toolchain.rs",
    "../profiler-common/src",
    "../profiler-common/Cargo.toml",
    "../Cargo.toml",
    "../Cargo.lock",
];

/// What the object is called.
const OBJECT: &str = "wsgiprobe-ebpf";

fn main() -> ExitCode {
    for input in INPUTS {
        println!("cargo::rerun-if-changed={input}");
    }
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let missing = |what: &str| format!("{what}: run `cargo xtask setup` once");
    let toolchain = Toolchain::find()
        .ok_or_else(|| missing("no Rust toolchain for the kernel programs is installed"))?;
    if !linker_installed() {
        return Err(missing("bpf-linker is not installed"));
    }

    set_environment(toolchain);
    let log = env::var_os("CARGO_FEATURE_EBPF_LOG").map(|_| "log");
    let old: Vec<_> = log.into_iter().chain(["old-kernels"]).collect();
    let new: Vec<_> = log.into_iter().collect();
    // Both get the same name.
    compile(toolchain, &old)?;
    let made = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join(OBJECT);
    fs::rename(&made, made.with_extension("old"))
        .map_err(|error| format!("{}: {error}", made.display()))?;
    compile(toolchain, &new)?;
    for object in [made.with_extension("old"), made] {
        strip::strip(&object)?;
        pack::pack(&object)?;
    }
    Ok(())
}

fn compile(toolchain: Toolchain, features: &[&str]) -> Result<(), String> {
    let package = Package {
        name: "profiler-ebpf",
        root_dir: "../profiler-ebpf",
        features,
        ..Package::default()
    };
    let chosen = aya_build::Toolchain::Custom(toolchain.name());
    aya_build::build_ebpf([package], chosen)
        .map_err(|error| format!("the kernel programs do not build: {error:#}"))
}

/// Whether the linker that makes a kernel object is on the `PATH`.
fn linker_installed() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join("bpf-linker").is_file())
}

/// Sets what the compiler of the kernel programs inherits from this process:
/// aya-build takes no environment of its own.
fn set_environment(toolchain: Toolchain) {
    // SAFETY: a build script's main thread, before anything else is started.
    unsafe {
        match toolchain.bootstrap() {
            Some(crates) => env::set_var("RUSTC_BOOTSTRAP", crates),
            None => env::remove_var("RUSTC_BOOTSTRAP"),
        }
        // aya-build turns every line into a cargo warning: errors and warnings
        // come as JSON whatever this says, progress is not worth a warning.
        env::set_var("CARGO_TERM_QUIET", "true");
    }
}
