//! What must be reported. It knows the conversation, hence needs no parser, no
//! queue and no states: for each request, how much of it was read and answered.

use profiler_common::event::Outcome;
use profiler_common::stats::Counter;

use super::Talk;
use super::request::Request;
use crate::host::{Connection, Emitted};

/// Where in the client's stream a request lies.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub begin: usize,
    pub line_end: usize,
    pub head_end: usize,
    pub end: usize,
}

/// What the server has done about a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub bytes: u64,
    /// The final response has begun.
    pub begun: bool,
    /// All of it is written.
    pub written: bool,
}

/// What a record says, times and ends aside.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    pub method: String,
    pub path: String,
    pub version: u8,
    pub flags: u8,
    pub status: u16,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub outcome: Outcome,
}

impl From<&Emitted> for Report {
    fn from(emitted: &Emitted) -> Self {
        Self {
            method: emitted.method.clone(),
            path: emitted.path.clone(),
            version: emitted.header.version,
            flags: emitted.header.flags,
            status: emitted.header.status,
            request_bytes: emitted.header.request_bytes,
            response_bytes: emitted.header.response_bytes,
            outcome: emitted.outcome(),
        }
    }
}

#[derive(Debug)]
pub struct Oracle {
    pub spans: Vec<Span>,
    pub answers: Vec<Answer>,
    /// How much of the client's stream was read.
    pub read: usize,
    /// The last write took less than it was given.
    pub blocked: bool,
    /// The client has shut down its side.
    pub peer_closed: bool,
    /// How many requests had been reported when the client was found gone.
    pub gone_after: usize,
    /// Number of the request whose answer ended HTTP on this connection.
    pub upgraded: Option<usize>,
}

impl Oracle {
    pub fn new(talk: &Talk) -> Self {
        let mut at = 0;
        let mut span = |request: &Request| {
            let begin = at + 2 * request.lead;
            at = begin + request.bytes.len();
            Span {
                begin,
                line_end: begin + request.line_len,
                head_end: begin + request.head_len,
                end: at,
            }
        };
        let spans = talk.exchanges.iter().map(|(request, _)| span(request));
        Self {
            spans: spans.collect(),
            answers: vec![Answer::default(); talk.exchanges.len()],
            read: 0,
            blocked: false,
            peer_closed: false,
            gone_after: usize::MAX,
            upgraded: None,
        }
    }

    /// How many request lines were read.
    pub fn seen(&self) -> usize {
        let complete = |span: &&Span| self.read >= span.line_end;
        self.spans.iter().filter(complete).count()
    }

    /// How many requests are read and answered, to the last byte.
    pub fn complete(&self) -> usize {
        let both = |(span, answer): &(&Span, &Answer)| self.read >= span.end && answer.written;
        self.spans
            .iter()
            .zip(&self.answers)
            .take_while(both)
            .count()
    }

    /// Whether a status line in the content of answer `k` could be the next one's.
    pub fn is_ambiguous(&self, k: usize) -> bool {
        let next = self.spans.get(k + 1);
        self.read < self.spans[k].end || next.is_some_and(|next| self.read > next.begin)
    }

    /// Must hold after each operation.
    pub fn check(&self, connection: &Connection) {
        connection.assert_balanced();
        assert_eq!(connection.count(Counter::Seen), self.seen() as u64);
        if connection.count(Counter::PipelineFull) > 0 {
            // What was lost was so before its turn.
        } else if self.upgraded.is_some() {
            assert_eq!(connection.in_flight(), 0);
        } else {
            assert!(
                connection.host.emitted.len() <= self.complete(),
                "too early"
            );
        }
    }

    /// Must hold after the server has tried to read, having answered so many.
    pub fn check_after_read(&self, connection: &Connection, answered: usize) {
        let reported = connection.host.emitted.len();
        let lost = connection.count(Counter::PipelineFull) as usize;
        assert!(self.blocked || reported + lost >= answered, "too late");
        self.check(connection);
    }

    /// The reports that must be there once the connection is closed.
    pub fn reports(&self, talk: &Talk) -> Vec<Report> {
        let report = |k: usize| {
            let (request, answer, span) = (&talk.exchanges[k].0, self.answers[k], self.spans[k]);
            Report {
                method: request.method.clone(),
                path: request.path.clone(),
                version: request.version,
                flags: request.flags,
                status: answer.status,
                request_bytes: (self.read.min(span.end) - span.begin) as u64,
                response_bytes: answer.bytes,
                outcome: self.outcome(k),
            }
        };
        (0..self.seen()).map(report).collect()
    }

    fn outcome(&self, k: usize) -> Outcome {
        let answer = self.answers[k];
        if self.upgraded == Some(k) {
            Outcome::Upgraded
        } else if answer.status == 408 {
            Outcome::Timeout
        } else if k >= self.gone_after || !answer.begun && self.peer_closed {
            Outcome::ClientClosed
        } else if answer.begun {
            Outcome::Ok
        } else {
            Outcome::ServerClosed
        }
    }
}
