//! What the maps take of the kernel's memory, as the kernel itself accounts for it.

use std::collections::HashSet;
use std::fs;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::path::{Path, PathBuf};

/// Memory of maps, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Allocated now.
    pub now: u64,
    /// With every map full.
    pub most: u64,
}

/// `BPF_MAP_TYPE_HASH` (include/uapi/linux/bpf.h).
const HASH: u64 = 1;
/// `BPF_F_NO_PREALLOC` (likewise).
const NO_PREALLOC: u64 = 1;
/// `struct htab_elem` before the key (kernel/bpf/hashtab.c, 6.18), and the link that
/// the allocator puts before it (kernel/bpf/memalloc.c).
const ELEMENT: u64 = 48 + 8;

/// The maps that this process holds: what tells of each. Sockets are open beside them, one
/// a container.
#[derive(Debug, Default)]
pub struct Told(Vec<PathBuf>);

impl Told {
    /// Those that are there now, and stay.
    pub fn find() -> Self {
        Self::in_folder(Path::new("/proc/self/fdinfo"))
    }

    fn in_folder(folder: &Path) -> Self {
        let mut known = HashSet::new();
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut of_a_map = |path: &PathBuf| {
            // Not that of the listing itself.
            let text = fs::read_to_string(path).ok()?;
            Some(known.insert(field(&text, "map_id")?))
        };
        let files = files.map(|file| file.path());
        Self(files.filter(|path| of_a_map(path) == Some(true)).collect())
    }

    /// What they take; `None` where the kernel does not tell.
    pub fn memory(&self) -> Option<Memory> {
        let mut memory = Memory::default();
        for file in &self.0 {
            let text = fs::read_to_string(file).ok()?;
            let now = field(&text, "memlock")?;
            memory.now += now;
            memory.most += now + to_come(&text, now).unwrap_or(0);
        }
        (!self.0.is_empty()).then_some(memory)
    }
}

/// What the kernel says of something that is open (`/proc/self/fdinfo`).
pub fn told_of(fd: BorrowedFd<'_>, name: &str) -> Option<u64> {
    let path = format!("/proc/self/fdinfo/{}", fd.as_raw_fd());
    field(&fs::read_to_string(path).ok()?, name)
}

/// What a map allocates only when it is needed.
fn to_come(text: &str, now: u64) -> Option<u64> {
    if field(text, "map_type")? != HASH || field(text, "map_flags")? & NO_PREALLOC == 0 {
        return None;
    }
    let entries = field(text, "max_entries")?;
    let (key, value) = (field(text, "key_size")?, field(text, "value_size")?);
    let element = key.next_multiple_of(8) + value.next_multiple_of(8) + ELEMENT;
    let all = entries * slab(element);
    // Before 6.3 the kernel told the most at once.
    (now < entries * (key + value)).then_some(all)
}

/// What the kernel's allocator makes of it (`kmalloc_info`, `mm/slab_common.c`).
fn slab(bytes: u64) -> u64 {
    match bytes {
        65..=96 => 96,
        129..=192 => 192,
        _ => bytes.next_power_of_two(),
    }
}

/// Decimal or, with `0x`, hexadecimal.
fn field(text: &str, name: &str) -> Option<u64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?
        .trim();
    match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: u32, map_type: u32, flags: &str, memlock: u32) -> String {
        format!(
            "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nmap_type:\t{map_type}\nkey_size:\t8\n\
             value_size:\t1464\nmax_entries:\t1000\nmap_flags:\t{flags}\nmemlock:\t{memlock}\n\
             map_id:\t{id}\nfrozen:\t0\n"
        )
    }

    #[test]
    fn adds_up_what_there_is_and_what_may_come() {
        let folder = std::env::temp_dir().join(format!("wsgiprobe-memory-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(Told::in_folder(&folder).memory(), None);
        for (name, text) in [
            ("3", info(1, 1, "0x1", 16_000)),
            // The same map once more.
            ("4", info(1, 1, "0x1", 16_000)),
            ("5", info(2, 2, "0x0", 500)),
            ("6", "pos:\t0\n".into()),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
        let memory = Told::in_folder(&folder).memory();
        fs::remove_dir_all(&folder).unwrap();
        // 8 + 1464 + 56 bytes come out of the slab of 2048.
        assert_eq!(
            memory,
            Some(Memory {
                now: 16_500,
                most: 16_500 + 2_048_000
            })
        );
    }

    #[test]
    fn what_is_told_at_once_is_not_counted_twice() {
        assert_eq!(to_come(&info(1, 1, "0x1", 1_520_000), 1_520_000), None);
    }
}
