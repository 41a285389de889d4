//! Proves that `wsgiprobe check` says what a run then meets.

use std::process::Command;

use anyhow::{Result, ensure};
use harness::apache::{Apache, Conf};
use harness::backends::{Backend, Host, beside_others};
use harness::probe::{find, run, to_end};
use harness::server::Server as _;

#[test]
fn foretells_what_a_run_meets() -> Result<()> {
    let _cores = beside_others();
    let apache = Apache::start(Conf::default())?;
    let pid = apache.pid()?.to_string();
    let host = Host::check()?;
    for backend in [Backend::Sock, Backend::Fentry, Backend::Syscall] {
        let trial = host.back_end(backend)?;
        println!("{backend}: {trial:?}");
        let name = backend.name();
        let ran = run(["--pid", &pid, "--hooks", name, "--duration", "100ms"])?;
        let said = String::from_utf8_lossy(&ran.stderr);
        let wanted = if trial.usable { 0 } else { 3 };
        ensure!(
            ran.status.code() == Some(wanted),
            "{backend} is {trial:?}, and a run ended with {}: {said}",
            ran.status
        );
        if let Some(reason) = &trial.reason {
            let first = reason.lines().next().unwrap_or_default();
            ensure!(
                !first.is_empty() && said.contains(first),
                "check gave {first:?} as the reason, the run: {said}"
            );
        } else {
            let mut names = trial.programs.iter().map(|program| program.name.as_str());
            ensure!(names.any(|name| name == "tcp_state"), "{trial:?}");
        }
    }
    ensure!(
        host.back_ends.iter().any(|trial| trial.usable),
        "nothing works here: {host:?}"
    );
    Ok(())
}

#[test]
fn a_kernel_without_type_information() -> Result<()> {
    let _cores = beside_others();
    let apache = Apache::start(Conf::default())?;
    let pid = apache.pid()?.to_string();
    // In a mount namespace of its own: nobody else's view changes.
    let hidden = "mount -t tmpfs none /sys/kernel/btf && exec \"$@\"";
    for arguments in [&["check"][..], &["--pid", &pid]] {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", hidden, "sh"]);
        command.arg(find()?).args(arguments);
        let ran = to_end(&mut command)?;
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        println!("{arguments:?}: {}: {said}", ran.status);
        ensure!(ran.status.code() == Some(3), "{}: {said}", ran.status);
        ensure!(said.contains("/sys/kernel/btf"), "no cause in: {said}");
    }
    Ok(())
}
