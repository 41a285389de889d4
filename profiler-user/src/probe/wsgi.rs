//! mod_wsgi inside Apache: a probe where it begins to run an application.
//!
//! A uprobe is set in a file, for every process that has it mapped, now or later.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use aya::Ebpf;
use aya::programs::UProbe;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeScope};
use procfs::process::MMapPath;
use profiler_common::event::{SERVER_APACHE, SERVER_APACHE_BLIND};

use super::entry;
use super::hook::{explain, find};
use crate::discovery::{Process, apache};

/// Called once a request, in embedded and daemon mode alike, right before the
/// application (mod_wsgi 4.9 to 6.1, `wsgi_metrics.c`).
const FUNCTION: &str = "wsgi_start_request";

/// A file, whatever its name: device and inode.
type FileId = ((i32, i32), u64);

/// The files that were dealt with, and whether a probe is in them.
pub struct Modules {
    wanted: bool,
    known: HashMap<FileId, bool>,
    /// Apaches that had no module, and no child: to be looked into again.
    starting: BTreeSet<u32>,
    failures: Vec<String>,
}

impl Modules {
    /// Sets probes if `wanted`; else it only says who has the module.
    pub fn new(wanted: bool) -> Self {
        Self {
            wanted,
            known: HashMap::new(),
            starting: BTreeSet::new(),
            failures: Vec::new(),
        }
    }

    /// Looks for mod_wsgi in an Apache process and sets the probe where it is new;
    /// the kind of server that this makes it, of the `SERVER_` constants.
    pub fn look_into(&mut self, programs: &mut Ebpf, pid: u32) -> u32 {
        let seen = match mapped(pid) {
            Ok(None) if Process::read(pid).is_some_and(|it| apache::is_starting(&it)) => {
                self.starting.insert(pid);
                false
            }
            // It answers everything by itself.
            Ok(None) => true,
            Ok(Some(_)) if !self.wanted => false,
            Ok(Some((id, path))) => {
                let failures = &mut self.failures;
                *self.known.entry(id).or_insert_with(|| {
                    let set = set(programs, &path);
                    failures.extend(
                        set.as_ref()
                            .err()
                            .map(|why| format!("{}: {why}", path.display())),
                    );
                    set.is_ok()
                })
            }
            Err(why) => {
                self.failures
                    .push(format!("the memory map of process {pid}: {why}"));
                false
            }
        };
        u32::from(if seen {
            SERVER_APACHE
        } else {
            SERVER_APACHE_BLIND
        })
    }

    /// Looks again into those that were starting: what they turned out to be.
    pub fn look_again(&mut self, programs: &mut Ebpf) -> Vec<(u32, u32)> {
        let pids = std::mem::take(&mut self.starting);
        let alive = pids.into_iter().filter(|pid| Process::read(*pid).is_some());
        alive
            .map(|pid| (pid, self.look_into(programs, pid)))
            .collect()
    }

    /// Whether there are Apaches to be looked into again.
    pub fn are_starting(&self) -> bool {
        !self.starting.is_empty()
    }

    /// Why a probe could not be set, since the last call.
    pub fn failures(&mut self) -> Vec<String> {
        std::mem::take(&mut self.failures)
    }
}

/// The module that the process has loaded. Reached through its own root, since it
/// may live in a container.
fn mapped(pid: u32) -> procfs::ProcResult<Option<(FileId, PathBuf)>> {
    let process = procfs::process::Process::new(i32::try_from(pid).unwrap_or_default())?;
    Ok(process
        .maps()?
        .into_iter()
        .find_map(|map| match map.pathname {
            MMapPath::Path(path) if is_module(&path) => {
                let inside = path.strip_prefix("/").unwrap_or(&path);
                let path = PathBuf::from(format!("/proc/{pid}/root")).join(inside);
                Some(((map.dev, map.inode), path))
            }
            _ => None,
        }))
}

/// `mod_wsgi.so`, Debian's `mod_wsgi.so-3.11`, or what PyPI's package builds:
/// `mod_wsgi-py311.cpython-311-x86_64-linux-gnu.so`.
fn is_module(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.starts_with("mod_wsgi") && name.contains(".so")
    })
}

fn set(programs: &mut Ebpf, path: &Path) -> Result<(), String> {
    let program: &mut UProbe = find(programs, "wsgi_start")?;
    if program.fd().is_err() {
        program.load().map_err(|error| explain(&error))?;
    }
    let place = UProbeAttachLocation::SymbolOffset(FUNCTION, entry::offset(path, FUNCTION));
    program
        .attach(place, path, UProbeScope::AllProcesses)
        .map(|_| ())
        .map_err(|error| explain(&error))
}

/// Sets the probe in a function of this process that nobody calls.
pub fn try_out(programs: &mut Ebpf) -> Result<(), String> {
    let program: &mut UProbe = find(programs, "wsgi_start")?;
    if program.fd().is_err() {
        program.load().map_err(|error| explain(&error))?;
    }
    let place =
        UProbeAttachLocation::AbsoluteOffset(place_in_file(nobody_calls as *const () as u64)?);
    program
        .attach(place, "/proc/self/exe", UProbeScope::CallingProcess)
        .map(|_| ())
        .map_err(|error| explain(&error))
}

#[inline(never)]
extern "C" fn nobody_calls() {}

/// Where this process's code at that address lies in its file.
fn place_in_file(address: u64) -> Result<u64, String> {
    let maps = procfs::process::Process::myself()
        .and_then(|process| process.maps())
        .map_err(|error| error.to_string())?;
    maps.into_iter()
        .find(|map| (map.address.0..map.address.1).contains(&address))
        .map(|map| map.offset + address - map.address.0)
        .ok_or_else(|| "own code is not in the memory map".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_module_by_its_names() {
        let is = |path: &str| is_module(Path::new(path));
        assert!(is("/usr/lib/apache2/modules/mod_wsgi.so"));
        assert!(is("/usr/lib/apache2/modules/mod_wsgi.so-3.11"));
        assert!(is("/x/mod_wsgi-py311.cpython-311-x86_64-linux-gnu.so"));
        assert!(!is("/usr/lib/apache2/modules/mod_alias.so"));
        assert!(!is("/srv/mod_wsgi/app.py"));
    }
}
