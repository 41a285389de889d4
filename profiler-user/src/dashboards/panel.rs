//! Panels as Grafana has them.

use serde_json::{Value, json};

use super::asked::{Asked, label};
use super::source::{Dashboard, Kind, Panel, Query, Show, Stack};
use super::variables::reference;
use super::{DataSource, Error, flux, influxql, promql};

/// Columns of a dashboard.
const COLUMNS: u32 = 24;

/// All, under the titles of their rows.
pub(super) fn all(dashboard: &Dashboard, from: DataSource) -> Result<Vec<Value>, Error> {
    let mut panels = Vec::new();
    let mut next_id = 0;
    let mut id = || {
        next_id += 1;
        next_id
    };
    let mut y = 0;
    for row in &dashboard.row {
        let mut shown = Vec::new();
        for panel in &row.panel {
            if let Some(json) = one(dashboard, panel, from)? {
                shown.push((panel, json));
            }
        }
        if shown.is_empty() {
            continue;
        }
        panels.push(json!({
            "id": id(), "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
        }));
        y += 1;
        let (mut x, mut tallest) = (0, 0);
        for (panel, mut json) in shown {
            if x + panel.width > COLUMNS {
                (x, y, tallest) = (0, y + tallest, 0);
            }
            json["id"] = json!(id());
            json["gridPos"] = json!({"x": x, "y": y, "w": panel.width, "h": panel.height});
            x += panel.width;
            tallest = tallest.max(panel.height);
            panels.push(json);
        }
        y += tallest;
    }
    Ok(panels)
}

/// `None` where that data source has nothing to show in it.
fn one(dashboard: &Dashboard, panel: &Panel, from: DataSource) -> Result<Option<Value>, Error> {
    let mut targets: Vec<Value> = Vec::new();
    let mut names = Vec::new();
    for query in &panel.query {
        for target in query_targets(dashboard, panel, query, from)? {
            targets.push(target);
            names.push(query);
        }
    }
    if targets.is_empty() && panel.kind != Kind::Text {
        return Ok(None);
    }
    for (target, letter) in targets.iter_mut().zip('A'..) {
        target["refId"] = json!(letter.to_string());
        target["datasource"] = reference(from);
    }
    let mut json = json!({
        "type": kind(panel.kind),
        "title": panel.title,
        "description": description(panel),
        "transparent": false,
        "options": options(panel, from),
        "fieldConfig": {"defaults": defaults(panel, from), "overrides": overrides(panel)},
    });
    if panel.kind != Kind::Text {
        json["datasource"] = reference(from);
        json["targets"] = json!(targets);
        if !panel.kind.is_of_range() {
            json["interval"] = json!("$step");
        }
        if panel.kind == Kind::Table {
            json["transformations"] = transformations(&names, from);
        }
    }
    Ok(Some(json))
}

fn description(panel: &Panel) -> String {
    let good = if panel.quiet { " 0 in a good run." } else { "" };
    format!("{}{good}", panel.description)
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Lines | Kind::Bars | Kind::Points => "timeseries",
        Kind::Heatmap => "heatmap",
        Kind::Stat => "stat",
        Kind::Table => "table",
        Kind::Text => "text",
    }
}

fn query_targets(
    dashboard: &Dashboard,
    panel: &Panel,
    query: &Query,
    from: DataSource,
) -> Result<Vec<Value>, Error> {
    let is_table = panel.kind == Kind::Table;
    let own = [&query.influxql, &query.flux, &query.promql];
    let of_range = panel.kind.is_of_range();
    if own.iter().any(|own| own.is_some()) {
        let own = match from {
            DataSource::Influxql => &query.influxql,
            DataSource::Flux => &query.flux,
            DataSource::Prometheus => &query.promql,
        };
        let target = |text: &String| match from {
            DataSource::Influxql => influx(text, &query.legend, is_table),
            DataSource::Flux => json!({"query": text}),
            DataSource::Prometheus => prometheus(text, &query.legend, panel, of_range),
        };
        return Ok(own.iter().map(target).collect());
    }
    let asked = Asked::of(query, &dashboard.variables)
        .map_err(|error| Error::Source(format!("{}: {error}", panel.title)))?;
    Ok(match from {
        DataSource::Influxql => {
            let text = influxql::query(&asked, of_range);
            vec![influx(&text, &influxql::alias(&asked), is_table)]
        }
        DataSource::Flux => flux::queries(&asked, of_range, is_table)
            .into_iter()
            .map(|text| json!({"query": text}))
            .collect(),
        DataSource::Prometheus => {
            let is_now = matches!(asked.show, Show::Rate | Show::Level);
            let text = promql::query(&asked, Asked::quantile(query), of_range && !is_now);
            vec![prometheus(
                &text,
                &promql::legend(&asked),
                panel,
                of_range && !is_now || is_table,
            )]
        }
    })
}

fn influx(text: &str, alias: &str, is_table: bool) -> Value {
    json!({
        "query": text,
        "rawQuery": true,
        "resultFormat": if is_table { "table" } else { "time_series" },
        "alias": if is_table { "" } else { alias },
    })
}

fn prometheus(text: &str, legend: &str, panel: &Panel, instant: bool) -> Value {
    json!({
        "expr": text,
        "legendFormat": if panel.kind == Kind::Heatmap { "{{le}}" } else { legend },
        "editorMode": "code",
        "instant": instant,
        "range": !instant,
        "exemplar": panel.kind == Kind::Heatmap || panel.kind == Kind::Points,
        "format": match panel.kind {
            Kind::Table => "table",
            Kind::Heatmap => "heatmap",
            _ => "time_series",
        },
    })
}

