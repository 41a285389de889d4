//! Where requests and windows go.
//!
//! Every [`Sink`] is a plain handle that never blocks who gives it something: it hands
//! that to a writer of its own through a buffer of bounded size. What it could not
//! deliver it counts; that it could not, it tells once, as a line of text to the
//! `notices` channel.

mod authority;
mod condition;
pub mod influxdb;
pub mod jsonl;
pub(crate) mod names;
pub mod otlp;
pub mod prometheus;
mod turn;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

pub use self::condition::Condition;
pub use self::turn::phase;
use crate::model::Request;
use crate::summary::Summary;
use crate::tick::{About, Points, Tick};

/// Where a sink tells the operator what went wrong: one line, without newline.
pub type Notices = UnboundedSender<String>;

/// The end of a sink.
pub type Finish = Pin<Box<dyn Future<Output = Delivered>>>;

/// What an output delivered.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// In words.
    pub text: String,
    /// Whether something did not arrive.
    pub failed: bool,
}

/// An output. No call waits for anything.
pub trait Sink {
    /// The run begins.
    fn begin(&mut self, _about: &Arc<About>) {}

    /// Takes a finished request.
    fn request(&mut self, _request: &Request) {}

    /// Takes a window that has ended.
    fn tick(&mut self, _tick: &Arc<Tick>) {}

    /// What became of its points so far, if it has any.
    fn points(&self) -> Option<Points> {
        None
    }

    /// Whether it could deliver, for each part that is tried by itself; of what is asked
    /// instead, none.
    fn conditions(&self) -> Vec<Condition> {
        Vec::new()
    }

    /// Takes a line that the operator is told: a warning of another output, say.
    fn notice(&mut self, _text: &str) {}

    /// Delivers what waits, for no longer than `patience`, and gives up on the rest.
    /// The summary is that of the whole run.
    fn finish(self: Box<Self>, summary: &Arc<Summary>, patience: Duration) -> Finish;
}
