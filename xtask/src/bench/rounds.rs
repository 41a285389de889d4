//! The rounds of a comparison.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::apache::{Apache, Shape};
use super::bpf::Counting;
use super::load::{self, Kind, Load};
use super::overhead::Options;
use super::plan;
use super::sample::{Sample, Setup};
use super::tax::TaxSample;
use super::variant::{Mode, Variant};
use crate::influx::InfluxDb;
use crate::interrupt::Interrupt;
use crate::progress::{Progress, seconds};

/// How long a fresh server is loaded before it is measured at all.
const FIRST_LOAD: Duration = Duration::from_secs(1);

/// How long a measurement takes in which the kernel times the programs.
const COUNTED: Duration = Duration::from_secs(2);

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Taken {
    /// The comparison itself.
    pub compared: Vec<Sample>,
    /// Extra samples of wsgiprobe, with the kernel timing its programs.
    pub counted: Vec<Sample>,
    /// System calls of an unwatched process.
    pub tax: Vec<TaxSample>,
    /// Samples that had to be taken twice, and why.
    pub repeated: Vec<String>,
}

impl Taken {
    /// A round that was broken off says nothing: what is missing has no partner.
    pub fn drop_unfinished_rounds(&mut self, samples_a_round: usize) {
        let whole = self.compared.len() / samples_a_round;
        self.compared.truncate(whole * samples_a_round);
    }
}

/// What the rounds need.
pub struct Rounds<'a> {
    /// As asked for.
    pub options: &'a Options,
    /// Those that can be measured here.
    pub variants: &'a [Variant],
    /// wsgiprobe.
    pub binary: &'a Path,
    /// Set once all is to end.
    pub interrupt: &'a Interrupt,
}

