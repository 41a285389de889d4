//! Telling Apache's processes from others.

use super::snapshot::{Process, ProcessId, Snapshot};

/// Names of Apache's executable: upstream and Red Hat `httpd`, Debian
/// `apache2`, SUSE `httpd2`, each with the MPM behind it on some. It is also
/// what mod_wsgi-express runs.
const NAMES: [&str; 3] = ["apache2", "httpd", "httpd2"];

/// mod_wsgi rewrites the command line of its daemons to `(wsgi:GROUP)` where
/// `display-name=%{GROUP}` asks for it (mod_wsgi's `WSGIDaemonProcess`).
const DAEMON_PREFIX: &str = "(wsgi:";

/// Whether the process is Apache: its root, a child, or a mod_wsgi daemon.
#[must_use]
pub fn is_apache(process: &Process) -> bool {
    NAMES.iter().any(|name| {
        let rest = process.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
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
    use super::super::snapshot::tests::table;
    use super::*;

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
