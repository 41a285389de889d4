//! What is known of a run's health.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sinks::Condition;

/// The pipeline turns ten times a second, and only a machine without any time for it
/// keeps it that long.
const STALLED: Duration = Duration::from_secs(10);

/// The signs of life of a run, which the pipeline gives and the server reads.
#[derive(Clone, Debug)]
pub struct Vitals {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    /// The last sign of life: milliseconds since then.
    beat: AtomicU64,
    attached: Condition,
    outputs: Mutex<Vec<Condition>>,
}

impl Default for Vitals {
    fn default() -> Self {
        Self::new(Instant::now())
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// All is well.
    pub well: bool,
    /// A part a line.
    pub text: String,
}

impl Vitals {
    fn new(began: Instant) -> Self {
        let attached = Condition::new("attached");
        attached.fails("not yet");
        Self {
            shared: Arc::new(Shared {
                began,
                beat: AtomicU64::new(0),
                attached,
                outputs: Mutex::default(),
            }),
        }
    }

    /// The pipeline has turned once more.
    pub fn beat(&self) {
        let now = self.shared.began.elapsed().as_millis();
        self.shared
            .beat
            .store(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Every request is seen from here on.
    pub fn attached(&self) {
        self.shared.attached.works();
    }

    /// The hooks are being taken out.
    pub fn stopping(&self) {
        self.shared.attached.fails("no: it is stopping");
    }

    /// These outputs are part of it.
    pub fn watch(&self, outputs: impl IntoIterator<Item = Condition>) {
        self.outputs(|all| all.extend(outputs));
    }

    /// Whether the pipeline turns.
    pub(super) fn alive(&self) -> Verdict {
        self.alive_at(self.shared.began.elapsed())
    }

    fn alive_at(&self, since: Duration) -> Verdict {
        let beat = Duration::from_millis(self.shared.beat.load(Ordering::Relaxed));
        let silent = since.saturating_sub(beat);
        let well = silent < STALLED;
        let text = if well {
            "ok\n".into()
        } else {
            format!("the pipeline has stood still for {} s\n", silent.as_secs())
        };
        Verdict { well, text }
    }

    /// Whether requests are seen, and get to where they should.
    pub(super) fn ready(&self) -> Verdict {
        let mut verdict = Verdict {
            well: true,
            text: String::new(),
        };
        let mut part = |condition: &Condition| {
            let trouble = condition.trouble();
            verdict.well &= trouble.is_none();
            let words = trouble.as_deref().unwrap_or("ok");
            // Writing to a String does not fail.
            let _ = writeln!(verdict.text, "{}: {words}", condition.name());
        };
        part(&self.shared.attached);
        self.outputs(|all| all.iter().for_each(&mut part));
        verdict
    }

    fn outputs<T>(&self, what: impl FnOnce(&mut Vec<Condition>) -> T) -> T {
        let outputs = self.shared.outputs.lock();
        // Nothing in there panics.
        what(&mut outputs.unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_that_stands_still_is_not_alive() {
        let vitals = Vitals::default();
        assert!(vitals.alive_at(Duration::from_millis(9_999)).well);
        let stalled = vitals.alive_at(Duration::from_secs(12));
        assert_eq!(stalled.text, "the pipeline has stood still for 12 s\n");
        assert!(!stalled.well);
        vitals.shared.beat.store(11_000, Ordering::Relaxed);
        assert!(vitals.alive_at(Duration::from_secs(12)).well);
        assert!(!vitals.alive_at(Duration::from_secs(21)).well);
    }

    #[test]
    fn a_beat_is_now() {
        let before = Instant::now()
            .checked_sub(Duration::from_mins(1))
            .unwrap_or_else(Instant::now);
        let vitals = Vitals::new(before);
        vitals.beat();
        assert!(vitals.alive().well);
    }

    #[test]
    fn ready_is_all_of_its_parts() {
        let vitals = Vitals::default();
        let influx = Condition::new("influxdb");
        vitals.watch([influx.clone()]);
        let said = |well, text: &str| Verdict {
            well,
            text: text.into(),
        };
        assert_eq!(
            vitals.ready(),
            said(false, "attached: not yet\ninfluxdb: ok\n")
        );
        vitals.attached();
        assert_eq!(vitals.ready(), said(true, "attached: ok\ninfluxdb: ok\n"));
        influx.fails("refused: 401 Unauthorized");
        assert_eq!(
            vitals.ready(),
            said(false, "attached: ok\ninfluxdb: refused: 401 Unauthorized\n")
        );
        influx.works();
        vitals.stopping();
        assert!(!vitals.ready().well);
    }
}
