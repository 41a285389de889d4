//! Holds `deploy/package/wsgiprobe.toml`, which packages install as `/etc/wsgiprobe.toml`,
//! against the options that there are.

use clap::Arg;
use toml::{Table, Value};

use super::config::{self, NOT_SETTINGS};
use super::{Invocation, command};

const SHIPPED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../deploy/package/wsgiprobe.toml"
);

/// A setting of the file; `in_use` if it is not commented out.
struct Line {
    key: String,
    value: Value,
    in_use: bool,
}

/// `key = value` or `#key = value`: text has a space behind its `#`.
fn lines() -> Vec<Line> {
    let text = std::fs::read_to_string(SHIPPED).unwrap();
    let settings = text.lines().filter(|line| {
        let is_text = line.starts_with("# ") || *line == "#";
        !is_text && !line.is_empty()
    });
    settings.map(setting).collect()
}

fn setting(line: &str) -> Line {
    let table: Table = line.trim_start_matches('#').parse().expect(line);
    let (key, value) = table.into_iter().next().expect(line);
    Line {
        key,
        value,
        in_use: !line.starts_with('#'),
    }
}

fn settings() -> Vec<Arg> {
    let mut command = command();
    // Flags get their defaults here.
    command.build();
    let args = command.get_arguments();
    let args = args.filter(|arg| {
        arg.get_long()
            .is_some_and(|long| !NOT_SETTINGS.contains(&long))
    });
    args.cloned().collect()
}

#[test]
fn it_has_every_option_once() {
    let mut named: Vec<String> = lines().into_iter().map(|line| line.key).collect();
    let mut known: Vec<String> = settings()
        .iter()
        .filter_map(Arg::get_long)
        .map(str::to_owned)
        .collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known, "{SHIPPED}");
}

#[test]
fn each_line_may_be_taken_as_it_is() {
    for line in lines() {
        let table = Table::from_iter([(line.key.clone(), line.value)]);
        let taken = config::into_defaults(command(), table);
        taken.unwrap_or_else(|problem| panic!("{}: {problem}", line.key));
    }
}

#[test]
fn what_is_commented_out_is_the_default_where_there_is_one() {
    let mut compared = 0;
    let settings = settings();
    for line in lines().iter().filter(|line| !line.in_use) {
        let arg = settings
            .iter()
            .find(|arg| arg.get_long() == Some(&line.key));
        let Some([default]) = arg.map(Arg::get_default_values) else {
            continue;
        };
        let shown = line.value.to_string();
        assert_eq!(
            shown.trim_matches('"'),
            default.to_string_lossy(),
            "{}",
            line.key
        );
        compared += 1;
    }
    assert!(compared > 10, "{compared} of them");
}

#[test]
fn it_runs_as_it_is() {
    let arguments = ["wsgiprobe", "--config", SHIPPED];
    let invocation = super::parse(arguments.map(Into::into)).unwrap();
    let Invocation::Watch(settings) = invocation else {
        panic!("{invocation:?}");
    };
    assert!(settings.influx.is_none() && settings.duration.is_none());
}
