//! A request's parts from the times that the kernel saw.
//!
//! The definitions are in `docs/anatomy.md`.

use profiler_common::event::{
    FLAG_INCOMPLETE, FLAG_WSGI, RequestHeader, SERVER_APACHE, SERVER_APACHE_BLIND,
};

use crate::model::{Mode, Times};

/// Who served it; `None` where Apache did, and whether it asked mod_wsgi cannot be
/// told.
pub fn mode(header: &RequestHeader) -> Option<Mode> {
    if header.handed_ns != 0 {
        Some(Mode::Daemon)
    } else if header.flags & FLAG_WSGI != 0 {
        Some(Mode::Embedded)
    } else {
        // Of one that was under way at the attach, or whose thread could not be
        // followed, it went by who got it.
        let followed = header.flags & FLAG_INCOMPLETE == 0 && header.taken_ns != 0;
        match header.server {
            SERVER_APACHE if followed => Some(Mode::Static),
            SERVER_APACHE | SERVER_APACHE_BLIND => None,
            _ => Some(Mode::Http),
        }
    }
}

/// Its parts.
pub fn times(header: &RequestHeader, mode: Option<Mode>) -> Times {
    // Where the start was before the attach there is no start to count from.
    let incomplete = header.flags & FLAG_INCOMPLETE != 0;
    let between =
        |from: u64, to: u64| (from != 0 && to != 0 && !incomplete).then(|| to.saturating_sub(from));
    let duration = between(header.line_ns, header.last_write_ns);
    let times = Times {
        duration,
        accept_wait: between(header.established_ns, header.attended_ns),
        read_time: between(header.first_byte_ns, header.head_ns),
        ttfb: between(header.line_ns, header.first_write_ns),
        busy_time: between(header.taken_ns, header.released_ns),
        ..Times::default()
    };
    match mode {
        Some(Mode::Daemon) => Times {
            server_time: between(header.line_ns, header.handed_ns),
            queue_time: between(header.handed_ns, header.daemon_read_ns),
            daemon_time: between(header.daemon_read_ns, header.application_ns),
            application_time: between(header.application_ns, header.daemon_done_ns),
            send_time: between(header.daemon_done_ns, header.last_write_ns),
            busy_time: between(header.daemon_taken_ns, header.daemon_done_ns),
            ..times
        },
        Some(Mode::Embedded) => Times {
            server_time: between(header.line_ns, header.head_ns),
            application_time: between(header.head_ns, header.last_write_ns),
            send_time: duration.map(|_| 0),
            ..times
        },
        Some(Mode::Static) => Times {
            server_time: duration,
            ..times
        },
        Some(Mode::Http) | None => times,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> RequestHeader {
        RequestHeader {
            established_ns: 50,
            attended_ns: 90,
            first_byte_ns: 100,
            line_ns: 100,
            head_ns: 120,
            handed_ns: 200,
            daemon_taken_ns: 290,
            daemon_read_ns: 300,
            application_ns: 340,
            daemon_done_ns: 900,
            first_write_ns: 800,
            last_write_ns: 1_000,
            taken_ns: 80,
            released_ns: 1_020,
            server: SERVER_APACHE,
            ..RequestHeader::EMPTY
        }
    }

    fn parts(times: &Times) -> u64 {
        [
            times.server_time,
            times.queue_time,
            times.daemon_time,
            times.application_time,
            times.send_time,
        ]
        .into_iter()
        .flatten()
        .sum()
    }

    #[test]
    fn the_parts_of_a_request_to_a_daemon_cover_it() {
        let header = header();
        assert_eq!(mode(&header), Some(Mode::Daemon));
        let times = times(&header, mode(&header));
        assert_eq!(times.accept_wait, Some(40));
        assert_eq!(times.server_time, Some(100));
        assert_eq!(times.queue_time, Some(100));
        assert_eq!(times.daemon_time, Some(40));
        assert_eq!(times.application_time, Some(560));
        assert_eq!(times.send_time, Some(100));
        assert_eq!(times.busy_time, Some(610));
        assert_eq!(Some(parts(&times)), times.duration);
    }

    #[test]
    fn the_answer_may_be_out_before_the_application_is_done() {
        let mut header = header();
        header.daemon_done_ns = 5_000;
        let times = times(&header, mode(&header));
        assert_eq!(times.send_time, Some(0));
        assert_eq!(times.application_time, Some(4_660));
    }

    #[test]
    fn without_a_daemon_its_parts_are_unknown() {
        let mut header = header();
        header.handed_ns = 0;
        let of = |header: &RequestHeader| times(header, mode(header));
        let by_apache = of(&header);
        assert_eq!(mode(&header), Some(Mode::Static));
        assert_eq!(by_apache.server_time, by_apache.duration);
        assert_eq!(by_apache.application_time, None);
        header.flags |= FLAG_WSGI;
        let embedded = of(&header);
        assert_eq!(mode(&header), Some(Mode::Embedded));
        assert_eq!(embedded.server_time, Some(20));
        assert_eq!(embedded.application_time, Some(880));
        assert_eq!(embedded.busy_time, Some(940));
        assert_eq!(Some(parts(&embedded)), embedded.duration);
        header.flags = 0;
        header.flags = FLAG_INCOMPLETE;
        assert_eq!(mode(&header), None);
        header.flags = 0;
        header.server = SERVER_APACHE_BLIND;
        assert_eq!(mode(&header), None);
        header.server = 0;
        assert_eq!(mode(&header), Some(Mode::Http));
        assert_eq!(of(&header).application_time, None);
    }
}
