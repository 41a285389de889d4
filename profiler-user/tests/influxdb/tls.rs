//! A real InfluxDB 1.x behind `https://`, with a certificate that only a private
//! authority vouches for.

use crate::influxd::{Certificate, Influxd};
use crate::sample::request;
use crate::{DEADLINE, all, db, settings, start};

#[tokio::test]
async fn a_private_authority_is_trusted_when_named_and_only_then() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::make(dir.path());
    let influxd = Influxd::start_with_tls(&certificate).await;
    influxd.create("d").await;

    let mut trusting = settings(&influxd.url(), db("d"));
    trusting.ca = Some(certificate.authority.clone());
    let (mut influx, mut told) = start(trusting.clone());
    for n in 0..50 {
        influx.request(&request("/a", n));
    }
    assert_eq!(influx.finish(DEADLINE).await.written, 50);
    assert_eq!(all(&mut told), [""; 0]);
    let query = r#"SELECT count("ttfb") FROM "http.server.request""#;
    assert_eq!(influxd.column("d", query, "count").await, [50]);

    let elsewhere = tempfile::tempdir().unwrap();
    trusting.ca = Some(Certificate::make(elsewhere.path()).authority);
    let (mut influx, mut told) = start(trusting);
    influx.request(&request("/a", 0));
    let report = influx.finish(std::time::Duration::from_secs(2)).await;
    assert_eq!((report.written, report.dropped), (0, 1));
    let told = all(&mut told);
    assert!(told[0].contains("cannot connect"), "{told:?}");
    assert!(told[0].to_lowercase().contains("certificate"), "{told:?}");
}
