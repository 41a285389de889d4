use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const SPOOL: u64 = 16 * 1_024;

fn in_memory(batch_points: usize, buffer_bytes: usize) -> Outbox {
    Outbox::new(batch_points, buffer_bytes, None)
}

fn with_spool(batch_points: usize, buffer_bytes: usize, dir: &TempDir) -> Outbox {
    let spool = Spool::open(dir.path(), SPOOL, "here").unwrap();
    Outbox::new(batch_points, buffer_bytes, Some(spool))
}

fn taken(outbox: &Outbox) -> String {
    outbox.take().unwrap().lines.clone()
}

#[test]
fn batches_close_by_points() {
    let outbox = in_memory(2, 8000);
    outbox.push("a\n");
    assert!(outbox.take().is_none());
    outbox.push("b\n");
    outbox.push("c\n");
    assert_eq!(taken(&outbox), "a\nb\n");
    assert!(outbox.take().is_none());
    outbox.close_batch();
    assert_eq!(taken(&outbox), "c\n");
}

#[test]
fn the_oldest_are_dropped_and_told_once() {
    let outbox = in_memory(1, 4);
    assert!(!outbox.push("a\n"));
    assert!(!outbox.push("b\n"));
    assert!(outbox.push("c\n"));
    assert!(!outbox.push("d\n"));
    assert_eq!(outbox.report().dropped, 2);
    assert_eq!(taken(&outbox), "c\n");
}

#[test]
fn a_batch_that_is_being_sent_takes_room_until_it_is_settled() {
    let outbox = in_memory(1, 4);
    outbox.push("abc\n");
    outbox.take().unwrap();
    outbox.push("d\n");
    assert_eq!(outbox.report().dropped, 1);
    outbox.settle(Settled {
        written: 0,
        rejected: 1,
    });
    outbox.push("e\n");
    let report = outbox.report();
    assert_eq!(
        (report.dropped, report.rejected, report.accepted),
        (1, 1, 3)
    );
}

#[test]
fn what_is_given_up_is_counted() {
    let outbox = in_memory(1, 100);
    for _ in 0..3 {
        outbox.push("a\n");
    }
    let _sending = outbox.take();
    outbox.close_books();
    assert_eq!(outbox.report().dropped, 3);
}

#[test]
fn the_end_leaves_it_on_disk_for_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = with_spool(1, 100, &dir);
    outbox.push("a\n");
    outbox.push("b\n");
    assert_eq!(taken(&outbox), "a\n");
    outbox.close_books();
    let report = outbox.report();
    assert_eq!((report.accepted, report.spooled, report.dropped), (2, 2, 0));
    drop(outbox);

    let outbox = with_spool(1, 100, &dir);
    assert_eq!(outbox.report().inherited, 2);
    outbox.push("c\n");
    for expected in ["a\n", "b\n", "c\n"] {
        assert_eq!(taken(&outbox), expected);
        outbox.settle(Settled {
            written: 1,
            rejected: 0,
        });
    }
    assert!(outbox.is_empty());
    assert_eq!(outbox.report().written, 3);
}

#[test]
fn what_is_sent_while_it_is_put_away_is_sent_once() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = with_spool(1, 100, &dir);
    outbox.push("a\n");
    outbox.take().unwrap();
    assert!(outbox.put_away().any);
    assert!(outbox.on_disk());
    outbox.settle(Settled {
        written: 1,
        rejected: 0,
    });
    assert!(outbox.is_empty() && outbox.take().is_none());
}

/// One of each: written, each in a batch of its own.
fn each_alone(outbox: &Outbox, points: &[&str]) {
    for point in points {
        outbox.push(point);
        outbox.close_batch();
    }
}

#[test]
fn small_ones_are_sent_together_up_to_the_usual_size() {
    let dir = tempfile::tempdir().unwrap();
    for outbox in [in_memory(3, 8000), with_spool(3, 8000, &dir)] {
        each_alone(&outbox, &["a\n", "b\n", "c\n", "d\n"]);
        outbox.put_away();
        each_alone(&outbox, &["e\n"]);
        // What is on disk is not mixed with what is not.
        let second = if outbox.has_spool() { "d\n" } else { "d\ne\n" };
        assert_eq!(taken(&outbox), "a\nb\nc\n");
        outbox.put_back();
        assert_eq!(taken(&outbox), "a\nb\nc\n");
        outbox.settle(Settled {
            written: 2,
            rejected: 1,
        });
        assert_eq!(taken(&outbox), second);
        let report = outbox.report();
        assert_eq!((report.written, report.rejected), (2, 1));
        assert_eq!(report.spooled, u64::from(outbox.has_spool()));
    }
}

#[test]
fn they_are_no_longer_than_the_usual_size() {
    // An eighth of the buffer.
    let outbox = in_memory(100, 8 * 5);
    each_alone(&outbox, &["aa\n", "b\n", "c\n"]);
    assert_eq!(taken(&outbox), "aa\nb\n");
}

#[test]
fn a_damaged_one_among_them_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = with_spool(100, 8000, &dir);
    each_alone(&outbox, &["a\n", "b\n", "c\n"]);
    outbox.put_away();
    let segment = dir.path().join("segment-00");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    assert_eq!(taken(&outbox), "a\nc\n");
    let report = outbox.report();
    assert_eq!((report.damaged, report.dropped, report.spooled), (1, 1, 2));
}

fn balance(outbox: &Outbox) -> (u64, u64) {
    let report = outbox.report();
    let state = outbox.state();
    let closed: u64 = state.closed.iter().map(|batch| batch.points).sum();
    let sending = state.in_memory_alone().map_or(0, |batch| batch.points);
    let waiting = closed + sending + state.open.points;
    (
        report.accepted + report.inherited,
        report.written + report.rejected + report.dropped + report.spooled + waiting,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever happens in whatever order, with a disk or without.
    #[test]
    fn no_point_is_lost_from_the_books(
        steps in prop::collection::vec((1_usize..40, 0_u8..12), 1..300),
        batch_points in 1_usize..5,
        spool in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let open = || if spool {
            with_spool(batch_points, 100, &dir)
        } else {
            in_memory(batch_points, 100)
        };
        let mut outbox = open();
        let mut taken = None;
        for (size, what) in steps {
            match (what, taken.take()) {
                (0, _) => outbox.put_back(),
                (1 | 2, Some(points)) => {
                    let rejected = u64::from(what == 1).min(points);
                    outbox.settle(Settled { written: points - rejected, rejected });
                }
                (3, None) => taken = outbox.take().map(|batch| batch.points),
                (4, sent) => {
                    taken = sent;
                    outbox.put_away();
                }
                (6, sent) => {
                    taken = sent;
                    outbox.close_batch();
                }
                (5, _) if size == 1 => {
                    outbox.close_books();
                    let (given, kept) = balance(&outbox);
                    prop_assert_eq!(given, kept);
                    drop(outbox);
                    outbox = open();
                }
                (_, sent) => {
                    taken = sent;
                    outbox.push(&"x".repeat(size));
                }
            }
            prop_assert!(outbox.state().bytes <= 100);
            let (given, kept) = balance(&outbox);
            prop_assert_eq!(given, kept);
        }
        outbox.close_books();
        let report = outbox.report();
        prop_assert_eq!(
            report.accepted + report.inherited,
            report.written + report.rejected + report.dropped + report.spooled
        );
        prop_assert!(spool || report.spooled == 0);
    }
}