fn options(panel: &Panel, from: DataSource) -> Value {
    match panel.kind {
        Kind::Lines | Kind::Bars | Kind::Points => json!({
            "legend": {"showLegend": true, "displayMode": "table", "placement": "bottom",
                       "calcs": ["mean", "max", "lastNotNull"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        Kind::Heatmap => json!({
            // Prometheus' buckets are told apart by their names, InfluxDB's by their fields.
            "calculate": false,
            "cellGap": 1,
            "cellValues": {"unit": "short"},
            "color": {"mode": "scheme", "scheme": "Spectral", "reverse": true, "steps": 64,
                      "exponent": 0.5, "fill": "dark-orange", "scale": "exponential"},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": true},
            "rowsFrame": {"layout": if from == DataSource::Prometheus { "auto" } else { "le" }},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": true, "showColorScale": false},
            "yAxis": {"axisPlacement": "left", "reverse": false, "unit": panel.unit},
        }),
        Kind::Stat => json!({
            "colorMode": if panel.thresholds.is_empty() { "none" } else { "value" },
            "graphMode": "area", "justifyMode": "auto", "orientation": "auto",
            "percentChangeColorMode": "standard", "showPercentChange": false,
            "textMode": "auto", "wideLayout": true,
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
        }),
        Kind::Table => {
            let sort = panel.sort.iter();
            let sort: Vec<Value> = sort
                .map(|column| json!({"displayName": column, "desc": true}))
                .collect();
            json!({"cellHeight": "sm", "frameIndex": 0, "showHeader": true, "sortBy": sort})
        }
        Kind::Text => json!({"mode": "markdown", "content": panel.text}),
    }
}

fn defaults(panel: &Panel, from: DataSource) -> Value {
    let mut steps = vec![json!({"color": "green", "value": null})];
    steps.extend(
        panel
            .thresholds
            .iter()
            .map(|(value, color)| json!({"color": color, "value": value})),
    );
    let mut defaults = json!({
        "color": {"mode": if panel.kind == Kind::Stat { "thresholds" } else { "palette-classic" }},
        "thresholds": {"mode": "absolute", "steps": steps},
        "mappings": [],
    });
    for (key, value) in [("min", panel.min), ("max", panel.max)] {
        if let Some(value) = value {
            defaults[key] = json!(value);
        }
    }
    if from == DataSource::Flux && panel.kind != Kind::Table {
        // Else the measurement's name is before it.
        defaults["displayName"] = json!("${__field.name}");
    }
    if let Some(decimals) = panel.decimals {
        defaults["decimals"] = json!(decimals);
    }
    if let Some(unit) = &panel.unit {
        defaults["unit"] = json!(unit);
    }
    match panel.kind {
        Kind::Lines | Kind::Bars | Kind::Points => defaults["custom"] = drawing(panel),
        Kind::Heatmap => {
            defaults["custom"] = json!({
                "hideFrom": {"legend": false, "tooltip": false, "viz": false},
                "scaleDistribution": {"type": "linear"},
            });
        }
        Kind::Table => {
            defaults["custom"] = json!({
                "align": "auto", "cellOptions": {"type": "auto"}, "inspect": false, "filterable": true,
            });
        }
        Kind::Stat | Kind::Text => {}
    }
    defaults
}

fn drawing(panel: &Panel) -> Value {
    let (style, width, fill, points) = match panel.kind {
        Kind::Points => ("points", 1, 0, "always"),
        Kind::Bars => ("bars", 1, 80, "never"),
        _ => (
            "line",
            1,
            if panel.stack.is_some() { 60 } else { 10 },
            "never",
        ),
    };
    let stack = match panel.stack {
        None => "none",
        Some(Stack::Normal) => "normal",
        Some(Stack::Percent) => "percent",
    };
    let scale = if panel.log {
        json!({"type": "log", "log": 10})
    } else {
        json!({"type": "linear"})
    };
    json!({
        "drawStyle": style, "lineInterpolation": "linear", "lineWidth": width, "fillOpacity": fill,
        "gradientMode": "none", "pointSize": 4, "showPoints": points, "spanNulls": false,
        "stacking": {"mode": stack, "group": "A"}, "scaleDistribution": scale,
        "axisPlacement": "auto", "axisLabel": "", "barAlignment": 0,
        "hideFrom": {"legend": false, "tooltip": false, "viz": false},
        "thresholdsStyle": {"mode": if panel.thresholds.is_empty() { "off" } else { "dashed" }},
    })
}

fn overrides(panel: &Panel) -> Vec<Value> {
    let of = |name: &str, id: &str, value: Value| {
        json!({
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": id, "value": value}],
        })
    };
    let colors = panel.colors.iter();
    let colors = colors
        .map(|(name, color)| of(name, "color", json!({"mode": "fixed", "fixedColor": color})));
    let units = panel
        .units
        .iter()
        .map(|(name, unit)| of(name, "unit", json!(unit)));
    colors.chain(units).collect()
}

/// One row for each series, whichever of the queries it is in.
fn transformations(queries: &[&Query], from: DataSource) -> Value {
    let mut renamed = serde_json::Map::new();
    let mut excluded = serde_json::Map::new();
    let is_own = queries.iter().any(|query| query.metric.is_none());
    if !is_own {
        excluded.insert("Time".into(), json!(true));
    }
    if from == DataSource::Prometheus {
        for (query, letter) in queries.iter().zip('A'..) {
            let value = if queries.len() == 1 {
                "Value".to_owned()
            } else {
                format!("Value #{letter}")
            };
            renamed.insert(value, json!(query.legend));
            for by in &query.by {
                renamed.insert(label(by), json!(by));
            }
        }
    }
    json!([
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {
            "excludeByName": excluded, "indexByName": {}, "renameByName": renamed,
        }},
    ])
}
