//! Proves that outputs do not wait for one another: with an OTLP collector that takes the
//! connection and never answers, InfluxDB and Prometheus have every request.

use std::net::TcpListener;

use anyhow::{Result, ensure};
use harness::apache::{Apache, Conf};
use harness::backends::Backend;
use harness::influx::Influx;
use harness::load::Load;
use harness::ports;
use harness::probe::Probe;
use harness::prometheus::scrape;
use harness::run::Run;
use harness::server::Server;
use harness::wait;

harness::on_each_backend!(a_dead_one_holds_up_nobody);

const DATABASE: &str = "wsgiprobe";

const STORED: &str = "SELECT SUM(\"requests\") AS total FROM \"http.server.request.duration\"";

fn a_dead_one_holds_up_nobody(backend: Backend) -> Result<()> {
    let dead = TcpListener::bind("127.0.0.1:0")?;
    let influx = Influx::start()?;
    influx.create(DATABASE)?;
    let apache = Apache::start(Conf::default())?;
    let (pid, scraped) = (apache.pid()?.to_string(), ports::free()?);
    let (stored, address) = (influx.url(), scraped.to_string());
    let receiver = format!("http://{}", dead.local_addr()?);
    let arguments = [
        ["--pid", &pid],
        ["--influx-url", &stored],
        ["--influx-db", DATABASE],
        ["--prometheus", &address],
        ["--otlp", &receiver],
        ["--otlp-slow", "1us"],
        ["--otlp-interval", "1s"],
    ]
    .concat();
    let probe = Probe::start(backend, arguments)?;
    let run = Run { apache, probe };
    let load = Load {
        clients: 4,
        requests: 200,
        kept: true,
    };
    load.run(&run.apache, |_| Ok(()))?;
    let count = load.total();

    wait::until("Prometheus' metrics to have all", || {
        // Nor is anything told before the run has begun.
        let Ok(body) = scrape(scraped) else {
            return Ok(false);
        };
        let text = String::from_utf8(body)?;
        let seen = text
            .lines()
            .find_map(|line| line.strip_prefix("wsgiprobe_account_reported_total "));
        // Before the first window there is none.
        let seen = seen.and_then(|seen| seen.parse::<f64>().ok());
        Ok(seen == Some(count as f64))
    })?;
    wait::until("InfluxDB to have all", || {
        let rows = influx.query(DATABASE, STORED)?;
        let total = rows
            .column("total")
            .ok()
            .and_then(|total| total.first()?.as_f64());
        Ok(total == Some(count as f64))
    })?;
    let evidence = run.finish(count)?;
    evidence.check().run()?;
    let said = &evidence.report.stdout;
    ensure!(said.contains("0 points and 0 spans to"), "{said}");
    drop(dead);
    Ok(())
}
