//! What disturbed a comparison, or has to be known of it.

use super::load::Load;
use super::results::Variant;
use super::rounds::Taken;
use super::variant::Plan;

/// Share of the CPUs that others may take.
const OTHERS: f64 = 0.1;

/// What was seen of the rounds.
pub fn of_rounds(plan: &Plan, taken: &Taken) -> Vec<String> {
    let mut notes = Vec::new();
    let disturbed: Vec<_> = taken
        .samples
        .iter()
        .filter(|sample| sample.others > OTHERS)
        .collect();
    let worst = disturbed
        .iter()
        .max_by(|one, other| one.others.total_cmp(&other.others));
    if let Some(worst) = worst {
        notes.push(format!(
            "in {} of {} measurements other processes took more than {:.0} % of the CPUs; up to \
             {:.0} % in round {}, {} (a database that an instrument writes to is one of them)",
            disturbed.len(),
            taken.samples.len(),
            OTHERS * 100.0,
            worst.others * 100.0,
            worst.round,
            plan.variants[worst.variant].name,
        ));
    }
    if taken.finished < plan.rounds as usize {
        notes.push(format!(
            "it ended early: {} of {} rounds were finished, and only these count",
            taken.finished, plan.rounds
        ));
    }
    notes
}

/// What the requests of the variants say.
pub fn of_requests(plan: &Plan, variants: &[Variant]) -> Vec<String> {
    let mut notes = Vec::new();
    // Other loads break off what is under way at their end, and do not count it.
    let uncounted = match &plan.load {
        Load::Command { connections, .. } => 2 * u64::from(connections.get()),
        _ => 0,
    };
    for variant in variants {
        let requests = &variant.requests;
        let name = &variant.name;
        if requests.errors > 0 {
            notes.push(format!(
                "{name}: {} of {} requests failed or were answered with an error",
                requests.errors, requests.sent
            ));
        }
        let most = requests.sent + uncounted * variant.rounds.len() as u64;
        let agrees = |logged: &u64| (requests.sent..=most).contains(logged);
        if let Some(logged) = requests.logged.filter(|logged| !agrees(logged)) {
            notes.push(format!(
                "{name}: the access log has {logged} requests, the client sent {}: does another \
                 client ask this server?",
                requests.sent
            ));
        }
        let there_were = requests.logged.unwrap_or(requests.sent);
        if let Some(reported) = requests.reported.filter(|reported| *reported != there_were) {
            notes.push(format!(
                "{name}: the instrument reported {reported} of {there_were} requests"
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::findings::tests::{sample, two};
    use super::super::variant::tests::plan;
    use super::*;

    #[test]
    fn what_does_not_agree_is_noted() {
        let notes = of_requests(&plan(&["bare", "slow"]), &two(1).variants);
        assert!(
            notes
                .contains(&"bare: 2 of 1011 requests failed or were answered with an error".into()),
            "{notes:?}"
        );
        assert!(
            notes
                .iter()
                .any(|note| note.starts_with("bare: the access log has 1010"))
        );
        assert!(
            notes.contains(&"slow: the instrument reported 907 of 908 requests".into()),
            "{notes:?}"
        );
    }

    #[test]
    fn what_others_took_is_noted() {
        let mut busy = sample(1, 3, 1, 1);
        busy.others = 0.4;
        let taken = Taken {
            began: std::time::SystemTime::UNIX_EPOCH,
            samples: vec![sample(0, 3, 1, 1), busy],
            finished: 10,
        };
        let notes = of_rounds(&plan(&["a", "b"]), &taken);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("40 % in round 3, b"), "{notes:?}");
    }
}
