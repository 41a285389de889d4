//! The whole way, on recordings of which the truth is known.

use std::path::Path;

use super::synthetic::{Load, add_up};
use super::*;
use crate::model::{Request, Wait};

/// 10 ms.
const SLOWER_NS: u64 = 10_000_000;

/// The second recording of a pair.
fn later() -> Load {
    Load {
        at: 600,
        ..Load::default()
    }
}

fn as_it_was(_: &mut Request) {}

/// `/c` waits longer for a thread of its daemon.
fn queue(request: &mut Request) {
    if &*request.route == "/c" {
        *request.times.queue_time.as_mut().unwrap() += SLOWER_NS;
        add_up(request);
    }
}

fn texts(results: &Results) -> Vec<String> {
    lines(results).into_iter().map(|line| line.text).collect()
}

#[test]
fn a_queue_that_grew_is_found_and_nothing_else() {
    let read = |text: Vec<u8>, name| Recording::read(&text[..], name).unwrap();
    let before = read(Load::default().text(1, as_it_was), "a.jsonl");
    let after = read(later().text(2, queue), "b.jsonl");
    let results = compare(&before, &after);
    assert_eq!((results.changed.len(), results.unchanged.len()), (1, 7));
    let route = &results.changed[0];
    assert_eq!((route.name.method, &*route.name.route), ("GET", "/c"));
    let truth = SLOWER_NS as f64 / 1e9;
    let holds = |change: &results::Change| {
        let difference = change.difference;
        assert!(
            difference.low <= truth && truth <= difference.high,
            "{difference:?}"
        );
        assert!(
            difference.high - difference.low < truth / 5.0,
            "{difference:?}"
        );
    };
    holds(route.figure("duration").unwrap());
    let shown: Vec<_> = route.parts.iter().filter(|part| part.shown).collect();
    assert_eq!((shown.len(), shown[0].name), (1, "queue_time"));
    holds(shown[0]);
    assert!(route.threads.iter().all(|part| !part.shown));
    assert!(
        (route.weight / (truth * 300.0) - 1.0).abs() < 0.1,
        "{}",
        route.weight
    );
    let texts = texts(&results);
    assert!(
        texts[0].starts_with("before  a.jsonl: 2400 requests in 1"),
        "{}",
        texts[0]
    );
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("1 of 8 routes changed; "))
    );
    let part = texts
        .iter()
        .find(|text| text.starts_with("  parts    queue +"));
    assert!(
        part.is_some_and(|text| !text.contains(", application")),
        "{texts:#?}"
    );
}

/// What keeps anyone from believing it: a difference where there is none.
#[test]
fn like_against_like_finds_nothing() {
    let (load, later) = (Load::default(), later());
    let found = (0..100_u64).filter(|seed| {
        let before = load.recording(2 * seed, as_it_was);
        let after = later.recording(2 * seed + 1, as_it_was);
        let results = compare(&before, &after);
        assert_eq!(results.changed.len() + results.unchanged.len(), 8);
        !results.changed.is_empty()
    });
    let found = found.count();
    assert!(found <= 5, "{found} of 100");
}

#[test]
fn the_intervals_hold_the_truth() {
    let load = Load {
        routes: vec!["/c", "/d"],
        ..Load::default()
    };
    let later = Load {
        at: 600,
        ..load.clone()
    };
    let mut missed = 0;
    for seed in 0..100 {
        let before = load.recording(1_000 + seed, as_it_was);
        let after = later.recording(2_000 + seed, queue);
        let results = compare(&before, &after);
        let all = results.changed.iter().chain(&results.unchanged);
        for route in all {
            let truth = if route.name.route == "/c" {
                SLOWER_NS as f64 / 1e9
            } else {
                0.0
            };
            let difference = route.figure("duration").unwrap().difference;
            missed += u32::from(truth < difference.low || difference.high < truth);
        }
    }
    assert!(missed <= 10, "{missed} of 200");
}

