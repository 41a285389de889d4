//! The kernel's side of the pairing, on the host: buffers are vectors, maps are
//! hash maps, and what would go to user space is kept.

use std::collections::HashMap;

use profiler_common::event::{
    FLAG_METHOD_TRUNCATED, FLAG_PATH_TRUNCATED, Outcome, RequestHeader, SERVER_APACHE,
};
use profiler_common::limits::{METHOD_CAP, PATH_INLINE, PATH_MAX};
use profiler_common::pairing::conn::{Conn, Slot};
use profiler_common::pairing::env::Env;
use profiler_common::pairing::machine::{self, Loop};
use profiler_common::pairing::view::{VIEW_BYTES, VIEW_WORDS, View};
use profiler_common::stats::Counter;

/// A request as it was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    pub method: String,
    pub path: String,
    pub header: RequestHeader,
}

impl Emitted {
    pub fn outcome(&self) -> Outcome {
        Outcome::from_wire(self.header.outcome).expect("a known outcome")
    }
}

/// What can be looked at together.
#[derive(Clone)]
pub struct Window {
    words: [u64; VIEW_WORDS],
    start: u32,
    end: u32,
}

impl Window {
    /// Of nothing. What is not valid is anything: here, what would end lines and
    /// begin headers.
    pub fn empty() -> Self {
        Self {
            words: [u64::from_le_bytes(*b"\r\n\r\nCont"); VIEW_WORDS],
            start: 0,
            end: 0,
        }
    }

    /// `bytes`, which begin at `start`.
    pub fn fill(&mut self, start: u32, bytes: &[u8]) {
        assert!(bytes.len() <= VIEW_BYTES as usize);
        for (at, &byte) in bytes.iter().chain(b"\n").enumerate() {
            let shift = at % 8 * 8;
            let word = &mut self.words[at / 8];
            *word = *word & !(0xff << shift) | u64::from(byte) << shift;
        }
        self.start = start;
        self.end = start + bytes.len() as u32;
    }

    pub fn view(&self) -> View<'_> {
        View {
            words: &self.words,
            start: self.start,
            end: self.end,
        }
    }
}

pub struct Host {
    pub now: u64,
    window: Window,
    /// Bytes that the window holds.
    pub window_room: usize,
    data: Vec<u8>,
    pub buffers: Vec<Vec<u8>>,
    pub queue: HashMap<u32, Slot>,
    pub long_paths: HashMap<u32, Vec<u8>>,
    pub queue_room: usize,
    pub long_path_room: usize,
    /// Records that the ring buffer still takes.
    pub ring_room: usize,
    /// Bytes of a read that can be looked at.
    pub readable: usize,
    pub counters: HashMap<u32, u64>,
    pub emitted: Vec<Emitted>,
}

/// A connection and its surroundings.
pub struct Connection {
    pub host: Host,
    pub conn: Conn,
}

impl Connection {
    /// One that was seen from its establishment on.
    pub fn new() -> Self {
        let conn = Conn {
            established_ns: 1,
            ..Conn::EMPTY
        };
        let host = Host {
            now: 10,
            window: Window::empty(),
            window_room: VIEW_BYTES as usize,
            data: Vec::new(),
            buffers: Vec::new(),
            queue: HashMap::new(),
            long_paths: HashMap::new(),
            queue_room: usize::MAX,
            long_path_room: usize::MAX,
            ring_room: usize::MAX,
            readable: usize::MAX,
            counters: HashMap::new(),
            emitted: Vec::new(),
        };
        Self { host, conn }
    }

    /// What stands in for one that found no room.
    pub fn stand_in() -> Self {
        let mut stand_in = Self::old();
        stand_in.conn.untracked = true;
        stand_in.conn.late = true;
        stand_in
    }

    /// One that was there before the attach.
    pub fn old() -> Self {
        let mut new = Self::new();
        new.conn.established_ns = 0;
        new
    }

    pub fn read(&mut self, data: &[u8]) {
        self.host.now += 10;
        self.host.data = data.to_vec();
        self.host.window.fill(0, &[]);
        machine::on_data(&mut self.host, &mut self.conn, data.len() as u32);
    }

    /// A read whose bytes are out of reach.
    pub fn read_unseen(&mut self, len: u32) {
        self.host.now += 10;
        let readable = std::mem::replace(&mut self.host.readable, 0);
        self.host.window.fill(0, &[]);
        machine::on_data(&mut self.host, &mut self.conn, len);
        self.host.readable = readable;
    }

    /// A read that returned 0 or an error.
    pub fn read_nothing(&mut self, ret: i64) {
        self.host.now += 10;
        machine::on_empty_read(&mut self.host, &mut self.conn, ret);
    }

    pub fn would_block(&mut self) {
        self.read_nothing(-11);
    }

    pub fn write(&mut self, data: &[u8]) {
        self.writev(&[data]);
    }

    pub fn writev(&mut self, buffers: &[&[u8]]) {
        self.host.now += 10;
        self.host.buffers = buffers.iter().map(|buffer| buffer.to_vec()).collect();
        let bytes: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        machine::on_write(&mut self.host, &mut self.conn, bytes as i64, false);
    }

    pub fn write_fails(&mut self, ret: i64) {
        self.host.now += 10;
        machine::on_write(&mut self.host, &mut self.conn, ret, false);
    }

    /// The server shuts it down from another thread than the one that served it.
    pub fn shut(&mut self) {
        self.host.now += 10;
        self.conn.shut = true;
    }

    pub fn close(&mut self) {
        self.host.now += 10;
        machine::on_close(&mut self.host, &mut self.conn);
    }

    pub fn count(&self, counter: Counter) -> u64 {
        self.host
            .counters
            .get(&(counter as u32))
            .copied()
            .unwrap_or(0)
    }

