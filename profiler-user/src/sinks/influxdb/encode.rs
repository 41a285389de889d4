//! Requests and windows into points, as the settings want them.

use super::distinct::Distinct;
use super::settings::{Schema, Settings};
use super::workshop::Workshop;
use super::{points, pools, raw, shares, upstream};
use crate::aggregate::Window;
use crate::model::Request;
use crate::pool::Snapshot;

/// Writes the points of one schema.
#[derive(Debug)]
pub(super) struct Encoder {
    hostname: String,
    distinct: Distinct,
    kind: Kind,
    scratch: String,
}

#[derive(Debug)]
enum Kind {
    Otel { raw: bool },
    Workshop(Workshop),
}

impl Encoder {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            hostname: settings.hostname.clone(),
            distinct: Distinct::new(),
            kind: match settings.schema {
                Schema::Otel => Kind::Otel { raw: settings.raw },
                Schema::Workshop => Kind::Workshop(Workshop::default()),
            },
            scratch: String::new(),
        }
    }

    /// The point of a request, if the schema has one.
    pub(super) fn request(&mut self, request: &Request) -> Option<&str> {
        let (out, host) = (&mut self.scratch, &self.hostname);
        out.clear();
        match &mut self.kind {
            Kind::Otel { raw: false } => {}
            Kind::Otel { raw: true } => raw::request(out, host, request, &mut self.distinct),
            Kind::Workshop(workshop) => workshop.request(out, host, request, &mut self.distinct),
        }
        (!out.is_empty()).then_some(out)
    }

    /// Gives each point of a window, and of the servers' state at its end, to `emit`.
    pub(super) fn window(
        &mut self,
        window: &Window,
        snapshot: &Snapshot,
        mut emit: impl FnMut(&str),
    ) {
        match &mut self.kind {
            Kind::Otel { .. } => {
                // A point of each status would take the place of another of its class.
                for row in window.by_class() {
                    self.scratch.clear();
                    points::row(&mut self.scratch, &self.hostname, &row, window.end_unix_ns);
                    emit(&self.scratch);
                }
                pools::all(&self.hostname, snapshot, window.end_unix_ns, &mut emit);
                shares::all(&self.hostname, window, &mut emit);
                upstream::peers(&self.hostname, window, emit);
            }
            Kind::Workshop(workshop) => workshop.window(&self.hostname, window, snapshot, emit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Id;
    use crate::metrics::tests::tick;
    use crate::request::sample;
    use crate::sinks::influxdb::own::Own;
    use crate::tick::Points;

    /// What the catalogue says of InfluxDB is what is written: dashboards are made of it.
    #[test]
    fn has_what_the_catalogue_says() {
        let tick = tick(&[sample::request("/a")]);
        let mut encoder = Encoder {
            hostname: "h".into(),
            distinct: Distinct::new(),
            kind: Kind::Otel { raw: false },
            scratch: String::new(),
        };
        let mut said = String::new();
        encoder.window(&tick.window, &tick.snapshot, |point| said.push_str(point));
        let mut own = Own::default();
        for _ in 0..2 {
            own.window(&mut said, "h", &tick.account, &Points::default(), 1);
        }
        let mut checked = 0;
        for metric in Id::ALL.iter().map(|id| id.metric()) {
            let Some((measurement, fields)) = metric.influx else {
                continue;
            };
            let measurement = format!("{measurement},");
            let lines: Vec<&str> = said
                .lines()
                .filter(|line| line.starts_with(&measurement))
                .collect();
            assert!(!lines.is_empty(), "no {measurement}");
            for field in fields.split(' ').filter(|field| !field.ends_with("...")) {
                // Of a pattern, what is around the value.
                let (before, after) =
                    field.split_once('{').map_or((field, ""), |(before, rest)| {
                        (before, rest.split_once('}').map_or("", |(_, after)| after))
                    });
                let has = |line: &&str| {
                    line.split([' ', ',']).any(|word| {
                        let name = word.split_once('=').map_or("", |(name, _)| name);
                        let inner = name.strip_prefix(before);
                        let inner = inner.and_then(|inner| inner.strip_suffix(after));
                        inner.is_some_and(|inner| inner.is_empty() != field.contains('{'))
                    })
                };
                assert!(lines.iter().any(has), "no {field}: {lines:?}");
                checked += 1;
            }
        }
        assert!(checked > 40, "{checked}");
    }
}
