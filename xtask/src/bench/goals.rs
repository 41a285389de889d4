//! What was promised, held against what was measured.

use serde::Serialize;

use super::load::Kind;
use super::results::{ProbeCost, Results};
use super::stats::Estimate;
use super::table::{mebibytes, microseconds, ratio};
use super::variant::{Mode, Variant};

/// Throughput against the bare server, at least.
const THROUGHPUT: f64 = 0.99;

/// Time in the kernel's programs, nanoseconds a request.
const BPF_EMBEDDED: f64 = 1_500.0;
const BPF_DAEMON: f64 = 3_000.0;

/// CPU of wsgiprobe's process, nanoseconds a request.
const USER_CPU: f64 = 1_000.0;

/// System calls of others against the bare machine, at most.
const OTHERS: f64 = 1.01;

/// Bytes.
const RSS: u64 = 20 << 20;
const MAPS: u64 = 16 << 20;

/// Milliseconds.
const ATTACH: f64 = 150.0;

/// A promise and what became of it.
#[derive(Debug, Serialize)]
pub struct Goal {
    /// What is promised.
    pub what: String,
    /// How much of it.
    pub bound: String,
    /// What was measured.
    pub figure: String,
    /// `None` if it was not measured.
    pub met: Option<bool>,
    /// Whether the bound is outside the interval of what was measured, and nothing
    /// against nothing differed by little.
    pub sure: bool,
}

impl Goal {
    /// In a word or two.
    pub fn verdict(&self) -> &'static str {
        match (self.met, self.sure) {
            (None, _) => "not measured",
            (Some(true), true) => "met",
            (Some(true), false) => "met, not for sure",
            (Some(false), true) => "MISSED",
            (Some(false), false) => "MISSED, not for sure",
        }
    }

    fn new(what: String, bound: String) -> Self {
        Self {
            what,
            bound,
            figure: "–".into(),
            met: None,
            sure: true,
        }
    }

    fn of_estimate(
        self,
        estimate: Option<Estimate>,
        text: fn(Estimate) -> String,
        bound: f64,
        holds: fn(f64, f64) -> bool,
    ) -> Self {
        let Some(estimate) = estimate else {
            return self;
        };
        let met = holds(estimate.value, bound);
        let ends = [estimate.low, estimate.high];
        Self {
            figure: text(estimate),
            met: Some(met),
            sure: estimate.rounds > 1 && ends.iter().all(|end| holds(*end, bound) == met),
            ..self
        }
    }

    /// Not for sure unless the null pair came out at 1.
    fn by_null_pair(self, null: Option<Estimate>) -> Self {
        Self {
            sure: self.sure && null.is_some_and(|null| null.is_one()),
            ..self
        }
    }

    fn of_figure(self, figure: Option<(String, bool)>) -> Self {
        let Some((figure, met)) = figure else {
            return self;
        };
        Self {
            figure,
            met: Some(met),
            ..self
        }
    }
}

const AT_LEAST: fn(f64, f64) -> bool = |figure, bound| figure >= bound;
const AT_MOST: fn(f64, f64) -> bool = |figure, bound| figure <= bound;
const BELOW: fn(f64, f64) -> bool = |figure, bound| figure < bound;

/// All of them, for this back end.
pub fn check(results: &Results, variant: Variant) -> Vec<Goal> {
    let mut goals = Vec::new();
    for mode in [Mode::Embedded, Mode::Daemon] {
        goals.extend(of_mode(results, variant, mode));
    }
    goals.extend(others(results, variant));
    goals.extend(of_any_load(results, variant));
    goals
}

fn of_mode(results: &Results, variant: Variant, mode: Mode) -> [Goal; 3] {
    let throughput = |variant| {
        let mut comparisons = results.comparisons.iter();
        let here = comparisons.find(|here| (here.mode, here.load) == (mode, Kind::Saturated))?;
        here.rows.iter().find(|row| row.variant == variant)?.rate
    };
    let probe = results
        .probes
        .iter()
        .find(|probe| (probe.mode, probe.load, probe.variant) == (mode, Kind::Saturated, variant));
    let bpf = match mode {
        Mode::Embedded => BPF_EMBEDDED,
        Mode::Daemon => BPF_DAEMON,
    };
    let name = |what: &str| format!("{}: {what}", mode.name());
    let below = |nanoseconds: f64| format!("< {} µs", nanoseconds / 1e3);
    [
        Goal::new(name("throughput"), format!(">= {THROUGHPUT}"))
            .of_estimate(throughput(variant), ratio, THROUGHPUT, AT_LEAST)
            .by_null_pair(throughput(Variant::BareAgain)),
        Goal::new(name("kernel programs a request"), below(bpf)).of_estimate(
            probe.and_then(|probe| probe.bpf),
            microseconds,
            bpf,
            BELOW,
        ),
        Goal::new(name("own CPU a request"), below(USER_CPU)).of_estimate(
            probe.and_then(|probe| probe.cpu),
            microseconds,
            USER_CPU,
            BELOW,
        ),
    ]
}

