use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const ROOMY: u64 = 16 << 20;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(dir: &TempDir, bytes: u64) -> (Spool, Left) {
    Spool::open(dir.path(), bytes, "here").unwrap()
}

fn batch(text: &str) -> Batch {
    Batch {
        lines: text.to_owned(),
        points: text.lines().count() as u64,
    }
}

fn put(spool: &mut Spool, text: &str) -> u64 {
    let appended = spool.append(&batch(text));
    appended.number.unwrap();
    appended.dropped
}

/// Takes out all, in order.
fn drain(spool: &mut Spool) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(Waiting::Batch(number, batch)) = spool.waiting(0) {
        all.push(batch.lines);
        assert!(spool.done(number));
    }
    all
}

fn disk_bytes(dir: &TempDir) -> u64 {
    let files = fs::read_dir(dir.path()).unwrap().map(Result::unwrap);
    let segments = files.filter(|file| file.file_name().to_string_lossy().starts_with("seg"));
    segments.map(|file| file.metadata().unwrap().len()).sum()
}

#[test]
fn comes_out_in_order_also_by_the_next_run() {
    let dir = folder();
    let (mut spool, left) = open(&dir, ROOMY);
    assert_eq!(left, Left::default());
    for n in 0..5 {
        put(&mut spool, &format!("{n}\n{n}\n"));
    }
    spool.sync().unwrap();
    let Some(Waiting::Batch(number, first)) = spool.waiting(0) else {
        panic!("a batch");
    };
    assert_eq!(first.lines, "0\n0\n");
    assert!(spool.done(number));
    assert!(!spool.done(number), "once is enough");
    drop(spool);

    let (mut spool, left) = open(&dir, ROOMY);
    assert_eq!((left.points, left.damaged), (8, 0));
    put(&mut spool, "5\n");
    let all = drain(&mut spool);
    assert_eq!(all, ["1\n1\n", "2\n2\n", "3\n3\n", "4\n4\n", "5\n"]);
    assert_eq!(spool.points(), 0);
    assert_eq!(disk_bytes(&dir), 0, "what was delivered takes no room");
}

#[test]
fn a_second_one_is_refused_and_told_who_holds_it() {
    let dir = folder();
    let (_first, _) = open(&dir, ROOMY);
    let said = Spool::open(dir.path(), ROOMY, "here")
        .unwrap_err()
        .to_string();
    assert!(
        said.contains(&format!("process {}", std::process::id())),
        "{said}"
    );
}

#[test]
fn what_waits_for_another_database_is_not_sent_here() {
    let dir = folder();
    let (mut spool, _) = open(&dir, ROOMY);
    put(&mut spool, "a\n");
    drop(spool);
    let said = Spool::open(dir.path(), ROOMY, "there").unwrap_err();
    assert!(said.to_string().contains("points for here wait"), "{said}");
    let (mut spool, _) = open(&dir, ROOMY);
    drain(&mut spool);
    drop(spool);
    Spool::open(dir.path(), ROOMY, "there").unwrap();
}

#[test]
fn a_torn_tail_is_cut_off_and_counted() {
    let dir = folder();
    let (mut spool, _) = open(&dir, ROOMY);
    for text in ["a\n", "b\n", "c\n"] {
        put(&mut spool, text);
    }
    drop(spool);
    let path = dir.path().join("segment-00");
    let length = fs::metadata(&path).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(length - 1).unwrap();

    let (mut spool, left) = open(&dir, ROOMY);
    assert_eq!((left.points, left.damaged), (2, 1));
    put(&mut spool, "d\n");
    drop(spool);
    let (mut spool, left) = open(&dir, ROOMY);
    assert_eq!((left.points, left.damaged), (3, 0));
    assert_eq!(drain(&mut spool), ["a\n", "b\n", "d\n"]);
}

#[test]
fn what_is_damaged_while_it_waits_is_lost_alone() {
    let dir = folder();
    let (mut spool, _) = open(&dir, ROOMY);
    put(&mut spool, "a\na\n");
    put(&mut spool, "b\n");
    let path = dir.path().join("segment-00");
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(spool.waiting(0), Some(Waiting::Lost(2))));
    assert_eq!(drain(&mut spool), ["b\n"]);
}

#[test]
fn what_cannot_be_made_is_told_with_the_folder() {
    let said = Spool::open(Path::new("/dev/null/spool"), ROOMY, "here").unwrap_err();
    let said = said.to_string();
    assert!(
        said.starts_with("--influx-spool /dev/null/spool: "),
        "{said}"
    );
}

/// Text that does not compress, of about so many bytes.
fn noise(n: u64, bytes: usize) -> String {
    let mut state = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text: String = (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b'!' + (state % 90) as u8)
        })
        .collect();
    text.push('\n');
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Against a plain queue: nothing out of order, nothing lost from the books, and
    /// only the oldest dropped; with a run that ends without a word now and then.
    #[test]
    fn is_a_bounded_queue(
        steps in prop::collection::vec((0_u8..10, 1_usize..900), 1..250),
    ) {
        let dir = folder();
        let bytes = 16 * 2_048;
        let (mut spool, _) = open(&dir, bytes);
        let mut model: VecDeque<String> = VecDeque::new();
        for (n, (what, size)) in steps.into_iter().enumerate() {
            match what {
                0 => {
                    drop(spool);
                    let left;
                    (spool, left) = open(&dir, bytes);
                    prop_assert_eq!(left, Left { points: model.len() as u64, damaged: 0 });
                }
                1..=3 => match spool.waiting(0) {
                    Some(Waiting::Batch(number, batch)) => {
                        prop_assert_eq!(Some(batch.lines), model.pop_front());
                        spool.done(number);
                    }
                    other => prop_assert!(other.is_none() && model.is_empty()),
                },
                _ => {
                    let text = noise(n as u64, size);
                    let dropped = put(&mut spool, &text);
                    model.drain(..dropped as usize);
                    model.push_back(text);
                }
            }
            prop_assert_eq!(spool.points(), model.len() as u64);
            prop_assert!(disk_bytes(&dir) <= bytes);
        }
        prop_assert_eq!(drain(&mut spool), Vec::from(model));
    }
}
