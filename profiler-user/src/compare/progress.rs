//! What is said while it runs: a bar on a terminal, and a line a round.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::figure::Figure;
use super::sample::Sample;
use super::variant::Plan;
use crate::output::{clean, human};

/// On stderr.
pub struct Progress {
    bar: ProgressBar,
    names: Vec<String>,
    rounds: u32,
}

impl Progress {
    /// Of that plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let all = u64::from(plan.rounds) * plan.variants.len() as u64;
        let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}  {eta} left");
        bar.set_style(style.expect("a template of ours"));
        if std::io::stderr().is_terminal() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self {
            bar,
            names: plan
                .variants
                .iter()
                .map(|variant| clean(&variant.name).into_owned())
                .collect(),
            rounds: plan.rounds,
        }
    }

    /// A measurement begins.
    pub fn begin(&mut self, round: usize, name: &str) {
        self.bar
            .set_message(format!("round {round}: {}", clean(name)));
    }

    /// A measurement is done.
    pub fn end(&mut self) {
        self.bar.inc(1);
    }

    /// A round is done.
    pub fn round(&mut self, round: usize, samples: &[Sample]) {
        let mut samples: Vec<_> = samples.iter().collect();
        samples.sort_by_key(|sample| sample.variant);
        let words = samples.iter().map(|sample| {
            let rate = human::rate(sample.outcome.answered, sample.outcome.seconds);
            let p50 = sample
                .figures
                .get(Figure::P50)
                .map(|seconds| format!(" ({} p50)", human::duration(Some((seconds * 1e9) as u64))));
            format!(
                "{} {rate}/s{}",
                self.names[sample.variant],
                p50.unwrap_or_default()
            )
        });
        let line = format!(
            "round {round}/{}: {}",
            self.rounds,
            words.collect::<Vec<_>>().join(", ")
        );
        self.say(&line);
    }

    /// Says a line, above the bar if there is one.
    pub fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            anstream::eprintln!("wsgiprobe: {line}");
        } else {
            self.bar.println(format!("wsgiprobe: {line}"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
