//! Recordings of a server that there is not.
//!
//! What it takes for a request goes up and down with a level that all routes share and
//! that lasts, as a busy neighbour or a slow disk do; each request has noise of its own
//! on top, with a long tail.

use super::recording::Recording;
use crate::model::{Request, Wait};
use crate::request::sample;
use crate::sinks::jsonl;

/// 2026-11-22T07:00:00Z.
const BEGIN_NS: u64 = 1_795_330_800_000_000_000;

/// Chance with a seed.
#[derive(Debug)]
pub struct Noise(fastrand::Rng);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Around 0, with a standard deviation of 1: twelve uniform figures add up to it.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.0.f64()).sum::<f64>() - 6.0
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0.u64(..end)
    }
}

/// What is recorded.
#[derive(Clone, Debug)]
pub struct Load {
    /// Asked for evenly.
    pub routes: Vec<&'static str>,
    /// Of each, a second.
    pub rate: u64,
    /// How long.
    pub seconds: u64,
    /// When, seconds after the first recording.
    pub at: u64,
    /// Seconds in which the level forgets where it was.
    pub lasts: f64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            routes: vec!["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h"],
            rate: 5,
            seconds: 60,
            at: 0,
            lasts: 0.5,
        }
    }
}

impl Load {
    /// The requests in the order of time, each changed by that.
    pub fn requests(&self, seed: u64, mut change: impl FnMut(&mut Request)) -> Vec<Request> {
        let mut noise = Noise::new(seed);
        let mut requests = Vec::new();
        let alike = (-1.0 / (self.rate as f64 * self.lasts)).exp();
        let mut level = noise.normal();
        for turn in 0..self.rate * self.seconds {
            level = alike * level + (1.0 - alike * alike).sqrt() * noise.normal();
            let turn_ns = BEGIN_NS + self.at * 1_000_000_000 + turn * 1_000_000_000 / self.rate;
            for route in &self.routes {
                let mut request = one(route, level, &mut noise);
                change(&mut request);
                request.time_unix_ns = turn_ns + noise.below(1_000_000_000 / self.rate);
                let duration = request.times.duration.unwrap_or(0);
                request.end_unix_ns = request.time_unix_ns + duration;
                requests.push(request);
            }
        }
        requests.sort_by_key(|request| request.end_unix_ns);
        requests
    }

    /// As the file would be.
    pub fn text(&self, seed: u64, change: impl FnMut(&mut Request)) -> Vec<u8> {
        let mut text = Vec::new();
        for request in self.requests(seed, change) {
            text.extend(jsonl::line(&request));
            text.push(b'\n');
        }
        text
    }

    /// As it would be read.
    pub fn recording(&self, seed: u64, change: impl FnMut(&mut Request)) -> Recording {
        let mut recording = Recording::new("file");
        for request in self.requests(seed, change) {
            recording.record(&request);
        }
        recording
    }
}

fn one(route: &str, level: f64, noise: &mut Noise) -> Request {
    let mut request = sample::request(route);
    let mut around = |ns: f64| (ns * (0.3 * level + 0.5 * noise.normal()).exp()) as u64;
    let queue = around(200_000.0);
    let (cpu, lock, upstream) = (around(600_000.0), around(150_000.0), around(250_000.0));
    let daemon = request.daemon_spent.as_mut().expect("it has a daemon");
    daemon.cpu = cpu;
    daemon.wait[Wait::Lock as usize] = lock;
    daemon.wait[Wait::Upstream as usize] = upstream;
    let times = &mut request.times;
    times.queue_time = Some(queue);
    times.application_time = Some(cpu + lock + upstream);
    add_up(&mut request);
    request
}

/// Its duration anew, of its parts.
pub fn add_up(request: &mut Request) {
    let times = &mut request.times;
    let parts = [
        times.server_time,
        times.queue_time,
        times.daemon_time,
        times.application_time,
        times.send_time,
    ];
    times.duration = Some(parts.into_iter().flatten().sum());
}