#[test]
fn what_the_threads_did_is_told_apart() {
    let lock = |request: &mut Request| {
        let daemon = request.daemon_spent.as_mut().unwrap();
        daemon.wait[Wait::Lock as usize] += SLOWER_NS;
        *request.times.application_time.as_mut().unwrap() += SLOWER_NS;
        add_up(request);
    };
    let before = Load::default().recording(3, as_it_was);
    let results = compare(&before, &later().recording(4, lock));
    assert_eq!(results.changed.len(), 8);
    for route in &results.changed {
        assert_eq!(route.parts[0].name, "application_time");
        assert_eq!(route.threads[0].name, "wait_lock");
        assert!(route.parts[0].shown && route.threads[0].shown);
        let others = route.parts[1..].iter().chain(&route.threads[1..]);
        assert!(others.into_iter().all(|part| !part.shown), "{route:?}");
    }
    assert!(
        results.misses > results.wrong * 0.05,
        "all changed: little to be wrong about"
    );
}

#[test]
fn faster_is_no_worse_than_slower() {
    let before = Load::default().recording(5, queue);
    let results = compare(&before, &later().recording(6, as_it_was));
    assert_eq!(results.changed.len(), 1);
    assert!(results.changed[0].parts[0].difference.high < 0.0);
    assert!(
        texts(&results)
            .iter()
            .any(|text| text.starts_with("GET /c  faster: 11."))
    );
}

#[test]
fn errors_and_what_comes_before_a_request_are_changes() {
    let mut turn = 0;
    let worse = |request: &mut Request| {
        turn += 1;
        request.times.accept_wait = Some(20_000);
        if &*request.route == "/a" && turn % 3 == 0 {
            request.status = Some(503);
        }
        if &*request.route == "/b" {
            request.times.accept_wait = Some(5_000_000 + turn);
        }
    };
    let waits = |request: &mut Request| request.times.accept_wait = Some(20_000);
    let before = Load::default().recording(7, waits);
    let results = compare(&before, &later().recording(8, worse));
    let texts = texts(&results);
    assert_eq!(results.changed.len(), 2, "{texts:#?}");
    // By weight: an error takes no time.
    assert_eq!(results.changed[0].name.route, "/b");
    let has = |begin: &str, end: &str| {
        assert!(
            texts
                .iter()
                .any(|text| text.starts_with(begin) && text.ends_with(end)),
            "{begin} in {texts:#?}"
        );
    };
    has("GET /b  no slower or faster", "shown");
    has(
        "  accept   20.0µs -> 5.00ms, +4.98ms [",
        "a new connection, before its duration",
    );
    has(
        "  errors   0.00% -> 33.3% with status 500 or above, +33.3 points [",
        "]",
    );
}

#[test]
fn routes_come_and_go_and_some_are_too_rare() {
    let was = Load {
        routes: vec!["/a", "/gone"],
        ..Load::default()
    };
    let is = Load {
        routes: vec!["/a", "/new"],
        at: 600,
        ..Load::default()
    };
    let mut seen = 0;
    let rarely = |request: &mut Request| {
        seen += 1;
        if seen % 100 == 0 {
            request.route = "/rare\x1b[2J".into();
        }
    };
    let mut again = 0;
    let often = |request: &mut Request| {
        again += 1;
        if again % 6 == 0 {
            request.route = "/rare\x1b[2J".into();
        }
    };
    let results = compare(&was.recording(9, rarely), &is.recording(10, often));
    let named = |alone: &[results::Alone]| alone[0].name.route.clone();
    assert_eq!(
        (named(&results.new), named(&results.gone)),
        ("/new".into(), "/gone".into())
    );
    let few = &results.too_few[0];
    assert_eq!((few.before, few.after, few.needed), (6, 100, 30));
    assert!((few.longer - 5.0).abs() < 0.01);
    let texts = texts(&results);
    let has = |begin: &str| {
        assert!(
            texts.iter().any(|text| text.starts_with(begin)),
            "{texts:#?}"
        );
    };
    has("too few  GET /rare\\x1b[2J: 6 and 100 requests; about 30 each");
    has("new      GET /new (");
    has("gone     GET /gone (");
}

