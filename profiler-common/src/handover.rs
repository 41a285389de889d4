//! A request that Apache handed to a mod_wsgi daemon.
//!
//! The protocol is the same in mod_wsgi 4.9 and 6.1 (`wsgi_remote.c`,
//! `wsgi_daemon.c`, `wsgi_execute.c` there): one UNIX connection a request. Apache
//! sends the environ, then the body in chunks, and shuts down. The daemon reads
//! eight bytes, then the environ, answers `Status: ...`, drains what is left of the
//! body, shuts down, and reads until the end (`ap_lingering_close`).
//!
//! An answer may also be mod_wsgi's own: `200 Continue` says that the application
//! begins, `200 Rejected` that Apache is to try another daemon, `200 Timeout` that
//! the request was too long in the queue, `200 Error` that the application failed.

use core::mem::size_of;

use crate::account::Spent;
use crate::event::RequestHeader;
use crate::pairing::machine::EAGAIN;

/// [`Handover::wrote`]: that the application begins, and nothing else yet.
pub const ACKNOWLEDGED: u32 = 1;
/// [`Handover::wrote`]: an answer, or a part of it.
pub const ANSWERED: u32 = 2;

/// The daemon's side of a request. Written by the daemon's thread alone, but for
/// `eof_ns`. Times are `CLOCK_MONOTONIC`, ns; 0 for never.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Handover {
    /// Apache's connection: address of the kernel's `struct sock`.
    pub conn: u64,
    /// The thread turned to the request.
    pub taken_ns: u64,
    /// Its first read.
    pub read_ns: u64,
    /// The application started.
    pub application_ns: u64,
    /// The thread was done.
    pub done_ns: u64,
    /// The thread's last operation.
    pub seen_ns: u64,
    /// Apache read the end of the answer.
    pub eof_ns: u64,
    /// The peer that the thread waited for longest: hash of an interned one.
    pub upstream: u64,
    /// What the thread spent on it.
    pub spent: Spent,
    /// The daemon process; 0 until it reads.
    pub pid: u32,
    /// Its thread.
    pub tid: u32,
    /// Number of the request on that connection.
    pub seq: u32,
    /// What it has written: nothing, [`ACKNOWLEDGED`] or [`ANSWERED`].
    pub wrote: u32,
}

impl Handover {
    /// Just handed over. `Default` is no `const fn`.
    pub const EMPTY: Self = Self {
        conn: 0,
        taken_ns: 0,
        read_ns: 0,
        application_ns: 0,
        done_ns: 0,
        seen_ns: 0,
        eof_ns: 0,
        upstream: 0,
        spent: Spent::EMPTY,
        pid: 0,
        tid: 0,
        seq: 0,
        wrote: 0,
    };

    /// The daemon's thread read `ret` bytes, or got a negative errno.
    #[inline(always)]
    pub fn daemon_read(&mut self, now: u64, ret: i64) {
        self.seen_ns = now;
        if self.read_ns == 0 {
            self.read_ns = now;
        } else if ret > 0 && self.application_ns == 0 && self.wrote != ANSWERED {
            self.application_ns = now;
        } else if ret <= 0 && ret != EAGAIN && self.has_answered() {
            // Nothing is read to the end but what follows the daemon's own shutdown.
            self.done_ns = now;
        }
    }

    /// Whether it has begun to answer.
    #[inline(always)]
    #[must_use]
    pub const fn has_answered(&self) -> bool {
        self.wrote == ANSWERED
    }

    /// Whether it matters what a write of the daemon's begins with: mod_wsgi speaks for
    /// itself only before the application does.
    #[inline(always)]
    #[must_use]
    pub const fn wants_start(&self) -> bool {
        self.wrote == 0
    }

    /// The daemon's thread wrote something that begins with `start`.
    #[inline(always)]
    pub fn daemon_wrote(&mut self, now: u64, start: [u64; 2]) {
        const STATUS: u64 = word(*b"Status: ");
        const CONTINUE: u64 = word(*b"200 Cont");
        const TIMEOUT: u64 = word(*b"200 Time");
        const REJECTED: u64 = word(*b"200 Reje");
        self.seen_ns = now;
        self.done_ns = 0;
        if self.wants_start() && start[0] == STATUS {
            match start[1] {
                CONTINUE => {
                    self.application_ns = now;
                    self.wrote = ACKNOWLEDGED;
                    return;
                }
                // The application never sees the request.
                TIMEOUT | REJECTED => self.application_ns = 0,
                _ => {}
            }
        }
        self.wrote = ANSWERED;
    }

    /// A write of the daemon's thread failed: Apache has given up. mod_wsgi tells the
    /// application by an exception, and closes without a word more.
    #[inline(always)]
    pub fn daemon_failed(&mut self, now: u64, ret: i64) {
        if ret != EAGAIN {
            self.done_ns = now;
        }
    }

