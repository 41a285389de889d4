//! Who served it.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::cases::THREADS;
use harness::client::expect_status;
use harness::express::Express;
use harness::load::Load;
use harness::measured::Measured;
use harness::report::Mode;
use harness::run::Run;
use harness::server::Server;
use harness::site::STATIC_FILE;

use super::served_by;

harness::on_each_backend!(two_groups, express, embedded_and_static);

const LOAD: Load = Load {
    clients: 4,
    requests: 15,
    kept: true,
};

/// Two groups side by side, of which the second is only for one prefix.
fn two_groups(backend: Backend) -> Result<()> {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let conf = Conf::measured(mpm, Wsgi::Daemon)
            .directive("WSGIDaemonProcess second processes=1 threads=3")
            .directive("<Location /hello/second>\nWSGIProcessGroup second\n</Location>");
        let run = Run::start(backend, conf)?;
        let mut seen = Vec::new();
        // Twice in turn, so that Apache's threads have turned to both.
        for turn in ["a", "b"] {
            for group in ["app", "second"] {
                let all = LOAD.measure(&run.apache, &format!("/hello/{group}/{turn}"), &[])?;
                seen.extend(all.into_iter().map(|one| (group, one)));
            }
        }
        let evidence = run.finish(seen.len())?;
        evidence.check().run()?;
        let mut processes = HashSet::new();
        for (group, one) in &seen {
            let (request, said) = (
                evidence.report.only(&one.path)?,
                Measured::of(&one.response)?,
            );
            served_by(request, Mode::Daemon, &said)?;
            ensure!(said.group == *group, "not configured so: {said:?}");
            processes.insert((*group, said.pid));
        }
        let of_second = processes.iter().filter(|(group, _)| *group == "second");
        ensure!(
            of_second.count() == 1,
            "the second group is not one: {processes:?}"
        );
    }
    Ok(())
}

/// A newer mod_wsgi, with another environ and a group named by itself.
fn express(backend: Backend) -> Result<()> {
    let run = Run::attach(
        backend,
        Express::measured(Mpm::Event, Wsgi::Daemon, THREADS)?,
    )?;
    let seen = LOAD.measure(&run.apache, "/hello/express/x", &[])?;
    let evidence = run.finish(seen.len())?;
    evidence.check().run()?;
    for one in &seen {
        let said = Measured::of(&one.response)?;
        served_by(evidence.report.only(&one.path)?, Mode::Daemon, &said)?;
    }
    Ok(())
}

/// What Apache serves itself stands between requests for the application, on the
/// same connection and thread.
fn embedded_and_static(backend: Backend) -> Result<()> {
    for mpm in [Mpm::Prefork, Mpm::Event] {
        let run = Run::start(backend, Conf::measured(mpm, Wsgi::Embedded))?;
        let mut client = run.apache.connect()?;
        let mut said = Vec::new();
        for number in 0..10 {
            let path = format!("/hello/0/{number}");
            said.push((path.clone(), Measured::of(&client.get(&path)?)?));
            expect_status(&client.get(&format!("{STATIC_FILE}/{number}"))?, 200)?;
            expect_status(&client.get(&format!("/static/missing/{number}"))?, 404)?;
        }
        drop(client);
        let evidence = run.finish(30)?;
        evidence.check().run()?;
        for (path, said) in &said {
            served_by(evidence.report.only(path)?, Mode::Embedded, said)?;
        }
        for request in &evidence.report.requests {
            let path = request.path.as_deref().unwrap_or_default();
            let by_apache = path.starts_with("/static/");
            let is_static = request.mode == Some(Mode::Static);
            ensure!(by_apache == is_static, "static or not: {request:?}");
            ensure!(
                !by_apache || request.application_time.is_none(),
                "an application: {request:?}"
            );
        }
    }
    Ok(())
}
