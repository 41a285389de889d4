//! How things look, with colours and without.
//!
//! Only the sixteen colours that every terminal lets its user choose, so that it fits
//! whatever background that is.

use anstyle::AnsiColor;
use ratatui::style::{Color, Modifier, Style};

use crate::aggregate::Share;
use crate::output::Tone;
use crate::output::bar::look;

/// Colours, or none (`NO_COLOR`): then bold, dim and reverse tell things apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    colours: bool,
}

#[expect(
    clippy::unused_self,
    reason = "who draws need not know which looks take colours"
)]
impl Theme {
    /// With colours or without.
    #[must_use]
    pub const fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// As the environment wishes (no-color.org).
    #[must_use]
    pub fn of_environment() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self::new(!set("NO_COLOR"))
    }

    fn either(self, colour: Color, without: Modifier) -> Style {
        if self.colours {
            Style::new().fg(colour)
        } else {
            Style::new().add_modifier(without)
        }
    }

    /// Ordinary text.
    #[must_use]
    pub const fn plain(self) -> Style {
        Style::new()
    }

    /// What matters.
    #[must_use]
    pub const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What explains.
    #[must_use]
    pub const fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Headings.
    #[must_use]
    pub fn title(self) -> Style {
        self.either(Color::Cyan, Modifier::BOLD)
    }

    /// Pictures of numbers.
    #[must_use]
    pub fn picture(self) -> Style {
        self.either(Color::Cyan, Modifier::empty())
    }

    /// Something to look at.
    #[must_use]
    pub fn warning(self) -> Style {
        self.either(Color::Yellow, Modifier::BOLD)
    }

    /// Something is wrong.
    #[must_use]
    pub fn bad(self) -> Style {
        let style = self.either(Color::Red, Modifier::REVERSED);
        style.add_modifier(Modifier::BOLD)
    }

    /// The row under the cursor, and the page that is shown.
    #[must_use]
    pub const fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// How full something is, 0 to 1.
    #[must_use]
    pub fn level(self, full: f64) -> Style {
        match full {
            ..0.7 => self.either(Color::Green, Modifier::empty()),
            ..0.95 => self.either(Color::Yellow, Modifier::empty()),
            _ => self.either(Color::Red, Modifier::BOLD),
        }
    }

    /// A cell of a bar of where time went: the letter tells it without colours too.
    #[must_use]
    pub fn share(self, share: Share) -> (&'static str, Style) {
        let (letter, colour) = look(share);
        let style = if self.colours {
            let text = match colour {
                AnsiColor::Blue | AnsiColor::BrightBlack => Color::White,
                _ => Color::Black,
            };
            Style::new().fg(text).bg(ansi(colour))
        } else {
            Style::new()
        };
        (letter, style)
    }

    /// The colour of it alone.
    #[must_use]
    pub fn block(self, share: Share) -> Style {
        let (_, colour) = look(share);
        self.either(ansi(colour), Modifier::empty())
    }

    /// As the plain lines have it.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => self.plain(),
            Tone::Strong => self.strong(),
            Tone::Faint => self.faint(),
            Tone::Warning => self.warning(),
            Tone::Colour(colour) => self.either(ansi(colour), Modifier::empty()),
        }
    }
}

const fn ansi(colour: AnsiColor) -> Color {
    use AnsiColor as Ansi;
    match colour {
        Ansi::Black => Color::Black,
        Ansi::Red => Color::Red,
        Ansi::Green => Color::Green,
        Ansi::Yellow => Color::Yellow,
        Ansi::Blue => Color::Blue,
        Ansi::Magenta => Color::Magenta,
        Ansi::Cyan => Color::Cyan,
        Ansi::White => Color::Gray,
        Ansi::BrightBlack => Color::DarkGray,
        Ansi::BrightRed => Color::LightRed,
        Ansi::BrightGreen => Color::LightGreen,
        Ansi::BrightYellow => Color::LightYellow,
        Ansi::BrightBlue => Color::LightBlue,
        Ansi::BrightMagenta => Color::LightMagenta,
        Ansi::BrightCyan => Color::LightCyan,
        Ansi::BrightWhite => Color::White,
    }
}
