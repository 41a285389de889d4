//! What is asked for, for Prometheus.

use super::asked::{Asked, label};
use super::source::Show;
use crate::metrics::{Kind, Metric};

/// The query; `of_range`: one value for all of the time. `quantile` is that of
/// [`Show::Quantile`].
pub(super) fn query(asked: &Asked, quantile: &str, of_range: bool) -> String {
    let stretch = if of_range {
        "$__range"
    } else {
        "$__rate_interval"
    };
    let name = asked.metric.prometheus_name();
    let labels: Vec<String> = asked.by.iter().map(|by| label(by)).collect();
    let by = |labels: &[String]| {
        if labels.is_empty() {
            String::new()
        } else {
            format!(" by ({})", labels.join(", "))
        }
    };
    let selected = |name: &str| format!("{name}{}", selector(asked, asked.metric));
    let of = |function: &str, name: &str| format!("{function}({}[{stretch}])", selected(name));
    match asked.show {
        Show::Rate => format!("sum{} ({})", by(&labels), of("rate", &name)),
        Show::Total => format!("sum{} ({})", by(&labels), of("increase", &name)),
        Show::Mean if asked.metric.kind == Kind::Histogram => {
            let by = by(&labels);
            let (sum, count) = (format!("{name}_sum"), format!("{name}_count"));
            format!(
                "sum{by} ({}) / sum{by} ({})",
                of("rate", &sum),
                of("rate", &count)
            )
        }
        Show::Mean => {
            let divisor = asked.per.unwrap_or(asked.metric);
            let known = |name: &String| divisor.attributes.iter().any(|a| label(a.name) == *name);
            let common: Vec<String> = labels.iter().filter(|name| known(name)).cloned().collect();
            let on = if common.len() == labels.len() {
                String::new()
            } else {
                format!("on ({}) group_left () ", common.join(", "))
            };
            let divisor_name = divisor.prometheus_name();
            format!(
                "sum{} ({}) / {on}sum{} (rate({divisor_name}{}[{stretch}]))",
                by(&labels),
                of("rate", &name),
                by(&common),
                selector(asked, divisor)
            )
        }
        Show::Level => format!("sum{} ({})", by(&labels), selected(&name)),
        Show::Highest if of_range => format!("max{} ({})", by(&labels), of("max_over_time", &name)),
        Show::Highest => format!("max{} ({})", by(&labels), selected(&name)),
        Show::Average if of_range => format!("avg{} ({})", by(&labels), of("avg_over_time", &name)),
        Show::Average => format!("avg{} ({})", by(&labels), selected(&name)),
        Show::Quantile => {
            let labels: Vec<String> = std::iter::once("le".to_owned()).chain(labels).collect();
            let buckets = of("rate", &format!("{name}_bucket"));
            format!(
                "histogram_quantile({quantile}, sum{} ({buckets}))",
                by(&labels)
            )
        }
        Show::Buckets => {
            let buckets = of("increase", &format!("{name}_bucket"));
            format!("sum by (le) ({buckets})")
        }
    }
}

/// What names a series.
pub(super) fn legend(asked: &Asked) -> String {
    asked.legend(|attribute, _| format!("{{{{{}}}}}", label(attribute)))
}

fn selector(asked: &Asked, metric: &Metric) -> String {
    let mut terms: Vec<String> = asked
        .filters
        .iter()
        .map(|(attribute, variable)| format!("{}=~\"${variable}\"", label(attribute)))
        .collect();
    if let Some((attribute, values)) = &asked.split
        && metric
            .attributes
            .iter()
            .any(|known| known.name == *attribute)
    {
        terms.push(format!("{}=~\"{}\"", label(attribute), values.join("|")));
    }
    format!("{{{}}}", terms.join(", "))
}
