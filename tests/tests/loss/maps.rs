//! Maps of 16 entries: each request that finds no room is lost, or lacks what could not
//! be kept, and is counted.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::report::Mode;
use harness::server::Server;

use super::{balances, connections, round, start, told, warned};

harness::on_each_backend!(
    connections_embedded,
    connections_daemon,
    pipelined,
    long_paths,
    handovers,
    processes,
    names,
);

/// So many threads in one process: the event MPM hangs up on idle clients when a
/// process has no more.
fn threads(wsgi: Wsgi, threads: usize) -> Conf {
    Conf::new(Mpm::Event, wsgi).directive(format!(
        "ServerLimit 1\nStartServers 1\nThreadsPerChild {threads}\n\
         MaxRequestWorkers {threads}\nMaxSpareThreads {threads}"
    ))
}

/// Entries of the maps, and connections that want one.
const ROOM: usize = 16;
const WANTED: usize = 24;
const OVER: u64 = (WANTED - ROOM) as u64;

fn connections_embedded(backend: Backend) -> Result<()> {
    too_many_connections(backend, Wsgi::Embedded)
}

fn connections_daemon(backend: Backend) -> Result<()> {
    too_many_connections(backend, Wsgi::Daemon)
}

/// Kept-alive connections: some have no place. Once they are closed, all have.
fn too_many_connections(backend: Backend, wsgi: Wsgi) -> Result<()> {
    const ROUNDS: usize = 5;
    let run = start(backend, threads(wsgi, 64), &["--max-connections", "16"])?;
    let mut kept = connections(&run, WANTED)?;
    for number in 0..ROUNDS {
        round(&mut kept, &format!("/hello/{number}"))?;
    }
    drop(kept);
    run.apache.settle(ROUNDS * WANTED)?;
    for number in 0..WANTED {
        expect_status(
            &run.apache
                .connect()?
                .get(&format!("/hello/last-{number}"))?,
            200,
        )?;
    }
    warned(&run, "map_full")?;
    let evidence = run.finish((ROUNDS + 1) * WANTED)?;
    balances(&evidence, 0)?;
    let lost = ROUNDS as u64 * OVER;
    ensure!(evidence.report.summary.total_lost() == lost);
    told(&evidence, "map_full", lost, "--max-connections")
}

/// In one read: the first and the last have a place of their own, 16 between them.
fn pipelined(backend: Backend) -> Result<()> {
    const SENT: usize = 40;
    let run = start(backend, Conf::default(), &["--max-connections", "16"])?;
    let mut client = run.apache.connect()?;
    let requests =
        (0..SENT).map(|number| format!("GET /hello/{number} HTTP/1.1\r\nHost: x\r\n\r\n"));
    client.send(requests.collect::<String>())?;
    for _ in 0..SENT {
        expect_status(&client.receive()?, 200)?;
    }
    expect_status(&client.get("/hello/after")?, 200)?;
    drop(client);
    warned(&run, "pipeline_full")?;
    let evidence = run.finish(SENT + 1)?;
    balances(&evidence, 0)?;
    let lost = (SENT - ROOM - 2) as u64;
    ensure!(evidence.report.summary.total_lost() == lost);
    evidence.report.only("/hello/after")?;
    told(&evidence, "pipeline_full", lost, "--max-connections")
}

fn long_paths(backend: Backend) -> Result<()> {
    let run = start(
        backend,
        threads(Wsgi::Embedded, 64),
        &["--max-connections", "64"],
    )?;
    let mut kept = connections(&run, WANTED)?;
    round(&mut kept, &format!("/slow/3000/{}", "long".repeat(100)))?;
    drop(kept);
    warned(&run, "long_path_full")?;
    let evidence = run.finish(WANTED)?;
    balances(&evidence, 0)?;
    let requests = &evidence.report.requests;
    let cut = requests
        .iter()
        .filter(|request| request.path_truncated)
        .count();
    ensure!(requests.len() == WANTED && cut as u64 == OVER, "{cut} cut");
    told(&evidence, "long_path_full", OVER, "--max-connections")
}

