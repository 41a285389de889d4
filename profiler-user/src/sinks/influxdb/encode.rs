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
                for row in &window.rows {
                    self.scratch.clear();
                    points::row(&mut self.scratch, &self.hostname, row, window.end_unix_ns);
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
