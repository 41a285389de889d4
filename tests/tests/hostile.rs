//! Proves that nothing that comes over the wire gets out of the place that is meant for
//! it: no control character reaches the terminal, every line is a JSON object or a
//! point that InfluxDB takes, and each request is there once.

use anyhow::{Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::influx::Influx;
use harness::probe::Probe;
use harness::run::Run;
use harness::server::Server;
use harness::wait;

harness::on_each_backend!(strict, lenient, workshop);

const DATABASE: &str = "hostile";

/// Pieces of targets, methods and headers that mean something to somebody.
const PIECES: [&[u8]; 30] = [
    b"\x1b[31mred",
    b"\x1b]0;title\x07",
    b"\x1b[2J\x1b[H",
    b"\x9b2J",
    b"\xc2\x9b2J",
    b"\xc2\x85next",
    b"\x07\x08\x0b\x0c\x0e",
    b"\x7fdel",
    b"\x01\x02\x1f",
    b"\rreturn",
    b"\xe2\x80\xaegnp.exe",
    b"\xe2\x81\xa6isolate\xe2\x81\xa9",
    b"\xe2\x80\xa8line",
    b"\xef\xbb\xbfbom\xe2\x80\x8bzero",
    b"\xf3\xa0\x81\x81tag",
    b"\xff\xfe\xc3(",
    b"\xed\xa0\x80surrogate",
    b"\xf0\x9f\x98\x80",
    b"%1b[31m%0d%0a%00%9b",
    b"quote\"'`",
    b"back\\slash\\",
    b"a,b=c,d=\"e\"",
    b"i=1i,t=true",
    b"#comment",
    b"{{id}}<script>alert(1)</script>",
    b"\\n1700000000000000000",
    b"=,=,=",
    b"\\,\\=\\ ",
    b"$(id)`id`;|&",
    b"__proto__",
];

/// A request for each piece in the path, in the method, and in headers.
fn requests() -> Vec<Vec<u8>> {
    let request = |method: &[u8], path: &[u8], host: &[u8], agent: &[u8]| {
        [
            method,
            b" /hello/",
            path,
            b" HTTP/1.1\r\nHost: ",
            host,
            b"\r\nUser-Agent: ",
            agent,
            b"\r\nConnection: close\r\n\r\n",
        ]
        .concat()
    };
    PIECES
        .iter()
        .flat_map(|piece| {
            [
                request(b"GET", piece, b"localhost", b"x"),
                request(&[b"G", *piece].concat(), b"method", b"localhost", b"x"),
                request(b"GET", b"host", piece, b"x"),
                request(b"GET", b"agent", b"localhost", piece),
            ]
        })
        .collect()
}

/// What Apache lets through as it comes.
fn strict(backend: Backend) -> Result<()> {
    send_all(
        backend,
        Conf::new(Mpm::Event, Wsgi::Daemon),
        &["--influx-raw"],
    )
}

/// Nearly everything.
fn lenient(backend: Backend) -> Result<()> {
    let conf = Conf::new(Mpm::Event, Wsgi::Embedded);
    send_all(backend, conf.directive(LENIENT), &["--influx-raw"])
}

const LENIENT: &str = "HttpProtocolOptions Unsafe LenientMethods";

fn workshop(backend: Backend) -> Result<()> {
    let conf = Conf::new(Mpm::Event, Wsgi::Daemon);
    let options = ["--influx-raw", "--influx-schema", "workshop"];
    send_all(backend, conf.directive(LENIENT), &options)
}

fn send_all(backend: Backend, conf: Conf, options: &[&str]) -> Result<()> {
    let influx = Influx::start()?;
    influx.create(DATABASE)?;
    let apache = Apache::start(conf)?;
    let (pid, url) = (apache.pid()?.to_string(), influx.url());
    let own = ["--pid", &pid, "--influx-url", &url, "--influx-db", DATABASE];
    let probe = Probe::start(backend, [&own, options].concat())?;
    let run = Run { apache, probe };
    let requests = requests();
    for request in &requests {
        let mut client = run.apache.connect()?;
        client.send(request)?;
        // Whatever the answer is, and even if there is none.
        client.receive_to_end()?;
    }
    // At least a window of them is shown before the end.
    wait::until("a line of an interval", || {
        Ok(run
            .probe
            .stdout()?
            .windows(10)
            .any(|part| part == b" requests,"))
    })?;
    let evidence = run.finish(requests.len())?;
    let report = &evidence.report;
    expect_plain("stdout", &report.stdout)?;
    expect_plain("stderr", &report.stderr)?;
    ensure!(!report.stdout.contains("rejected"), "{}", report.stdout);
    let summary = &report.summary;
    ensure!(
        summary.seen == summary.reported + summary.in_flight && summary.total_lost() == 0,
        "{summary:?}"
    );
    let logged = evidence.entries.iter().filter(|entry| entry.is_request());
    let logged = logged.count();
    println!(
        "{} sent, {logged} logged, {} reported",
        requests.len(),
        summary.reported
    );
    // Each line was a JSON object, or there would be no report.
    ensure!(report.requests.len() == logged);
    for request in &report.requests {
        for text in [&request.path, &request.method].into_iter().flatten() {
            ensure!(!text.contains('\n'), "{text:?} goes over two lines");
            expect_plain("a request", text)?;
        }
    }
    if !options.contains(&"workshop") {
        let rows = influx.query(
            DATABASE,
            "SELECT \"client.port\" FROM \"http.server.request\"",
        )?;
        ensure!(rows.len() == logged, "{} points of {logged}", rows.len());
    }
    let wrote = report
        .stdout
        .lines()
        .find(|line| line.contains("points to InfluxDB"));
    ensure!(
        wrote.is_some_and(|line| !line.contains("wrote  0")),
        "{}",
        report.stdout
    );
    Ok(())
}

/// Nothing but lines of what can be seen.
fn expect_plain(name: &str, text: &str) -> Result<()> {
    for line in text.lines() {
        let hidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{fffd}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        };
        ensure!(!line.contains(hidden), "{name}: {line:?}");
    }
    Ok(())
}