impl Rounds<'_> {
    /// Measures every variant in every mode under every load, round by round.
    /// Samples are there even if it fails half-way.
    pub fn compare(&self, taken: &mut Taken) -> Result<()> {
        let setup = self.setup(Duration::from_secs(self.options.seconds));
        let mut items = Vec::new();
        for load in self.loads() {
            items.extend(self.variants.iter().map(|variant| (load, *variant)));
        }
        let rounds = self.options.rounds as usize;
        let mut random = fastrand::Rng::with_seed(self.options.seed);
        let orders = plan::orders(&items, rounds, &mut random);
        let modes = plan::orders(&self.options.modes, rounds, &mut random);

        let mut progress = Progress::new("round", rounds);
        let all = items.len() * self.options.modes.len() * rounds;
        let began = Instant::now();
        for (round, (order, modes)) in orders.iter().zip(modes).enumerate() {
            progress.begin();
            for mode in modes {
                // One for all that leave the application alone. A fresh one each
                // round: what it owes to its addresses must not be in all of them.
                let plain = self.start(mode, Variant::Bare, None)?;
                let first = taken.compared.len();
                for (load, variant) in order {
                    let take = || {
                        if variant.is_inside() {
                            self.take_inside(&setup, round + 1, mode, *variant, load)
                        } else {
                            setup.take(round + 1, mode, *variant, &plain, load)
                        }
                    };
                    // One that fails must not spoil an hour, nor be forgotten.
                    let sample = take().or_else(|error| {
                        self.interrupt.check()?;
                        let name = variant.name();
                        let why = format!("round {}: {name} taken again: {error:#}", round + 1);
                        progress.say(&why);
                        taken.repeated.push(why);
                        take()
                    })?;
                    taken.compared.push(sample);
                }
                let each = began.elapsed().as_secs_f64() / taken.compared.len() as f64;
                let left = each * (all - taken.compared.len()) as f64;
                progress.say(format_args!(
                    "{}: {}; about {} left",
                    mode.name(),
                    line(&taken.compared[first..]),
                    seconds(Duration::from_secs_f64(left))
                ));
            }
        }
        Ok(())
    }

    /// Measures wsgiprobe's variants once more with the kernel timing all programs:
    /// that costs something itself, so these samples are for nothing else.
    pub fn count_runs(&self, taken: &mut Taken) -> Result<()> {
        let setup = self.setup(COUNTED);
        let probes = self
            .variants
            .iter()
            .filter(|variant| variant.hooks().is_some());
        let probes: Vec<Variant> = probes.copied().collect();
        if probes.is_empty() {
            return Ok(());
        }
        let mut progress = Progress::new("timing the programs", self.options.bpf_rounds as usize);
        let counting = Counting::begin()?;
        for round in 0..self.options.bpf_rounds as usize {
            progress.begin();
            progress.say("with the kernel's own clock");
            for mode in &self.options.modes {
                let plain = self.start(*mode, Variant::Bare, None)?;
                for load in self.loads() {
                    for variant in &probes {
                        let sample = setup.take(round + 1, *mode, *variant, &plain, &load)?;
                        taken.counted.push(sample);
                    }
                }
            }
        }
        drop(counting);
        Ok(())
    }

    /// An instrument in the process has a server and an InfluxDB of its own, which
    /// are there while it is measured and no longer.
    fn take_inside(
        &self,
        setup: &Setup<'_>,
        round: usize,
        mode: Mode,
        variant: Variant,
        load: &Load,
    ) -> Result<Sample> {
        let folder = tempfile::tempdir()?;
        let influx = InfluxDb::start(folder.path(), self.interrupt)?;
        let apache = self.start(mode, variant, Some(influx.url()))?;
        let sample = setup.take(round, mode, variant, &apache, load)?;
        influx
            .ask("SELECT COUNT(application_time) FROM \"raw-requests\"")
            .and_then(|series| {
                // An instrument that reports nothing would look cheap.
                let stored = series[0]["values"][0][1].as_u64().unwrap_or(0);
                anyhow::ensure!(stored > 0, "{} wrote nothing to InfluxDB", variant.name());
                Ok(sample)
            })
    }

    fn start(&self, mode: Mode, variant: Variant, influx_url: Option<&str>) -> Result<Apache> {
        let apache = Apache::start(
            Shape::small(mode, self.options.mpm),
            variant,
            influx_url,
            self.interrupt,
        )?;
        let connections = self.options.connections.get();
        load::saturate(&apache.page(), connections, FIRST_LOAD, self.interrupt)?;
        Ok(apache)
    }

    fn setup(&self, time: Duration) -> Setup<'_> {
        Setup {
            binary: self.binary,
            time,
            interrupt: self.interrupt,
        }
    }

    fn loads(&self) -> Vec<Load> {
        let load = |kind: &Kind| Load {
            kind: *kind,
            connections: self.options.connections.get(),
            rate: self.options.rate.get(),
        };
        self.options.load.iter().map(load).collect()
    }
}

/// What the saturated load reached, the bare server first; of fixed loads, how
/// long half of the requests took at most.
fn line(samples: &[Sample]) -> String {
    let saturated = samples.iter().any(|sample| sample.load == Kind::Saturated);
    let mut shown: Vec<&Sample> = samples
        .iter()
        .filter(|sample| !saturated || sample.load == Kind::Saturated)
        .collect();
    shown.sort_by_key(|sample| sample.variant);
    let words: Vec<String> = shown
        .iter()
        .map(|sample| {
            let name = sample.variant.name();
            if saturated {
                format!("{name} {:.0}/s", sample.outcome.rate())
            } else {
                format!("{name} {:.2} ms", sample.outcome.p50 * 1e3)
            }
        })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::sample;

    #[test]
    fn a_broken_round_is_dropped() {
        let mut taken = Taken::default();
        for round in [1, 1, 2, 2, 3] {
            taken.compared.push(sample(round, Variant::Bare, 100));
        }
        taken.drop_unfinished_rounds(2);
        let rounds: Vec<usize> = taken.compared.iter().map(|sample| sample.round).collect();
        assert_eq!(rounds, [1, 1, 2, 2]);
    }

    #[test]
    fn the_line_has_the_bare_server_first() {
        let samples = [sample(1, Variant::Sock, 99), sample(1, Variant::Bare, 100)];
        assert_eq!(line(&samples), "bare 100/s, sock 99/s");
    }
}
