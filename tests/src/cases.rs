//! Requests whose time goes to different places: the cases that wsgiprobe's parts
//! are compared over.

use anyhow::{Result, ensure};

use crate::load::{Load, Seen};
use crate::measured::Measured;
use crate::reference::Event;
use crate::server::Server;

/// Threads of the application in the servers for these cases.
pub const THREADS: u32 = 5;

/// Requests of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, the last segment but one of the paths.
    pub name: &'static str,
    /// What `measured.wsgi` is told to do.
    pub route: &'static str,
    /// Bytes of the body that is sent; 0 for a `GET`.
    pub body: usize,
    /// How many, from how many clients.
    pub load: Load,
}

const fn case(name: &'static str, route: &'static str, clients: usize, requests: usize) -> Case {
    let load = Load {
        clients,
        requests,
        kept: true,
    };
    Case {
        name,
        route,
        body: 0,
        load,
    }
}

/// The shortest request: all of it is overhead.
pub const HELLO: Case = case("hello", "hello/0", 1, 200);

/// More clients than threads, each request on a connection of its own: most of the
/// time is spent before anybody has read the request.
pub const QUEUE: Case = Case {
    load: Load {
        clients: 20,
        requests: 4,
        kept: false,
    },
    ..case("queue", "sleep/50", 20, 4)
};

/// All of them.
pub const ALL: [Case; 8] = [
    HELLO,
    case("sleep", "sleep/50", 2, 10),
    case("burn", "burn/10000", 1, 30),
    // 10 pieces over a second.
    case("stream", "stream/100", 5, 1),
    Case {
        body: 1 << 20,
        ..case("upload", "read/0", 1, 30)
    },
    // A first piece at once: no Content-Length, so the response is chunked.
    case("chunked", "large/1", 1, 100),
    // Only one of them can have the GIL.
    case("gil", "burn/10000", 4, 10),
    QUEUE,
];

impl Case {
    /// The beginning of its paths.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("/{}/{}", self.route, self.name)
    }

    /// Sends the requests, which must all be answered well.
    pub fn run(&self, server: &impl Server) -> Result<Vec<Seen>> {
        let body = vec![b'b'; self.body];
        let seen = self.load.measure(server, &self.prefix(), &body)?;
        for answer in &seen {
            Measured::of(&answer.response)?;
        }
        Ok(seen)
    }

    /// What mod_wsgi has to say of them.
    pub fn events(&self, server: &impl Server) -> Result<Vec<Event>> {
        let events = server.site().events(&self.prefix(), self.load.total())?;
        ensure!(
            events.len() == self.load.total(),
            "{}: {} events of {} requests",
            self.name,
            events.len(),
            self.load.total()
        );
        Ok(events)
    }
}

/// Has every thread (or process) of the application's pool load it: what a first
/// request takes is of no interest here. They are as many as they sleep at the same
/// time. Returns how many requests that took.
pub fn warm_up(server: &impl Server) -> Result<usize> {
    let clients = THREADS as usize;
    let load = Load {
        clients,
        requests: 4,
        kept: false,
    };
    load.measure(server, "/sleep/50/warm", &[])?;
    Ok(load.total())
}
