//! Stub: another branch has the real one.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::allow_attributes
)]

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::aggregate::Window;
use crate::model::Request;

pub enum Target {
    V1 {
        db: String,
        user: Option<String>,
        password: Option<String>,
    },
    V2 {
        org: String,
        bucket: String,
        token: String,
    },
}

pub enum Schema {
    Otel,
    Workshop,
}

pub struct Settings {
    pub url: String,
    pub target: Target,
    pub schema: Schema,
    pub raw: bool,
    pub hostname: String,
    pub timeout: Duration,
    pub batch_points: usize,
    pub buffer_bytes: usize,
}

#[derive(Debug, Default, Clone)]
pub struct Report {
    pub written: u64,
    pub dropped: u64,
    pub rejected: u64,
    pub errors: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct Error;

pub struct InfluxDb;

impl InfluxDb {
    pub fn start(_settings: Settings, _notices: UnboundedSender<String>) -> Result<Self, Error> {
        Ok(Self)
    }
    pub fn request(&mut self, _request: &Request) {}
    pub fn window(&mut self, _window: &Window) {}
    pub fn report(&self) -> Report {
        Report::default()
    }
    pub async fn finish(self, _patience: Duration) -> Report {
        Report::default()
    }
}
