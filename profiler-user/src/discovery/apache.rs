//! Telling Apache's processes from others.

use super::snapshot::{Process, ProcessId, Snapshot};

/// Names of Apache's executable: upstream and Red Hat `httpd`, Debian
/// `apache2`, SUSE `httpd2`, each with the MPM behind it on some. It is also
/// what mod_wsgi-express runs.
const NAMES: [&str; 3] = ["apache2", "httpd", "httpd2"];

/// MPMs that stand behind such a name.
const MPMS: [&str; 3] = ["prefork", "worker", "event"];

/// mod_wsgi rewrites the command line of its daemons to `(wsgi:GROUP)` where
/// `display-name=%{GROUP}` asks for it (mod_wsgi's `WSGIDaemonProcess`).
const DAEMON_PREFIX: &str = "(wsgi:";

/// The names in full, for whoever can only compare.
#[must_use]
pub fn program_names() -> Vec<String> {
    let with_mpms = |name: &str| {
        let with = |mpm| format!("{name}-{mpm}");
        MPMS.map(with).into_iter().chain([name.to_owned()])
    };
    NAMES.iter().copied().flat_map(with_mpms).collect()
}

/// Whether the process is Apache: its root, a child, or a mod_wsgi daemon.
#[must_use]
pub fn is_apache(process: &Process) -> bool {
    NAMES.iter().any(|name| {
        let rest = process.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

/// Whether it is an Apache's root without a child yet. It may be between the two times that it
/// reads its configuration: it listens, and has unloaded all modules.
#[must_use]
pub fn is_starting(process: &Process) -> bool {
    let is_root = !Process::read(process.parent).is_some_and(|parent| is_apache(&parent));
    is_root && children(process.id.pid).is_ok_and(|children| children.is_empty())
}

fn children(pid: u32) -> procfs::ProcResult<Vec<u32>> {
    let process = procfs::process::Process::new(i32::try_from(pid).unwrap_or_default())?;
    process.task_main_thread()?.children()
}

/// Every Apache's root process.
#[must_use]
pub fn roots(snapshot: &Snapshot) -> Vec<ProcessId> {
    let is_root = |process: &&Process| {
        is_apache(process) && !snapshot.get(process.parent).is_some_and(is_apache)
    };
    snapshot.iter().filter(is_root).map(|p| p.id).collect()
}

/// The process group of a mod_wsgi daemon, where its command line tells.
#[must_use]
pub fn daemon_group(title: &str) -> Option<&str> {
    let (group, _) = title.strip_prefix(DAEMON_PREFIX)?.rsplit_once(')')?;
    Some(group)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::super::snapshot::tests::table;
    use super::*;

    /// That program under the name of Apache's.
    fn disguised(program: &str, arguments: &[&str]) -> (tempfile::TempDir, Child) {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("apache2");
        std::fs::copy(program, &copy).unwrap();
        let child = Command::new(copy).args(arguments).spawn().unwrap();
        (folder, child)
    }

    /// What [`is_starting`] comes to say.
    fn ends_as(child: &Child, starting: bool) -> bool {
        (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let process = Process::read(child.id()).unwrap();
            is_apache(&process) && is_starting(&process) == starting
        })
    }

    #[test]
    fn starts_until_it_has_a_child() {
        let (_folder, mut alone) = disguised("/bin/sleep", &["60"]);
        assert!(ends_as(&alone, true));
        // Its child stays a shell under the same name, and has none itself.
        let stopped = r#""$0" -c 'kill -STOP $$' & wait"#;
        let (_folder, mut parent) = disguised("/bin/sh", &["-c", stopped]);
        assert!(ends_as(&parent, false));
        let below = children(parent.id()).unwrap();
        let child = Process::read(below[0]).unwrap();
        assert!(is_apache(&child) && !is_starting(&child));
        Command::new("kill")
            .args(["-KILL", &below[0].to_string()])
            .status()
            .unwrap();
        for child in [&mut alone, &mut parent] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn knows_apache_by_its_names() {
        let table = table(&[
            (1, 0, "apache2"),
            (2, 0, "httpd"),
            (3, 0, "httpd-prefork"),
            (4, 0, "apache2ctl"),
            (5, 0, "lighttpd"),
        ]);
        let apaches: Vec<u32> = table
            .iter()
            .filter(|p| is_apache(p))
            .map(|p| p.id.pid)
            .collect();
        assert_eq!(apaches, [1, 2, 3]);
    }

    #[test]
    fn a_root_has_no_apache_above() {
        let table = table(&[
            (10, 1, "apache2"),
            (11, 10, "apache2"),
            (12, 10, "rotatelogs"),
            (20, 12, "apache2"),
        ]);
        let roots: Vec<u32> = roots(&table).iter().map(|id| id.pid).collect();
        assert_eq!(roots, [10, 20]);
    }

    #[test]
    fn reads_the_daemon_group() {
        assert_eq!(daemon_group("(wsgi:app)      "), Some("app"));
        assert_eq!(daemon_group("(wsgi:a(b))"), Some("a(b)"));
        assert_eq!(daemon_group("/usr/sbin/apache2"), None);
    }
}
