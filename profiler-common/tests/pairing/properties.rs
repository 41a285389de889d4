//! The pairing against made-up conversations, and against nonsense.

use profiler_common::event::{Outcome, RequestHeader};
use profiler_common::limits::METHOD_CAP;
use profiler_common::pairing::view::VIEW_BYTES;
use profiler_common::stats::Counter;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::host::Connection;
use crate::talk::framing::{self, parsed, scanned};
use crate::talk::nonsense::{bytes, operations, surroundings};
use crate::talk::oracle::Report;
use crate::talk::server::Server;
use crate::talk::{cuts, talk};

/// Failures become tests of their own, not files. More cases than these are run
/// with `PROPTEST_CASES`.
fn cases(at_least: u32) -> Config {
    Config {
        cases: Config::default().cases.max(at_least),
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..Config::default()
    }
}

/// Nothing is left of a connection.
fn assert_gone(connection: &Connection) {
    connection.assert_balanced();
    assert_eq!(connection.in_flight(), 0);
    assert!(connection.host.queue.is_empty());
    assert!(connection.host.long_paths.is_empty());
}

/// Everything that was reported but the times; the method is part of the line.
fn timeless(connection: &Connection) -> Vec<(String, RequestHeader)> {
    let without_times = |header: RequestHeader| RequestHeader {
        first_byte_ns: 0,
        line_ns: 0,
        head_ns: 0,
        first_write_ns: 0,
        last_write_ns: 0,
        method: [0; METHOD_CAP],
        ..header
    };
    let headers = connection
        .host
        .emitted
        .iter()
        .map(|e| without_times(e.header));
    connection.lines().into_iter().zip(headers).collect()
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn conversations_are_reported_exactly(talk in talk()) {
        let mut server = Server::new(&talk);
        server.run();
        assert_gone(&server.connection);
        let wanted = server.oracle.reports(&talk);
        let reported = &server.connection.host.emitted;
        prop_assert_eq!(reported.len(), wanted.len());
        for (reported, wanted) in reported.iter().zip(wanted) {
            prop_assert_eq!(Report::from(reported), wanted);
        }
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_full_queue_loses_requests_but_mixes_none_up(
        talk in talk().prop_filter("tunnels end it all", |talk| !talk.upgrades()),
        room in 0..3_usize,
    ) {
        let mut server = Server::new(&talk);
        server.connection.host.queue_room = room;
        server.run();
        assert_gone(&server.connection);
        let mut wanted = server.oracle.reports(&talk).into_iter();
        for reported in &server.connection.host.emitted {
            // When the client was gone shows in the outcome, which another test has.
            let reported = Report { outcome: Outcome::Ok, ..Report::from(reported) };
            let same = |wanted: Report| Report { outcome: Outcome::Ok, ..wanted } == reported;
            prop_assert!(wanted.any(same), "{reported:?} is not what was said");
        }
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn nonsense_breaks_nothing(surroundings in surroundings(), operations in operations()) {
        let mut connection = surroundings.connection();
        for operation in operations {
            operation.perform(&mut connection);
            connection.assert_balanced();
        }
        connection.close();
        assert_gone(&connection);
    }

    /// What found no room in the connection map leaves nothing behind either: it
    /// is forgotten after each operation.
    #[test]
    fn what_is_untracked_leaves_nothing(surroundings in surroundings(), operations in operations()) {
        for operation in operations {
            let mut connection = surroundings.connection();
            connection.conn = Connection::stand_in().conn;
            operation.perform(&mut connection);
            assert_gone(&connection);
        }
    }

    /// Bytes are looked at one by one, some together or many together: the same
    /// comes out, to the last figure.
    #[test]
    fn how_much_is_looked_at_together_does_not_matter(
        room in prop_oneof![1..12_usize, 1..200_usize],
        surroundings in surroundings(),
        operations in operations(),
    ) {
        let mut much = surroundings.connection();
        much.host.window_room = VIEW_BYTES as usize;
        let mut little = surroundings.connection();
        little.host.window_room = room;
        for operation in operations {
            operation.perform(&mut much);
            operation.perform(&mut little);
            prop_assert_eq!(&much.host.emitted, &little.host.emitted);
            prop_assert_eq!(&much.host.counters, &little.host.counters);
        }
        prop_assert_eq!(much.conn.scan.phase, little.conn.scan.phase);
    }

    #[test]
    fn where_a_stream_is_cut_does_not_matter(
        stream in vec(bytes(), 1..4),
        cuts in cuts(),
        answers in vec(bytes(), 0..6),
    ) {
        let stream = stream.concat();
        let mut whole = Connection::new();
        whole.read(&stream);
        let mut cut = Connection::new();
        let mut rest = &stream[..];
        for len in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*len));
            cut.read(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        for answer in &answers {
            whole.write(answer);
            cut.write(answer);
        }
        whole.close();
        cut.close();
        prop_assert_eq!(timeless(&whole), timeless(&cut));
        for &counter in Counter::ALL {
            // Of what turns out to be no path, more may have been kept before.
            if counter != Counter::PathTruncated {
                prop_assert_eq!(whole.count(counter), cut.count(counter), "{}", counter.name());
            }
        }
    }

    #[test]
    fn bodies_are_framed_as_a_parser_frames_them(head in framing::head(), cut in prop_oneof![1..30_usize, Just(1000)]) {
        if let Some(parsed) = parsed(head.as_bytes()) {
            prop_assert_eq!(scanned(head.as_bytes(), cut), parsed);
        }
    }
}
