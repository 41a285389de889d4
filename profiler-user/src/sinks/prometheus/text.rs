//! Prometheus' messages as text: `OpenMetrics` 1.0, and the older format 0.0.4.
//!
//! `prometheus-client` writes `OpenMetrics` as well, but takes exemplars of histograms
//! from its own histograms only, and does not write the older format, which is what
//! `curl` gets and `promtool check metrics` reads.

use std::fmt::{self, Write};

use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{
    Exemplar, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// With units, exemplars and an end.
    OpenMetrics,
    /// 0.0.4.
    Plain,
}

/// The text of those families.
pub(super) fn text(families: &[MetricFamily], dialect: Dialect) -> String {
    let mut out = String::new();
    for family in families {
        // Writing to a String does not fail.
        let _ = write_family(&mut out, family, dialect);
    }
    if dialect == Dialect::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn write_family(out: &mut String, family: &MetricFamily, dialect: Dialect) -> fmt::Result {
    let name = family.name.as_str();
    let open = dialect == Dialect::OpenMetrics;
    let (named, kind) = match family.r#type() {
        // There, a family is called without what its samples have at the end.
        MetricType::Counter if open => (name.trim_end_matches("_total"), "counter"),
        MetricType::Counter => (name, "counter"),
        MetricType::Histogram => (name, "histogram"),
        MetricType::Gauge => match name.strip_suffix("_info") {
            Some(named) if open => (named, "info"),
            _ => (name, "gauge"),
        },
        _ => (name, if open { "unknown" } else { "untyped" }),
    };
    writeln!(out, "# HELP {named} {}", Escaped(&family.help, open))?;
    writeln!(out, "# TYPE {named} {kind}")?;
    if open && !family.unit.is_empty() {
        writeln!(out, "# UNIT {named} {}", family.unit)?;
    }
    for metric in &family.metric {
        if let Some(histogram) = &metric.histogram {
            write_histogram(out, name, metric, histogram, open)?;
            continue;
        }
        out.push_str(name);
        write_labels(out, &metric.label, None)?;
        let counter = metric.counter.as_ref().map(|counter| counter.value);
        let gauge = metric.gauge.as_ref().map(|gauge| gauge.value);
        writeln!(out, " {}", counter.or(gauge).unwrap_or(f64::NAN))?;
    }
    Ok(())
}

fn write_histogram(
    out: &mut String,
    name: &str,
    metric: &Metric,
    histogram: &Histogram,
    open: bool,
) -> fmt::Result {
    for bucket in &histogram.bucket {
        write!(out, "{name}_bucket")?;
        write_labels(out, &metric.label, Some(bucket.upper_bound))?;
        write!(out, " {}", bucket.cumulative_count)?;
        if let Some(exemplar) = bucket.exemplar.as_ref().filter(|_| open) {
            write_exemplar(out, exemplar)?;
        }
        out.push('\n');
    }
    for (suffix, value) in [
        ("sum", histogram.sample_sum.to_string()),
        ("count", histogram.sample_count.to_string()),
    ] {
        write!(out, "{name}_{suffix}")?;
        write_labels(out, &metric.label, None)?;
        writeln!(out, " {value}")?;
    }
    Ok(())
}

fn write_exemplar(out: &mut String, exemplar: &Exemplar) -> fmt::Result {
    out.push_str(" # ");
    write_labels(out, &exemplar.label, None)?;
    write!(out, " {}", exemplar.value)?;
    if let Some(at) = &exemplar.timestamp {
        write!(out, " {}.{:03}", at.seconds, at.nanos / 1_000_000)?;
    }
    Ok(())
}

fn write_labels(out: &mut String, labels: &[LabelPair], bound: Option<f64>) -> fmt::Result {
    if labels.is_empty() && bound.is_none() {
        return Ok(());
    }
    out.push('{');
    for (place, label) in labels.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(
            out,
            "{comma}{}=\"{}\"",
            label.name,
            Escaped(&label.value, true)
        )?;
    }
    if let Some(bound) = bound {
        let comma = if labels.is_empty() { "" } else { "," };
        if bound.is_infinite() {
            write!(out, "{comma}le=\"+Inf\"")?;
        } else {
            // With a decimal point always, as Prometheus has it from the other formats.
            write!(out, "{comma}le=\"{bound:?}\"")?;
        }
    }
    out.push('}');
    Ok(())
}

