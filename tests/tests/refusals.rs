//! Proves that wsgiprobe says no in time: with an exit status that tells usage (2)
//! from privileges (3), and words that name what is wrong and what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use anyhow::{Result, ensure};
use harness::apache::{Apache, Conf};
use harness::backends::beside_others;
use harness::probe::{find, run, to_end};
use harness::process::Guarded;
use harness::server::Server;

/// Fails unless it ended with that status and said each of `words`.
fn expect(output: &Output, status: i32, words: &[&str]) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    println!("exit {:?}, said: {said}", output.status.code());
    ensure!(
        output.status.code() == Some(status),
        "{} instead of {status}: {said}",
        output.status
    );
    for word in words {
        ensure!(
            said.to_lowercase().contains(&word.to_lowercase()),
            "nothing of {word:?} in: {said}"
        );
    }
    Ok(())
}

#[test]
fn no_such_process() -> Result<()> {
    let _cores = beside_others();
    // Over the largest pid that Linux can be told to use.
    expect(&run(["--pid", "4194305"])?, 2, &["4194305"])
}

#[test]
fn process_that_serves_nothing() -> Result<()> {
    let _cores = beside_others();
    let sleep = Guarded::spawn(Command::new("sleep").arg("600").stdout(Stdio::null()))?;
    let pid = sleep.pid().to_string();
    expect(&run(["--pid", &pid])?, 2, &[&pid, "sleep"])
}

#[test]
fn without_privileges() -> Result<()> {
    let _cores = beside_others();
    let apache = Apache::start(Conf::default())?;
    // Where the build directory is, another user may not look.
    let folder = tempfile::Builder::new()
        .prefix("wsgiprobe-binary-")
        .tempdir()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let binary = folder.path().join("wsgiprobe");
    fs::copy(find()?, &binary)?;
    let as_nobody = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=nobody",
            "--regid=nogroup",
            "--clear-groups",
            "--inh-caps=-all",
        ]);
        to_end(command.arg(&binary).args(arguments))
    };
    let pid = apache.pid()?.to_string();
    expect(&as_nobody(&["--pid", &pid])?, 3, &["CAP_"])?;
    let url = format!("http://127.0.0.1:{}/hello", apache.port());
    let comparison = as_nobody(&["compare", "--url", &url, "--pid", &pid])?;
    expect(&comparison, 3, &["CAP_"])?;
    // Not after a round of the one that needs none.
    let said = String::from_utf8_lossy(&comparison.stderr);
    ensure!(!said.contains("rounds of"), "{said}");
    Ok(())
}

#[test]
fn bad_arguments() -> Result<()> {
    let _cores = beside_others();
    let apache = Apache::start(Conf::default())?;
    let pid = apache.pid()?.to_string();
    let with = |arguments: &[&str]| run([&["--pid", &pid], arguments].concat());
    expect(&with(&["--interval", "soon"])?, 2, &["interval"])?;
    expect(&with(&["--interval", "0s"])?, 2, &["interval"])?;
    expect(&with(&["--hooks", "magic"])?, 2, &["hooks"])?;
    expect(&with(&["--duration=-1s"])?, 2, &["duration"])?;
    expect(
        &with(&["--influx-url", "nonsense", "--influx-db", "x"])?,
        2,
        &["url"],
    )?;
    expect(
        &with(&["--influx-url", "ftp://localhost", "--influx-db", "x"])?,
        2,
        &["http"],
    )?;
    expect(
        &with(&["--influx-url", "http://localhost:8086"])?,
        2,
        &["influx-db"],
    )?;
    expect(&with(&["--no-such-option"])?, 2, &["no-such-option"])?;
    expect(&run(["--pid", "twelve"])?, 2, &["twelve"])
}

#[test]
fn bad_config() -> Result<()> {
    let _cores = beside_others();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("wsgiprobe.toml");
    let name = file.to_string_lossy().into_owned();
    expect(&run(["--config", &name])?, 2, &[&name])?;
    for wrong in [
        "this is no TOML",
        "no_such_setting = 1",
        "interval = \"soon\"",
    ] {
        fs::write(&file, wrong)?;
        expect(&run(["--config", &name])?, 2, &[&name])?;
    }
    Ok(())
}
