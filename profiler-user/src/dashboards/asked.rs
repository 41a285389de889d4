//! A query's declaration, held against the catalogue: what every data source calls it.

use profiler_common::stats::Counter;

use super::Error;
use super::source::{Quantile, Query, Show, Variable};
use crate::aggregate::BUCKET_BOUNDS_NS;
use crate::limits::ROUTE_OVERFLOW;
use crate::metrics::{Attribute, Id, Kind, Metric};
use crate::summary::{SKIPPED_RUNS, UNDECODED};

/// InfluxDB's tag of the host, which every point has.
pub(super) const HOST: &str = "host.name";
/// Labels of what runs in Kubernetes, and of nothing else: whoever asks for all of them asks for
/// what has none, too.
pub(super) const NAMESPACE: &str = "k8s.namespace.name";
pub(super) const POD: &str = "k8s.pod.name";
/// What Prometheus has instead, of the scrape.
const INSTANCE: &str = "instance";

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub metric: &'static Metric,
    pub show: Show,
    pub per: Option<&'static Metric>,
    /// Attributes that are kept apart.
    pub by: Vec<String>,
    /// The one of them that InfluxDB has as fields, with the values asked for.
    pub split: Option<(&'static str, Vec<String>)>,
    /// Measurement of InfluxDB.
    pub measurement: &'static str,
    pub columns: Vec<Column>,
    /// Names and variables of the filters.
    pub filters: Vec<(&'static str, &'static str)>,
    pub legend: String,
}

/// A field of InfluxDB, or one by another.
#[derive(Debug)]
pub(super) struct Column {
    /// The value of the attribute that the fields stand for; empty if there is none.
    pub value: String,
    pub field: String,
    pub per: Option<String>,
}

impl Asked {
    pub fn of(query: &Query, variables: &[Variable]) -> Result<Self, Error> {
        let wrong = |what: &str| {
            let name = query.metric.as_deref().unwrap_or("a query");
            Error::Source(format!("{name}: {what}"))
        };
        let (Some(name), Some(show)) = (&query.metric, query.show) else {
            return Err(wrong("has neither metric and show, nor its own text"));
        };
        let metric = named(name)?;
        let per = query.per.as_deref().map(named).transpose()?;
        let fits = match show {
            Show::Rate | Show::Total => metric.kind == Kind::Counter,
            Show::Mean => metric.kind == Kind::Histogram || per.is_some(),
            Show::Quantile | Show::Buckets => metric.kind == Kind::Histogram,
            Show::Level => metric.kind == Kind::UpDownCounter,
            Show::Highest | Show::Average => {
                matches!(metric.kind, Kind::UpDownCounter | Kind::Gauge)
            }
        };
        if !fits || (per.is_some() && show != Show::Mean) {
            return Err(wrong(&format!("cannot show {show:?}")));
        }
        for attribute in &query.by {
            let is_its = |metric: &Metric| metric.attributes.iter().any(|a| a.name == attribute);
            if !is_its(metric) {
                return Err(wrong(&format!("has no attribute {attribute}")));
            }
        }
        let Some((measurement, fields)) = metric.influx else {
            return Err(wrong("is not in InfluxDB"));
        };
        if per.is_some_and(|per| per.influx.is_none_or(|(other, _)| other != measurement)) {
            return Err(wrong("what it is divided by is in another measurement"));
        }
        let mut asked = Self {
            metric,
            show,
            per,
            by: query.by.clone(),
            split: None,
            measurement,
            columns: Vec::new(),
            filters: Vec::new(),
            legend: query.legend.clone(),
        };
        for variable in variables {
            if let Some(filter) = filter(metric, *variable) {
                asked.filters.push(filter);
            }
        }
        asked.columns(query, fields).map_err(|what| wrong(&what))?;
        Ok(asked)
    }

    fn columns(&mut self, query: &Query, fields: &'static str) -> Result<(), String> {
        let plain = |field: String, per: Option<String>| Column {
            value: String::new(),
            field,
            per,
        };
        self.columns = match (self.show, query.quantile) {
            (Show::Mean, _) if self.metric.kind == Kind::Histogram => {
                vec![plain("sum".into(), Some("count".into()))]
            }
            (Show::Quantile, Some(quantile)) => {
                vec![plain(quantile.field().into(), Some("count".into()))]
            }
            (Show::Quantile, None) => return Err("which quantile?".into()),
            (Show::Buckets, _) => {
                let bucket = |bound: u64| {
                    let bound = (bound as f64 / 1e9).to_string();
                    Column {
                        field: format!("le_{bound}"),
                        value: bound,
                        per: None,
                    }
                };
                BUCKET_BOUNDS_NS.into_iter().map(bucket).collect()
            }
            _ => return self.counted(query, fields),
        };
        Ok(())
    }

