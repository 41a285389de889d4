use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::*;
use crate::sinks::Condition;

/// A run's, served.
fn served(vitals: &Vitals) -> SocketAddr {
    let health = Health::bind(&"0".parse().unwrap()).unwrap();
    let address = health.address;
    health.serve(&Handle::current(), vitals.clone()).unwrap();
    address
}

/// Status and body of a request, as it comes over the wire.
async fn ask(address: SocketAddr, what: &'static str) -> (u16, String) {
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{what} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn says_how_the_run_is() {
    let vitals = Vitals::default();
    let influx = Condition::new("influxdb");
    vitals.watch([influx.clone()]);
    let address = served(&vitals);
    assert_eq!(ask(address, "GET /healthz").await, (200, "ok\n".into()));
    let early = ask(address, "GET /readyz").await;
    assert_eq!(early, (503, "attached: not yet\ninfluxdb: ok\n".into()));

    vitals.attached();
    assert_eq!(ask(address, "GET /readyz?verbose").await.0, 200);
    influx.fails("away: cannot connect");
    let away = ask(address, "GET /readyz").await;
    let text = "attached: ok\ninfluxdb: away: cannot connect\n";
    assert_eq!(away, (503, text.into()));
    assert_eq!(ask(address, "GET /healthz").await.0, 200);
}

#[tokio::test]
async fn is_only_asked() {
    let address = served(&Vitals::default());
    assert_eq!(ask(address, "HEAD /healthz").await, (200, String::new()));
    assert_eq!(ask(address, "HEAD /readyz").await, (503, String::new()));
    assert_eq!(ask(address, "POST /healthz").await.0, 405);
    assert_eq!(ask(address, "GET /metrics").await.0, 404);
    assert_eq!(ask(address, "GET /").await.0, 200);
}

/// Whoever says nothing keeps nobody out for long.
#[tokio::test]
async fn silent_clients_are_let_go() {
    let address = served(&Vitals::default());
    let silent: Vec<_> = (0..64)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let patience = Duration::from_secs(20);
    let answer = tokio::time::timeout(patience, ask(address, "GET /healthz")).await;
    assert_eq!(answer.unwrap().0, 200);
    drop(silent);
}

#[test]
fn an_address_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen: Listen = taken.local_addr().unwrap().to_string().parse().unwrap();
    let said = Health::bind(&listen).unwrap_err().to_string();
    assert!(said.starts_with(&format!("--health {listen}: cannot listen there: ")));
}
