//! What the person waiting sees: which step, how many there are, how long it took.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::Result;

/// The numbered steps of a job.
pub struct Progress {
    job: &'static str,
    total: usize,
    current: usize,
}

impl Progress {
    /// A job of so many steps.
    pub fn new(job: &'static str, total: usize) -> Self {
        Self {
            job,
            total,
            current: 0,
        }
    }

    /// Starts the next step.
    pub fn begin(&mut self) {
        self.current += 1;
    }

    /// Says something about the current step.
    pub fn say(&self, what: impl Display) {
        let Self {
            job,
            total,
            current,
        } = self;
        let dim = AnsiColor::Cyan.on_default();
        anstream::println!("{dim}[{job} {current}/{total}]{dim:#} {what}");
    }

    /// Does the next step, and says how it ended and how long it took.
    pub fn step<T>(&mut self, what: impl Display, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.begin();
        self.say(what);
        let began = Instant::now();
        let done = work();
        let took = seconds(began.elapsed());
        match &done {
            Ok(_) => self.say(format_args!("{} in {took}", good("ok"))),
            Err(error) => self.say(format_args!("{} in {took}: {error:#}", bad("FAILED"))),
        }
        done
    }
}

/// A duration as a person reads it.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

/// Text that says all is well.
pub fn good(text: impl Display) -> impl Display {
    painted(AnsiColor::Green.on_default().bold(), text)
}

/// Text that says something is wrong.
pub fn bad(text: impl Display) -> impl Display {
    painted(AnsiColor::Red.on_default().bold(), text)
}

/// Text worth finding again.
pub fn bold(text: impl Display) -> impl Display {
    painted(Style::new().bold(), text)
}

fn painted(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(seconds(Duration::from_millis(350)), "0.3 s");
        assert_eq!(seconds(Duration::from_secs(59)), "59.0 s");
        assert_eq!(seconds(Duration::from_secs(62)), "1 min 02 s");
    }
}
