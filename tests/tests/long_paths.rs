//! Proves that a path is reported whole up to the longest that Apache takes,
//! whether it came in one read or in several, and that one over that is not cut
//! without a word.

use anyhow::{Result, ensure};
use harness::apache::Conf;
use harness::backends::Backend;
use harness::client::{expect_status, get};
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(whole, too_long);

/// Around every size that a buffer might have, and the longest: Apache takes a
/// request line of 8190 bytes, of which 13 are not the path.
const LENGTHS: [usize; 16] = [
    1, 2, 63, 64, 65, 191, 192, 193, 255, 256, 257, 4095, 4096, 4097, 8000, 8177,
];

/// A path of that length, different for each `kind`.
fn path(length: usize, kind: char) -> String {
    let start: String = format!("/hello/{length}/").chars().take(length).collect();
    format!("{start}{}", kind.to_string().repeat(length - start.len()))
}

fn whole(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::default())?;
    let mut sent = Vec::new();
    for length in LENGTHS {
        let (at_once, in_two) = (path(length, 'o'), path(length, 't'));
        // Connections of their own: the shortest paths are the same for both.
        let mut client = run.apache.connect()?;
        client.get(&at_once)?;
        let mut client = run.apache.connect()?;
        let request = get(&in_two);
        let (first, second) = request.split_at(4 + length / 2);
        client.send_pieces([first, second])?;
        client.receive()?;
        sent.extend([(at_once, request.len()), (in_two, request.len())]);
    }
    let evidence = run.finish(sent.len())?;
    ensure!(
        !evidence
            .report
            .requests
            .iter()
            .any(|request| request.path_truncated)
    );
    let mut check = evidence.check();
    for (path, bytes) in sent {
        check = check.sent(path, bytes);
    }
    check.run()
}

fn too_long(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::default())?;
    let path = path(9000, 'x');
    let mut client = run.apache.connect()?;
    client.send(get(&path))?;
    expect_status(&client.receive()?, 414)?;
    drop(client);
    let report = run.finish(1)?.report;
    ensure!(
        report.requests.len() == 1,
        "reported: {:?}",
        report.requests
    );
    let request = &report.requests[0];
    ensure!(request.status == Some(414), "status {:?}", request.status);
    let kept = request.path.as_deref().unwrap_or_default();
    ensure!(
        request.path_truncated || kept == path,
        "{} bytes kept, not marked",
        kept.len()
    );
    ensure!(path.starts_with(kept), "not the start of the path: {kept}");
    Ok(())
}
