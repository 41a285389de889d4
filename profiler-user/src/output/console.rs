//! The one place that writes to the terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::text::{Line, Tone, clean};

/// Where lines for people go. Once nobody reads them, they are dropped.
pub struct Console {
    stream: AutoStream<Box<dyn Write>>,
    open: bool,
}

impl Console {
    /// stdout; or stderr where stdout carries data. Colours only on a terminal,
    /// and as `NO_COLOR` and `CLICOLOR` wish.
    #[must_use]
    pub fn new(stdout_is_data: bool) -> Self {
        if stdout_is_data {
            let choice = AutoStream::choice(&io::stderr());
            Self::on(Box::new(io::stderr()), choice)
        } else {
            let choice = AutoStream::choice(&io::stdout());
            Self::on(Box::new(io::stdout()), choice)
        }
    }

    fn on(stream: Box<dyn Write>, choice: ColorChoice) -> Self {
        Self {
            stream: AutoStream::new(stream, choice),
            open: true,
        }
    }

    /// Whether anyone still reads.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Writes the lines in one go.
    pub fn print(&mut self, lines: &[Line]) {
        if !self.open || lines.is_empty() {
            return;
        }
        let mut text = String::new();
        for line in lines {
            let style = style(line.tone);
            // Writing to a String does not fail.
            let _ = writeln!(text, "{style}{}{style:#}", clean(&line.text));
        }
        let written = self.stream.write_all(text.as_bytes());
        // A reader that left (EPIPE) is no failure of ours, nor is a full disk
        // behind a redirection worth the loss of the other outputs.
        self.open = written.and_then(|()| self.stream.flush()).is_ok();
    }

    /// Writes one line.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.print(&[Line::new(tone, text)]);
    }
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Strong => Style::new().bold(),
        Tone::Faint => Style::new().dimmed(),
        Tone::Warning => AnsiColor::Yellow.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.windows(5).any(|part| part == b"break") {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.borrow_mut().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(choice: ColorChoice) -> String {
        let shared = Shared::default();
        let mut console = Console::on(Box::new(shared.clone()), choice);
        console.say(Tone::Warning, "/\x1b[2J");
        let bytes = shared.0.borrow().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn only_its_own_escapes_get_out() {
        assert_eq!(printed(ColorChoice::Never), "/\\x1b[2J\n");
        assert_eq!(
            printed(ColorChoice::AlwaysAnsi),
            "\x1b[33m/\\x1b[2J\x1b[0m\n"
        );
    }

    #[test]
    fn a_reader_that_left_is_no_panic() {
        let mut console = Console::on(Box::new(Shared::default()), ColorChoice::Never);
        console.say(Tone::Plain, "break");
        assert!(!console.is_open());
        console.say(Tone::Plain, "more");
    }
}
