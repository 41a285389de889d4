//! The report as a table for people.

use std::fmt::Write as _;

use super::{Report, Trial};

/// As wide as the longest subject.
const WIDTH: usize = 12;

pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |subject: &str, verdict: &str| {
        let below = format!("\n{:WIDTH$}  ", "");
        let verdict = verdict.replace('\n', &below);
        // Writing to a String does not fail.
        let _ = writeln!(text, "{subject:<WIDTH$}  {verdict}");
    };
    let host = &report.host;
    line("kernel", &format!("{} {}", host.kernel, host.machine));
    line("types", host.btf.reason.as_deref().unwrap_or("there (BTF)"));
    line(
        "lockdown",
        host.lockdown
            .as_deref()
            .unwrap_or("the kernel does not say"),
    );
    let held = |wanted: bool| {
        let names = host.capabilities.iter();
        let names = names.filter(|(_, has)| **has == wanted);
        let names: Vec<_> = names.map(|(name, _)| name.as_str()).collect();
        names.join(" ")
    };
    line("capabilities", &held(true));
    if host.capabilities.values().any(|has| !has) {
        line("", &format!("not {}", held(false)));
    }
    for trial in &report.back_ends {
        line(trial.name, &verdict(trial));
        if let Some(why) = &trial.old_because {
            line(
                "",
                &format!("with what is meant for kernels before 5.18: {why}"),
            );
        }
        for missing in &trial.missing {
            line("", &format!("missing: {missing}"));
        }
        if let Some(why) = trial.uprobe.as_ref().and_then(|it| it.reason.as_ref()) {
            line(
                "",
                &format!("missing: which requests reach mod_wsgi in embedded mode ({why})"),
            );
        }
    }
    line(
        "--hooks auto",
        &report
            .auto
            .map_or("nothing to take".to_owned(), |name| format!("takes {name}")),
    );
    text
}

fn verdict(trial: &Trial) -> String {
    match (&trial.reason, trial.attach_ms) {
        (Some(why), _) => format!("not usable: {why}"),
        (None, Some(time)) => format!("usable, attached in {time:.0} ms"),
        (None, None) => "usable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Host};
    use super::*;

    #[test]
    fn says_what_it_found() {
        let trial = |name, reason: Option<&str>| Trial {
            name,
            usable: reason.is_none(),
            reason: reason.map(str::to_owned),
            attach_ms: reason.is_none().then_some(41.6),
            old_because: None,
            programs: Vec::new(),
            uprobe: reason
                .is_none()
                .then(|| Answer::from(Err::<(), _>("no uprobes"))),
            missing: vec!["files"],
        };
        let report = Report {
            usable: true,
            auto: Some("syscall"),
            host: Host {
                kernel: "6.1".into(),
                machine: "x86_64".into(),
                btf: Ok::<_, String>(()).into(),
                lockdown: Some("none".into()),
                capabilities: [("CAP_BPF".into(), true), ("CAP_PERFMON".into(), false)].into(),
            },
            back_ends: vec![
                trial("sock", Some("refused:\nno such tracepoint")),
                trial("syscall", None),
            ],
        };
        assert_eq!(
            of(&report),
            "kernel        6.1 x86_64\n\
             types         there (BTF)\n\
             lockdown      none\n\
             capabilities  CAP_BPF\n\
             \x20             not CAP_PERFMON\n\
             sock          not usable: refused:\n\
             \x20             no such tracepoint\n\
             \x20             missing: files\n\
             syscall       usable, attached in 42 ms\n\
             \x20             missing: files\n\
             \x20             missing: which requests reach mod_wsgi in embedded mode (no uprobes)\n\
             --hooks auto  takes syscall\n"
        );
    }
}
