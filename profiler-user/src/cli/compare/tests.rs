//! What the command line and the file come to.

use super::*;

fn plan(arguments: &[&str]) -> Result<Plan, String> {
    let arguments = ["wsgiprobe", "compare"]
        .iter()
        .chain(arguments)
        .map(OsString::from);
    match parse(&arguments.collect::<Vec<_>>()) {
        Ok(Invocation::Compare(Comparison::Measure(measure))) => Ok(measure.0),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.variants
        .iter()
        .map(|variant| variant.name.as_str())
        .collect()
}

#[test]
fn a_running_server_is_measured_without_and_with() {
    let plan = plan(&["--pid", "1", "--url", "http://127.0.0.1/"]).unwrap();
    assert_eq!(names(&plan), ["bare", "wsgiprobe"]);
    assert!(!plan.variants[0].wsgiprobe && plan.variants[1].wsgiprobe);
}

#[test]
fn variants_may_have_wsgiprobe_on_top() {
    let url = "http://127.0.0.1:{port}/";
    let arguments = [
        "--variant",
        "a=x --y='1 2' {port}",
        "--with-wsgiprobe",
        "a",
        "--url",
        url,
    ];
    let plan = plan(&arguments).unwrap();
    assert_eq!(names(&plan), ["a", "a+wsgiprobe"]);
    assert_eq!(
        plan.variants[1].server.as_ref().unwrap()[..],
        ["x", "--y=1 2", "{port}"]
    );
}

#[test]
fn the_file_has_variants_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("compare.toml");
    let text = "url = 'http://127.0.0.1:{port}/'\nrounds = 7\ntime = '2s'\n\
        [[variant]]\nname = 'a'\nserver = '{here}/serve {port}'\n\
        [[variant]]\nname = 'b'\nserver = 'b'\nwsgiprobe = true\nenvironment = { X = '1' }\n\
        reports = { influx-url = 'http://i', influx-db = 'd', requests = 'SELECT' }\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let plan = plan(&["--config", file, "--rounds", "3", "--baseline", "b"]).unwrap();
    assert_eq!((plan.rounds, plan.time), (3, Duration::from_secs(2)));
    assert_eq!((names(&plan), plan.baseline), (vec!["a", "b"], 1));
    let server = plan.variants[0].server.as_ref().unwrap();
    assert_eq!(server[0], folder.path().join("serve").to_str().unwrap());
    assert_eq!(
        plan.variants[1].environment,
        [("X".to_owned(), "1".to_owned())]
    );
    assert!(plan.variants[1].reports.is_some() && plan.variants[1].wsgiprobe);
}

#[test]
fn what_is_wrong_is_named() {
    let url = ["--url", "http://127.0.0.1:{port}/"];
    let pid = ["--pid", "1"];
    for (arguments, told) in [
        (vec![], "--variant"),
        (pid.to_vec(), "--url is missing"),
        ([pid, url].concat(), "{port}"),
        ([url, ["--variant", "a"]].concat(), "NAME=COMMAND"),
        ([url, ["--variant", "a=x"]].concat(), "--with-wsgiprobe a"),
        ([url, ["--variant", "a=x 'y"]].concat(), "quote"),
        ([url, ["--variant", "a="]].concat(), "no command"),
        (
            [url, ["--variant", "a=x"], ["--variant", "a=y"]].concat(),
            "called a",
        ),
        (
            [
                url,
                ["--variant", "a=x"],
                ["--variant", "b=y"],
                ["--baseline", "c"],
            ]
            .concat(),
            "there are: a, b",
        ),
        (
            [url, ["--variant", "a=x"], ["--with-wsgiprobe", "b"]].concat(),
            "there are: a",
        ),
        (
            [pid, ["--url", "http://h/"], ["--fail-over", "x"]].concat(),
            "1%",
        ),
        (
            [pid, ["--url", "http://h/"], ["--header", "x"]].concat(),
            "NAME: VALUE",
        ),
        (
            [pid, ["--url", "http://h/"], ["--load", " "]].concat(),
            "--load: there is no command",
        ),
        (
            [pid, ["--config", "/nowhere.toml"]].concat(),
            "--config /nowhere.toml",
        ),
    ] {
        let message = plan(&arguments).unwrap_err();
        assert!(message.contains(told), "{arguments:?}: {message}");
    }
}

#[test]
fn two_recordings_need_nothing_else() {
    let arguments = ["wsgiprobe", "compare", "a.jsonl", "b.jsonl"].map(OsString::from);
    let Ok(Invocation::Compare(Comparison::Recordings {
        before,
        after,
        json,
    })) = parse(&arguments)
    else {
        panic!("it is no comparison of recordings");
    };
    assert_eq!(
        (before.to_str(), after.to_str(), json),
        (Some("a.jsonl"), Some("b.jsonl"), None)
    );
}
