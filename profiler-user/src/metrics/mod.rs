//! Every metric: declared once, and its values from the start of the run on.
//!
//! ```text
//! catalogue (name, unit, kind, attributes, meaning, source)
//!     |                          Tick -> requests | servers | account
//!     |                                       |
//!     +------------> registry (series) <------+
//!     |                  +--> sinks: Prometheus, OTLP
//!     +--> table: docs/metrics.md
//! ```
//!
//! What InfluxDB gets is of each window alone, and is written by
//! [`influxdb`](crate::sinks::influxdb) from the same ticks; the catalogue says which of
//! its fields is which metric.

mod account;
mod catalogue;
mod declare;
mod exponential;
mod registry;
mod requests;
mod series;
mod servers;
mod span_names;
mod table;

pub use catalogue::Id;
pub use declare::{Attribute, Kind, Life, Metric, Unit};
pub use exponential::{Exponential, SCHEMA, Stretch};
pub use registry::{Family, Registry};
pub use series::{Durations, Example, Label, Labels, Series, Value};
pub use span_names::SpanNames;
pub use table::document;

#[cfg(test)]
mod contained;
#[cfg(test)]
pub(crate) mod tests;
