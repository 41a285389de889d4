//! How bpf-linker makes the object.

fn main() {
    // Its default keeps LLVM from writing small `memset`s and `memmove`s as stores;
    // they became calls of a loop over bytes
    // (docs/journal/2026-11-21-memset-calls.md).
    println!("cargo::rustc-link-arg-bins=--disable-expand-memcpy-in-order");
    println!("cargo::rerun-if-changed=build.rs");
}