/// More requests at a time with the daemons than can be followed there.
fn handovers(backend: Backend) -> Result<()> {
    let run = start(
        backend,
        threads(Wsgi::Daemon, WANTED),
        &["--max-handovers", "17"],
    )?;
    let mut kept = connections(&run, WANTED)?;
    round(&mut kept, "/slow/3000/all")?;
    drop(kept);
    // Those before have all made room.
    round(&mut connections(&run, 4)?, "/slow/10/few")?;
    warned(&run, "handover_full")?;
    let evidence = run.finish(WANTED + 4)?;
    balances(&evidence, 0)?;
    let requests = &evidence.report.requests;
    ensure!(requests.len() == WANTED + 4);
    ensure!(
        requests
            .iter()
            .all(|request| request.mode == Some(Mode::Daemon))
    );
    let lacking: Vec<_> = requests.iter().filter(|r| r.queue_time.is_none()).collect();
    let few = lacking
        .iter()
        .filter(|r| r.path.as_deref().is_some_and(|p| p.contains("few")));
    ensure!(few.count() == 0, "{lacking:?}");
    let lacking = lacking.len() as u64;
    ensure!(
        lacking == (WANTED - 17) as u64,
        "{lacking} lack the daemon's part"
    );
    told(&evidence, "handover_full", lacking, "--max-handovers")
}

/// What the processes that are not followed serve is not seen: the documentation says so.
fn processes(backend: Backend) -> Result<()> {
    const CHILDREN: usize = 24;
    let conf = Conf::new(Mpm::Prefork, Wsgi::Embedded).directive(format!(
        "ServerLimit {CHILDREN}\nMaxRequestWorkers {CHILDREN}\nStartServers {CHILDREN}\n\
         MinSpareServers 1\nMaxSpareServers {CHILDREN}"
    ));
    let run = start(backend, conf, &["--max-processes", "16"])?;
    let mut kept = connections(&run, CHILDREN)?;
    round(&mut kept, "/hello/a")?;
    round(&mut kept, "/hello/b")?;
    drop(kept);
    warned(&run, "process_full")?;
    let evidence = run.finish(2 * CHILDREN)?;
    let pids = |of: &mut dyn Iterator<Item = u32>| of.collect::<BTreeSet<u32>>();
    let followed = pids(&mut evidence.report.requests.iter().map(|request| request.pid));
    let all = pids(&mut evidence.entries.iter().map(|entry| entry.pid));
    let unseen = evidence
        .entries
        .iter()
        .filter(|entry| !followed.contains(&entry.pid));
    balances(&evidence, unseen.count())?;
    let others = all.difference(&followed).count() as u64;
    // The parent has a place too.
    ensure!(followed.len() == ROOM - 1, "{} followed", followed.len());
    ensure!(others > 0 && evidence.report.summary.total_lost() == 0);
    told(&evidence, "process_full", others, "--max-processes")
}

/// Two applications' names where there is room for one's.
fn names(backend: Backend) -> Result<()> {
    let conf = Conf::new(Mpm::Event, Wsgi::Daemon)
        .directive("<Location /other>\nWSGIApplicationGroup other\n</Location>");
    let run = start(backend, conf, &["--max-names", "1"])?;
    let mut client = run.apache.connect()?;
    expect_status(&client.get("/hello/1")?, 200)?;
    for number in 0..3 {
        expect_status(&client.get(&format!("/other/{number}"))?, 200)?;
    }
    drop(client);
    warned(&run, "name_full")?;
    let evidence = run.finish(4)?;
    balances(&evidence, 0)?;
    let nameless = evidence
        .report
        .requests
        .iter()
        .filter(|r| r.process_group.is_none());
    let nameless = nameless.count() as u64;
    ensure!(nameless > 0, "all names are known");
    told(&evidence, "name_full", nameless, "--max-names")
}
