//! Where in a function a uprobe costs least.
//!
//! The kernel emulates some instructions, and has the processor execute all others by
//! themselves, which takes a second trap (`arch/x86/kernel/uprobes.c`). Functions
//! begin with a push, which is emulated, but behind `endbr64`, which is not, where
//! the compiler marks what may be jumped to: Ubuntu's does by default.

use std::fs::File;
use std::path::Path;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, ReadCache};

/// `endbr64` (Intel SDM, volume 2A).
const LANDING_PAD: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// How many bytes behind the beginning of that function. 0 where the file cannot be
/// read: whoever sets the probe will say so.
pub fn offset(path: &Path, function: &str) -> u64 {
    match begins_with(path, function, LANDING_PAD.len()) {
        Some(bytes) if bytes == LANDING_PAD => LANDING_PAD.len() as u64,
        _ => 0,
    }
}

fn begins_with(path: &Path, function: &str, bytes: usize) -> Option<Vec<u8>> {
    let file = ReadCache::new(File::open(path).ok()?);
    let object = object::File::parse(&file).ok()?;
    let mut symbols = object.dynamic_symbols().chain(object.symbols());
    let symbol = symbols.find(|symbol| symbol.is_definition() && symbol.name() == Ok(function))?;
    let section = object.section_by_index(symbol.section_index()?).ok()?;
    let begin = section.data_range(symbol.address(), bytes as u64).ok()??;
    Some(begin.to_vec())
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use std::process::Command;

    use super::*;

    /// Where in a library that is built with this option.
    fn offset_with(option: &str) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("f.c"), folder.path().join("f.so"));
        std::fs::write(
            &source,
            "int before(int a) { return a; } int f(int a) { return a; }",
        )
        .unwrap();
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", option, "-o"])
            .args([&library, &source]);
        assert!(compiler.status().unwrap().success());
        offset(&library, "f")
    }

    #[test]
    fn behind_a_landing_pad() {
        assert_eq!(offset_with("-fcf-protection=full"), 4);
        assert_eq!(offset_with("-fcf-protection=none"), 0);
    }

    #[test]
    fn what_cannot_be_read_is_left_to_others() {
        assert_eq!(offset(Path::new("/dev/null"), "f"), 0);
        assert_eq!(offset(Path::new("/proc/self/exe"), "no such function"), 0);
    }
}
