//! What a client can do to a server: one function for each, over raw bytes.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use fastrand::Rng;
use harness::client::{Client, expect_status, get, post, post_chunked, request};
use harness::site::{STATIC_FILE, STATIC_SIZE};

/// Whether the connection can be used for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is kept.
    Keep,
    /// It is over.
    Close,
}

/// What a case has at hand. Its requests' paths end with `id`, which no other has.
pub struct Turn<'a> {
    pub client: Client,
    pub id: String,
    pub random: &'a mut Rng,
}

/// What becomes of the connection: `None` if it is over.
type Outcome = Result<Option<Client>>;

/// A case: its name, how often it comes up beside the others, and what it does.
pub type Case = (&'static str, u32, fn(Turn) -> Outcome);

/// All of them.
pub const ALL: [Case; 31] = [
    ("plain", 20, plain),
    ("pipeline", 8, pipeline),
    ("split", 12, split),
    ("single-bytes", 2, single_bytes),
    ("method", 6, method),
    ("absolute", 3, absolute),
    ("old", 3, old),
    ("old-kept", 3, old_kept),
    ("head", 4, head),
    ("expect", 4, expect),
    ("chunked-up", 4, chunked_up),
    ("chunked-down", 6, chunked_down),
    ("upload", 2, upload),
    ("stream", 1, stream),
    ("file", 1, file),
    ("range", 4, range),
    ("empty", 6, empty),
    ("upgrade", 3, upgrade),
    ("long", 4, long),
    ("crash", 2, crash),
    ("told-to-close", 3, told_to_close),
    ("not-http", 2, not_http),
    ("tls", 2, tls),
    ("silent", 2, silent),
    ("hang-up-in-request", 8, hang_up_in_request),
    ("hang-up-before-answer", 3, hang_up_before_answer),
    ("reset-before-answer", 3, reset_before_answer),
    ("hang-up-in-answer", 3, hang_up_in_answer),
    ("reset-in-answer", 2, reset_in_answer),
    ("half-close", 3, half_close),
    ("hang-up-in-pipeline", 2, hang_up_in_pipeline),
];

impl Turn<'_> {
    fn path(&self, route: &str) -> String {
        format!("/{route}/{}", self.id)
    }

    /// Sends, and receives the answer, which must have that status.
    fn ask(&mut self, bytes: impl AsRef<[u8]>, method: &str, status: u16) -> Result<()> {
        self.client.send(bytes)?;
        expect_status(&self.client.receive_for(method)?, status)
    }

    fn asked(mut self, bytes: impl AsRef<[u8]>, method: &str, status: u16, then: Then) -> Outcome {
        self.ask(bytes, method, status)?;
        Ok((then == Then::Keep).then_some(self.client))
    }

    /// Sends the bytes cut before those places.
    fn send_cut(&mut self, bytes: &[u8], cuts: &[usize]) -> Result<()> {
        let mut sent = 0;
        for &cut in cuts.iter().chain([&bytes.len()]) {
            self.client.send(&bytes[sent..cut])?;
            sent = cut;
            // Not certain to be a read of its own, but likely.
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

fn plain(turn: Turn) -> Outcome {
    let bytes = get(&turn.path("hello"));
    turn.asked(bytes, "GET", 200, Then::Keep)
}

/// Up to 20 requests, of three kinds; and where each ends.
fn pipelined(turn: &mut Turn) -> (Vec<usize>, Vec<u8>) {
    let count = turn.random.usize(2..=20);
    let (mut ends, mut bytes) = (Vec::new(), Vec::new());
    for number in 0..count {
        let path = format!("{}-{number}", turn.path("read"));
        match turn.random.u8(0..3) {
            0 => bytes.extend(get(&path).into_bytes()),
            1 => bytes.extend(post(&path, &vec![b'p'; turn.random.usize(0..300)])),
            _ => bytes.extend(post_chunked(&path, &[b"one", b"and two"])),
        }
        ends.push(bytes.len());
    }
    (ends, bytes)
}

fn pipeline(mut turn: Turn) -> Outcome {
    let (ends, bytes) = pipelined(&mut turn);
    let cut = turn.random.usize(1..bytes.len());
    let cuts: &[usize] = if turn.random.bool() { &[cut] } else { &[] };
    turn.send_cut(&bytes, cuts)?;
    for _ in ends {
        expect_status(&turn.client.receive()?, 200)?;
    }
    Ok(Some(turn.client))
}

fn split(mut turn: Turn) -> Outcome {
    let bytes = post(&turn.path("read"), b"a body");
    let mut cuts: Vec<usize> = (0..turn.random.usize(1..4))
        .map(|_| turn.random.usize(1..bytes.len()))
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    turn.send_cut(&bytes, &cuts)?;
    expect_status(&turn.client.receive()?, 200)?;
    Ok(Some(turn.client))
}

fn single_bytes(mut turn: Turn) -> Outcome {
    let bytes = get(&turn.path("hello"));
    let cuts: Vec<usize> = (1..bytes.len()).collect();
    turn.send_cut(bytes.as_bytes(), &cuts)?;
    expect_status(&turn.client.receive()?, 200)?;
    Ok(Some(turn.client))
}

fn method(turn: Turn) -> Outcome {
    const ANY: [&str; 7] = [
        "PROPFIND", "REPORT", "get", "DELETE", "X-ODD", "OPTIONS", "M-SEARCH",
    ];
    let method = ANY[turn.random.usize(0..ANY.len())];
    let bytes = request(method, &turn.path("hello"));
    turn.asked(bytes, method, 200, Then::Keep)
}

fn absolute(turn: Turn) -> Outcome {
    let bytes = get(&format!("http://localhost{}?query=1", turn.path("hello")));
    turn.asked(bytes, "GET", 200, Then::Keep)
}

fn old(turn: Turn) -> Outcome {
    let bytes = format!("GET {} HTTP/1.0\r\n\r\n", turn.path("chunked"));
    turn.asked(bytes, "GET", 200, Then::Close)
}

fn old_kept(turn: Turn) -> Outcome {
    let path = turn.path("hello");
    let bytes = format!("GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    turn.asked(bytes, "GET", 200, Then::Keep)
}

fn head(turn: Turn) -> Outcome {
    let bytes = request("HEAD", &turn.path("hello"));
    turn.asked(bytes, "HEAD", 200, Then::Keep)
}

fn expect(mut turn: Turn) -> Outcome {
    let path = turn.path("read");
    turn.client.send(format!(
        "PUT {path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    ))?;
    expect_status(&turn.client.receive_any("PUT")?, 100)?;
    turn.asked("12345", "PUT", 200, Then::Keep)
}

fn chunked_up(turn: Turn) -> Outcome {
    let bytes = post_chunked(
        &turn.path("read"),
        &[b"GET /not-this HTTP/1.1\r\n\r\n", &[b'c'; 9000]],
    );
    turn.asked(bytes, "POST", 200, Then::Keep)
}

fn chunked_down(turn: Turn) -> Outcome {
    let bytes = get(&turn.path("chunked"));
    turn.asked(bytes, "GET", 200, Then::Keep)
}

fn upload(turn: Turn) -> Outcome {
    let bytes = post(&turn.path("read"), &vec![b'u'; 300_000]);
    turn.asked(bytes, "POST", 200, Then::Keep)
}

fn stream(turn: Turn) -> Outcome {
    let bytes = get(&turn.path("stream"));
    turn.asked(bytes, "GET", 200, Then::Keep)
}

fn file(mut turn: Turn) -> Outcome {
    turn.client
        .send(get(&format!("{STATIC_FILE}/{}", turn.id)))?;
    let response = turn.client.receive()?;
    expect_status(&response, 200)?;
    ensure!(
        response.body.len() == STATIC_SIZE,
        "{} bytes",
        response.body.len()
    );
    Ok(Some(turn.client))
}

fn range(turn: Turn) -> Outcome {
    let path = format!("{STATIC_FILE}/{}", turn.id);
    let bytes = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=9-999\r\n\r\n");
    turn.asked(bytes, "GET", 206, Then::Keep)
}

fn empty(turn: Turn) -> Outcome {
    let status = if turn.random.bool() { 204 } else { 304 };
    let bytes = get(&turn.path(&format!("status/{status}")));
    turn.asked(bytes, "GET", status, Then::Keep)
}

fn upgrade(turn: Turn) -> Outcome {
    let path = turn.path("hello");
    let bytes = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
    turn.asked(bytes, "GET", 200, Then::Keep)
}

fn long(mut turn: Turn) -> Outcome {
    let filler = "l".repeat(turn.random.usize(150..8000));
    turn.client
        .send(get(&format!("/hello/{filler}/{}", turn.id)))?;
    // No file's name is as long: 404 or 403 is as good an answer.
    turn.client.receive()?;
    Ok(Some(turn.client))
}

fn crash(turn: Turn) -> Outcome {
    let bytes = get(&turn.path("crash"));
    turn.asked(bytes, "GET", 500, Then::Close)
}

fn told_to_close(mut turn: Turn) -> Outcome {
    let path = turn.path("hello");
    let bytes = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    turn.ask(bytes, "GET", 200)?;
    let rest = turn.client.receive_to_end()?;
    ensure!(rest.is_empty(), "{} bytes after the answer", rest.len());
    Ok(None)
}

fn not_http(turn: Turn) -> Outcome {
    let bytes = format!("what {} this\r\n\r\n", turn.path("is"));
    turn.asked(bytes, "GET", 400, Then::Close)
}

fn tls(mut turn: Turn) -> Outcome {
    turn.client.send(
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            &[0x11; 200][..],
        ]
        .concat(),
    )?;
    sleep(Duration::from_millis(1));
    Ok(None)
}

#[expect(clippy::needless_pass_by_value, reason = "cases have one type")]
fn silent(turn: Turn) -> Outcome {
    turn.client.half_close()?;
    Ok(None)
}

/// At any byte of line, head or body, regularly or with a reset.
fn hang_up_in_request(mut turn: Turn) -> Outcome {
    let bytes = post(&turn.path("read"), &[b'h'; 100]);
    let cut = turn.random.usize(1..bytes.len());
    turn.client.send(&bytes[..cut])?;
    sleep(Duration::from_millis(turn.random.u64(0..3)));
    if turn.random.bool() {
        turn.client.reset()?;
    }
    Ok(None)
}

fn hang_up_before_answer(mut turn: Turn) -> Outcome {
    let bytes = get(&turn.path("slow/20"));
    turn.client.send(bytes)?;
    sleep(Duration::from_millis(turn.random.u64(0..10)));
    Ok(None)
}

fn reset_before_answer(mut turn: Turn) -> Outcome {
    let bytes = get(&turn.path("slow/20"));
    turn.client.send(bytes)?;
    sleep(Duration::from_millis(turn.random.u64(0..10)));
    turn.client.reset()?;
    Ok(None)
}

fn hang_up_in_answer(mut turn: Turn) -> Outcome {
    let path = if turn.random.bool() {
        turn.path("big")
    } else {
        turn.path("chunked")
    };
    turn.client.send(get(&path))?;
    turn.client.receive_some()?;
    Ok(None)
}

fn reset_in_answer(mut turn: Turn) -> Outcome {
    turn.client
        .send(get(&format!("{STATIC_FILE}/{}", turn.id)))?;
    turn.client.receive_some()?;
    turn.client.reset()?;
    Ok(None)
}

fn half_close(mut turn: Turn) -> Outcome {
    let bytes = get(&turn.path("slow/5"));
    turn.client.send(bytes)?;
    turn.client.half_close()?;
    expect_status(&turn.client.receive()?, 200)?;
    Ok(None)
}

fn hang_up_in_pipeline(mut turn: Turn) -> Outcome {
    let (ends, bytes) = pipelined(&mut turn);
    let sent = turn.random.usize(1..=bytes.len());
    turn.client.send(&bytes[..sent])?;
    if sent >= ends[0] && turn.random.bool() {
        turn.client.receive()?;
    }
    if turn.random.bool() {
        turn.client.reset()?;
    }
    Ok(None)
}
