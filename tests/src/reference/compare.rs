//! wsgiprobe's figures beside mod_wsgi's.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context, Result, ensure};

use super::{Event, Part};
use crate::accurate;
use crate::figures::Figures;
use crate::report::Request;

/// The same requests as both sides saw them.
pub struct Comparison<'a> {
    name: String,
    pairs: Vec<(&'a Event, &'a Request)>,
}

impl<'a> Comparison<'a> {
    /// Finds each event's request; each must have exactly one.
    pub fn of(
        name: impl Into<String>,
        events: &'a [Event],
        requests: &'a [Request],
    ) -> Result<Self> {
        let mut by_path: HashMap<&str, Vec<&Request>> = HashMap::new();
        for request in requests {
            let path = request.path.as_deref().unwrap_or("-");
            by_path.entry(path).or_default().push(request);
        }
        let pair = |event: &'a Event| {
            let path = event.path.as_str();
            let found = by_path.get(path).map_or(&[][..], Vec::as_slice);
            ensure!(
                found.len() == 1,
                "{path} was reported {} times",
                found.len()
            );
            Ok((event, found[0]))
        };
        let pairs = events.iter().map(pair).collect::<Result<Vec<_>>>()?;
        ensure!(!pairs.is_empty(), "mod_wsgi has no event to compare with");
        let name = name.into();
        Ok(Self { name, pairs })
    }

    /// What mod_wsgi says of each request that it knows the part of, microseconds.
    #[must_use]
    pub fn theirs(&self, part: Part) -> Figures {
        let said = self
            .pairs
            .iter()
            .filter_map(|(event, _)| part.theirs(event));
        said.collect()
    }

    /// `ours - theirs` of each request that both know, microseconds.
    #[must_use]
    pub fn differences(&self, part: Part) -> Figures {
        let difference = |(event, request): &(&Event, &Request)| {
            Some(part.ours(request, event.in_daemon())? - part.theirs(event)?)
        };
        self.pairs.iter().filter_map(difference).collect()
    }

    /// Fails unless both sides know the figure of the same requests.
    pub fn known(&self, part: Part) -> Result<()> {
        let unknown = |(event, request): &&(&Event, &Request)| {
            let (theirs, ours) = (part.theirs(event), part.ours(request, event.in_daemon()));
            theirs.is_some() != ours.is_some_and(|ours| theirs.is_some() || ours > 0.0)
        };
        let unknown: Vec<_> = self.pairs.iter().filter(unknown).collect();
        ensure!(
            unknown.is_empty(),
            "{}: {part:?} of {} of {} requests is known to one side only: {:?}",
            self.name,
            unknown.len(),
            self.pairs.len(),
            unknown[0]
        );
        Ok(())
    }

    /// wsgiprobe's side.
    pub fn requests(&self) -> impl Iterator<Item = &'a Request> {
        self.pairs.iter().map(|(_, request)| *request)
    }

    /// Fails unless the median of the differences is within `median` microseconds
    /// and 99 of 100 are within `p99`.
    pub fn within(&self, part: Part, median: f64, p99: f64) -> Result<()> {
        self.between(part, -median, median)?;
        let worst = self.differences(part).sizes().quantile(0.99);
        let worst = worst.context("nothing to compare")?;
        accurate!(
            worst <= p99,
            "{}: 99 of 100 {part:?} differ by up to {worst:.0} us, more than {p99}",
            self.name
        );
        Ok(())
    }

    /// Fails unless the median of the differences is in that range, microseconds.
    pub fn between(&self, part: Part, least: f64, most: f64) -> Result<()> {
        let median = self.differences(part).median();
        let median = median.context("nothing to compare")?;
        accurate!(
            (least..=most).contains(&median),
            "{}: {part:?} differs by {median:+.0} us in the median, not {least} to {most}",
            self.name
        );
        Ok(())
    }

    /// The middle of what mod_wsgi's callbacks took, microseconds.
    fn callbacks(&self) -> Figures {
        let took = |(event, _): &(&Event, &Request)| event.callbacks_ns as f64 / 1000.0;
        self.pairs.iter().map(took).collect()
    }
}

/// Issue 3's goal, microseconds: for the median, and for 99 of 100.
const GOAL: (f64, f64) = (30.0, 200.0);

