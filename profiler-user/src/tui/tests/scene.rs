//! A run with a bit of everything: forty seconds of a shop.

use std::net::SocketAddr;
use std::sync::Arc;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{about, second, told};
use crate::model::{Mode, Outcome, Request, Wait};
use crate::pool::{Cpu, Kind, Listener, Pool, Process, Snapshot};
use crate::request::sample;
use crate::tui::feed::Item;
use crate::tui::keys::Action;
use crate::tui::state::State;
use crate::tui::theme::Theme;

const SECONDS: u64 = 40;

/// What strangers might send to take over a terminal.
pub const HOSTILE: &str = "\x1b]0;evil\x07\x1b[2J\u{9b}2J\u{202e}\r\n";

/// The scene, with colours or without.
pub fn state(colours: bool) -> State {
    let mut state = State::new(Theme::new(colours));
    state.take(about());
    for number in 0..SECONDS {
        let mut item = told(second(number), &requests(number));
        if let Item::Window(told) = &mut item {
            let tick = Arc::make_mut(&mut told.tick);
            tick.snapshot = snapshot(number);
        }
        state.take(item);
    }
    state.take(Item::Notice(
        "InfluxDB does not answer: connection refused; points wait".into(),
    ));
    state.take(Item::Notice(format!("the pool is not known: {HOSTILE}")));
    state
}

/// Presses keys: characters, or `\n` for Enter and `\x1b` for Esc.
pub fn press(state: &mut State, keys: &str) -> Action {
    let mut action = Action::Draw;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\t' => KeyCode::Tab,
            '\x08' => KeyCode::Backspace,
            '>' => KeyCode::Right,
            '<' => KeyCode::Left,
            other => KeyCode::Char(other),
        };
        action = state.key(KeyEvent::new(code, KeyModifiers::NONE));
    }
    action
}

fn requests(number: u64) -> Vec<Request> {
    let mut all = Vec::new();
    for at in 0..4 {
        let mut report = sample::request(&format!("/report/{at}"));
        report.route = "/report/{id}".into();
        let slow = (number % 7 + at + 1) * 6_000_000;
        report.times.application_time = Some(slow);
        report.times.queue_time = Some(at * 2_000_000);
        report.times.accept_wait = (at == 0).then_some(800_000);
        report.times.duration = Some(300_000 + slow + at * 2_000_000);
        let spent = report.daemon_spent.as_mut().unwrap();
        spent.cpu = slow / 3;
        spent.wait[Wait::Upstream as usize] = slow / 2;
        spent.wait[Wait::Lock as usize] = slow / 20;
        all.push(report);
    }
    for at in 0..30 {
        let mut front = sample::request("/");
        front.times.duration = Some(1_000_000 + at * 20_000);
        all.push(front);
    }
    let mut login = sample::request("/login");
    login.method = Some("POST".into());
    if number.is_multiple_of(3) {
        login.status = Some(500);
        login.outcome = Outcome::ServerClosed;
    }
    all.push(login);
    let mut logo = sample::request("/static/logo.png");
    (logo.mode, logo.daemon_spent) = (Some(Mode::Static), None);
    (logo.times.queue_time, logo.times.daemon_time) = (None, None);
    logo.times.application_time = None;
    all.push(logo);
    let mut missing = sample::request("/日本語/{id}/とても長い名前のページ");
    missing.status = Some(404);
    all.push(missing);
    if number < 20 {
        let mut once = sample::request(&format!("/{HOSTILE}"));
        once.upstream = Some(HOSTILE.into());
        once.times.duration = None;
        all.push(once);
    }
    all
}

fn snapshot(number: u64) -> Snapshot {
    let daemon = |pid, busy: u32| Pool {
        pid,
        kind: Kind::Daemon,
        process_group: Some("app".into()),
        threads: Some(5),
        started: 5,
        busy,
        busy_ns: u64::from(busy) * 800_000_000,
        full_ns: Some(u64::from(busy == 5) * 120_000_000),
        requests: 18,
        length_ns: 1_000_000_000,
    };
    let apache = Pool {
        pid: 16_596,
        kind: Kind::Apache,
        process_group: None,
        threads: Some(25),
        started: 12,
        busy: 9,
        busy_ns: 8_100_000_000,
        full_ns: Some(0),
        requests: 37,
        length_ns: 1_000_000_000,
    };
    let process = |pid, kind, name: &str, cpu: f64| Process {
        pid,
        kind,
        name: name.into(),
        cpu: Some(Cpu {
            user: cpu,
            system: cpu / 4.0,
            elapsed: 1.0,
        }),
        rss: 40 << 20,
        max_rss: None,
        threads: 7,
    };
    Snapshot {
        pools: vec![daemon(16_594, 5), daemon(16_595, 3), apache],
        processes: vec![
            process(16_590, Kind::Apache, "apache2", 0.0),
            process(16_594, Kind::Daemon, "apache2", 0.66),
            process(16_595, Kind::Daemon, "apache2", 0.28),
            process(16_596, Kind::Apache, "apache2", 0.12),
            process(16_700, Kind::Other, HOSTILE, 0.01),
        ],
        listeners: vec![Listener {
            identity: None,
            address: SocketAddr::from(([127, 0, 0, 1], 8099)),
            queue: (number % 4 == 3).into(),
        }],
        ..Snapshot::default()
    }
}
