//! Where requests and windows go.
//!
//! Every sink is a plain handle that is given [requests](crate::model::Request),
//! [windows](crate::aggregate::Window) or both, and never blocks who gives them:
//! it hands them to a writer of its own through a buffer of bounded size. What it
//! could not deliver it counts; that it could not, it tells once, as a line of
//! text to the `notices` channel.

pub mod influxdb;
pub mod jsonl;
mod names;

use tokio::sync::mpsc::UnboundedSender;

/// Where a sink tells the operator what went wrong: one line, without newline.
pub type Notices = UnboundedSender<String>;
