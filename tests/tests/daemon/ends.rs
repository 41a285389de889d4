//! Requests that do not end as they usually do.

use std::fs::File;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{expect_status, get};
use harness::emulated::emulated;
use harness::load::Load;
use harness::measured::Measured;
use harness::report::{Mode, Outcome};
use harness::run::Run;
use harness::server::Server;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{at_least, within};

harness::on_each_backend!(
    queue_timeout,
    daemon_killed,
    script_touched,
    client_gone,
    close_that_lasts,
    upload_not_read,
);

/// How long an application that waits for the test is left waiting.
const HELD: Duration = Duration::from_millis(HELD_MS);
const HELD_MS: u64 = 200;

/// One daemon with one thread, so that it is known who is busy and who waits.
fn one_thread() -> Conf {
    Conf {
        threads: Some(1),
        ..Conf::measured(Mpm::Event, Wsgi::Daemon)
    }
}

/// Who waits too long for a daemon is sent away, without an application.
fn queue_timeout(backend: Backend) -> Result<()> {
    let conf = Conf {
        daemon_options: "queue-timeout=3",
        ..one_thread()
    };
    let run = Run::start(backend, conf)?;
    let load = Load {
        clients: 4,
        requests: 1,
        kept: false,
    };
    let seen = load.measure(&run.apache, "/sleep/2000/queue", &[])?;
    let evidence = run.finish(load.total())?;
    evidence.check().run()?;
    let mut rejected = 0;
    for one in &seen {
        let request = evidence.report.only(&one.path)?;
        let status = one.response.status;
        println!("{status} after {:?}: {request:?}", one.took);
        if status == 200 {
            at_least(request, "application_time", request.application_time, 2000)?;
            continue;
        }
        rejected += 1;
        ensure!(matches!(status, 503 | 504), "status {status}");
        ensure!(
            request.application_time.is_none(),
            "no application: {request:?}"
        );
        ensure!(
            request.mode == Some(Mode::Daemon),
            "a daemon said so: {request:?}"
        );
        at_least(request, "queue_time", request.queue_time, 3000)?;
    }
    // 2 s each, one after the other: the second has waited 2 s, the third 4. Where
    // processors are emulated the first may take a second more, and the second waits too
    // long.
    let most = if emulated() { 3 } else { 2 };
    ensure!(
        (2..=most).contains(&rejected),
        "{rejected} of 4 waited too long"
    );
    Ok(())
}

/// A daemon that is killed over a request: Apache answers with 500.
fn daemon_killed(backend: Backend) -> Result<()> {
    let run = Run::start(backend, one_thread())?;
    let before = Measured::of(&run.apache.connect()?.get("/hello/0/before")?)?;
    let mut victim = run.apache.connect()?;
    let sent = Instant::now();
    victim.send(get("/held/0/killed"))?;
    run.apache.wait_until_at_gate("/held/0/killed")?;
    sleep(HELD);
    kill(Pid::from_raw(before.pid as i32), Signal::SIGKILL)?;
    expect_status(&victim.receive()?, 500)?;
    // By which time the last write may not have returned.
    sleep(HELD);
    let took = sent.elapsed();
    drop(victim);
    let after = Measured::of(&run.apache.connect()?.get("/hello/0/after")?)?;
    ensure!(after.pid != before.pid, "the daemon lives");
    let evidence = run.finish(3)?;
    evidence.check().run()?;
    let killed = evidence.report.only("/held/0/killed")?;
    ensure!(killed.mode == Some(Mode::Daemon), "{killed:?}");
    ensure!(
        killed.daemon_pid == Some(before.pid),
        "not by {}: {killed:?}",
        before.pid
    );
    at_least(killed, "duration", killed.duration, HELD_MS)?;
    within(killed, "duration", killed.duration, took)?;
    let (path, after) = ("/hello/0/after", after.pid);
    ensure!(
        evidence.report.only(path)?.daemon_pid == Some(after),
        "not by {after}"
    );
    Ok(())
}