    /// Puts what is known into the request's record.
    #[inline(always)]
    pub fn report(&self, header: &mut RequestHeader) {
        header.daemon_pid = self.pid;
        header.daemon_tid = self.tid;
        header.daemon_taken_ns = self.taken_ns;
        header.daemon_read_ns = self.read_ns;
        header.application_ns = self.application_ns;
        header.daemon_done_ns = match (self.done_ns, self.eof_ns) {
            (0, eof) => eof,
            (done, 0) => done,
            // Whichever came upon it first: both come after the shutdown.
            (done, eof) => {
                if done < eof {
                    done
                } else {
                    eof
                }
            }
        };
        header.daemon_spent = self.spent;
        if self.upstream != 0 {
            header.upstream = self.upstream;
        }
    }
}

const fn word(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes)
}

const _: () = assert!(size_of::<Handover>() == 8 * 8 + 72 + 16);

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &[u8; 16]) -> [u64; 2] {
        [
            word(text[..8].try_into().unwrap()),
            word(text[8..].try_into().unwrap()),
        ]
    }

    fn reported(handover: &Handover) -> RequestHeader {
        let mut header = RequestHeader::EMPTY;
        handover.report(&mut header);
        header
    }

    /// As far as the environ.
    fn begun() -> Handover {
        let mut handover = Handover::EMPTY;
        handover.daemon_read(100, 8);
        handover.daemon_read(110, 1346);
        handover
    }

    #[test]
    fn an_application_starts_with_the_environ_or_the_acknowledgement() {
        let mut handover = begun();
        assert_eq!((handover.read_ns, handover.application_ns), (100, 110));
        handover.daemon_wrote(150, start(b"Status: 200 Cont"));
        assert_eq!(handover.application_ns, 150);
        // The body is no environ.
        handover.daemon_read(170, 5);
        assert_eq!(handover.application_ns, 150);
        handover.daemon_wrote(300, start(b"Status: 200 OK\r\n"));
        handover.daemon_wrote(310, start(b"Status: 200 Cont"));
        assert_eq!(handover.application_ns, 150);
    }

    #[test]
    fn behind_the_acknowledgement_the_application_speaks() {
        let mut handover = begun();
        assert!(handover.wants_start());
        handover.daemon_wrote(150, start(b"Status: 200 Cont"));
        assert!(!handover.wants_start() && !handover.has_answered());
        // Not even asked to be one.
        handover.daemon_wrote(200, [0; 2]);
        assert!(!handover.wants_start() && handover.has_answered());
        handover.daemon_read(220, 0);
        assert_eq!(reported(&handover).daemon_done_ns, 220);
        assert_eq!(reported(&handover).application_ns, 150);
    }

    #[test]
    fn it_is_over_with_the_last_read_after_the_answer() {
        let mut handover = begun();
        // The client hung up in the middle of its body.
        handover.daemon_read(120, 0);
        assert_eq!(reported(&handover).daemon_done_ns, 0);
        handover.daemon_wrote(200, start(b"Status: 200 OK\r\n"));
        handover.daemon_read(210, -11);
        assert_eq!(reported(&handover).daemon_done_ns, 0);
        handover.daemon_read(220, 0);
        assert_eq!(reported(&handover).daemon_done_ns, 220);
        handover.daemon_wrote(230, start(b"and still more.."));
        assert_eq!(reported(&handover).daemon_done_ns, 0);
        handover.daemon_read(240, 5);
        handover.daemon_read(250, 0);
        handover.eof_ns = 246;
        assert_eq!(reported(&handover).daemon_done_ns, 246);
    }

    #[test]
    fn it_is_over_when_apache_has_given_up() {
        let mut handover = begun();
        handover.daemon_failed(120, -11);
        assert_eq!(reported(&handover).daemon_done_ns, 0);
        handover.daemon_failed(130, -32);
        assert_eq!(reported(&handover).daemon_done_ns, 130);
        let mut handover = begun();
        handover.daemon_wrote(200, start(b"Status: 200 OK\r\n"));
        handover.daemon_read(220, -104);
        assert_ne!(reported(&handover).daemon_done_ns, 0);
    }

    #[test]
    fn what_timed_out_in_the_queue_never_reached_the_application() {
        for answer in [b"Status: 200 Time", b"Status: 200 Reje"] {
            let mut handover = begun();
            handover.daemon_wrote(120, start(answer));
            handover.daemon_read(130, 0);
            assert_eq!(handover.application_ns, 0);
            assert_ne!(reported(&handover).daemon_done_ns, 0);
        }
    }
}