    pub fn in_flight(&self) -> u64 {
        let waiting = self.host.queue.values();
        self.conn.in_flight() + waiting.filter(|slot| slot.state as u8 == 2).count() as u64
    }

    /// `seen = emitted + in flight + lost`.
    pub fn assert_balanced(&self) {
        let lost: u64 = Counter::ALL
            .iter()
            .filter(|counter| counter.is_loss())
            .map(|&counter| self.count(counter))
            .sum();
        let accounted = self.count(Counter::Emitted) + self.in_flight() + lost;
        assert_eq!(
            self.count(Counter::Seen),
            accounted,
            "{:?}",
            self.host.counters
        );
        assert!(self.host.long_paths.len() as u64 <= self.in_flight() + 1);
    }

    /// The requests so far, as `METHOD path status`.
    pub fn lines(&self) -> Vec<String> {
        let line = |e: &Emitted| format!("{} {} {}", e.method, e.path, e.header.status);
        self.host.emitted.iter().map(line).collect()
    }
}

impl Env for Host {
    fn now(&self) -> u64 {
        self.now
    }

    fn task(&self) -> (u32, u32) {
        (7, 8)
    }

    fn server(&self) -> u8 {
        SERVER_APACHE
    }

    fn origin(&self) -> u32 {
        6
    }

    fn reach(&mut self, pos: u32) -> bool {
        if self.window.start <= pos && pos < self.window.end {
            return true;
        }
        let readable = &self.data[..self.readable.min(self.data.len())];
        let rest = readable.get(pos as usize..).unwrap_or_default();
        self.window
            .fill(pos, &rest[..rest.len().min(self.window_room)]);
        !rest.is_empty()
    }

    fn view(&self) -> View<'_> {
        self.window.view()
    }

    fn clear(&mut self, slot: &mut Slot) {
        slot.header = RequestHeader::EMPTY;
    }

    fn copy(&mut self, from: &Slot, to: &mut Slot) {
        *to = *from;
    }

    fn append_method(&mut self, slot: &mut Slot, pos: u32, len: u32) {
        let at = usize::from(slot.header.method_len);
        let take = (len as usize).min(METHOD_CAP - at);
        if take < len as usize {
            slot.header.flags |= FLAG_METHOD_TRUNCATED;
        }
        let from = &self.data[pos as usize..][..take];
        slot.header.method[at..at + take].copy_from_slice(from);
        slot.header.method_len += take as u8;
    }

    fn append_path(&mut self, slot: &mut Slot, pos: u32, len: u32) {
        let from = &self.data[pos as usize..][..len as usize];
        let at = usize::from(slot.header.path_len);
        let mut take = from.len().min(PATH_MAX - at);
        if !slot.long_path && at + take > PATH_INLINE {
            if self.long_paths.len() < self.long_path_room {
                let path = slot.path[..at].to_vec();
                let before = self.long_paths.insert(slot.seq, path);
                assert!(before.is_none(), "two requests of one number");
                slot.long_path = true;
            } else {
                take = PATH_INLINE - at;
            }
        }
        if slot.long_path {
            let path = self.long_paths.get_mut(&slot.seq).expect("moved before");
            path.extend_from_slice(&from[..take]);
        } else {
            slot.path[at..at + take].copy_from_slice(&from[..take]);
        }
        slot.header.path_len += take as u16;
        if take < from.len() && slot.header.flags & FLAG_PATH_TRUNCATED == 0 {
            slot.header.flags |= FLAG_PATH_TRUNCATED;
            self.count(Counter::PathTruncated);
        }
    }

    fn discard(&mut self, slot: &mut Slot) {
        if slot.long_path {
            self.long_paths.remove(&slot.seq).expect("moved before");
            slot.long_path = false;
        }
    }

    fn emit(&mut self, slot: &mut Slot) {
        let path = if slot.long_path {
            self.long_paths[&slot.seq].clone()
        } else {
            slot.path[..usize::from(slot.header.path_len)].to_vec()
        };
        self.discard(slot);
        if self.emitted.len() >= self.ring_room {
            self.count(Counter::RingFull);
            return;
        }
        let method = &slot.header.method[..usize::from(slot.header.method_len)];
        self.emitted.push(Emitted {
            method: String::from_utf8_lossy(method).into_owned(),
            path: String::from_utf8_lossy(&path).into_owned(),
            header: slot.header,
        });
        self.count(Counter::Emitted);
    }

    fn push(&mut self, place: u32, slot: &Slot) -> bool {
        if self.queue.len() >= self.queue_room {
            return false;
        }
        self.queue.insert(place, *slot).is_none()
    }

    fn pop(&mut self, place: u32, into: &mut Slot) -> bool {
        let Some(slot) = self.queue.remove(&place) else {
            return false;
        };
        *into = slot;
        true
    }

    fn buffer_start(&mut self, index: u32) -> Option<([u64; 2], u64)> {
        let buffer = self.buffers.get(index as usize)?;
        let mut start = [0; 16];
        let len = buffer.len().min(16);
        start[..len].copy_from_slice(&buffer[..len]);
        let half = |at: usize| u64::from_le_bytes(start[at..at + 8].try_into().expect("8 bytes"));
        Some(([half(0), half(8)], buffer.len() as u64))
    }

    fn leaves_chunk_open(&mut self) -> bool {
        self.buffers.last().is_some_and(|last| last == b"\r\n")
    }

    fn count(&mut self, counter: Counter) {
        *self.counters.entry(counter as u32).or_default() += 1;
    }

    fn repeat(&mut self, conn: &mut Conn, what: Loop) -> bool {
        (0..what.times()).any(|_| what.step(self, conn).is_break())
    }
}
