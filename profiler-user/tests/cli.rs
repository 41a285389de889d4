//! The real binary, up to where it would touch the kernel.

use std::path::PathBuf;
use std::process::{Command, Output};

use wsgiprobe::error::USAGE;

/// No process: above `PID_MAX_LIMIT` (include/linux/threads.h).
const NO_PID: &str = "4194305";

fn wsgiprobe(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wsgiprobe"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// Runs it, expects wrong usage, and returns what it says about it.
fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = wsgiprobe(arguments, environment);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.code(),
        Some(USAGE.into()),
        "{arguments:?}: {message}"
    );
    assert!(
        output.stdout.is_empty(),
        "{arguments:?}: errors go to stderr"
    );
    message
}

struct ConfigFile(PathBuf);

impl ConfigFile {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("wsgiprobe-{name}-{}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn refused(&self) -> String {
        refused(&["--config", self.0.to_str().unwrap()], &[])
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn help_and_version_are_answers() {
    let help = wsgiprobe(
        &["--help"],
        &[("WSGIPROBE_INFLUX_URL", "http://u:hunter2@h")],
    );
    assert!(help.status.success() && help.stderr.is_empty());
    let text = String::from_utf8(help.stdout).unwrap();
    for part in [
        "--pid",
        "--influx-token-file",
        "WSGIPROBE_SOME_OPTION",
        "Examples:",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("hunter2"));
    let version = wsgiprobe(&["--version"], &[]);
    let expected = format!("wsgiprobe {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);
}

#[test]
fn prints_completions_and_the_manual() {
    let bash = wsgiprobe(&["completions", "bash"], &[("WSGIPROBE_PID", NO_PID)]);
    assert!(bash.status.success());
    assert!(
        String::from_utf8(bash.stdout)
            .unwrap()
            .contains("--influx-schema")
    );
    let man = wsgiprobe(&["man"], &[]);
    assert!(man.status.success());
    assert!(
        String::from_utf8(man.stdout)
            .unwrap()
            .contains(".TH wsgiprobe")
    );
}

#[test]
fn a_process_that_does_not_exist_is_wrong_usage() {
    let message = refused(&["--pid", NO_PID], &[]);
    assert!(
        message.contains(&format!("--pid {NO_PID}: there is no such process")),
        "{message}"
    );
    let message = refused(&[], &[("WSGIPROBE_PID", NO_PID)]);
    assert!(message.contains(NO_PID), "{message}");
}

#[test]
fn dashboards_are_listed_and_written() {
    let said = wsgiprobe(&["dashboards"], &[("WSGIPROBE_PID", NO_PID)]);
    let names = String::from_utf8(said.stdout).unwrap();
    assert_eq!(names.lines().count(), 6, "{names}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    for (from, count) in [("influxql", 6), ("flux", 12), ("prometheus", 17)] {
        let into = ["--dir", path.to_str().unwrap(), "--datasource", from];
        let output = wsgiprobe(&[&["dashboards"], &into[..]].concat(), &[]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), count);
    }
    let one = wsgiprobe(&["dashboards", "overhead"], &[]);
    let file = path.join("wsgiprobe-overhead-influxql.json");
    assert_eq!(one.stdout, std::fs::read(file).unwrap());
    let message = refused(&["dashboards", "nothing"], &[]);
    assert!(message.contains("request-anatomy"), "{message}");
    let not_there = ["dashboards", "--datasource", "prometheus", "workshop"];
    let output = wsgiprobe(&not_there, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, named) in [
        (vec!["--frobnicate"], "--frobnicate"),
        (vec!["--interval", "1"], "--interval"),
        (vec!["--ring-size", "5MiB"], "power of two"),
        (vec!["--hooks", "kprobe"], "sock, fentry, syscall"),
        (
            vec!["--influx-url", "ftp://x", "--influx-db", "d"],
            "--influx-url",
        ),
        (vec!["--influx-url", "http://x"], "--influx-db"),
        (
            vec!["--influx-url", "http://x", "--influx-org", "o"],
            "--influx-bucket",
        ),
        (vec!["--influx-bucket", "b"], "--influx-url"),
        (vec!["--influx-token", "t"], "--influx-token"),
        (vec!["--prometheus", "here:there"], "--prometheus"),
        (vec!["--jsonl", "x", "--summary", "x"], "--summary"),
        (
            vec!["--config", "/nonexistent/wsgiprobe.toml"],
            "/nonexistent/wsgiprobe.toml",
        ),
    ] {
        let message = refused(&arguments, &[]);
        assert!(message.contains(named), "{arguments:?}: {message}");
    }
}

#[test]
fn a_wrong_variable_is_named_like_its_option() {
    let message = refused(&[], &[("WSGIPROBE_INTERVAL", "soon")]);
    assert!(message.contains("--interval"), "{message}");
}

#[test]
fn secrets_are_asked_for_and_never_shown() {
    let bucket = [
        "--influx-url",
        "http://x",
        "--influx-org",
        "o",
        "--influx-bucket",
        "b",
    ];
    let message = refused(&bucket, &[]);
    assert!(message.contains("INFLUX_TOKEN") && message.contains("--influx-token-file"));
    for url in [
        "http://me:hunter2@[",
        "ftp://me:hunter2@x",
        "http://me:hunter2@x?q",
    ] {
        let message = refused(&["--influx-url", url, "--influx-db", "d"], &[]);
        assert!(
            message.contains("--influx-url") && !message.contains("hunter2"),
            "{message}"
        );
    }
    let with_login = [&["--influx-url", "http://me:hunter2@x"], &bucket[2..]].concat();
    let message = refused(&with_login, &[("INFLUX_TOKEN", "t")]);
    assert!(
        message.contains("token") && !message.contains("hunter2"),
        "{message}"
    );
}

#[test]
fn a_bad_config_is_named_with_its_key() {
    let unknown = ConfigFile::new("unknown", "intervall = '1s'\n").refused();
    assert!(
        unknown.contains("`intervall`") && unknown.contains("interval, "),
        "{unknown}"
    );
    let value = ConfigFile::new("value", "interval = 'soon'\n").refused();
    assert!(
        value.contains("--config") && value.contains("--interval"),
        "{value}"
    );
    let syntax = ConfigFile::new("syntax", "interval = '1s'\npassword = hunter2\n").refused();
    assert!(
        syntax.contains("line 2") && !syntax.contains("hunter2"),
        "{syntax}"
    );
}

#[test]
fn the_config_is_used_and_overruled() {
    let file = ConfigFile::new("used", &format!("pid = {NO_PID}\n"));
    assert!(file.refused().contains(NO_PID));
    let other = "4194306";
    let arguments = ["--config", file.0.to_str().unwrap(), "--pid", other];
    assert!(refused(&arguments, &[]).contains(&format!("--pid {other}")));
    let environment = [
        ("WSGIPROBE_CONFIG", file.0.to_str().unwrap()),
        ("WSGIPROBE_PID", other),
    ];
    assert!(refused(&[], &environment).contains(&format!("--pid {other}")));
}
