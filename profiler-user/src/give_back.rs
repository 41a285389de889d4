//! Memory that only the start took.

use procfs::process::{MMPermissions, MemoryMap, Process};

/// Returns freed memory to the system: the kernel's types take 20 MiB while they
/// are read, and the allocator would keep that for good.
pub fn freed() {
    /// Larger buffers get mappings of their own, which go when they do: left to itself,
    /// the allocator begins to keep them once one has gone.
    #[cfg(target_env = "gnu")]
    const OWN_MAPPING: libc::c_int = 256 << 10;
    #[cfg(target_env = "gnu")]
    // SAFETY: neither takes a pointer; safe to call at any time (malloc_trim(3),
    // mallopt(3)).
    unsafe {
        libc::malloc_trim(0);
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING);
    }
}

/// Lets go of this program's code and constants, most of which are for the start: the
/// kernel programs are among them. What is needed again comes back from the file, page by page.
pub fn file() {
    let here = file as *const () as u64;
    let Ok(maps) = Process::myself().and_then(|process| process.smaps()) else {
        return;
    };
    let is_here = |map: &&MemoryMap| (map.address.0..map.address.1).contains(&here);
    let Some(own) = maps.iter().find(is_here).map(|map| (map.dev, map.inode)) else {
        return;
    };
    for map in &maps {
        // What relocations wrote, or a debugger, is nowhere else.
        let is_as_in_file = !map.perms.contains(MMPermissions::WRITE)
            && map.extension.map.get("Anonymous") == Some(&0);
        if is_as_in_file && (map.dev, map.inode) == own {
            let (start, end) = map.address;
            // SAFETY: of a private mapping no page differs from the file's: it reads the
            // same when it is faulted in again (madvise(2)).
            unsafe { libc::madvise(start as *mut _, (end - start) as usize, libc::MADV_DONTNEED) };
        }
    }
}
