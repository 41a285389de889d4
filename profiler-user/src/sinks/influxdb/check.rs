//! The first contact: says at the start what would else be said at the first
//! write, and goes on all the same.
//!
//! An empty write shows all that matters (reachable, allowed, database there) with
//! no more rights than writing needs. Versions say yes in their own way: 1.x
//! answers 204, 2.x 400 as "writing requires points", both after they looked at the
//! credentials and the database; 3.x makes a database that is not there.

use influxdb2::api::write::TimestampPrecision;
use influxdb2::models::health::Status;

use super::answer::{self, Answer};
use super::client::{Client, innermost};
use super::settings::{Settings, Target};

/// Asks the server; `None` if all is well.
pub(super) async fn contact(client: &Client, settings: &Settings) -> Option<Answer> {
    let answer = match v2(settings) {
        Some((influx, org, bucket)) => {
            let asked = tokio::time::timeout(settings.timeout, ask(&influx, org, bucket));
            asked.await.unwrap_or_else(|_| Answer::Later {
                after: None,
                status: None,
                words: "no answer in time".into(),
            })
        }
        None => client.write("").await,
    };
    match answer {
        trouble @ Answer::Later { .. } => Some(trouble),
        _ => None,
    }
}

/// Crate `influxdb2` serves where it can: without TLS (its version is outdated)
/// and without a path before `/api/v2` (it would be cut off).
fn v2(settings: &Settings) -> Option<(influxdb2::Client, &str, &str)> {
    let Target::V2 { org, bucket, token } = &settings.target else {
        return None;
    };
    let base = settings.base().ok()?;
    if base.scheme() != "http" || base.path() != "/" {
        return None;
    }
    let influx = influxdb2::ClientBuilder::new(base.as_str(), org, token).build();
    Some((influx.ok()?, org, bucket))
}

async fn ask(influx: &influxdb2::Client, org: &str, bucket: &str) -> Answer {
    // Not every server that takes 2.x writes has a `/health` of this form, so only
    // what it says itself counts.
    if let Ok(health) = influx.health().await
        && health.status == Status::Fail
    {
        return Answer::Later {
            after: None,
            status: None,
            words: answer::shorten(&format!(
                "not healthy: {}",
                health.message.unwrap_or_default()
            )),
        };
    }
    let written = influx
        .write_line_protocol_with_precision(org, bucket, "", TimestampPrecision::Nanoseconds)
        .await;
    match written {
        Ok(()) => Answer::Written,
        Err(influxdb2::RequestError::Http { status, text }) => {
            answer::read(status.as_u16(), None, &text, true)
        }
        Err(error) => Answer::Later {
            after: None,
            status: None,
            words: innermost(&error),
        },
    }
}
