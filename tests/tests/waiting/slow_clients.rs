//! Clients that take their time: over their body, and over the answer. The thread
//! that has to wait for that, in a daemon by way of Apache, waits for the client.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use harness::accurate;
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{get, post};
use harness::emulated::emulated;
use harness::measured::Measured;
use harness::report::Request;
use harness::report::parts::CAUSES;
use harness::run::Run;
use harness::server::Server;
use harness::skip;

harness::on_each_backend!(embedded, daemon);

/// How long a client does nothing.
const PAUSE: Duration = Duration::from_secs(1);

/// What may go to other causes than the client, and for cores; where many share these
/// and a request takes seconds, 1 % of it.
const LITTLE_NS: u64 = 10_000_000;

/// More than all buffers between the application and the client hold.
const LARGE: &str = "/large/16384/slow";

const UPLOAD: &str = "/read/0/slow";

fn embedded(backend: Backend) -> Result<()> {
    is_waited_for(backend, Wsgi::Embedded)
}

fn daemon(backend: Backend) -> Result<()> {
    is_waited_for(backend, Wsgi::Daemon)
}

fn is_waited_for(backend: Backend, wsgi: Wsgi) -> Result<()> {
    let conf = Conf {
        threads: Some(1),
        ..Conf::measured(Mpm::Event, wsgi)
    };
    let run = Run::attach(backend, Apache::start(conf)?)?;
    let mut client = run.apache.connect()?;
    // The first loads the application.
    Measured::of(&client.get("/hello/0/first")?)?;
    let body = post(UPLOAD, &[b'b'; 10_000]);
    let (first, second) = body.split_at(body.len() - 1_000);
    client.send(first)?;
    client.wait_until_read()?;
    sleep(PAUSE);
    client.send(second)?;
    let upload = Measured::of(&client.receive()?)?;
    drop(client);

    let mut client = run.apache.connect()?;
    client.send(get(LARGE))?;
    client.receive_some()?;
    sleep(PAUSE);
    let large = Measured::of(&client.receive()?)?;
    drop(client);

    let evidence = run.finish(3)?;
    evidence.check().run()?;
    for (path, said) in [(UPLOAD, upload), (LARGE, large)] {
        let request = evidence.report.only(path)?;
        println!("{said:?}: {request:?}");
        waits_for_the_client(request, &said)?;
    }
    Ok(())
}

/// Of what the application waited nearly all is the client's; the rest is for the
/// cores, which the client needs too, to send and to receive.
fn waits_for_the_client(request: &Request, said: &Measured) -> Result<()> {
    let (pause, waited) = (PAUSE.as_nanos() as u64, said.waited());
    accurate!(waited >= pause / 10 * 9, "no wait to be seen: {said:?}");
    let waits = request.waits()?;
    let client = waits.of("client")?;
    // Where many share the cores, the buffers are being filled until the pause is over:
    // with 10 others a request queued for 1.3 s and waited 0.1 s for its client.
    let queued = waits.of("runqueue")?;
    accurate!(
        client + queued >= pause / 10 * 9,
        "client {client}, runqueue {queued}: {request:?}"
    );
    if emulated() {
        skip::say("it bounds times from above, and processors are emulated");
        return Ok(());
    }
    let little = LITTLE_NS.max(request.known("busy_time", request.busy_time)? / 100);
    for cause in CAUSES {
        let found = waits.of(cause)?;
        accurate!(
            matches!(cause, "client" | "runqueue") || found < little,
            "{cause} {found}: {request:?}"
        );
    }
    Ok(())
}
