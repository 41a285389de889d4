//! The schema of the mod_wsgi metrics workshop, for its dashboards.
//!
//! | measurement | tags | fields |
//! |---|---|---|
//! | `raw-requests` | `hostname`, `process` | `application_time` (float, s) |
//! | `request-metrics` | `hostname`, `process` | `request_throughput` (float, requests/s), `capacity_utilization` (float, 0 to 1), `server_time` `queue_time` `daemon_time` `application_time` (float, s), `cpu_user_time` `cpu_system_time` (float, s per s), `memory_rss` `memory_max_rss` (integer, bytes), `request_threads_maximum` `request_threads_started` `request_threads_active` (integer) |
//! | `request-metrics` | and `time_bucket` | `server_time_bucket` `queue_time_bucket` `daemon_time_bucket` `application_time_bucket` (integer) |
//! | `request-metrics` | and `thread_id` | `request_threads_bucket` (integer) |
//! | `process-info` | `hostname`, `process_type`, `pid` | `cpu` (float, percent of a core), `memory` (integer, bytes) |
//!
//! A point of `raw-requests` has the time of the request's end, the others that of
//! the window's. `process` is `<hostname>:<pid>` of the process that ran the
//! application: the daemon, or the Apache child. What Apache served by itself is in
//! none of them, nor is what never reached a daemon.
//!
//! - Times are means over the requests of the window, 0 without any, as mod_wsgi
//!   has them; `queue_time`, `daemon_time` and their buckets only of daemons.
//! - A process that has run the application once has its points in every window
//!   while it lives, each field in each: but those that are not known (see
//!   [`pool`](crate::pool)), and a first CPU time, for which there is no difference.
//! - `request_threads_active` are the threads at a request as the window ended;
//!   `thread_id` ranks the threads by requests, the busiest is 1, up to the maximum.
//! - The application's time is not known for servers other than Apache: there it is
//!   the duration of the request.

use std::collections::BTreeMap;

use super::application::Application;
use super::buckets;
use super::distinct::Distinct;
use super::line::Line;
use super::raw::ended;
use crate::aggregate::Window;
use crate::model::{Mode, Request};
use crate::pool::{Kind, Process, Snapshot};

/// Every process that has run the application and lives.
#[derive(Debug, Default)]
pub(super) struct Workshop {
    applications: BTreeMap<u32, Application>,
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
        let Some((pid, tid)) = ran_in(request) else {
            return;
        };
        let times = &request.times;
        let application_time = application_time(request);
        let application = self.applications.entry(pid).or_default();
        let parts = [
            times.server_time,
            times.queue_time,
            times.daemon_time,
            application_time,
        ];
        application.record(tid, request.mode == Some(Mode::Daemon), parts);
        if application_time.is_none() {
            return;
        }
        let line = Line::new(out, "raw-requests")
            .tag("hostname", hostname)
            .tag("process", &format!("{hostname}:{pid}"));
        let time = distinct.time(line.series(), ended(request));
        line.seconds("application_time", application_time).end(time);
    }

    /// Gives `emit` the points of a window, and begins the next.
    pub(super) fn window(
        &mut self,
        hostname: &str,
        window: &Window,
        snapshot: &Snapshot,
        mut emit: impl FnMut(&str),
    ) {
        let mut out = String::new();
        let mut emit = |write: &dyn Fn(&mut String)| {
            out.clear();
            write(&mut out);
            if !out.is_empty() {
                emit(&out);
            }
        };
        let time = window.end_unix_ns;
        self.applications
            .retain(|pid, application| application.has_requests() || snapshot.pool(*pid).is_some());
        for (pid, application) in &self.applications {
            let process = format!("{hostname}:{pid}");
            emit(&|out| {
                application.metrics(
                    request_metrics(out, hostname, &process),
                    *pid,
                    window,
                    snapshot,
                );
            });
            for bucket in 0..buckets::COUNT {
                emit(&|out| {
                    let line = request_metrics(out, hostname, &process)
                        .tag("time_bucket", &buckets::name(bucket));
                    application.bucket(line, bucket).end(time);
                });
            }
            let threads = snapshot.pool(*pid).and_then(|pool| pool.threads);
            for (rank, requests) in (1..).zip(application.by_thread(threads)) {
                emit(&|out| {
                    let line = request_metrics(out, hostname, &process)
                        .tag("thread_id", &u32::to_string(&rank));
                    line.integer("request_threads_bucket", requests).end(time);
                });
            }
        }
        for process in &snapshot.processes {
            emit(&|out| process_info(out, hostname, process, time));
        }
        self.applications.values_mut().for_each(Application::begin);
    }
}

