//! What the load asks for, and how often.

use std::time::Duration;

/// A page of the demo's site, asked for at a fixed pace on one connection.
pub struct Route {
    /// `GET` or, with a body, `POST`.
    pub method: Method,
    /// The path; `{}` stands for the number of the request.
    pub path: &'static str,
    /// The time from one request's begin to the next one's.
    pub every: Duration,
}

/// How a page is asked for.
#[derive(Clone, Copy)]
pub enum Method {
    /// Without a body.
    Get,
    /// With a body of this many bytes.
    Post(usize),
}

/// About 115 requests a second in all: fast ones and slow ones, CPU and waiting,
/// streams, uploads and failures, from all that can answer in an Apache.
pub const ROUTES: [Route; 10] = [
    get("/", 20),
    get("/users/{}", 25),
    get("/search?q={}", 400),
    get("/report", 250),
    get("/export", 500),
    get("/checkout", 1000),
    get("/no/such/page", 1000),
    post("/upload", 100_000, 300),
    get("/embedded/", 200),
    get("/static/logo.txt", 200),
];

const fn get(path: &'static str, every_ms: u64) -> Route {
    Route {
        method: Method::Get,
        path,
        every: Duration::from_millis(every_ms),
    }
}

const fn post(path: &'static str, bytes: usize, every_ms: u64) -> Route {
    Route {
        method: Method::Post(bytes),
        path,
        every: Duration::from_millis(every_ms),
    }
}
