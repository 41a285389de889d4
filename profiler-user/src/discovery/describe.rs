//! A server in words.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::apache;
use super::listen::Listening;
use super::snapshot::{ProcessId, Snapshot};

/// One line about a root process and what belongs to it, e.g. `apache2 pid 123,
/// 2 children, 1 mod_wsgi daemon of group app, listening on 0.0.0.0:80`.
#[must_use]
pub fn root(root: ProcessId, snapshot: &Snapshot) -> String {
    let Some(process) = snapshot.get(root.pid) else {
        return format!("pid {}", root.pid);
    };
    let children = snapshot.descendants(root.pid);
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for title in children.iter().filter_map(|child| child.title()) {
        if let Some(group) = apache::daemon_group(&title) {
            *groups.entry(group.to_owned()).or_default() += 1;
        }
    }
    let addresses = Listening::new().addresses(root.pid);
    sentence(&process.name, root.pid, children.len(), &groups, &addresses)
}

fn sentence(
    name: &str,
    pid: u32,
    descendants: usize,
    groups: &BTreeMap<String, usize>,
    addresses: &BTreeSet<SocketAddr>,
) -> String {
    let mut parts = vec![format!("{name} pid {pid}")];
    let daemons: usize = groups.values().sum();
    match descendants - daemons.min(descendants) {
        0 => {}
        1 => parts.push("1 child".into()),
        n => parts.push(format!("{n} children")),
    }
    for (group, count) in groups {
        let plural = if *count == 1 { "" } else { "s" };
        parts.push(format!("{count} mod_wsgi daemon{plural} of group {group}"));
    }
    if !addresses.is_empty() {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        parts.push(format!("listening on {}", addresses.join(" ")));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_belongs_to_a_server() {
        let groups = BTreeMap::from([("app".to_owned(), 1), ("shop".to_owned(), 2)]);
        let addresses = BTreeSet::from(["0.0.0.0:80".parse().unwrap()]);
        assert_eq!(
            sentence("apache2", 7, 5, &groups, &addresses),
            "apache2 pid 7, 2 children, 1 mod_wsgi daemon of group app, \
             2 mod_wsgi daemons of group shop, listening on 0.0.0.0:80"
        );
        assert_eq!(
            sentence("x", 8, 0, &BTreeMap::new(), &BTreeSet::new()),
            "x pid 8"
        );
    }
}
