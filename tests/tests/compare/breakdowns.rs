//! Whatever goes wrong is told, and nothing is left running.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;

use super::{Comparison, Ended};

const BOTH: [(&str, &str); 2] = [("one", "bare"), ("other", "bare")];

/// Runs it; it is to fail with this in what it says.
fn fails(comparison: &Comparison, arguments: &[String], told: &[&str]) -> Result<()> {
    let Ended { status, said } = comparison.run(arguments)?;
    println!("{said}");
    ensure!(status.code() == Some(1), "{status}: {said}");
    for told in told {
        ensure!(said.contains(told), "it does not say {told:?}: {said}");
    }
    Ok(())
}

/// In its second round: what was finished is shown.
#[test]
fn a_server_that_dies() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    let serve = comparison.folder.path().join("serve").display().to_string();
    let count = comparison.folder.path().join("count").display().to_string();
    // Its Apache of the second round is killed while it is measured: a moment after the warm-up,
    // which begins once it has answered.
    let dies = format!(
        "--variant=dies=sh -c '\"{serve}\" bare {{port}} {{dir}} & echo x >> {count}; \
         [ $(wc -l < {count}) = 1 ] || (until [ -s {{dir}}/access.log ]; do sleep 0.05; done; \
         sleep 1; kill $!); wait $!; exit 7'"
    );
    let options = ["--rounds=3", "--time=2s", "--warm-up=200ms", &dies];
    let arguments = comparison.of(&options, &[("bare", "bare")]);
    fails(
        &comparison,
        &arguments,
        &[
            "the server ended with exit status: 7",
            "measuring dies",
            "1 of 3 rounds",
        ],
    )
}

#[test]
fn a_server_that_does_not_start() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    let broken = "--variant=broken=sh -c 'echo no such module; exit 3'";
    let arguments = comparison.of(&["--time=1s", broken], &[("bare", "bare")]);
    fails(
        &comparison,
        &arguments,
        &[
            "the server of broken does not answer",
            "exit status: 3",
            "no such module",
        ],
    )
}

#[test]
fn a_port_in_use() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut arguments = comparison.of(&["--time=1s"], &BOTH);
    arguments[0] = format!("--url=http://{}/", listener.local_addr()?);
    let address = listener.local_addr()?.to_string();
    fails(
        &comparison,
        &arguments,
        &["somebody listens on", &address, "{port}"],
    )
}

#[test]
fn a_page_that_fails() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    comparison.script(
        "fails",
        "def application(environ, start_response):\n    1 / 0\n",
    )?;
    let arguments = comparison.of(&["--time=1s"], &[("bare", "bare"), ("broken", "fails")]);
    fails(
        &comparison,
        &arguments,
        &["answers 500", "the server of broken", "--url"],
    )
}

#[test]
fn a_load_that_fails() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    for (load, told) in [
        (
            "sh -c 'echo out of order; exit 9'",
            ["exit status: 9", "out of order"],
        ),
        ("echo done", ["did not say what it did", "\"requests\""]),
        (
            "no-such-load {url}",
            ["starting `no-such-load", "No such file"],
        ),
    ] {
        let arguments = comparison.of(&["--time=1s", "--load", load], &BOTH);
        fails(&comparison, &arguments, &told)?;
    }
    Ok(())
}

/// Ctrl-C in the second round keeps the first.
#[test]
fn an_interrupt() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    let options = ["--rounds=50", "--time=500ms", "--warm-up=100ms"];
    let arguments = comparison.of(&options, &BOTH);
    let running = comparison.start(&arguments, &[])?;
    harness::wait::until("the end of a round", || {
        Ok(running.said()?.contains("round 1/50"))
    })?;
    thread::sleep(Duration::from_millis(300));
    running.process.signal(Signal::SIGINT)?;
    let Ended { status, said } = running.wait()?;
    println!("{said}");
    ensure!(status.code() == Some(1), "{status}: {said}");
    ensure!(
        said.contains("of 50 rounds") && said.contains("interrupted"),
        "{said}"
    );
    Ok(())
}