fn goal(differences: &Figures) -> &'static str {
    let (median, p99) = (differences.median(), differences.sizes().quantile(0.99));
    match median.zip(p99) {
        None => "-",
        Some((median, p99)) if median.abs() <= GOAL.0 && p99 <= GOAL.1 => "met",
        Some(_) => "missed",
    }
}

/// A table: a line for each part.
impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
        let callbacks = self.callbacks();
        writeln!(
            f,
            "{}: {} requests, microseconds; the events' callbacks took {} (p99 {})",
            self.name,
            self.pairs.len(),
            show(callbacks.median()),
            show(callbacks.quantile(0.99))
        )?;
        writeln!(
            f,
            "  part             mod_wsgi   wsgiprobe | difference: median      p99    worst  goal"
        )?;
        for part in Part::ALL {
            let theirs = self.theirs(part);
            let ours: Figures = self
                .pairs
                .iter()
                .filter_map(|(event, request)| part.ours(request, event.in_daemon()))
                .collect();
            let differences = self.differences(part);
            let sizes = differences.sizes();
            writeln!(
                f,
                "  {:<14} {:>10}  {:>10} | {:>18} {:>8} {:>8}  {}",
                format!("{part:?}"),
                show(theirs.median()),
                show(ours.median()),
                show(differences.median()),
                show(sizes.quantile(0.99)),
                show(sizes.quantile(1.0)),
                goal(&differences),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Event = Event {
        path: String::new(),
        request_start: 1_000,
        queue_start: 1_100,
        daemon_start: 1_130,
        application_start: 1_300,
        application_finish: 1_420,
        application_time: 120e-6,
        cpu_user_time: None,
        cpu_system_time: None,
        gil_wait_time: None,
        callbacks_ns: 9_000,
    };

    fn events() -> Vec<Event> {
        let event = |number| Event {
            path: format!("/hello/0/{number}"),
            ..EVENT
        };
        (0..3).map(event).collect()
    }

    /// What agrees with each event but for `server_time`, which is that much longer.
    fn requests(longer_us: u64) -> Vec<Request> {
        let template: Request =
            serde_json::from_str(include_str!("../../fixtures/request.json")).expect("a request");
        let request = |event: &Event| Request {
            path: Some(event.path.clone()),
            server_time: Some((100 + longer_us) * 1000),
            queue_time: Some(30_000),
            daemon_time: Some(170_000),
            application_time: Some(120_000),
            ..template.clone()
        };
        events().iter().map(request).collect()
    }

    #[test]
    fn what_agrees_is_within() {
        let (events, requests) = (events(), requests(0));
        let comparison = Comparison::of("same", &events, &requests).expect("pairs");
        for part in Part::ALL {
            comparison.within(part, 0.5, 0.5).expect("no difference");
        }
        assert_eq!(comparison.to_string().matches(" met\n").count(), 6);
    }

    #[test]
    fn what_differs_is_told() {
        let (events, requests) = (events(), requests(40));
        let comparison = Comparison::of("late", &events, &requests).expect("pairs");
        let text = comparison.to_string();
        assert_eq!(
            (
                text.matches(" met\n").count(),
                text.matches(" missed\n").count()
            ),
            (4, 2)
        );
        assert!(comparison.within(Part::Server, 30.0, 200.0).is_err());
        assert!(comparison.within(Part::Server, 50.0, 30.0).is_err());
        assert!(comparison.between(Part::Server, 35.0, 45.0).is_ok());
        assert!(comparison.between(Part::Queue, 35.0, 45.0).is_err());
    }

    #[test]
    fn what_is_unknown_is_an_error() {
        let (events, mut requests) = (events(), requests(0));
        requests[1].queue_time = None;
        let comparison = Comparison::of("unknown", &events, &requests).expect("pairs");
        assert!(comparison.known(Part::Queue).is_err());
        assert!(comparison.known(Part::Server).is_ok());
        assert_eq!(comparison.differences(Part::Queue).count(), 2);
    }

    #[test]
    fn each_event_has_one_request() {
        let (events, mut requests) = (events(), requests(0));
        let twice = requests[0].clone();
        requests.push(twice);
        assert!(Comparison::of("twice", &events, &requests).is_err());
        assert!(Comparison::of("missing", &events, &requests[1..3]).is_err());
        assert!(Comparison::of("nothing", &[], &requests).is_err());
    }
}
