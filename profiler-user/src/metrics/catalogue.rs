//! Every metric, declared once. Prometheus, OTLP and docs/metrics.md are made from this.

use super::declare::Kind::{Counter, Gauge, Histogram, UpDownCounter};
use super::declare::Life::{Process, Run, Window};
use super::declare::Unit::{Bytes, Of, One, Ratio, Seconds};
use super::declare::{Attribute, Metric};

macro_rules! attributes {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $values:literal;)*) => {
        $($(#[$doc])* const $constant: Attribute = Attribute { name: $name, values: $values };)*
    };
}

attributes! {
    METHOD = "http.request.method", "the method; `_OTHER` where OpenTelemetry does not know it";
    CLASS = "http.response.status_class", "`1xx` to `5xx`; `none` without an answer (ours)";
    STATUS = "http.response.status_code", "the status itself; left out where there is none that HTTP has, and for the rows that found no place";
    ERROR = "error.type", "the status where it is 5xx, left out elsewhere: how an answer broke off is in `wsgiprobe.request.errors`";
    ROUTE = "route", "the path's group: what varies is `{id}`, `_other` past `--max-routes` (ours)";
    SCHEME = "url.scheme", "`http`: nothing else is followed";
    PART = "part", "`accept_wait` `read_time` `server_time` `queue_time` `daemon_time` `application_time` `send_time` `busy_time` `ttfb`";
    CPU = "cpu", "`apache` `daemon`; `other` of servers that are not Apache";
    WAIT = "wait", "`runqueue` `lock` `upstream` `client` `disk` `sleep` `other`";
    SHARE = "share", "`queue` `apache` `app cpu` `lock` `upstream` `client` `disk` `sleep` `runqueue` `other`";
    ADDRESS = "server.address", "IP address, or the path (`@name`) of a UNIX socket";
    PORT = "server.port", "its port, where it has one";
    PID = "process.pid", "the process";
    POOL = "pool", "`daemon` `apache` `other`";
    GROUP = "process_group", "mod_wsgi's, where known";
    EXECUTABLE = "process.executable.name", "at most 15 bytes";
    TYPE = "type", "`httpd` Apache, `wsgi` a mod_wsgi daemon, `other`";
    MODE = "cpu.mode", "`user` `system`";
    REASON = "reason", "why, as in `lost` of the summary";
    NOTE = "note", "what, as in `notes` of the summary";
    FATE = "fate", "`written` `dropped` `rejected`";
    VERSION = "version", "of wsgiprobe";
    HOOKS = "hooks", "the hook back end";
    KERNEL = "kernel", "the kernel's release";
}

const ROW: &[Attribute] = &[METHOD, CLASS, ROUTE];
const SERVED: &[Attribute] = &[PID, POOL, GROUP];
const OWNED: &[Attribute] = &[PID, EXECUTABLE, TYPE];
const REQUESTS: &str = "http.server.request.duration";
const PROBE: &str = "wsgiprobe.probe";

macro_rules! catalogue {
    ($($id:ident = $name:literal $(as $renamed:literal)?, $kind:ident, $unit:expr, $life:ident, $attributes:expr,
        $description:literal, $source:literal $(, $measurement:expr => $field:literal)?;)*) => {
        /// A declared metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the declarations describe them")]
        pub enum Id { $($id,)* }

        impl Id {
            /// All, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$id),*];

            /// Its declaration.
            #[must_use]
            pub const fn metric(self) -> &'static Metric {
                &METRICS[self as usize]
            }
        }

        static METRICS: [Metric; Id::ALL.len()] = [$(Metric {
            name: $name,
            kind: $kind,
            unit: $unit,
            life: $life,
            attributes: $attributes,
            description: $description,
            source: $source,
            influx: catalogue!(@influx $($measurement => $field)?),
            renamed: catalogue!(@renamed $($renamed)?),
        }),*];
    };
    (@influx) => { None };
    (@influx $measurement:expr => $field:literal) => { Some(($measurement, $field)) };
    (@renamed) => { None };
    (@renamed $renamed:literal) => { Some($renamed) };
}

