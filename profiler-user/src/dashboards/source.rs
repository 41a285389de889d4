//! What the files in `dashboards/` may say.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::DataSource;

/// A dashboard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dashboard {
    pub title: String,
    pub description: String,
    /// Of which series: `host`, `namespace`, `pod`, `route`, `process`.
    #[serde(default)]
    pub variables: Vec<Variable>,
    /// Measurements of the workshop's schema: no metric is in the catalogue.
    #[serde(default)]
    pub workshop: bool,
    pub row: Vec<Row>,
}

impl Dashboard {
    /// Whether its data may be there.
    pub fn is_for(&self, from: DataSource) -> bool {
        !self.workshop || from != DataSource::Prometheus
    }
}

/// A choice at the top of a dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Variable {
    Host,
    Namespace,
    Pod,
    Route,
    Process,
}

/// Panels under a title.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub title: String,
    pub panel: Vec<Panel>,
}

/// A panel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Panel {
    pub title: String,
    pub description: String,
    pub kind: Kind,
    /// Grafana's id of it.
    #[serde(default)]
    pub unit: Option<String>,
    /// Of 24 columns.
    pub width: u32,
    #[serde(default = "height")]
    pub height: u32,
    #[serde(default)]
    pub stack: Option<Stack>,
    /// Above the first value the first colour, and so on.
    #[serde(default)]
    pub thresholds: Vec<(f64, String)>,
    #[serde(default)]
    pub min: Option<f64>,
    #[serde(default)]
    pub max: Option<f64>,
    #[serde(default)]
    pub decimals: Option<u32>,
    /// By series.
    #[serde(default)]
    pub colors: BTreeMap<String, String>,
    /// Of a table's columns, where it is not the panel's.
    #[serde(default)]
    pub units: BTreeMap<String, String>,
    /// The column that a table is sorted by, largest first.
    #[serde(default)]
    pub sort: Option<String>,
    /// A logarithmic axis.
    #[serde(default)]
    pub log: bool,
    /// In a good run there is nothing but zeros.
    #[serde(default)]
    pub quiet: bool,
    /// What a text says.
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub query: Vec<Query>,
}

const fn height() -> u32 {
    8
}

/// How a panel draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Lines,
    Bars,
    Points,
    Heatmap,
    Stat,
    Table,
    Text,
}

impl Kind {
    /// One value for the whole range, not one a step.
    pub const fn is_of_range(self) -> bool {
        matches!(self, Self::Stat | Self::Table)
    }
}

/// How series are put on top of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stack {
    Normal,
    Percent,
}

/// What a panel asks for: a metric of the catalogue and what to make of it, or the
/// queries themselves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// OpenTelemetry's name, as in docs/metrics.md.
    #[serde(default)]
    pub metric: Option<String>,
    #[serde(default)]
    pub show: Option<Show>,
    /// What it is divided by.
    #[serde(default)]
    pub per: Option<String>,
    /// Attributes whose values are kept apart.
    #[serde(default)]
    pub by: Vec<String>,
    /// Of the attribute that InfluxDB has as fields: those values alone.
    #[serde(default)]
    pub values: Vec<String>,
    /// Of [`Show::Quantile`].
    #[serde(default)]
    pub quantile: Option<Quantile>,
    /// A series' name, with attributes in braces; of a table the column's.
    #[serde(default)]
    pub legend: String,
    #[serde(default)]
    pub influxql: Option<String>,
    #[serde(default)]
    pub flux: Option<String>,
    #[serde(default)]
    pub promql: Option<String>,
}

/// What to make of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Show {
    /// Of a counter: so many a second.
    Rate,
    /// Of a counter: so many.
    Total,
    /// Of two counters, or a histogram: one by the other.
    Mean,
    /// Of a gauge: the sum of its series.
    Level,
    /// Of a gauge: the largest of its series.
    Highest,
    /// Of a gauge: the mean of its series.
    Average,
    /// Of a histogram.
    Quantile,
    /// Of a histogram: how many in each bucket.
    Buckets,
}

/// Those that InfluxDB has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Quantile {
    P50,
    P90,
    P99,
}

impl Quantile {
    pub const fn field(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
        }
    }

    pub const fn share(self) -> &'static str {
        match self {
            Self::P50 => "0.5",
            Self::P90 => "0.9",
            Self::P99 => "0.99",
        }
    }
}