    /// Of what is neither histogram nor quantile.
    fn counted(&mut self, query: &Query, fields: &'static str) -> Result<(), String> {
        let pattern = fields
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'));
        let per_field = |value: &str| {
            let (_, fields) = self.per?.influx?;
            Some(field_of(fields, value))
        };
        let Some((attribute, _)) = pattern else {
            let field = fields.split(' ').next().unwrap_or_default().to_owned();
            let per = per_field("");
            let value = String::new();
            self.columns.push(Column { value, field, per });
            return Ok(());
        };
        if query.values.is_empty() && !query.by.iter().any(|by| by == attribute) {
            let total = fields.split(' ').find(|field| !field.contains('{'));
            let field = total
                .ok_or_else(|| format!("which {attribute}?"))?
                .to_owned();
            let (value, per) = (String::new(), per_field(""));
            self.columns.push(Column { value, field, per });
            return Ok(());
        }
        let known = self.metric.attributes.iter().find(|a| a.name == attribute);
        let known = known.map_or_else(Vec::new, |attribute| values_of(*attribute));
        let values = if query.values.is_empty() {
            known.iter().map(|value| (*value).to_owned()).collect()
        } else {
            query.values.clone()
        };
        if values.len() > 1 && !query.by.iter().any(|by| by == attribute) {
            return Err(format!("several of {attribute} without `by`"));
        }
        for value in &values {
            if !known.contains(&value.as_str()) {
                return Err(format!("{attribute} is never {value}"));
            }
            let (value, field, per) = (value.clone(), field_of(fields, value), per_field(value));
            self.columns.push(Column { value, field, per });
        }
        self.split = Some((attribute, values));
        Ok(())
    }

    /// Those by which InfluxDB has tags.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let split = self.split.as_ref().map(|(attribute, _)| *attribute);
        self.by
            .iter()
            .map(String::as_str)
            .filter(move |by| Some(*by) != split)
    }

    /// The quantile that a column is of.
    pub fn quantile(query: &Query) -> &'static str {
        query.quantile.map_or("", Quantile::share)
    }

    /// The legend, with each attribute in braces as `name` has it.
    pub fn legend(&self, name: impl Fn(&str, bool) -> String) -> String {
        let mut legend = self.legend.clone();
        for by in &self.by {
            let is_split = self.split.as_ref().is_some_and(|(split, _)| split == by);
            legend = legend.replace(&format!("{{{by}}}"), &name(by, is_split));
        }
        legend
    }
}

/// All that an attribute may be, as the catalogue lists them, or the account.
fn values_of(attribute: Attribute) -> Vec<&'static str> {
    let counters = |wanted: fn(Counter) -> bool| {
        let counters = Counter::ALL.iter().filter(move |counter| wanted(**counter));
        counters.map(|counter| counter.name())
    };
    match attribute.name {
        "reason" => counters(Counter::is_loss).chain([UNDECODED]).collect(),
        "note" => counters(Counter::is_note)
            .chain([ROUTE_OVERFLOW, SKIPPED_RUNS])
            .collect(),
        _ => attribute.values.split('`').skip(1).step_by(2).collect(),
    }
}

fn named(name: &str) -> Result<&'static Metric, Error> {
    let mut metrics = Id::ALL.iter().map(|id| id.metric());
    let found = metrics.find(|metric| metric.name == name);
    found.ok_or_else(|| Error::Source(format!("no metric has the name {name}")))
}

/// The field for that value of the attribute, of `{part}_count` or `cpu_{cpu} cpu`.
fn field_of(fields: &str, value: &str) -> String {
    let field = fields.split(' ').find(|field| field.contains('{'));
    let field = field.unwrap_or_else(|| fields.split(' ').next().unwrap_or_default());
    let Some((before, rest)) = field.split_once('{') else {
        return field.to_owned();
    };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    format!("{before}{value}{after}")
}

/// The attribute that a variable chooses by, where the metric has it.
fn filter(metric: &Metric, variable: Variable) -> Option<(&'static str, &'static str)> {
    let (attribute, variable) = match variable {
        Variable::Host => return Some((HOST, "host")),
        Variable::Namespace if !metric.is_own() => return Some((NAMESPACE, "namespace")),
        Variable::Pod if !metric.is_own() => return Some((POD, "pod")),
        Variable::Namespace | Variable::Pod => return None,
        Variable::Route => ("route", "route"),
        Variable::Process => ("process.pid", "process"),
    };
    let mut attributes = metric.attributes.iter();
    attributes
        .any(|known| known.name == attribute)
        .then_some((attribute, variable))
}

/// An attribute as Prometheus has it.
pub(super) fn label(attribute: &str) -> String {
    match attribute {
        HOST => INSTANCE.to_owned(),
        other => other.replace('.', "_"),
    }
}
