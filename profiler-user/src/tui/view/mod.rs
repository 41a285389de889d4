//! Drawing: a state in, a frame out, nothing else.
//!
//! Every page is a list of lines; what does not fit is cut off.
//!
//! - `header`, `footer`: around every page.
//! - `routes`, `route`, `request`, `servers`, `messages`, `help`: the pages.
//! - `cells`: what lines are put together from.

mod cells;
mod footer;
mod header;
mod help;
mod messages;
mod request;
mod route;
mod routes;
mod servers;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::state::{State, View};

/// The least that a page can be read in.
const LEAST: (u16, u16) = (50, 12);

/// From these rows on the curves are taller.
const TALL: u16 = 32;

/// Draws it all.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        put(buffer, area, &too_small(area));
        return;
    }
    let width = usize::from(area.width);
    let header = header::lines(state, width, area.height >= TALL);
    let body = Rect {
        y: area.y + header.len() as u16,
        height: area.height - header.len() as u16 - 1,
        ..area
    };
    let footer = Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    put(buffer, area, &header);
    put(buffer, body, &page(state, width, usize::from(body.height)));
    put(buffer, footer, &[footer::line(state, width)]);
}

/// Lines that the page of servers or messages has, for whoever scrolls.
pub fn length(state: &State) -> usize {
    match state.view {
        View::Servers => servers::lines(state, 100).len(),
        View::Messages => messages::lines(state, 100).len(),
        _ => 0,
    }
}

fn page(state: &State, width: usize, height: usize) -> Vec<Line<'static>> {
    if state.help {
        return help::lines(state, width);
    }
    match state.view {
        View::Routes => routes::lines(state, width, height),
        View::Route => route::lines(state, width, height),
        View::Request => request::lines(state, width),
        View::Servers => scrolled(servers::lines(state, width), state.scroll, height),
        View::Messages => scrolled(messages::lines(state, width), state.scroll, height),
    }
}

/// The lines from there on; the last screenful stays full.
fn scrolled(mut lines: Vec<Line<'static>>, scroll: usize, height: usize) -> Vec<Line<'static>> {
    let most = lines.len().saturating_sub(height);
    lines.drain(..scroll.min(most));
    lines
}

fn too_small(area: Rect) -> [Line<'static>; 4] {
    let (width, height) = LEAST;
    [
        Line::from("wsgiprobe: too small"),
        Line::from(format!("here     {}x{}", area.width, area.height)),
        Line::from(format!("needed   {width}x{height}")),
        Line::from("or       --no-tui"),
    ]
}

fn put(buffer: &mut Buffer, area: Rect, lines: &[Line<'_>]) {
    let rows = area.rows().zip(lines);
    for (row, line) in rows {
        buffer.set_line(row.x, row.y, line, row.width);
    }
}
