//! The schema of the mod_wsgi metrics workshop, for its dashboards.
//!
//! | measurement | tags | fields | time |
//! |---|---|---|---|
//! | `raw-requests` | `hostname`, `process` | `application_time` (float, s) | end of the request |
//! | `request-metrics` | `hostname`, `process` | `request_throughput` (float, requests/s) | end of the window |
//!
//! `process` is `<hostname>:<pid>` of the process that ran the application: the
//! daemon, or the Apache child. What Apache served by itself is in neither.
//!
//! Until the time inside the application is measured by itself, `application_time`
//! is the duration of the whole request; a request without one has no point. A
//! process without requests in a window has no `request_throughput` in it.

use std::collections::HashMap;

use super::distinct::Distinct;
use super::line::Line;
use super::raw::ended;
use crate::aggregate::Window;
use crate::model::{Mode, Request};

/// The requests of each process since the last window.
#[derive(Debug, Default)]
pub(super) struct Workshop {
    /// Emptied with every window, so no larger than the processes that served
    /// requests within one.
    requests: HashMap<u32, u64>,
}

impl Workshop {
    /// Counts the request and writes its `raw-requests` point.
    pub(super) fn request(
        &mut self,
        out: &mut String,
        hostname: &str,
        request: &Request,
        distinct: &mut Distinct,
    ) {
        if request.mode == Some(Mode::Static) {
            return;
        }
        let pid = request.daemon_pid.unwrap_or(request.pid);
        *self.requests.entry(pid).or_default() += 1;
        let Some(application_time) = request.times.duration else {
            return;
        };
        let line = Line::new(out, "raw-requests")
            .tag("hostname", hostname)
            .tag("process", &format!("{hostname}:{pid}"));
        let time = distinct.time(line.series(), ended(request));
        line.seconds("application_time", Some(application_time))
            .end(time);
    }

    /// Gives `emit` the `request-metrics` of a window: a point per process.
    pub(super) fn window(&mut self, hostname: &str, window: &Window, mut emit: impl FnMut(&str)) {
        let seconds = window.seconds();
        let mut out = String::new();
        for (pid, requests) in self.requests.drain() {
            out.clear();
            Line::new(&mut out, "request-metrics")
                .tag("hostname", hostname)
                .tag("process", &format!("{hostname}:{pid}"))
                // A window without length has no rate: infinity is left out.
                .float("request_throughput", requests as f64 / seconds)
                .end(window.end_unix_ns);
            emit(&out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregator;
    use crate::request::sample;

    #[test]
    fn requests_and_throughput_are_of_the_process_that_ran_the_application() {
        let mut workshop = Workshop::default();
        let mut distinct = Distinct::new();
        let mut out = String::new();
        let mut embedded = sample::request("/");
        embedded.daemon_pid = None;
        let mut unanswered = embedded.clone();
        unanswered.times.duration = None;
        let mut by_apache = sample::request("/logo.png");
        by_apache.mode = Some(Mode::Static);
        for request in [sample::request("/"), embedded, unanswered, by_apache] {
            workshop.request(&mut out, "h", &request, &mut distinct);
        }
        assert_eq!(
            out,
            "raw-requests,hostname=h,process=h:16595 application_time=0.0015 1763717823125006789\n\
             raw-requests,hostname=h,process=h:16596 application_time=0.0015 1763717823125006789\n"
        );

        let window = Aggregator::new().close(0, 500_000_000);
        let mut points = Vec::new();
        workshop.window("h", &window, |point| points.push(point.to_owned()));
        points.sort();
        assert_eq!(
            points,
            [
                "request-metrics,hostname=h,process=h:16595 request_throughput=2 500000000\n",
                "request-metrics,hostname=h,process=h:16596 request_throughput=4 500000000\n",
            ]
        );
        workshop.window("h", &window, |point| panic!("{point}"));
    }
}
