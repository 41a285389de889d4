//! How full the pools are, each interval.

use super::human;
use super::text::{Line, Tone};
use crate::pool::{Group, Kind, Pool, Snapshot};

/// A line for each pool; none while nothing is done.
#[must_use]
pub fn pools(snapshot: &Snapshot) -> Vec<Line> {
    let is_idle = |pool: &Pool| pool.requests == 0 && pool.busy_ns == 0;
    if snapshot.pools.iter().all(is_idle) {
        return Vec::new();
    }
    let line = |((kind, name), group): ((Kind, &str), Group)| {
        let text = format!("  {} {}", title(kind, name), text(&group));
        Line::new(tone(&group), text)
    };
    let mut lines: Vec<Line> = snapshot.groups().into_iter().map(line).collect();
    // Whoever waits there waits for Apache, which comes last but for other servers.
    if let (Some(last), false) = (lines.last_mut(), snapshot.listeners.is_empty()) {
        let waiting = snapshot.listeners.iter().map(|one| u64::from(one.queue));
        let waiting: u64 = waiting.sum();
        let tone = if waiting > 0 {
            Tone::Warning
        } else {
            last.tone
        };
        *last = Line::new(tone, format!("{}; listen queue {waiting}", last.text));
    }
    lines
}

/// Something waits while every thread of a process is taken.
fn tone(group: &Group) -> Tone {
    if group.full_ns > Some(0) {
        Tone::Warning
    } else {
        Tone::Plain
    }
}

fn text(group: &Group) -> String {
    let processes = match group.processes {
        1 => "1 process".into(),
        number => format!("{number} processes"),
    };
    let Some(threads) = group.threads else {
        return format!("({processes}): {} busy", human::count(group.busy, "thread"));
    };
    let (used, available) = group.used_ns;
    let text = format!(
        "({processes}): {} of {threads} threads busy, {} used",
        group.busy,
        human::percent(used.min(available), available),
    );
    match group.full_ns {
        None => text,
        Some(0) => text + ", never full",
        full => text + ", full " + &human::duration(full),
    }
}

/// What a group of processes is called.
pub(crate) fn title(kind: Kind, group: &str) -> String {
    match (kind, group) {
        (Kind::Daemon, "") => "daemons".into(),
        (Kind::Daemon, group) => format!("pool {group}"),
        (Kind::Apache, _) => "apache".into(),
        (Kind::Other, _) => "server".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Listener;

    fn pool(pid: u32, kind: Kind, threads: Option<u32>, busy: u32) -> Pool {
        Pool {
            pid,
            kind,
            process_group: (kind == Kind::Daemon).then(|| "app".into()),
            threads,
            started: busy,
            busy,
            busy_ns: u64::from(busy) * 700_000_000,
            full_ns: threads.map(|threads| u64::from(busy == threads) * 250_000_000),
            requests: 0,
            length_ns: 1_000_000_000,
        }
    }

    fn texts(snapshot: &Snapshot) -> Vec<(Tone, String)> {
        let lines = pools(snapshot).into_iter();
        lines.map(|line| (line.tone, line.text)).collect()
    }

    #[test]
    fn a_line_for_each_pool() {
        let listener = |queue| Listener {
            identity: None,
            address: "127.0.0.1:80".parse().unwrap(),
            queue,
        };
        let mut snapshot = Snapshot {
            pools: vec![
                pool(1, Kind::Daemon, Some(5), 5),
                pool(2, Kind::Daemon, Some(5), 1),
                pool(3, Kind::Apache, Some(8), 2),
                pool(4, Kind::Other, None, 1),
            ],
            listeners: vec![listener(1), listener(2)],
            ..Snapshot::default()
        };
        let expected = [
            (
                Tone::Warning,
                "  pool app (2 processes): 6 of 10 threads busy, 42.0% used, full 250ms",
            ),
            (
                Tone::Plain,
                "  apache (1 process): 2 of 8 threads busy, 17.5% used, never full",
            ),
            (
                Tone::Warning,
                "  server (1 process): 1 thread busy; listen queue 3",
            ),
        ];
        assert_eq!(
            texts(&snapshot),
            expected.map(|(tone, text)| (tone, text.into()))
        );
        snapshot.listeners.clear();
        snapshot.pools = vec![
            pool(1, Kind::Apache, Some(1), 1),
            pool(2, Kind::Apache, Some(1), 0),
        ];
        let prefork = "  apache (2 processes): 1 of 2 threads busy, 35.0% used";
        assert_eq!(texts(&snapshot), [(Tone::Plain, prefork.into())]);
    }

    #[test]
    fn nothing_is_said_of_idle_pools() {
        let mut idle = pool(1, Kind::Apache, Some(8), 0);
        assert!(pools(&Snapshot::default()).is_empty());
        let snapshot = |pool: &Pool| Snapshot {
            pools: vec![pool.clone()],
            ..Snapshot::default()
        };
        assert!(pools(&snapshot(&idle)).is_empty());
        idle.requests = 1;
        assert_eq!(pools(&snapshot(&idle)).len(), 1);
    }
}
