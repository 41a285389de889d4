//! A server that reads and writes as Apache does.
//!
//! It answers in order. It reads on only between answers, while a request's body is
//! still to come, or just before the last chunk; where it has read the next request
//! already, it may write two answers at once.

use std::ops::ControlFlow;

use profiler_common::pairing::machine;

use super::oracle::Oracle;
use super::part::{Kind, Part, split};
use super::response::head;
use super::{Ending, Talk};
use crate::host::Connection;

const EAGAIN: i64 = -11;

/// Breaks when the connection ends.
type Flow = ControlFlow<()>;

pub struct Server<'a> {
    pub connection: Connection,
    pub oracle: Oracle,
    talk: &'a Talk,
    stream: Vec<u8>,
    cut: usize,
    die: usize,
    operations: usize,
    reads_give: Option<i64>,
    pending: Vec<Part>,
}

impl<'a> Server<'a> {
    pub fn new(talk: &'a Talk) -> Self {
        let mut stream = Vec::new();
        for (request, _) in &talk.exchanges {
            stream.extend_from_slice(&b"\r\n".repeat(request.lead));
            stream.extend_from_slice(&request.bytes);
        }
        Self {
            connection: Connection::new(),
            oracle: Oracle::new(talk),
            talk,
            stream,
            cut: 0,
            die: 0,
            operations: 0,
            reads_give: None,
            pending: Vec::new(),
        }
    }

    /// Serves the connection to its end.
    pub fn run(&mut self) {
        // How it ended shows in the oracle.
        let _ = self.serve();
        self.connection.close();
        self.connection.assert_balanced();
    }

    fn serve(&mut self) -> Flow {
        for k in 0..self.talk.exchanges.len() {
            let span = self.oracle.spans[k];
            while self.oracle.read < span.head_end {
                self.read(k)?;
            }
            let whole = self.roll(4) != 1;
            while whole && self.oracle.read < span.end {
                self.read(k)?;
            }
            while self.pending.is_empty() && self.available(k) > 0 && self.roll(3) == 1 {
                self.read(k)?;
            }
            for &interim in &self.talk.exchanges[k].1.interims {
                self.pending.push(Part {
                    owner: k,
                    kind: Kind::Interim,
                    last: false,
                    bytes: head(interim),
                });
                self.flush(false)?;
            }
            self.respond(k)?;
            while self.oracle.read < span.end {
                self.read(k)?;
            }
            let next = self.oracle.spans.get(k + 1);
            let reads_on = next.is_none_or(|next| self.oracle.read <= next.begin);
            if self.pending.is_empty() && (reads_on || self.roll(8) == 1) && self.roll(2) == 0 {
                self.look_for_more()?;
            }
        }
        Flow::Continue(())
    }

    fn respond(&mut self, k: usize) -> Flow {
        let response = &self.talk.exchanges[k].1;
        let writes = response.writes.len();
        for (index, write) in response.writes.iter().enumerate() {
            let whole = self.oracle.read >= self.oracle.spans[k].end;
            if write.asks {
                self.look_for_more()?;
            }
            if index > 0 && self.oracle.read < self.oracle.spans[k].end && self.roll(2) == 1 {
                self.read(k)?;
            }
            let is_last = index + 1 == writes;
            let buffers = write.buffers.len();
            for (at, bytes) in write.buffers.iter().enumerate() {
                self.pending.push(Part {
                    owner: k,
                    kind: if index == 0 && at == 0 {
                        Kind::Final(response.status)
                    } else {
                        Kind::Rest
                    },
                    last: is_last && at + 1 == buffers,
                    bytes: bytes.clone(),
                });
            }
            if is_last && !write.opaque && self.can_defer(k) && self.roll(2) == 1 {
                break;
            }
            self.flush(write.opaque)?;
            // Having asked before the end, it does not ask again.
            if write.asks && whole {
                self.oracle.check_after_read(&self.connection, k + 1);
            }
        }
        Flow::Continue(())
    }

    /// Whether the end of answer `k` may go out with the next one: the next request
    /// is read already, so that nothing has to be read in between.
    fn can_defer(&self, k: usize) -> bool {
        let read = self.oracle.read;
        !self.upgrades(k)
            && read >= self.oracle.spans[k].end
            && self
                .oracle
                .spans
                .get(k + 1)
                .is_some_and(|next| read >= next.end)
    }

    fn upgrades(&self, k: usize) -> bool {
        let (request, response) = &self.talk.exchanges[k];
        response.upgrades(request)
    }

    /// How much the client has sent and the server has not read, while `k` is
    /// being answered.
    fn available(&self, k: usize) -> usize {
        let last = (k + self.talk.ahead).min(self.oracle.spans.len()) - 1;
        self.oracle.spans[last].end - self.oracle.read.min(self.oracle.spans[last].end)
    }

