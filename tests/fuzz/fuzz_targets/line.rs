//! The encoder of line protocol: whatever the strings, a point is one line, and a
//! parser reads back what was put in.
//!
//! Input: a float, an integer, a time, and strings of one length byte each.
#![no_main]

use std::fmt::Write as _;

use influxdb_line_protocol::{FieldValue, parse_lines};
use libfuzzer_sys::fuzz_target;
use under_fuzz::input::Input;

/// Its items are their parent's, which is this file here.
#[path = "../../../profiler-user/src/sinks/influxdb/line.rs"]
#[expect(dead_code, reason = "mounted, and not all of it used")]
mod line;

use line::Line;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let float = f64::from_bits(input.number());
    let integer = input.number();
    let time = input.number();
    let mut text = || {
        let len = input.byte().into();
        String::from_utf8_lossy(input.bytes(len)).into_owned()
    };
    let (tag, string) = (text(), text());

    let mut out = String::new();
    Line::new(&mut out, "m")
        .tag("t", &tag)
        .string("s", &string)
        .float("f", float)
        .integer("i", integer)
        .end(time);

    let lines: Vec<_> = parse_lines(&out).collect();
    assert_eq!(lines.len(), 1, "{out:?}");
    let line = lines[0].as_ref().expect("a line that can be parsed");
    assert_eq!(line.timestamp, Some(time.min(i64::MAX as u64 - 1) as i64));
    assert_eq!(line.tag_value("t").is_some(), !tag.is_empty());
    if let Some(value) = line.tag_value("t") {
        assert_eq!(value.as_str(), hidden(&tag));
    }
    let Some(FieldValue::String(value)) = line.field_value("s") else {
        panic!("no string in {out:?}");
    };
    assert_eq!(value.as_str(), string);
    let integer = integer.min(i64::MAX as u64) as i64;
    assert_eq!(line.field_value("i"), Some(&FieldValue::I64(integer)));
    match line.field_value("f") {
        Some(FieldValue::F64(value)) => assert_eq!(value.to_bits(), float.to_bits()),
        other => assert!(other.is_none() && !float.is_finite()),
    }
});

/// A tag's value as it is read back.
fn hidden(tag: &str) -> String {
    let mut value = String::new();
    for c in tag.chars() {
        if c.is_ascii_control() || c == '\\' {
            // Writing to a string cannot fail.
            let _ = write!(value, "%{:02X}", u32::from(c));
        } else {
            value.push(c);
        }
    }
    value
}
