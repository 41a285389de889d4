//! Proves that `duration` is what `%D` of the access log measures: over hundreds
//! of requests, one after the other on otherwise idle cores, the median of the
//! difference is within 100 us, under every MPM and mode.

use anyhow::Result;
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(alone: equals_the_logs);

const CONFS: [(Mpm, Wsgi); 5] = [
    (Mpm::Prefork, Wsgi::Embedded),
    (Mpm::Prefork, Wsgi::Daemon),
    (Mpm::Worker, Wsgi::Daemon),
    (Mpm::Event, Wsgi::Embedded),
    (Mpm::Event, Wsgi::Daemon),
];

fn equals_the_logs(backend: Backend) -> Result<()> {
    for (mpm, wsgi) in CONFS {
        let run = Run::start(backend, Conf::new(mpm, wsgi))?;
        let mut kept = run.apache.connect()?;
        for number in 0..100 {
            expect_status(&kept.get(&format!("/hello/kept-{number}"))?, 200)?;
            let mut new = run.apache.connect()?;
            expect_status(&new.post(&format!("/read/new-{number}"), b"body")?, 200)?;
        }
        drop(kept);
        println!("{mpm:?}, {wsgi:?}:");
        run.finish(200)?.check().durations().run()?;
    }
    Ok(())
}
