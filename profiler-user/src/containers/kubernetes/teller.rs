//! What the operator is told of the API server: each trouble once, and its end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::sinks::Notices;

/// Of a server that comes and goes the same is told no more often.
const AGAIN: Duration = Duration::from_mins(1);

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Of the answer, if there was one.
    pub(super) status: Option<u16>,
    pub(super) words: String,
}

#[derive(Debug)]
pub(super) struct Teller {
    notices: Notices,
    place: String,
    /// Nothing is known by now, and it was told.
    away: bool,
    /// When each trouble was last told, by status.
    told: HashMap<Option<u16>, Instant>,
    again: Duration,
    full: bool,
}

impl Teller {
    pub(super) fn new(notices: Notices) -> Self {
        Self {
            notices,
            place: "kubernetes".into(),
            away: false,
            told: HashMap::new(),
            again: AGAIN,
            full: false,
        }
    }

    /// It is known where the server is.
    pub(super) fn at(&mut self, server: &str) {
        self.place = format!("kubernetes at {server}");
    }

    /// Names cannot be had; once per absence and status.
    pub(super) fn away(&mut self, trouble: &Trouble) {
        let again = |last: &Instant| last.elapsed() < self.again;
        let was_told = self.told.get(&trouble.status);
        let same = was_told.is_some_and(|last| self.away || again(last));
        if same {
            return;
        }
        self.away = true;
        self.told.insert(trouble.status, Instant::now());
        let hint = match trouble.status {
            Some(401) => " (is its token still good?)",
            Some(403) => " (it takes list and watch of pods)",
            _ => "",
        };
        let words = &trouble.words;
        self.tell(&format!(
            "{words}{hint}; until it answers, new containers have their ids only"
        ));
    }

    /// It answers; said only after it was said not to.
    pub(super) fn back(&mut self) {
        if std::mem::take(&mut self.away) {
            self.tell("answers again");
        }
    }

    /// There is no room for a pod; once.
    pub(super) fn full(&mut self) {
        if !std::mem::replace(&mut self.full, true) {
            self.tell("more pods than are kept: the containers of some have their ids only");
        }
    }

    fn tell(&self, what: &str) {
        // Nobody listens any more: then there is nobody to tell.
        let _ = self.notices.send(format!("{}: {what}", self.place));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn each_trouble_is_told_once_and_its_end() {
        let (notices, mut inbox) = mpsc::unbounded_channel();
        let mut teller = Teller::new(notices);
        teller.at("https://h");
        let trouble = |status: Option<u16>| Trouble {
            status,
            words: "w".into(),
        };
        let mut said = || -> Vec<String> {
            let all = std::iter::from_fn(|| inbox.try_recv().ok());
            all.map(|text| text.replace("kubernetes at https://h: ", ""))
                .collect()
        };
        teller.back();
        assert!(said().is_empty(), "it was never away");
        for _ in 0..9 {
            teller.away(&trouble(None));
        }
        teller.away(&trouble(Some(403)));
        let told = said();
        assert_eq!(told.len(), 2);
        assert!(told[1].starts_with("w (it takes list and watch of pods); "));
        teller.back();
        teller.back();
        assert_eq!(said(), ["answers again"]);
        // It comes and goes.
        teller.away(&trouble(None));
        teller.back();
        assert!(said().is_empty());
        teller.again = Duration::ZERO;
        teller.away(&trouble(None));
        teller.back();
        assert_eq!(said().len(), 2);
        teller.full();
        teller.full();
        assert_eq!(said().len(), 1);
    }
}
