use std::collections::BTreeSet;

use super::*;
use crate::metrics::{Id, Kind};

fn each() -> Vec<(&'static str, DataSource, Value)> {
    let mut all = Vec::new();
    for name in names() {
        for from in DataSource::ALL {
            if has(name, from).unwrap() {
                all.push((name, from, dashboard(name, from).unwrap()));
            }
        }
    }
    all
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels.filter(|panel| panel["type"] != "row").collect()
}

fn queries(dashboard: &Value) -> Vec<String> {
    let targets = panels(dashboard)
        .into_iter()
        .filter_map(|panel| panel["targets"].as_array());
    let text = |target: &Value| {
        let text = target["expr"].as_str().or(target["query"].as_str());
        text.unwrap().to_owned()
    };
    targets.flatten().map(text).collect()
}

#[test]
fn all_are_made_and_each_panel_has_queries() {
    let all = each();
    assert_eq!(all.len(), 5 * 3 + 2);
    for (name, from, dashboard) in all {
        let panels = panels(&dashboard);
        assert!(panels.len() > 4, "{name} {from:?}");
        for panel in panels {
            let targets = panel["targets"].as_array().unwrap();
            assert!(
                !targets.is_empty() && targets.len() <= 26,
                "{name}: {panel}"
            );
        }
    }
}

#[test]
fn panels_lie_beside_each_other() {
    for (name, _, dashboard) in each() {
        let mut taken = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{name}: {panel}");
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(
                        taken.insert((x, y)),
                        "{name}: {} is over another",
                        panel["title"]
                    );
                }
            }
        }
        let ids: BTreeSet<_> = dashboard["panels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["id"].as_u64())
            .collect();
        assert_eq!(ids.len(), dashboard["panels"].as_array().unwrap().len());
    }
}

/// Every word of a query that looks like a metric is one.
#[test]
fn prometheus_is_asked_for_metrics_of_the_catalogue() {
    let mut known = BTreeSet::new();
    for metric in Id::ALL.iter().map(|id| id.metric()) {
        let name = metric.prometheus_name();
        if metric.kind == Kind::Histogram {
            known.extend(["bucket", "sum", "count"].map(|end| format!("{name}_{end}")));
        }
        known.insert(name);
    }
    let mut asked = 0;
    for name in names().filter(|name| has(name, DataSource::Prometheus).unwrap()) {
        for query in queries(&dashboard(name, DataSource::Prometheus).unwrap()) {
            // Not what is in quotes: values.
            let bare: String = query.split('"').step_by(2).collect();
            let is_ours = |word: &&str| {
                let starts = ["wsgiprobe_", "http_server_", "process_"];
                starts.iter().any(|start| word.starts_with(start))
            };
            let metrics: Vec<&str> = bare
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .filter(is_ours)
                .filter(|word| !matches!(*word, "process_pid" | "process_group"))
                .collect();
            assert!(!metrics.is_empty(), "{query}");
            for metric in metrics {
                assert!(known.contains(metric), "{name}: no {metric}: {query}");
                asked += 1;
            }
        }
    }
    assert!(asked > 50, "{asked}");
}

