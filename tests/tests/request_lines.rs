//! Proves that any request line that Apache takes is reported as it was sent:
//! unknown and lower-case methods, absolute targets, `*`, HTTP/1.0 with and
//! without keep-alive, `HEAD`, and paths with bytes that other formats quote.

use anyhow::{Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{Response, request};
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(methods, targets, versions, http_0_9, longest_method);

/// A request of its own on a new connection.
fn send(apache: &Apache, method: &str, bytes: &str) -> Result<Response> {
    let mut client = apache.connect()?;
    client.send(bytes)?;
    client.receive_for(method)
}

fn methods(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::new(Mpm::Worker, Wsgi::Daemon))?;
    let methods = [
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "OPTIONS",
        "PATCH",
        "PROPFIND",
        "REPORT",
        "get",
        "X",
        "VERSION-CONTROL",
        "UPDATEREDIRECTREF",
        "!#$%&'*+-.^_`|~09az",
    ];
    for (number, method) in methods.iter().enumerate() {
        send(
            &run.apache,
            method,
            &request(method, &format!("/hello/method-{number}")),
        )?;
    }
    let mut kept = run.apache.connect()?;
    for (number, method) in methods.iter().enumerate() {
        kept.send(request(method, &format!("/hello/kept-{number}")))?;
        kept.receive_for(method)?;
    }
    drop(kept);
    run.finish(2 * methods.len())?.check().run()
}

/// 40 bytes: the contract has no limit, so what is kept must at least be its start.
fn longest_method(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::default())?;
    let method = "A-METHOD-THAT-IS-LONGER-THAN-ANY-OF-IANA";
    send(&run.apache, method, &request(method, "/hello/long-method"))?;
    let evidence = run.finish(1)?;
    let reported = evidence.report.only("/hello/long-method")?;
    let kept = reported.method.as_deref().unwrap_or_default();
    ensure!(
        kept.len() >= 32 && method.starts_with(kept),
        "the method became {kept:?}"
    );
    ensure!(reported.status == Some(evidence.logged("/hello/long-method")?.status));
    Ok(())
}

fn targets(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::default())?;
    let targets = [
        "/hello/plain",
        "/hello/query?token=secret",
        "/hello/two?a=b?c=d",
        "http://localhost/hello/absolute?q=1",
        "http://localhost:80/hello/absolute-port",
        "HTTP://localhost/hello/upper-case-scheme",
        "/hello/url-in-query?u=http://localhost/x",
        "/hello//double//slash",
        "/hello/dots/../and/./more",
        "/hello/percent-%41%20%2F",
        "/hello/quote-\"-backslash-\\-comma-,-equals-=-end",
        "/hello/semicolon;a=b",
        "/hello/utf-8-\u{e9}-\u{2713}",
        "*",
    ];
    for target in targets {
        let method = if target == "*" { "OPTIONS" } else { "GET" };
        send(&run.apache, method, &request(method, target))?;
    }
    let evidence = run.finish(targets.len())?;
    evidence.check().run()?;
    let everything = format!("{:?}", evidence.report.requests);
    ensure!(!everything.contains("secret"), "a query string was kept");
    ensure!(
        !evidence
            .report
            .requests
            .iter()
            .any(|request| request.route.contains('?'))
    );
    Ok(())
}

fn versions(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::new(Mpm::Prefork, Wsgi::Embedded))?;
    // The server closes after each of these, and says so by the end of the body.
    for path in ["/hello/1.0", "/chunked/1.0"] {
        send(&run.apache, "GET", &format!("GET {path} HTTP/1.0\r\n\r\n"))?;
    }
    let mut kept = run.apache.connect()?;
    for number in 0..3 {
        let head = "HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        kept.send(format!("GET /hello/1.0-kept-{number} {head}"))?;
        kept.receive()?;
    }
    drop(kept);
    let close = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    send(&run.apache, "GET", &format!("GET /hello/1.1-close {close}"))?;
    let evidence = run.finish(6)?;
    evidence.check().run()?;
    for request in &evidence.report.requests {
        let path = request.path.as_deref().unwrap_or_default();
        let version = if path.contains("1.0") { "1.0" } else { "1.1" };
        ensure!(
            request.protocol.as_deref() == Some(version),
            "{path}: {:?}",
            request.protocol
        );
    }
    Ok(())
}

/// The oldest HTTP has no version in the line, no head, and no status to report.
fn http_0_9(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::default())?;
    let mut client = run.apache.connect()?;
    client.send("GET /hello/0.9\r\n")?;
    let answer = client.receive_to_end()?;
    ensure!(answer == b"hello\n", "not HTTP/0.9: {answer:?}");
    drop(client);
    let evidence = run.finish(1)?;
    let request = evidence.report.only("/hello/0.9")?;
    ensure!(
        request.protocol.as_deref() == Some("0.9"),
        "{:?}",
        request.protocol
    );
    ensure!(
        request.status.is_none_or(|status| status == 200),
        "{:?}",
        request.status
    );
    ensure!(request.response_bytes == answer.len() as u64);
    ensure!(evidence.report.summary.total_lost() == 0);
    Ok(())
}
