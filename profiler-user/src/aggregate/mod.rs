//! Stub: another branch has the real one.
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::allow_attributes_without_reason, clippy::allow_attributes)]

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Request;

#[derive(Clone, Debug, Default)]
pub struct Stats {
    durations: Vec<u64>,
    count: u64,
    errors: u64,
    client_errors: u64,
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
    fn quantile(&self, q: f64) -> u64 {
        let last = self.durations.len().saturating_sub(1);
        self.durations
            .get((last as f64 * q) as usize)
            .copied()
            .unwrap_or_default()
    }
    pub fn count(&self) -> u64 {
        self.count
    }
    pub fn errors(&self) -> u64 {
        self.errors
    }
    pub fn client_errors(&self) -> u64 {
        self.client_errors
    }
    pub fn p50(&self) -> u64 {
        self.quantile(0.5)
    }
    pub fn p90(&self) -> u64 {
        self.quantile(0.9)
    }
    pub fn p99(&self) -> u64 {
        self.quantile(0.99)
    }
    pub fn max(&self) -> u64 {
        self.quantile(1.0)
    }
}

pub struct Row;

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
}

#[derive(Default)]
pub struct Aggregator {
    total: Stats,
    routes: BTreeMap<Arc<str>, Stats>,
}

impl Aggregator {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn record(&mut self, request: &Request) {
        self.total.record(request);
        self.routes
            .entry(request.route.clone())
            .or_default()
            .record(request);
    }
    pub fn close(&mut self, start_unix_ns: u64, end_unix_ns: u64) -> Window {
        let whole = std::mem::take(self);
        Window {
            start_unix_ns,
            end_unix_ns,
            rows: Vec::new(),
            total: whole.total,
            routes: whole.routes,
        }
    }
}
