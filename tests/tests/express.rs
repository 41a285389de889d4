//! Proves that mod_wsgi-express of PyPI, with a newer mod_wsgi and a configuration
//! of its own making, is profiled like any other Apache.

use anyhow::Result;
use harness::backends::Backend;
use harness::client::expect_status;
use harness::express::Express;
use harness::matching::Check;
use harness::probe::Probe;
use harness::server::Server;

harness::on_each_backend!(main_job);

fn main_job(backend: Backend) -> Result<()> {
    let express = Express::start()?;
    let probe = Probe::attach(backend, express.pid()?)?;
    let mut kept = express.connect()?;
    for number in 0..20 {
        expect_status(&kept.get(&format!("/hello/kept-{number}"))?, 200)?;
        expect_status(
            &express
                .connect()?
                .post(&format!("/read/{number}"), b"body")?,
            200,
        )?;
    }
    drop(kept);
    let entries = express.settle(40)?;
    let report = probe.finish()?;
    Check::new(&entries, &report).run()
}