    fn read(&mut self, k: usize) -> Flow {
        if self.roll(8) == 1 {
            self.look_for_more()?;
        }
        self.tick()?;
        if let Some(ret) = self.reads_give {
            self.read_nothing(ret);
            return Flow::Break(());
        }
        let cut = self.talk.cuts[self.cut % self.talk.cuts.len()];
        self.cut += 1;
        let from = self.oracle.read;
        let to = from + cut.min(self.available(k));
        let complete = self.oracle.complete();
        self.connection.read(&self.stream[from..to]);
        self.oracle.read = to;
        self.oracle.check_after_read(&self.connection, complete);
        Flow::Continue(())
    }

    /// Tries to read where nothing is to be expected.
    fn look_for_more(&mut self) -> Flow {
        self.tick()?;
        let ret = self.reads_give.unwrap_or(EAGAIN);
        self.read_nothing(ret);
        if matches!(ret, 0 | EAGAIN) {
            Flow::Continue(())
        } else {
            Flow::Break(())
        }
    }

    fn read_nothing(&mut self, ret: i64) {
        let complete = self.oracle.complete();
        self.connection.read_nothing(ret);
        match ret {
            0 => self.oracle.peer_closed = true,
            EAGAIN => {}
            _ => self.oracle.gone_after = self.connection.host.emitted.len(),
        }
        self.oracle.check_after_read(&self.connection, complete);
    }

    /// Writes what is pending, perhaps not at once.
    fn flush(&mut self, opaque: bool) -> Flow {
        if self.roll(8) == 1 {
            self.is_refused()?;
        }
        let mut parts = std::mem::take(&mut self.pending);
        if self.roll(5) == 1 {
            let given = parts.clone();
            let at = usize::from(self.roll(255));
            let rest = split(&mut parts, at, usize::from(self.roll(255)));
            if !rest.is_empty() {
                self.write(&given, &parts, opaque)?;
                if self.roll(2) == 1 {
                    self.is_refused()?;
                }
                parts = rest;
            }
        }
        self.write(&parts, &parts, opaque)
    }

    /// A write would have blocked.
    fn is_refused(&mut self) -> Flow {
        self.tick()?;
        self.connection.write_fails(EAGAIN);
        self.oracle.blocked = true;
        self.oracle.check(&self.connection);
        if self.roll(2) == 1 {
            self.look_for_more()?;
        }
        Flow::Continue(())
    }

    /// One write of what is `given`, of which so much is `taken`.
    fn write(&mut self, given: &[Part], taken: &[Part], opaque: bool) -> Flow {
        self.tick()?;
        let mut buffers = Vec::new();
        let mut bytes = 0;
        for part in given {
            let ambiguous = self.oracle.is_ambiguous(part.owner);
            buffers.push(part.written(ambiguous));
        }
        for part in taken {
            bytes += part.bytes.len();
            let answer = &mut self.oracle.answers[part.owner];
            answer.bytes += part.bytes.len() as u64;
            answer.written |= part.last;
            if let Kind::Final(status) = part.kind {
                answer.begun = true;
                answer.status = status;
                if self.upgrades(part.owner) {
                    self.oracle.upgraded = Some(part.owner);
                }
            }
        }
        let Connection { host, conn } = &mut self.connection;
        host.now += 10;
        host.buffers = if opaque { Vec::new() } else { buffers };
        let short = bytes < given.iter().map(|part| part.bytes.len()).sum();
        machine::on_write(host, conn, bytes as i64, short);
        self.oracle.blocked = short;
        self.oracle.check(&self.connection);
        match self.oracle.upgraded {
            Some(_) => Flow::Break(()),
            None => Flow::Continue(()),
        }
    }

    /// Before each operation: is it time for the end?
    fn tick(&mut self) -> Flow {
        self.operations += 1;
        if self.operations <= self.talk.patience || self.reads_give.is_some() {
            return Flow::Continue(());
        }
        match self.talk.ending {
            Ending::Close => Flow::Break(()),
            Ending::WriteFails(ret) => {
                self.connection.write_fails(ret);
                self.oracle.gone_after = self.connection.host.emitted.len();
                self.oracle.check(&self.connection);
                Flow::Break(())
            }
            Ending::ReadsGive(ret) => {
                self.reads_give = Some(ret);
                Flow::Continue(())
            }
        }
    }

    /// The server's next whim, below `sides`.
    fn roll(&mut self, sides: u8) -> u8 {
        let die = self.talk.dice[self.die % self.talk.dice.len()];
        self.die += 1;
        die % sides
    }
}
