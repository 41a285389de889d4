//! Finds each logged request's report.

use std::collections::BTreeMap;
use std::fmt::Debug;

use anyhow::{Result, ensure};

use crate::access_log::Entry;
use crate::report::Request;

/// What both sides know a request by. Ids are in the path, so with the client's
/// port this is unique, but for requests that were no HTTP.
type Key = (u16, Option<String>);

/// Pairs both sides one to one; fails on whatever is left over on either, but for
/// reports that `may_be_unlogged`.
pub fn pair<'a>(
    entries: &[&'a Entry],
    requests: &[&'a Request],
    may_be_unlogged: impl Fn(&Request) -> bool,
) -> Result<Vec<(&'a Entry, &'a Request)>> {
    let mut open: BTreeMap<Key, Vec<&Request>> = BTreeMap::new();
    for request in requests {
        open.entry((request.client.port(), request.path.clone()))
            .or_default()
            .push(request);
    }
    let mut pairs = Vec::with_capacity(entries.len());
    let mut missing = Vec::new();
    for entry in entries {
        let reports = open.get_mut(&(entry.client_port, entry.path.clone()));
        match reports.and_then(Vec::pop) {
            Some(request) => pairs.push((*entry, request)),
            None => missing.push(*entry),
        }
    }
    let extra: Vec<&Request> = open
        .into_values()
        .flatten()
        .filter(|request| !may_be_unlogged(request))
        .collect();
    ensure!(
        missing.is_empty() && extra.is_empty(),
        "{} of {} logged requests were not reported, {} reported ones not logged\n\
         not reported: {}\nnot logged: {}",
        missing.len(),
        entries.len(),
        extra.len(),
        first(&missing),
        first(&extra),
    );
    Ok(pairs)
}

fn first<T: Debug>(all: &[T]) -> String {
    let some: Vec<String> = all.iter().take(3).map(|one| format!("{one:?}")).collect();
    some.join("\n")
}
