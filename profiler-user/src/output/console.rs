//! The one place that writes to the terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

use super::text::{Line, Tone, clean};

type Stream = AutoStream<Box<dyn Write>>;

/// Where lines for people go. Once nobody reads them, they are dropped.
pub struct Console {
    stream: Stream,
    open: bool,
    /// What went wrong goes to stderr, whatever else is redirected.
    warnings: Stream,
}

impl Console {
    /// stdout; or stderr where stdout carries data. Colours only on a terminal,
    /// and as `NO_COLOR` and `CLICOLOR` wish.
    #[must_use]
    pub fn new(stdout_is_data: bool) -> Self {
        let stream = if stdout_is_data { stderr() } else { stdout() };
        Self::on(stream, stderr())
    }

    fn on(stream: Stream, warnings: Stream) -> Self {
        Self {
            stream,
            open: true,
            warnings,
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
        // A reader that left (EPIPE) is no failure of ours, nor is a full disk
        // behind a redirection worth the loss of the other outputs.
        self.open = write(&mut self.stream, lines).is_ok();
    }

    /// Writes one line.
    pub fn say(&mut self, text: impl Into<String>) {
        self.print(&[Line::new(Tone::Plain, text)]);
    }

    /// Writes one line that stands out.
    pub fn stress(&mut self, text: impl Into<String>) {
        self.print(&[Line::new(Tone::Strong, text)]);
    }

    /// Writes to stderr what went wrong.
    pub fn warn(&mut self, text: impl Into<String>) {
        let text = format!("wsgiprobe: {}", text.into());
        // If nobody reads it there is nobody to tell.
        let _ = write(&mut self.warnings, &[Line::new(Tone::Warning, text)]);
    }
}

fn stdout() -> Stream {
    AutoStream::new(Box::new(io::stdout()), AutoStream::choice(&io::stdout()))
}

fn stderr() -> Stream {
    AutoStream::new(Box::new(io::stderr()), AutoStream::choice(&io::stderr()))
}

fn write(stream: &mut Stream, lines: &[Line]) -> io::Result<()> {
    let mut text = String::new();
    for line in lines {
        for (tone, stretch) in line.stretches() {
            let style = style(tone);
            // Writing to a String does not fail.
            let _ = write!(text, "{style}{}{style:#}", clean(stretch));
        }
        text.push('\n');
    }
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Strong => Style::new().bold(),
        Tone::Faint => Style::new().dimmed(),
        Tone::Warning => AnsiColor::Yellow.on_default(),
        Tone::Colour(colour) => colour.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use anstream::ColorChoice;

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

    fn on(shared: &Shared, choice: ColorChoice) -> Stream {
        AutoStream::new(Box::new(shared.clone()), choice)
    }

    fn printed(choice: ColorChoice) -> String {
        let (lines, warnings) = (Shared::default(), Shared::default());
        let mut console = Console::on(on(&lines, choice), on(&warnings, choice));
        console.warn("/\x1b[2J");
        assert!(lines.0.borrow().is_empty());
        let bytes = warnings.0.borrow().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn only_its_own_escapes_get_out() {
        assert_eq!(printed(ColorChoice::Never), "wsgiprobe: /\\x1b[2J\n");
        assert_eq!(
            printed(ColorChoice::AlwaysAnsi),
            "\x1b[33mwsgiprobe: /\\x1b[2J\x1b[0m\n"
        );
    }

    #[test]
    fn a_line_may_have_several_looks() {
        let shared = Shared::default();
        let mut line = Line::new(Tone::Plain, "a");
        line.push(Tone::Colour(AnsiColor::Red), "");
        line.push(Tone::Colour(AnsiColor::Green), "b\x07");
        line.push(Tone::Plain, "c");
        write(&mut on(&shared, ColorChoice::AlwaysAnsi), &[line]).unwrap();
        let bytes = shared.0.borrow().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, "a\x1b[32mb\\x07\x1b[0mc\n");
    }

    #[test]
    fn a_reader_that_left_is_no_panic() {
        let stream = || on(&Shared::default(), ColorChoice::Never);
        let mut console = Console::on(stream(), stream());
        console.say("break");
        assert!(!console.is_open());
        console.say("more");
        console.warn("break");
    }
}