/// What is proved of one language on a database holds of the names in the other.
#[test]
fn flux_names_what_influxql_names() {
    let mut compared = 0;
    for name in names() {
        let [ql, flux] =
            [DataSource::Influxql, DataSource::Flux].map(|from| dashboard(name, from).unwrap());
        for (ql, flux) in panels(&ql).into_iter().zip(panels(&flux)) {
            assert_eq!(ql["title"], flux["title"]);
            let asked: String = ql["targets"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| t["query"].as_str().unwrap())
                .collect();
            for target in flux["targets"].as_array().unwrap() {
                let text = target["query"].as_str().unwrap();
                for given in [
                    "r[\"_measurement\"] == \"",
                    "r[\"_field\"] == \"",
                    "and r[\"",
                    "(r) => r[\"",
                ] {
                    for rest in text.split(given).skip(1) {
                        let word = rest.split('"').next().unwrap();
                        let is_own = word.starts_with('_');
                        assert!(
                            is_own || asked.contains(&format!("\"{word}\"")),
                            "{name}, {}: {word}",
                            ql["title"]
                        );
                        compared += usize::from(!is_own);
                    }
                }
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

/// What the queries' own texts name is in a point of a request, or of a comparison.
#[test]
fn fields_of_single_requests_exist() {
    let said = include_str!("../sinks/influxdb/raw.rs");
    let workshop = include_str!("../sinks/influxdb/workshop.rs");
    let comparison = include_str!("../compare/influx.rs");
    let declared: BTreeSet<&str> = [said, workshop, comparison]
        .iter()
        .flat_map(|said| said.split('`'))
        .collect();
    let mut compared = 0;
    for name in ["raw-requests", "workshop", "overhead"] {
        let source = source(name).unwrap();
        for query in source
            .row
            .iter()
            .flat_map(|row| &row.panel)
            .flat_map(|panel| &panel.query)
        {
            let Some(text) = &query.influxql else {
                continue;
            };
            let mut before = "";
            for (at, word) in text.split('"').enumerate() {
                let is_alias = before.trim_end().ends_with(" AS") || before.trim_end() == "AS";
                if at % 2 == 1 && !is_alias {
                    let is_measurement = before.trim_end().ends_with("FROM");
                    assert!(
                        is_measurement || declared.contains(word),
                        "{name}: no {word}"
                    );
                    compared += 1;
                }
                before = word;
            }
        }
    }
    assert!(compared > 30, "{compared}");
}

/// Most of what is watched runs in no Kubernetes: who chose nothing must see that, too.
#[test]
fn what_has_no_namespace_is_shown_unless_one_is_chosen() {
    let mut filtered = 0;
    for (name, from, dashboard) in each() {
        let has = dashboard["templating"]["list"].as_array().unwrap().iter();
        let chosen = has.filter(|variable| variable["name"] == "namespace");
        let chosen: Vec<_> = chosen.collect();
        assert!(chosen.iter().all(|variable| variable["allValue"] == ".*"));
        for query in queries(&dashboard) {
            let missing =
                r#"if exists r["k8s.namespace.name"] then r["k8s.namespace.name"] else "")"#;
            let filter = match from {
                DataSource::Influxql => r#""k8s.namespace.name" =~ /^${namespace:regex}$/"#.into(),
                DataSource::Flux => format!("{missing} =~ /^${{namespace:regex}}$/"),
                DataSource::Prometheus => r#"k8s_namespace_name=~"$namespace""#.to_owned(),
            };
            let own = query.contains("wsgiprobe.probe") || query.contains("wsgiprobe_probe");
            assert_eq!(
                query.contains(&filter),
                !chosen.is_empty() && !own,
                "{name}: {query}"
            );
            filtered += usize::from(query.contains(&filter));
        }
    }
    assert!(filtered > 100, "{filtered}");
}

/// Of InfluxDB's own column.
#[test]
fn no_column_is_named_time() {
    for (name, from, dashboard) in each() {
        for query in queries(&dashboard) {
            let is_one = query.contains("AS \"time\"") && from == DataSource::Influxql;
            assert!(!is_one, "{name}: {query}");
        }
    }
}

#[test]
fn a_metric_or_attribute_that_is_not_there_is_refused() {
    let asked = |query: &str| {
        let query: source::Query = toml::from_str(query).unwrap();
        asked::Asked::of(&query, &[])
            .map(drop)
            .map_err(|error| error.to_string())
    };
    for (query, why) in [
        (
            "metric = 'wsgiprobe.nothing'\nshow = 'rate'",
            "no metric has the name wsgiprobe.nothing",
        ),
        (
            "metric = 'wsgiprobe.requests'\nshow = 'level'",
            "wsgiprobe.requests: cannot show Level",
        ),
        (
            "metric = 'wsgiprobe.requests'\nshow = 'rate'\nby = ['share']",
            "wsgiprobe.requests: has no attribute share",
        ),
        (
            "metric = 'wsgiprobe.request.wait.time'\nshow = 'rate'\nby = ['wait']\nvalues = ['tea']",
            "wsgiprobe.request.wait.time: wait is never tea",
        ),
        (
            "metric = 'wsgiprobe.pool.available.time'\nshow = 'rate'",
            "wsgiprobe.pool.available.time: is not in InfluxDB",
        ),
        (
            "metric = 'wsgiprobe.requests'\nshow = 'mean'\nper = 'wsgiprobe.pool.requests'",
            "wsgiprobe.requests: what it is divided by is in another measurement",
        ),
    ] {
        assert_eq!(asked(query).unwrap_err(), why);
    }
    assert!(matches!(
        dashboard("nothing", DataSource::Flux),
        Err(Error::Unknown(_))
    ));
    assert!(matches!(
        dashboard("workshop", DataSource::Prometheus),
        Err(Error::NotThere(_))
    ));
}

#[test]
fn one_declaration_in_three_languages() {
    let query: source::Query = toml::from_str(
        "metric = 'wsgiprobe.request.wait.time'\nshow = 'mean'\nper = 'wsgiprobe.request.cpu.requests'\n\
         by = ['route', 'wait']\nvalues = ['lock']\nlegend = '{route} {wait}'",
    )
    .unwrap();
    let asked = asked::Asked::of(&query, &[source::Variable::Host]).unwrap();
    assert_eq!(
        influxql::query(&asked, false),
        "SELECT sum(\"wait_lock\") / sum(\"cpu_count\") AS \"lock\" FROM \"http.server.request.duration\" \
         WHERE $timeFilter AND \"host.name\" =~ /^${host:regex}$/ GROUP BY time($__interval), \"route\" fill(none)"
    );
    assert_eq!(influxql::alias(&asked), "[[tag_route]] $col");
    assert_eq!(
        promql::query(&asked, "", false),
        "sum by (route, wait) (rate(wsgiprobe_request_wait_time_seconds_total\
         {instance=~\"$host\", wait=~\"lock\"}[$__rate_interval])) / on (route) group_left () \
         sum by (route) (rate(wsgiprobe_request_cpu_requests_total{instance=~\"$host\"}[$__rate_interval]))"
    );
    let flux = flux::queries(&asked, false, false);
    assert_eq!(flux.len(), 1);
    assert!(
        flux[0].contains("r[\"wait_lock\"] / r[\"cpu_count\"]"),
        "{}",
        flux[0]
    );
    assert!(
        flux[0].contains("_field: r[\"route\"] + \" lock\""),
        "{}",
        flux[0]
    );
}
