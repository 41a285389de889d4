//! The option for health.

#![expect(
    clippy::doc_markdown,
    reason = "help is read in a terminal, not as Markdown"
)]

use clap::Args;

use super::Listen;
use super::options::OUTPUTS;

#[derive(Debug, Args)]
pub(super) struct HealthOptions {
    /// Answer http://ADDR/healthz and /readyz: PORT or HOST:PORT; only this host can reach it
    /// unless HOST says otherwise
    #[arg(long, value_name = "ADDR", help_heading = OUTPUTS)]
    pub health: Option<Listen>,
}