/// Backslashes and newlines, and quotation marks where these have a meaning.
struct Escaped<'a>(&'a str, bool);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' if self.1 => f.write_str("\\\"")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::families;
    use super::*;
    use crate::identity::tests::{HOSTILE, bare_pod, docker, in_pod};
    use crate::metrics::Registry;
    use crate::metrics::tests::{about, tick};
    use crate::request::sample;

    fn written(dialect: Dialect) -> String {
        let mut registry = Registry::new(&about());
        registry.tick(&tick(&[sample::request("/a\"b\\c\nd")]));
        text(&families::all(&about(), &registry), dialect)
    }

    #[test]
    fn open_metrics_has_units_exemplars_and_an_end() {
        let text = written(Dialect::OpenMetrics);
        let row = "http_request_method=\"GET\",http_response_status_class=\"2xx\",\
                   route=\"/a\\\"b\\\\c\\nd\"";
        let of = "url_scheme=\"http\",http_response_status_code=\"200\"";
        for line in [
            "# TYPE http_server_request_duration_seconds histogram".to_owned(),
            "# UNIT http_server_request_duration_seconds seconds".to_owned(),
            format!(
                "http_server_request_duration_seconds_bucket{{{row},{of},le=\"0.0025\"}} 1 \
                 # {{process_pid=\"16596\",thread_id=\"16626\"}} 0.0015 1763717823.125"
            ),
            format!(
                "http_server_request_duration_seconds_bucket{{{row},{of},le=\"+Inf\"}} 1"
            ),
            "# TYPE wsgiprobe_requests counter".to_owned(),
            format!("wsgiprobe_requests_total{{{row}}} 1"),
            format!("wsgiprobe_request_cpu_time_seconds_total{{{row},cpu=\"daemon\"}} 0.0006"),
            "# TYPE wsgiprobe_build info".to_owned(),
            "wsgiprobe_pool_capacity_used_ratio{process_pid=\"7\",pool=\"daemon\",process_group=\"app\"} 0.25"
                .to_owned(),
            "wsgiprobe_account_lost_total{reason=\"ring_full\"} 2".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nnot in\n{text}");
        }
        assert!(text.ends_with("\n# EOF\n"));
    }

    #[test]
    fn containers_have_their_labels() {
        let mut requests = vec![sample::request("/a"); 4];
        for (request, container) in
            requests[1..]
                .iter_mut()
                .zip([docker(7), in_pod("front-1"), bare_pod(HOSTILE)])
        {
            request.container = Some(container);
        }
        let mut registry = Registry::new(&about());
        registry.tick(&tick(&requests));
        let families = families::all(&about(), &registry);
        let row = "http_request_method=\"GET\",http_response_status_class=\"2xx\",route=\"/a\"";
        let id = format!("container_id=\"{:064x}\"", 7);
        let place = "k8s_container_name=\"web\",k8s_deployment_name=\"front\",\
                     k8s_namespace_name=\"shop\",k8s_node_name=\"n1\",k8s_pod_name=\"front-1\"";
        let hostile = "k8s_namespace_name=\"shop\",\
                       k8s_pod_name=\"a\\n\\\"b\\\",c=d\\\\ {e}\r\u{1}\"";
        for dialect in [Dialect::OpenMetrics, Dialect::Plain] {
            let text = text(&families, dialect);
            for line in [
                format!("wsgiprobe_requests_total{{{row}}} 1"),
                format!("wsgiprobe_requests_total{{{row},{id}}} 1"),
                format!("wsgiprobe_requests_total{{{row},{place}}} 1"),
                format!("wsgiprobe_requests_total{{{row},{hostile}}} 1"),
            ] {
                let found = text.split('\n').filter(|found| *found == line).count();
                assert_eq!(found, 1, "{line}\nin\n{text}");
            }
        }
    }

    #[test]
    fn the_older_format_has_none_of_that() {
        let text = written(Dialect::Plain);
        assert!(text.contains("# TYPE wsgiprobe_requests_total counter\n"));
        assert!(text.contains("# TYPE wsgiprobe_build_info gauge\n"));
        assert!(!text.contains("# UNIT") && !text.contains("EOF") && !text.contains(" # {"));
        assert!(text.contains("le=\"1.0\"") && text.contains("le=\"0.0001\""));
    }
}
