//! Stub: another branch has the real one.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::allow_attributes
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Request;

#[derive(Clone, Debug, Default)]
pub struct Stats {
    durations: Vec<u64>,
    pub count: u64,
    pub errors: u64,
    pub client_errors: u64,
}

impl Stats {
    pub fn record(&mut self, request: &Request) {
        self.count += 1;
        match request.status {
            Some(400..500) => self.client_errors += 1,
            Some(500..) | None => self.errors += 1,
            _ => {}
        }
        self.durations.extend(request.times.duration);
        self.durations.sort_unstable();
    }
    fn quantile(&self, q: f64) -> Option<u64> {
        let last = self.durations.len().saturating_sub(1);
        self.durations.get((last as f64 * q) as usize).copied()
    }
    pub fn p50(&self) -> Option<u64> {
        self.quantile(0.5)
    }
    pub fn p90(&self) -> Option<u64> {
        self.quantile(0.9)
    }
    pub fn p99(&self) -> Option<u64> {
        self.quantile(0.99)
    }
    pub fn max(&self) -> Option<u64> {
        self.quantile(1.0)
    }
}

#[derive(Clone)]
pub struct Row;

#[derive(Clone)]
pub struct Window {
    pub start_unix_ns: u64,
    pub end_unix_ns: u64,
    pub rows: Vec<Row>,
    pub total: Stats,
    routes: BTreeMap<Arc<str>, Stats>,
}

impl Window {
    pub fn by_route(&self) -> Vec<(Arc<str>, Stats)> {
        self.routes
            .iter()
            .map(|(r, s)| (r.clone(), s.clone()))
            .collect()
    }
    pub fn seconds(&self) -> f64 {
        self.end_unix_ns.saturating_sub(self.start_unix_ns) as f64 / 1e9
    }
}

#[derive(Default)]
struct Table {
    total: Stats,
    routes: BTreeMap<Arc<str>, Stats>,
}

impl Table {
    fn record(&mut self, request: &Request) {
        self.total.record(request);
        let route = self.routes.entry(request.route.clone());
        route.or_default().record(request);
    }
    fn window(&self, start_unix_ns: u64, end_unix_ns: u64) -> Window {
        Window {
            start_unix_ns,
            end_unix_ns,
            rows: Vec::new(),
            total: self.total.clone(),
            routes: self.routes.clone(),
        }
    }
}

#[derive(Default)]
pub struct Aggregator {
    open: Table,
    run: Table,
}

impl Aggregator {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn record(&mut self, request: &Request) {
        self.open.record(request);
        self.run.record(request);
    }
    pub fn close(&mut self, start_unix_ns: u64, end_unix_ns: u64) -> Window {
        std::mem::take(&mut self.open).window(start_unix_ns, end_unix_ns)
    }
    pub fn run(&self, start_unix_ns: u64, end_unix_ns: u64) -> Window {
        self.run.window(start_unix_ns, end_unix_ns)
    }
}