/// A script that has changed: daemons reject a request each and are replaced, while
/// Apache sends the request again. Every request is still reported once.
fn script_touched(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::measured(Mpm::Event, Wsgi::Daemon))?;
    let load = Load {
        clients: 4,
        requests: 100,
        kept: true,
    };
    let script = File::open(run.apache.site().path("apps/measured.wsgi"))?;
    let later = SystemTime::now() + Duration::from_secs(5);
    let before = run.apache.processes()?;
    let half = load.total() / 2;
    load.run(&run.apache, |done| {
        if done == half {
            script.set_modified(later)?;
        }
        Ok(())
    })?;
    // What serves now was not there before.
    let after = Measured::of(&run.apache.connect()?.get("/hello/0/after")?)?;
    ensure!(!before.contains(&after.pid), "no daemon was replaced");
    let evidence = run.finish(load.total() + 1)?;
    evidence.check().run()?;
    let requests = &evidence.report.requests;
    let daemon = evidence.report.only("/hello/0/after")?.daemon_pid;
    ensure!(daemon == Some(after.pid), "not {daemon:?}: {after:?}");
    for request in requests.iter().filter(|one| one.status == Some(200)) {
        request.sum_of_parts()?;
    }
    Ok(())
}

/// The application goes on although nobody waits for its answer.
fn client_gone(backend: Backend) -> Result<()> {
    for wsgi in [Wsgi::Daemon, Wsgi::Embedded] {
        let run = Run::start(backend, Conf::measured(Mpm::Event, wsgi))?;
        let mut client = run.apache.connect()?;
        client.send(get("/held/0/reset"))?;
        run.apache.wait_until_at_gate("/held/0/reset")?;
        let connection = client.connection()?;
        client.reset()?;
        connection.wait_until_hung_up()?;
        sleep(HELD);
        run.apache.open_gate("/held/0/reset")?;
        let evidence = run.finish(1)?;
        evidence.check().run()?;
        let request = evidence.report.only("/held/0/reset")?;
        ensure!(request.outcome == Outcome::ClientClosed, "{request:?}");
        at_least(
            request,
            "application_time",
            request.application_time,
            HELD_MS,
        )?;
        at_least(request, "busy_time", request.busy_time, HELD_MS)?;
    }
    Ok(())
}

/// The client has its answer long before the thread is free again.
fn close_that_lasts(backend: Backend) -> Result<()> {
    for wsgi in [Wsgi::Daemon, Wsgi::Embedded] {
        let run = Run::start(backend, Conf::measured(Mpm::Event, wsgi))?;
        let mut client = run.apache.connect()?;
        // The first loads the application.
        Measured::of(&client.get("/hello/0/first")?)?;
        let (path, sent) = ("/closing/0/closing", Instant::now());
        Measured::of(&client.get(path)?)?;
        run.apache.wait_until_at_gate(path)?;
        sleep(HELD);
        let took = sent.elapsed();
        run.apache.open_gate(path)?;
        drop(client);
        let evidence = run.finish(2)?;
        evidence.check().run()?;
        let request = evidence.report.only(path)?;
        println!("{request:?}");
        within(request, "duration", request.duration, took)?;
        at_least(request, "busy_time", request.busy_time, HELD_MS)?;
        if wsgi == Wsgi::Daemon {
            at_least(
                request,
                "application_time",
                request.application_time,
                HELD_MS,
            )?;
            ensure!(
                request.send_time == Some(0),
                "sent before the end: {request:?}"
            );
        }
    }
    Ok(())
}

/// An application that answers without reading: Apache has to get rid of the body
/// by itself.
fn upload_not_read(backend: Backend) -> Result<()> {
    const UPLOAD: usize = 1 << 20;
    for wsgi in [Wsgi::Daemon, Wsgi::Embedded] {
        let run = Run::start(backend, Conf::measured(Mpm::Event, wsgi))?;
        let load = Load {
            clients: 1,
            requests: 10,
            kept: false,
        };
        let seen = load.measure(&run.apache, "/hello/0/unread", &vec![b'b'; UPLOAD])?;
        let evidence = run.finish(seen.len())?;
        // How much of the body is ever read is Apache's affair.
        evidence.check().any_sizes().run()?;
        for one in &seen {
            let (request, said) = (
                evidence.report.only(&one.path)?,
                Measured::of(&one.response)?,
            );
            let application = request.known("application_time", request.application_time)?;
            ensure!(
                application >= said.wall,
                "it took {} ns: {request:?}",
                said.wall
            );
            let duration = request.known("duration", request.duration)?;
            let told = Duration::from_nanos(duration);
            // With one core for all the client may have its answer before the call returns:
            // 14 ms seen.
            let late = Duration::from_millis(if emulated() { 100 } else { 0 });
            let took = one.took + late;
            ensure!(told <= took, "{told:?} of the client's {took:?}");
            request.known("busy_time", request.busy_time)?;
        }
        let last = seen.last().context("no request")?;
        println!("{wsgi:?}: {:?}", evidence.report.only(&last.path)?);
    }
    Ok(())
}
