//! The rounds: every variant once in each, in an order that is reversed in the next.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;

use super::interrupt::Interrupt;
use super::progress::Progress;
use super::sample::{Sample, Setup};
use super::variant::Plan;
use crate::measure::plan;

/// The same orders for the same plan.
const SEED: u64 = 6;

/// All that was measured.
#[derive(Debug)]
pub struct Taken {
    /// When it began.
    pub began: SystemTime,
    /// Whole rounds only: one that was broken off says nothing.
    pub samples: Vec<Sample>,
    /// Whole rounds.
    pub finished: usize,
}

/// Measures, with the logs of each in a folder of its own. What was measured before an
/// error is there, too.
pub fn run(
    plan: &Plan,
    logs: &Path,
    interrupt: &Interrupt,
    progress: &mut Progress,
) -> (Taken, Result<()>) {
    let setup = Setup {
        plan,
        interrupt,
        began: Instant::now(),
    };
    let mut taken = Taken {
        began: SystemTime::now(),
        samples: Vec::new(),
        finished: 0,
    };
    let variants: Vec<usize> = (0..plan.variants.len()).collect();
    let mut random = fastrand::Rng::with_seed(SEED);
    let orders = plan::orders(&variants, plan.rounds as usize, &mut random);
    for (order, round) in orders.iter().zip(1..) {
        let first = taken.samples.len();
        for variant in order {
            progress.begin(round, &plan.variants[*variant].name);
            let name = &plan.variants[*variant].name;
            let folder = logs.join(format!("{round:03}-{}", file_name(name)));
            match setup.take(*variant, round, &folder) {
                Ok(sample) => {
                    progress.end();
                    taken.samples.push(sample);
                }
                Err(error) => {
                    taken.samples.truncate(first);
                    return (taken, Err(error));
                }
            }
        }
        taken.finished = round;
        progress.round(round, &taken.samples[first..]);
    }
    (taken, Ok(()))
}

/// How long it will take at least.
#[must_use]
pub fn estimate(plan: &Plan) -> Duration {
    let each = plan.warm_up + plan.time;
    each * plan.rounds * plan.variants.len() as u32
}

fn file_name(name: &str) -> String {
    let keep = |c: char| {
        if c.is_alphanumeric() || "-_.+".contains(c) {
            c
        } else {
            '_'
        }
    };
    name.chars().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_makes_a_folder() {
        assert_eq!(file_name("a b/../c+wsgiprobe"), "a_b_.._c+wsgiprobe");
    }
}
