//! The choices at the top of a dashboard.

use serde_json::{Value, json};

use super::DataSource;
use super::asked::{HOST, NAMESPACE, POD, label};
use super::source::{Dashboard, Variable};

/// Which data source, and of what.
pub(super) fn all(dashboard: &Dashboard, from: DataSource) -> Vec<Value> {
    let mut all = vec![json!({
        "name": "datasource", "label": "Data source", "type": "datasource",
        "query": from.plugin(), "regex": "", "refresh": 1, "hide": 0, "skipUrlSync": false,
        "multi": false, "includeAll": false, "options": [], "current": {"selected": false, "text": "", "value": ""},
    })];
    // A step shorter than wsgiprobe's windows would be empty now and then.
    let steps = ["1s", "5s", "10s", "30s", "1m", "5m"];
    all.push(json!({
        "name": "step", "label": "Least step", "type": "custom", "query": steps.join(","),
        "hide": 0, "skipUrlSync": false, "multi": false, "includeAll": false,
        "current": {"selected": true, "text": "5s", "value": "5s"},
        "options": steps.map(|step| json!({
            "selected": step == "5s", "text": step, "value": step,
        })),
    }));
    all.extend(
        dashboard
            .variables
            .iter()
            .map(|variable| one(dashboard, *variable, from)),
    );
    all
}

fn one(dashboard: &Dashboard, variable: Variable, from: DataSource) -> Value {
    let (name, title, attribute, measurement, metric) = match variable {
        Variable::Host if dashboard.workshop => ("host", "Host", "hostname", "process-info", ""),
        Variable::Process if dashboard.workshop => {
            ("process", "Process", "process", "request-metrics", "")
        }
        Variable::Host => (
            "host",
            "Host",
            HOST,
            "wsgiprobe.probe",
            "wsgiprobe_build_info",
        ),
        Variable::Namespace => (
            "namespace",
            "Namespace",
            NAMESPACE,
            "http.server.request.duration",
            "wsgiprobe_requests_total",
        ),
        Variable::Pod => (
            "pod",
            "Pod",
            POD,
            "http.server.request.duration",
            "wsgiprobe_requests_total",
        ),
        Variable::Route => (
            "route",
            "Route",
            "route",
            "http.server.request.duration",
            "wsgiprobe_requests_total",
        ),
        Variable::Process => (
            "process",
            "Process",
            "process.pid",
            "wsgiprobe.process",
            "process_memory_usage_bytes",
        ),
    };
    let query = match from {
        DataSource::Influxql => {
            json!(format!(
                "SHOW TAG VALUES FROM \"{measurement}\" WITH KEY = \"{attribute}\""
            ))
        }
        DataSource::Flux => json!(format!(
            "import \"influxdata/influxdb/schema\"\n\nschema.measurementTagValues(bucket: v.defaultBucket, \
             measurement: \"{measurement}\", tag: \"{attribute}\")"
        )),
        DataSource::Prometheus => {
            let of_host = if variable == Variable::Host {
                ""
            } else {
                "{instance=~\"$host\"}"
            };
            json!({
                "query": format!("label_values({metric}{of_host}, {})", label(attribute)),
                "refId": name,
            })
        }
    };
    json!({
        "name": name, "label": title, "type": "query", "query": query,
        "datasource": reference(from), "refresh": 2, "regex": "", "sort": 3, "hide": 0,
        "skipUrlSync": false, "multi": true, "includeAll": true, "allValue": ".*",
        "options": [], "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
    })
}

/// The one that was chosen.
pub(super) fn reference(from: DataSource) -> Value {
    json!({"type": from.plugin(), "uid": "${datasource}"})
}
