//! `--fail-over`: for use in CI.

use anyhow::{Result, bail};

use super::figure::Figure;
use super::results::{Load, Results};
use crate::output::clean;

/// Fails if a variant is shown to cost more than this share, 0 to 1. Under a load as
/// fast as the server can the cost is throughput; under a fixed rate, which every
/// variant keeps up with, the server's CPU.
pub fn check(results: &Results, share: f64) -> Result<()> {
    let figure = figure(results.plan.load);
    let too_dear: Vec<String> = results
        .variants
        .iter()
        .filter_map(|variant| {
            let estimate = variant.ratios.as_ref()?.get(figure)?.estimate;
            // How much worse than the baseline, at the interval's better end.
            let at_least = if figure.more_is_better() {
                1.0 - estimate.high
            } else {
                estimate.low - 1.0
            };
            let enough = estimate.rounds >= super::verdict::FEWEST;
            (enough && at_least > share).then(|| {
                format!(
                    "{}: {} is {:.3} of {}'s, [{:.3}, {:.3}]",
                    clean(&variant.name),
                    figure.title(),
                    estimate.value,
                    clean(&results.baseline),
                    estimate.low,
                    estimate.high
                )
            })
        })
        .collect();
    if too_dear.is_empty() {
        return Ok(());
    }
    bail!(
        "shown to cost more than --fail-over {} %:\n  {}",
        share * 100.0,
        too_dear.join("\n  ")
    );
}

fn figure(load: Load) -> Figure {
    match load {
        Load::Closed | Load::Command => Figure::Throughput,
        Load::Fixed => Figure::ServerCpu,
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::tests::two;
    use super::*;

    #[test]
    fn only_what_is_shown_fails() {
        let results = two(10);
        check(&results, 0.15).unwrap();
        let message = check(&results, 0.05).unwrap_err().to_string();
        assert!(
            message.contains("--fail-over 5 %") && message.contains("slow: requests/s is 0.898"),
            "{message}"
        );
        check(&two(3), 0.05).unwrap();
    }

    #[test]
    fn under_a_fixed_rate_it_is_cpu_that_costs() {
        let mut results = two(10);
        results.plan.load = Load::Fixed;
        check(&results, 0.05).unwrap();
    }
}
