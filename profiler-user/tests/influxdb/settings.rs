//! What is wrong with the settings is said before anything starts, by the option.

use wsgiprobe::sinks::influxdb::Target;

use crate::{db, settings};

fn error(url: &str, target: Target) -> String {
    settings(url, target).validate().unwrap_err().to_string()
}

fn v2(org: &str, bucket: &str, token: &str) -> Target {
    Target::V2 {
        org: org.into(),
        bucket: bucket.into(),
        token: token.into(),
    }
}

#[test]
fn errors_name_the_option() {
    for (url, said) in [
        ("", "--influx-url \"\": relative URL without a base"),
        (
            "localhost:8086",
            "--influx-url \"localhost:8086\": only http://",
        ),
        ("udp://h", "--influx-url \"udp://h\": only http://"),
        ("http://h?db=x", "--influx-url: leave out what follows '?'"),
        ("http://h#x", "--influx-url: leave out what follows '#'"),
    ] {
        let error = error(url, db("d"));
        assert!(error.starts_with(said), "{error}");
    }
    let url = "http://127.0.0.1:8086";
    assert_eq!(error(url, db(" ")), "--influx-db is empty");
    assert_eq!(error(url, v2("", "b", "t")), "--influx-org is empty");
    assert_eq!(error(url, v2("o", "", "t")), "--influx-bucket is empty");
    assert!(error(url, v2("o", "b", "")).starts_with("INFLUX_TOKEN or --influx-token-file"));
    assert!(error(url, v2("o", "b", "t\nx")).contains("cannot be sent"));
    assert!(error("http://u:p@h", v2("o", "b", "t")).contains("no user and password"));
    assert!(settings("http://u:p@h/influx", db("d")).validate().is_ok());
}

#[test]
fn secrets_are_not_shown() {
    let shown = error("http://me:hunter2@[h", db("d"));
    assert!(!shown.contains("hunter2"), "{shown}");
    for target in [
        v2("o", "b", "hunter2"),
        Target::V1 {
            db: "d".into(),
            user: Some("me".into()),
            password: Some("hunter2".into()),
        },
    ] {
        let settings = settings("http://me:hunter2@h", target);
        assert!(!format!("{settings:?}").contains("hunter2"), "{settings:?}");
    }
}
