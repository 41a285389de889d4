//! Where to write, and how.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf in HTTP requests.
    Http,
}

/// In which form durations are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buckets {
    /// Those of OpenTelemetry's conventions, and finer ones below.
    Explicit,
    /// Each 9 % wider than the one below.
    Exponential,
}

/// All there is to choose.
#[derive(Clone)]
pub struct Settings {
    /// The receiver, without the paths of the signals.
    pub url: Url,
    /// How messages travel.
    pub protocol: Protocol,
    /// Sent along, such as an authorisation; never shown.
    pub headers: Vec<(String, String)>,
    /// Of the resource, beside or instead of what is known of this host.
    pub resource: Vec<(String, String)>,
    /// Metrics are sent no more often than that.
    pub interval: Duration,
    /// From the end of a window to this host's turn to send metrics; zero: at once.
    pub phase: Duration,
    /// In which form durations are given.
    pub buckets: Buckets,
    /// A request that took as long gets a span; those that failed do in any case.
    pub slow: Duration,
    /// Requests a second that get one; the others are counted.
    pub spans: u32,
    /// PEM file with the certificates of those who may vouch for an `https://` receiver;
    /// `None`: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// For one message, connecting included.
    pub timeout: Duration,
}