catalogue! {
    RequestDuration = "http.server.request.duration", Histogram, Seconds, Run,
        &[METHOD, CLASS, ROUTE, SCHEME, STATUS, ERROR],
        "Request line complete to last write to the client; requests without an answer have none",
        "socket hooks: read and write calls that returned", REQUESTS => "count sum le_...";
    Requests = "wsgiprobe.requests", Counter, Of("{request}"), Run, ROW,
        "Requests, answered or not", "socket hooks", REQUESTS => "requests";
    RequestErrors = "wsgiprobe.request.errors", Counter, Of("{request}"), Run, ROW,
        "Requests with status 5xx, or no complete answer", "socket hooks", REQUESTS => "errors";
    RequestClientErrors = "wsgiprobe.request.client_errors", Counter, Of("{request}"), Run, ROW,
        "Requests with status 4xx", "socket hooks", REQUESTS => "client_errors";
    RequestSize = "wsgiprobe.request.size", Counter, Bytes, Run, ROW,
        "Heads and bodies of requests as read from the sockets", "return values of reads",
        REQUESTS => "request_bytes";
    ResponseSize = "wsgiprobe.response.size", Counter, Bytes, Run, ROW,
        "Heads and bodies of responses as written", "return values of writes",
        REQUESTS => "response_bytes";
    PartTime = "wsgiprobe.request.part.time", Counter, Seconds, Run, &[METHOD, CLASS, ROUTE, PART],
        "Time of requests by part; the parts overlap: see anatomy.md",
        "socket hooks, on the client's and the daemon's sockets", REQUESTS => "{part}";
    PartRequests = "wsgiprobe.request.part.requests", Counter, Of("{request}"), Run,
        &[METHOD, CLASS, ROUTE, PART],
        "Requests of which that part is known: what a mean is over", "the same",
        REQUESTS => "{part}_count";
    CpuTime = "wsgiprobe.request.cpu.time", Counter, Seconds, Run, &[METHOD, CLASS, ROUTE, CPU],
        "CPU time of the threads that served requests", "the kernel's account of each thread (`se.sum_exec_runtime`)",
        REQUESTS => "cpu_{cpu} cpu";
    CpuRequests = "wsgiprobe.request.cpu.requests", Counter, Of("{request}"), Run, ROW,
        "Requests of which CPU time and waits are known: what a mean is over", "the same",
        REQUESTS => "cpu_count";
    WaitTime = "wsgiprobe.request.wait.time", Counter, Seconds, Run, &[METHOD, CLASS, ROUTE, WAIT],
        "Waiting of the threads that served requests, by what for",
        "`sched_switch`: the call that the thread sleeps in", REQUESTS => "wait_{wait}";
    ShareTime = "wsgiprobe.request.share.time", Counter, Seconds, Run, &[ROUTE, SHARE],
        "All time of requests without overlap: what the terminal's bars show", "parts, CPU and waits together",
        "wsgiprobe.share" => "{share}";
    UpstreamTime = "wsgiprobe.upstream.wait.time", Counter, Seconds, Run, &[ROUTE, ADDRESS, PORT],
        "Waiting for that peer; all of a request's counts for the one that it waited for longest at a time",
        "`sched_switch`: the socket behind the descriptor", "wsgiprobe.upstream" => "wait";
    UpstreamRequests = "wsgiprobe.upstream.requests", Counter, Of("{request}"), Run,
        &[ROUTE, ADDRESS, PORT],
        "Requests that waited for that peer", "the same", "wsgiprobe.upstream" => "requests";

    PoolThreads = "wsgiprobe.pool.threads", UpDownCounter, Of("{thread}"), Window, SERVED,
        "Threads that can serve requests", "`/proc/PID/task`", "wsgiprobe.pool" => "threads";
    PoolIdle = "wsgiprobe.pool.threads.idle", UpDownCounter, Of("{thread}"), Window, SERVED,
        "Threads at no request as the window ended", "the same", "wsgiprobe.pool" => "idle";
    PoolBusy = "wsgiprobe.pool.threads.busy", UpDownCounter, Of("{thread}"), Window, SERVED,
        "Threads at a request as the window ended", "the kernel's list of serving threads",
        "wsgiprobe.pool" => "busy";
    PoolStarted = "wsgiprobe.pool.threads.started", UpDownCounter, Of("{thread}"), Window, SERVED,
        "Threads that have served since the attach", "the same", "wsgiprobe.pool" => "started";
    PoolCapacity = "wsgiprobe.pool.capacity_used", Gauge, Ratio, Window, SERVED,
        "Busy thread time of that which there was in the last window", "spans of requests",
        "wsgiprobe.pool" => "capacity_used";
    PoolBusyTime = "wsgiprobe.pool.busy.time", Counter, Seconds, Window, SERVED,
        "Thread time spent on requests", "spans of requests", "wsgiprobe.pool" => "busy_time";
    PoolAvailableTime = "wsgiprobe.pool.available.time", Counter, Seconds, Window, SERVED,
        "Thread time that there was: threads times time", "threads and the clock";
    PoolFullTime = "wsgiprobe.pool.full.time", Counter, Seconds, Window, SERVED,
        "How long all threads were at requests at once", "spans of requests",
        "wsgiprobe.pool" => "full_time";
    PoolRequests = "wsgiprobe.pool.requests", Counter, Of("{request}"), Window, SERVED,
        "Requests that finished in that pool", "socket hooks", "wsgiprobe.pool" => "requests";
    ListenQueue = "wsgiprobe.listen.queue", UpDownCounter, Of("{connection}"), Window,
        &[ADDRESS, PORT],
        "Connections established and not yet accepted", "sock_diag", "wsgiprobe.listen" => "queue";

    ProcessCpu = "process.cpu.time", Counter, Seconds, Process, &[PID, EXECUTABLE, TYPE, MODE],
        "CPU time of a watched process since the attach, in steps of 10 ms", "`/proc/PID/stat`",
        "wsgiprobe.process" => "process.cpu.time.{cpu.mode}";
    ProcessMemory = "process.memory.usage", UpDownCounter, Bytes, Process, OWNED,
        "Resident memory of a watched process", "`/proc/PID/stat`",
        "wsgiprobe.process" => "process.memory.usage";
    ProcessMemoryPeak = "wsgiprobe.process.memory.peak", Gauge, Bytes, Process, OWNED,
        "The most that the resident memory ever was", "`/proc/PID/status`",
        "wsgiprobe.process" => "process.memory.peak";
    ProcessThreads = "process.thread.count" as "process.threads", UpDownCounter, Of("{thread}"),
        Process, OWNED,
        "Threads of any kind of a watched process", "`/proc/PID/stat`",
        "wsgiprobe.process" => "process.thread.count";

    Seen = "wsgiprobe.account.seen", Counter, Of("{request}"), Run, &[],
        "Requests that the kernel side saw: reported, in flight and lost", "the kernel side's counters",
        PROBE => "seen";
    Reported = "wsgiprobe.account.reported", Counter, Of("{request}"), Run, &[],
        "Requests handed to every output", "wsgiprobe", PROBE => "reported";
    InFlight = "wsgiprobe.account.in_flight", UpDownCounter, Of("{request}"), Run, &[],
        "Requests seen, and neither reported nor lost", "the other three", PROBE => "in_flight";
    Lost = "wsgiprobe.account.lost", Counter, Of("{request}"), Run, &[REASON],
        "Requests seen that will not be reported", "the kernel side's counters",
        PROBE => "lost_{reason} lost";
    Notes = "wsgiprobe.account.notes", Counter, Of("{event}"), Run, &[NOTE],
        "What else was noticed; no request is missing because of it", "counters of both sides",
        PROBE => "note_{note}";
    ProbeCpu = "wsgiprobe.probe.cpu.time", Counter, Seconds, Run, &[],
        "CPU time of wsgiprobe itself, without the kernel programs", "`CLOCK_PROCESS_CPUTIME_ID`",
        PROBE => "cpu_time";
    ProbeMemory = "wsgiprobe.probe.memory.usage", UpDownCounter, Bytes, Run, &[],
        "Resident memory of wsgiprobe itself", "`/proc/self/stat`", PROBE => "memory_usage";
    ProbeRuns = "wsgiprobe.probe.bpf.runs", Counter, Of("{run}"), Run, &[],
        "Runs of the kernel programs, where the kernel counts them", "`kernel.bpf_stats_enabled`",
        PROBE => "bpf_runs";
    ProbeRunTime = "wsgiprobe.probe.bpf.time", Counter, Seconds, Run, &[],
        "Time inside the kernel programs, likewise", "`kernel.bpf_stats_enabled`",
        PROBE => "bpf_time";
    ProbeMaps = "wsgiprobe.probe.kernel.memory", UpDownCounter, Bytes, Run, &[],
        "Kernel memory of the maps", "`/proc/self/fdinfo`", PROBE => "kernel_memory";
    ProbeMapsMost = "wsgiprobe.probe.kernel.memory.limit", UpDownCounter, Bytes, Run, &[],
        "The same if every map were full", "`/proc/self/fdinfo`", PROBE => "kernel_memory_limit";
    ProbeAttach = "wsgiprobe.probe.attach.time", Gauge, Seconds, Run, &[],
        "How long it took to load and attach the kernel programs", "the clock";
    ProbeUnkept = "wsgiprobe.probe.series.unkept", Counter, Of("{update}"), Run, &[],
        "Updates of series that found no place under the bound on series", "wsgiprobe";
    Points = "wsgiprobe.influx.points", Counter, Of("{point}"), Run, &[FATE],
        "Points for InfluxDB that no longer wait, by what became of them", "wsgiprobe",
        PROBE => "points_{fate}";
    PointsSpooled = "wsgiprobe.influx.points.spooled", UpDownCounter, Of("{point}"), Run, &[],
        "Points for InfluxDB that wait on disk", "wsgiprobe", PROBE => "points_spooled";
    BuildInfo = "wsgiprobe.build.info", Gauge, One, Run, &[VERSION, HOOKS, KERNEL],
        "Always 1", "wsgiprobe";
}
