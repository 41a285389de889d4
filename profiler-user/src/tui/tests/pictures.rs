//! Every page as it is drawn, compared with `snapshots/`. `WSGIPROBE_BLESS=1` writes
//! them anew; look at what changed before you commit it.

use std::fs;
use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::{TerminalOptions, Viewport};

use super::scene::{press, state};
use crate::tui::feed::Item;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::view::draw;

/// Keys that lead to each page from the start.
const PAGES: [(&str, &str); 9] = [
    ("routes", ""),
    ("routes-filtered", "t9/o\nj"),
    ("filter", "/lo"),
    ("route", "\n"),
    ("request", "\n\n"),
    ("servers", "s"),
    ("messages", "m"),
    ("help", "?"),
    ("paused", "jp"),
];

fn drawn(state: &State, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.area.rows() {
        let mut line = String::new();
        let mut columns = row.columns().map(|cell| cell.x);
        while let Some(x) = columns.next() {
            let symbol = buffer[(x, row.y)].symbol();
            line.push_str(symbol);
            // What a wide character covers.
            for _ in 1..unicode_width::UnicodeWidthStr::width(symbol) {
                columns.next();
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn compare(name: &str, found: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui/snapshots");
    let path = folder.join(format!("{name}.txt"));
    if std::env::var_os("WSGIPROBE_BLESS").is_some() {
        fs::write(&path, found).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{name} is drawn as\n{found}\nand not as {} has it\n{expected}",
        path.display()
    );
}

#[test]
fn every_page_in_every_size() {
    for (page, keys) in PAGES {
        for (width, height) in [(80, 24), (120, 40), (50, 12), (30, 5)] {
            let mut coloured = state(true);
            let mut plain = state(false);
            press(&mut coloured, keys);
            press(&mut plain, keys);
            let coloured = drawn(&coloured, width, height);
            let plain = drawn(&plain, width, height);
            assert_eq!(text(&plain), text(&coloured), "{page}: colours are no text");
            let name = format!("{page}-{width}x{height}");
            let is_small = height < 12;
            if is_small {
                assert!(text(&plain).contains("needed   50x12"), "{name}");
                assert!(text(&plain).contains("here     30x5"), "{name}");
            } else {
                compare(&name, &text(&plain));
            }
            let has_colour =
                |cell: &ratatui::buffer::Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
            assert!(
                !plain.content.iter().any(has_colour),
                "{name} without colours"
            );
            assert_eq!(coloured.content.iter().any(has_colour), !is_small, "{name}");
            let is_marked =
                |cell: &ratatui::buffer::Cell| cell.modifier.contains(Modifier::REVERSED);
            assert_eq!(plain.content.iter().any(is_marked), !is_small, "{name}");
        }
    }
}

#[test]
fn before_the_first_request() {
    let mut state = State::new(Theme::new(true));
    state.take(super::about());
    compare("waiting-80x24", &text(&drawn(&state, 80, 24)));
}

#[test]
fn no_size_and_no_page_is_a_panic() {
    let mut empty = State::new(Theme::new(true));
    for (_, keys) in PAGES {
        let mut full = state(true);
        press(&mut full, keys);
        press(&mut empty, keys);
        for width in (0..60).chain((60..240).step_by(17)) {
            for height in (0..16).chain((16..60).step_by(7)) {
                drawn(&full, width, height);
                drawn(&empty, width, height);
            }
        }
    }
}

#[test]
fn no_line_is_wider_than_the_screen_or_ends_in_the_middle_of_a_number() {
    // The columns of the table: what is cut off would be read as another number.
    for width in [50, 64, 80, 99, 120, 200] {
        let found = text(&drawn(&state(true), width, 24));
        let row = found
            .lines()
            .find(|line| line.starts_with(" /report"))
            .unwrap();
        assert!(found.contains(" lost 3"), "at {width}: {found}");
        assert!(
            row.contains(" 160 "),
            "the total of the run at {width}: {row}"
        );
    }
}

/// The bytes that a terminal gets.
#[test]
fn strangers_do_not_steer_the_terminal() {
    for (_, keys) in PAGES {
        let mut state = state(true);
        press(&mut state, keys);
        // The selected one is the hostile route as well.
        let mut on_it = super::scene::state(true);
        press(&mut on_it, "t/evil\n\n\n");
        on_it.take(Item::Notice("x".into()));
        for state in [&state, &on_it] {
            let mut bytes = Vec::new();
            let viewport = Viewport::Fixed(Rect::new(0, 0, 120, 40));
            let options = TerminalOptions { viewport };
            let backend = CrosstermBackend::new(&mut bytes);
            let mut terminal = Terminal::with_options(backend, options).unwrap();
            terminal.draw(|frame| draw(frame, state)).unwrap();
            drop(terminal);
            let sent = String::from_utf8(bytes).unwrap();
            let hostile = ['\x07', '\u{9b}', '\u{202e}', '\r', '\n'];
            assert!(!sent.contains(hostile), "{keys:?}: {sent:?}");
            for (place, _) in sent.match_indices('\x1b') {
                let sequence = &sent[place + 1..];
                let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                // Where to, which look, and the cursor: nothing else.
                let is_known = match sequence.as_bytes()[end] {
                    b'H' | b'm' => !sequence.starts_with("[?"),
                    b'h' | b'l' => sequence.starts_with("[?25"),
                    _ => false,
                };
                assert!(sequence.starts_with('[') && is_known, "{sequence:.20?}");
            }
        }
    }
}