#[test]
fn what_is_odd_about_the_two_is_said() {
    let load = Load::default();
    let first = load.recording(11, as_it_was);
    let said = |before: &Recording, after: &Recording| compare(before, after).notes;
    assert!(said(&first, &first)[0].starts_with("both hold the same requests"));
    let second = later().recording(12, as_it_was);
    assert!(said(&first, &second).is_empty());
    assert!(said(&second, &first)[0].contains("the wrong way round?"));
    let other = load.recording(13, as_it_was);
    assert!(said(&first, &other)[0].contains("at the same time"));
    let more = Load {
        rate: 10,
        ..later()
    };
    let more = more.recording(14, as_it_was);
    assert!(said(&first, &more)[0].starts_with("the load was another (40."));
    let short = Load {
        seconds: 1,
        ..later()
    };
    let short = short.recording(15, as_it_was);
    let notes = said(&first, &short);
    assert!(notes[0].contains("record at least 3 seconds"), "{notes:?}");
    let results = compare(&first, &short);
    assert_eq!(results.too_few.len(), 8);
    assert!(
        texts(&results)
            .iter()
            .any(|text| text.starts_with("No route has enough requests"))
    );
}

#[test]
fn torn_and_foreign_lines_are_left_out_and_told() {
    let mut text = Load::default().text(16, as_it_was);
    text.truncate(text.len() - 100);
    text.splice(0..0, b"{\"foreign\":1}\n".iter().copied());
    let before = Recording::read(&text[..], "torn").unwrap();
    assert_eq!(before.requests, 2_399);
    let results = compare(&before, &later().recording(17, as_it_was));
    let texts = texts(&results);
    assert!(texts.contains(&"note    torn: the last line is torn off, and left out".into()));
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("note    torn: 1 lines are no requests")),
        "{texts:#?}"
    );
}

#[test]
fn a_file_without_requests_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("empty"), "").unwrap();
    fs::write(path("full"), Load::default().text(18, as_it_was)).unwrap();
    let refused = |before: &Path, after: &Path| of_files(before, after).unwrap_err().to_string();
    let said = refused(&path("full"), &path("empty"));
    assert!(
        said.ends_with("give a file that --jsonl has written"),
        "{said}"
    );
    let said = refused(&path("nowhere"), &path("full"));
    assert!(said.starts_with("cannot open "), "{said}");
    let said = refused(Path::new("-"), Path::new("-"));
    assert!(said.starts_with("stdin can be one"), "{said}");
}

#[test]
fn the_json_has_it_all() {
    let before = Load::default().recording(19, as_it_was);
    let results = compare(&before, &later().recording(20, queue));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.json");
    write(&file, &results).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(json["before"]["requests"], 2_400);
    assert_eq!(json["unchanged"].as_array().unwrap().len(), 7);
    let changed = &json["changed"][0];
    assert_eq!(
        (&changed["method"], &changed["route"]),
        (&"GET".into(), &"/c".into())
    );
    assert_eq!(changed["parts"].as_array().unwrap().len(), 5);
    assert_eq!(changed["parts"][0]["name"], "queue_time");
    assert_eq!(changed["figures"][0]["name"], "duration");
    assert!(changed["figures"][0]["difference"]["low"].as_f64().unwrap() > 0.005);
    assert!(write(&dir.path().join("no/such/folder"), &results).is_err());
}

#[test]
fn what_is_not_shown_is_the_same_or_unclear() {
    let short = compare(
        &Load::default().recording(21, as_it_was),
        &later().recording(22, as_it_was),
    );
    let wide = short.unchanged.iter().filter_map(|route| route.longer);
    assert!(
        wide.clone().count() > 5 && wide.clone().all(|longer| longer < 20.0),
        "{short:?}"
    );
    let texts = texts(&short);
    let unclear = texts.iter().find(|text| text.starts_with("unclear  "));
    assert!(
        unclear.is_some_and(|text| text.ends_with("times as long would tell a tenth")),
        "{texts:#?}"
    );
    let load = Load {
        routes: vec!["/a"],
        rate: 20,
        seconds: 300,
        lasts: 0.05,
        at: 0,
    };
    let after = Load {
        at: 600,
        ..load.clone()
    };
    let long = compare(
        &load.recording(23, as_it_was),
        &after.recording(24, as_it_was),
    );
    assert_eq!(long.unchanged[0].longer, None);
    let last = lines(&long).pop().unwrap().text;
    assert!(
        last.starts_with("same     1 route with 6000 requests: GET /a (0.9"),
        "{last}"
    );
}