/// Calls on sockets of others are in the tables, and no goal: a program on every
/// socket call cannot be free, and the promise is that all else stays as it was.
fn others(results: &Results, variant: Variant) -> Vec<Goal> {
    let of = |variant| {
        results
            .taxes
            .iter()
            .filter(move |tax| tax.variant == variant)
    };
    let null = |call| of(Variant::BareAgain).find(|tax| tax.call == call)?.ratio;
    let goal = |what: &str| Goal::new(format!("others: {what}"), format!("<= {OTHERS}"));
    let mut goals: Vec<Goal> = of(variant)
        .filter(|tax| !tax.call.is_socket())
        .map(|tax| {
            goal(tax.call.name())
                .of_estimate(tax.ratio, ratio, OTHERS, AT_MOST)
                .by_null_pair(null(tax.call))
        })
        .collect();
    if goals.is_empty() {
        goals.push(goal("system calls"));
    }
    goals
}

/// The worst of all modes and loads.
fn of_any_load(results: &Results, variant: Variant) -> [Goal; 4] {
    let probes: Vec<&ProbeCost> = results
        .probes
        .iter()
        .filter(|probe| probe.variant == variant)
        .collect();
    let most = |figure: fn(&ProbeCost) -> u64| probes.iter().map(|probe| figure(probe)).max();
    let bytes = |most: Option<u64>, bound| {
        most.map(|most| (format!("{} MiB", mebibytes(most)), most < bound))
    };
    let attach = probes.iter().map(|probe| probe.attach_ms).reduce(f64::max);
    let sum = |figure: fn(&ProbeCost) -> u64| probes.iter().map(|probe| figure(probe)).sum::<u64>();
    let (logged, seen, lost) = (
        sum(|probe| probe.logged),
        sum(|probe| probe.seen),
        sum(|probe| probe.lost),
    );
    [
        Goal::new("RSS".into(), format!("< {} MiB", mebibytes(RSS)))
            .of_figure(bytes(most(|probe| probe.rss), RSS)),
        Goal::new("maps".into(), format!("< {} MiB", mebibytes(MAPS)))
            .of_figure(bytes(most(|probe| probe.map_bytes), MAPS)),
        Goal::new("attached, median".into(), format!("<= {ATTACH} ms"))
            .of_figure(attach.map(|ms| (format!("{ms:.0} ms"), ms <= ATTACH))),
        Goal::new("requests".into(), "all seen, none lost".into()).of_figure(
            (!probes.is_empty()).then(|| {
                let figure = format!("{seen} of {logged} seen, {lost} lost");
                (figure, seen == logged && lost == 0)
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::taken;
    use crate::bench::rounds::Taken;

    fn verdicts(taken: &Taken) -> Vec<(String, &'static str)> {
        let goals = check(&Results::of(taken), Variant::Sock);
        let verdicts = goals.iter().map(|goal| (goal.what.clone(), goal.verdict()));
        verdicts.collect()
    }

    #[test]
    fn each_goal_has_its_verdict() {
        let expected = [
            ("embedded: throughput", "MISSED"),
            ("embedded: kernel programs a request", "met"),
            ("embedded: own CPU a request", "met"),
            ("daemon: throughput", "not measured"),
            ("daemon: kernel programs a request", "not measured"),
            ("daemon: own CPU a request", "not measured"),
            ("others: getppid", "met"),
            ("others: read /dev/zero", "met"),
            ("RSS", "met"),
            ("maps", "met"),
            ("attached, median", "met"),
            ("requests", "MISSED"),
        ];
        let verdicts = verdicts(&taken());
        let verdicts: Vec<_> = verdicts
            .iter()
            .map(|(what, word)| (what.as_str(), *word))
            .collect();
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn a_bound_inside_the_interval_is_said_so() {
        let mut taken = taken();
        for sample in &mut taken.compared {
            // About 0.98 on average, and 0.995 in one round of three.
            if sample.variant == Variant::Sock && sample.round == 1 {
                sample.outcome.answered = 9950;
            }
        }
        assert_eq!(verdicts(&taken)[0].1, "MISSED, not for sure");
    }

    #[test]
    fn no_ratio_is_for_sure_if_nothing_against_nothing_differs() {
        let mut taken = taken();
        for sample in &mut taken.compared {
            if sample.variant == Variant::BareAgain {
                sample.outcome.answered = sample.outcome.answered * 104 / 100;
            }
        }
        taken
            .tax
            .retain(|sample| sample.variant != Variant::BareAgain);
        let verdicts = verdicts(&taken);
        assert_eq!(verdicts[0].1, "MISSED, not for sure");
        assert_eq!(verdicts[6].1, "met, not for sure");
        assert_eq!(verdicts[1].1, "met", "no ratio");
    }

    #[test]
    fn nothing_measured_is_nothing_met() {
        let verdicts = verdicts(&Taken::default());
        assert!(verdicts.iter().all(|(_, word)| *word == "not measured"));
        assert_eq!(verdicts.len(), 11);
    }
}
