//! The options for Prometheus.

#![expect(
    clippy::doc_markdown,
    reason = "help is read in a terminal, not as Markdown"
)]

use clap::Args;

use super::options::OUTPUTS;
use super::values;

#[derive(Debug, Args)]
pub(super) struct PrometheusOptions {
    /// Let Prometheus scrape http://ADDR/metrics: PORT, HOST:PORT or IPv6 in brackets; only this
    /// host can reach it unless HOST says otherwise
    #[arg(long, value_name = "ADDR", value_parser = values::address, help_heading = OUTPUTS)]
    pub prometheus: Option<String>,
}
