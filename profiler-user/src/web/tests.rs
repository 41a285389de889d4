//! The page as a client sees it, over a real socket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::aggregate::Aggregator;
use crate::pool::Snapshot;
use crate::report::Keeper;
use crate::request::sample;
use crate::sinks::Sink as _;
use crate::summary::tests::sample as summary;
use crate::tick::Tick;

struct Served {
    keeper: Keeper,
    address: SocketAddr,
    _until_dropped: oneshot::Sender<()>,
}

fn serve(token: Option<&str>) -> Served {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let there = runtime.handle().clone();
    let (until_dropped, dropped) = oneshot::channel::<()>();
    std::thread::spawn(move || drop(runtime.block_on(dropped)));
    let (notices, _) = mpsc::unbounded_channel();
    let keeper = Keeper::start(&there, None, notices);
    let token = token.map(|token| cli::Secret::new(token).unwrap());
    let web = cli::Web {
        listen: "0".parse().unwrap(),
        addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        token,
    };
    let web = Web::bind(&web).unwrap();
    let address = web.address;
    web.serve(&there, keeper.shared()).unwrap();
    Served {
        keeper,
        address,
        _until_dropped: until_dropped,
    }
}

impl Served {
    fn tick(&mut self, path: &str) {
        let mut aggregator = Aggregator::new();
        aggregator.record(&sample::request(path));
        self.keeper.tick(&Arc::new(Tick {
            window: aggregator.close(0, 1_000_000_000),
            snapshot: Snapshot::default(),
            account: summary(16),
            points: None,
        }));
    }

    fn ask(&self, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn get(&self, path: &str, more: &str) -> String {
        let host = self.address;
        let mut stream = self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n"
        ));
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// Reads until that was said.
fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&said).into_owned();
        if text.contains(wanted) {
            return text;
        }
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "the end came before {wanted}: {text}");
        said.extend_from_slice(&piece[..count]);
    }
}

#[test]
fn every_answer_is_strict() {
    let served = serve(None);
    for path in [
        "/",
        "/assets/main.js",
        "/api/state",
        "/nowhere",
        "/assets/../x",
    ] {
        let answer = served.get(path, "").to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; \
             connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'\r\n",
            "x-content-type-options: nosniff\r\n",
            "cache-control: no-store\r\n",
        ] {
            assert!(answer.contains(header), "{path}: {answer}");
        }
    }
    assert!(served.get("/", "").starts_with("HTTP/1.1 200 OK"));
    assert!(served.get("/nowhere", "").starts_with("HTTP/1.1 404 "));
    let mut posted = served.ask("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(until(&mut posted, "\r\n\r\n").starts_with("HTTP/1.1 405 "));
}

#[test]
fn a_page_of_another_name_gets_nothing() {
    let mut served = serve(None);
    served.tick("/secret");
    let mut stream = served.ask("GET /api/state HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    let answer = until(&mut stream, "localhost or 127.0.0.1");
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
    assert!(!answer.contains("secret"));
}

#[test]
fn without_the_token_there_is_nothing_to_see() {
    let token = "0123456789abcdef";
    let served = serve(Some(token));
    for path in ["/", "/api/state", "/api/events", "/assets/main.js"] {
        let answer = served.get(path, "");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer}");
    }
    let header = format!("Authorization: Bearer {token}\r\n");
    assert!(
        served
            .get("/api/state", &header)
            .starts_with("HTTP/1.1 200 ")
    );
    let answer = served.get(&format!("/?token={token}"), "");
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    let cookie = answer.split("set-cookie: ").nth(1).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let answer = served.get("/api/state", &format!("Cookie: {cookie}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn every_window_is_an_event_and_the_last_has_the_account() {
    let mut served = serve(None);
    let mut stream = served.ask("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = until(&mut stream, "retry: 2000\n\n");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    served.tick("/first");
    assert!(until(&mut stream, "\n\n\r\n").contains("\"r\":\"/first\""));
    served.tick("/second");
    let second = until(&mut stream, "\n\n\r\n");
    assert!(
        second.contains("\"n\":2") && second.contains("\"ended\":false"),
        "{second}"
    );
    let Served {
        keeper,
        _until_dropped,
        ..
    } = served;
    let end = Box::new(keeper).finish(&Arc::new(summary(16)), Duration::from_secs(5));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let delivered = runtime.block_on(end);
    assert_eq!(delivered.text, "2 requests to the web page");
    assert!(!delivered.failed);
    assert!(until(&mut stream, "\n\n\r\n").contains("\"ended\":true"));
}

#[test]
fn who_watches_is_bounded() {
    let served = serve(None);
    let watch = || {
        let mut stream = served.ask("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        (until(&mut stream, "\r\n\r\n"), stream)
    };
    let watching: Vec<_> = (0..16).map(|_| watch()).collect();
    assert!(watching.iter().all(|(head, _)| head.contains(" 200 OK")));
    assert!(watch().0.contains(" 503 "));
    drop(watching);
    // That they are gone is seen as something is sent to them, or at once.
    let again = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        watch().0.contains(" 200 OK")
    });
    assert!(again);
}

#[test]
fn who_takes_the_state_is_bounded() {
    let served = serve(None);
    let (shared, readers) = (served.keeper.shared(), events::Readers::default());
    let bodies: Vec<_> = (0..5).map(|_| events::state(&shared, &readers)).collect();
    let served: Vec<bool> = bodies.iter().map(Option::is_some).collect();
    assert_eq!(served, [true, true, true, true, false]);
    // Who has it all makes room, as does who gives up.
    let runtime = Builder::new_current_thread().build().unwrap();
    for body in bodies.into_iter().flatten() {
        let json = runtime.block_on(body.collect()).unwrap().to_bytes();
        assert_eq!(json, shared.state().unwrap());
        let next = events::state(&shared, &readers);
        assert!(next.is_some());
        drop(next);
    }
}

#[test]
fn who_falls_behind_is_let_go() {
    let mut served = serve(None);
    let mut slow = served.ask("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    until(&mut slow, "retry");
    // What fits the sockets' buffers, and then more than anybody keeps for it.
    let long = format!("/{}", "x".repeat(4_000));
    for n in 0..4_000 {
        served.tick(&format!("{long}{n}"));
        if n % 50 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let mut quick = served.ask("GET /api/state HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(until(&mut quick, "\r\n\r\n").contains(" 200 OK"));
    slow.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut taken = Vec::new();
    let end = slow.read_to_end(&mut taken);
    let all = String::from_utf8_lossy(&taken);
    assert!(!all.contains("\"n\":4000"), "it has missed nothing");
    assert!(end.is_ok() || end.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionReset));
}