fn request_metrics<'a>(out: &'a mut String, hostname: &str, process: &str) -> Line<'a> {
    Line::new(out, "request-metrics")
        .tag("hostname", hostname)
        .tag("process", process)
}

fn process_info(out: &mut String, hostname: &str, process: &Process, time: u64) {
    let process_type = match process.kind {
        Kind::Apache => "httpd",
        Kind::Daemon => "wsgi",
        Kind::Other => return,
    };
    let mut line = Line::new(out, "process-info")
        .tag("hostname", hostname)
        .tag("process_type", process_type)
        .tag("pid", &process.pid.to_string());
    if let Some(cpu) = process.cpu {
        line = line.float("cpu", 100.0 * (cpu.user + cpu.system) / cpu.elapsed);
    }
    line.integer("memory", process.rss).end(time);
}

/// Process and thread that ran the application, as far as it was reached.
fn ran_in(request: &Request) -> Option<(u32, u32)> {
    match request.mode {
        Some(Mode::Static) => None,
        Some(Mode::Daemon) => Some((request.daemon_pid?, request.daemon_tid?)),
        _ => Some((request.pid, request.tid)),
    }
}

/// Time in the application, nanoseconds.
fn application_time(request: &Request) -> Option<u64> {
    match request.mode {
        Some(Mode::Http) | None => request.times.application_time.or(request.times.duration),
        _ => request.times.application_time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregator;
    use crate::pool::{Cpu, Pool};
    use crate::request::sample;

    const SECOND: u64 = 1_000_000_000;

    fn requests(workshop: &mut Workshop, requests: &[Request]) -> String {
        let (mut out, mut distinct) = (String::new(), Distinct::new());
        for request in requests {
            workshop.request(&mut out, "h", request, &mut distinct);
        }
        out
    }

    fn points(workshop: &mut Workshop, snapshot: &Snapshot) -> Vec<String> {
        let window = Aggregator::new().close(0, SECOND);
        let mut points = Vec::new();
        workshop.window("h", &window, snapshot, |point| {
            points.push(point.to_owned());
        });
        points
    }

    fn embedded() -> Request {
        let mut request = sample::request("/");
        request.mode = Some(Mode::Embedded);
        (request.daemon_pid, request.daemon_tid) = (None, None);
        (request.times.queue_time, request.times.daemon_time) = (None, None);
        request
    }

    /// The state of the daemon that served [`sample::request`].
    fn snapshot() -> Snapshot {
        let cpu = Cpu {
            user: 0.5,
            system: 0.25,
            elapsed: 2.0,
        };
        Snapshot {
            pools: vec![Pool {
                pid: 16_595,
                kind: Kind::Daemon,
                process_group: Some("app".into()),
                threads: Some(4),
                started: 3,
                busy: 1,
                busy_ns: SECOND,
                full_ns: Some(0),
                requests: 2,
                length_ns: SECOND,
            }],
            processes: vec![Process {
                pid: 16_595,
                kind: Kind::Daemon,
                name: "apache2".into(),
                cpu: Some(cpu),
                rss: 4096,
                max_rss: Some(8192),
                threads: 9,
            }],
            ..Snapshot::default()
        }
    }

    #[test]
    fn a_request_is_of_the_process_that_ran_the_application() {
        let mut static_file = embedded();
        static_file.mode = Some(Mode::Static);
        let mut refused = sample::request("/");
        (refused.daemon_pid, refused.times.application_time) = (None, None);
        let mut other = embedded();
        other.mode = Some(Mode::Http);
        other.times.application_time = None;
        let given = [
            sample::request("/"),
            embedded(),
            static_file,
            refused,
            other,
        ];
        assert_eq!(
            requests(&mut Workshop::default(), &given),
            "raw-requests,hostname=h,process=h:16595 application_time=0.001 1763717823125006789\n\
             raw-requests,hostname=h,process=h:16596 application_time=0.001 1763717823125006789\n\
             raw-requests,hostname=h,process=h:16596 application_time=0.0015 1763717823125006790\n"
        );
    }

    #[test]
    fn every_field_of_a_daemon() {
        let mut workshop = Workshop::default();
        let mut slow = sample::request("/");
        slow.times.application_time = Some(9_000_000);
        slow.daemon_tid = Some(1);
        let again = slow.clone();
        requests(&mut workshop, &[sample::request("/"), slow, again]);
        let points = points(&mut workshop, &snapshot());
        assert_eq!(points.len(), 1 + 16 + 4 + 1);
        assert_eq!(
            points[0],
            "request-metrics,hostname=h,process=h:16595 request_throughput=3,\
             capacity_utilization=0.25,server_time=0.0001,queue_time=0.0002,daemon_time=0.0001,\
             application_time=0.006333333333333333,cpu_user_time=0.25,cpu_system_time=0.125,\
             memory_rss=4096i,memory_max_rss=8192i,request_threads_maximum=4i,\
             request_threads_started=3i,request_threads_active=1i 1000000000\n"
        );
        assert_eq!(
            points[2],
            "request-metrics,hostname=h,process=h:16595,time_bucket=0.005 server_time_bucket=0i,\
             queue_time_bucket=0i,daemon_time_bucket=0i,application_time_bucket=2i 1000000000\n"
        );
        assert!(points[16].contains("time_bucket=inf "), "{}", points[16]);
        let by_thread: Vec<&str> = points[17..21]
            .iter()
            .filter_map(|point| {
                point
                    .split_once("h:16595,")?
                    .1
                    .strip_suffix(" 1000000000\n")
            })
            .collect();
        assert_eq!(
            by_thread,
            [
                "thread_id=1 request_threads_bucket=2i",
                "thread_id=2 request_threads_bucket=1i",
                "thread_id=3 request_threads_bucket=0i",
                "thread_id=4 request_threads_bucket=0i",
            ]
        );
        assert_eq!(
            points[21],
            "process-info,hostname=h,process_type=wsgi,pid=16595 cpu=37.5,memory=4096i 1000000000\n"
        );
    }

    #[test]
    fn an_idle_process_keeps_its_points_while_it_lives() {
        let mut workshop = Workshop::default();
        requests(&mut workshop, &[sample::request("/")]);
        points(&mut workshop, &snapshot());
        let idle = points(&mut workshop, &snapshot());
        assert_eq!(idle.len(), 1 + 16 + 4 + 1);
        assert!(
            idle[0].contains(
                "request_throughput=0,capacity_utilization=0.25,server_time=0,queue_time=0,\
                 daemon_time=0,application_time=0,cpu_user_time"
            ),
            "{}",
            idle[0]
        );
        assert_eq!(points(&mut workshop, &Snapshot::default()), [""; 0]);
        assert!(workshop.applications.is_empty());
    }

    #[test]
    fn an_embedded_application_waits_in_no_queue() {
        let mut workshop = Workshop::default();
        requests(&mut workshop, &[embedded()]);
        // It has ended, and nothing else is known of it.
        let points = points(&mut workshop, &Snapshot::default());
        assert_eq!(
            points[0],
            "request-metrics,hostname=h,process=h:16596 request_throughput=1,\
             server_time=0.0001,application_time=0.001 1000000000\n"
        );
        assert!(!points.concat().contains("queue_time"));
        assert_eq!(points.len(), 1 + 16 + 1);
    }
}
