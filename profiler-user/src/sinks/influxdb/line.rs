//! Line protocol, safe for any string.
//!
//! Crate `influxdb2` has an encoder too, but a newline in a tag starts a new
//! point there, and InfluxDB refuses its trailing backslash, empty tag and NaN.
//!
//! What the protocol cannot carry is written so that every server takes it:
//!
//! | what | becomes | because |
//! |---|---|---|
//! | comma, equals, space in a tag | `\,` `\=` `\ ` | the protocol's own escapes |
//! | control bytes in a tag | `%0A` | a newline ends the point |
//! | backslash in a tag | `%5C` | before a comma or at the end it would escape what follows, and servers differ |
//! | quote, backslash in a string field | `\"` `\\` | the protocol's own escapes |
//! | newline in a string field | itself | allowed between quotes |
//! | empty tag, NaN, infinity | left out | no server takes them |
//! | point without a field | left out | no server takes it |
//!
//! See "Line protocol" in InfluxDB's reference, 1.x and 2.x.

use std::fmt::Write as _;

/// Latest time of a point (`models.MaxNanoTime` of InfluxDB), nanoseconds.
const MAX_TIME: u64 = i64::MAX as u64 - 1;

/// One point in the making: tags, then fields, then [`Line::end`].
#[derive(Debug)]
#[must_use = "a point is only there once it was ended"]
pub(crate) struct Line<'a> {
    out: &'a mut String,
    start: usize,
    fields: usize,
}

impl<'a> Line<'a> {
    /// Begins a point of `measurement` at the end of `out`.
    pub(crate) fn new(out: &'a mut String, measurement: &str) -> Self {
        let start = out.len();
        push_name(out, measurement);
        Self {
            out,
            start,
            fields: 0,
        }
    }

    /// Adds a tag, before any field.
    pub(crate) fn tag(self, key: &str, value: &str) -> Self {
        debug_assert_eq!(self.fields, 0, "tags come before fields");
        if !value.is_empty() {
            self.out.push(',');
            push_name(self.out, key);
            self.out.push('=');
            push_name(self.out, value);
        }
        self
    }

    /// The tags so far, measurement included: what tells one series from another.
    pub(super) fn series(&self) -> &str {
        &self.out[self.start..]
    }

    /// Adds a float field.
    pub(crate) fn float(self, key: &str, value: f64) -> Self {
        if !value.is_finite() {
            return self;
        }
        let line = self.field(key);
        // Never fails: a String takes any text.
        let _ = write!(line.out, "{value}");
        line
    }

    /// Adds an integer field; what is above 2^63-1 is written as that.
    pub(crate) fn integer(self, key: &str, value: u64) -> Self {
        let line = self.field(key);
        let _ = write!(line.out, "{}i", value.min(i64::MAX as u64));
        line
    }

    /// Adds a string field.
    pub(crate) fn string(self, key: &str, value: &str) -> Self {
        let line = self.field(key);
        line.out.push('"');
        for c in value.chars() {
            if matches!(c, '"' | '\\') {
                line.out.push('\\');
            }
            line.out.push(c);
        }
        line.out.push('"');
        line
    }

    /// Adds a boolean field.
    pub(super) fn boolean(self, key: &str, value: bool) -> Self {
        let line = self.field(key);
        line.out.push_str(if value { "true" } else { "false" });
        line
    }

    /// Adds a duration field in seconds, where there is one (nanoseconds).
    pub(super) fn seconds(self, key: &str, ns: Option<u64>) -> Self {
        match ns {
            Some(ns) => self.float(key, ns as f64 / 1e9),
            None => self,
        }
    }

    /// Ends the point with its time: nanoseconds since the epoch. Without fields it
    /// is taken back.
    pub(crate) fn end(self, time_unix_ns: u64) {
        if self.fields == 0 {
            self.out.truncate(self.start);
        } else {
            let _ = writeln!(self.out, " {}", time_unix_ns.min(MAX_TIME));
        }
    }

    fn field(mut self, key: &str) -> Self {
        self.out.push(if self.fields == 0 { ' ' } else { ',' });
        self.fields += 1;
        push_name(self.out, key);
        self.out.push('=');
        self
    }
}

/// A measurement, a key or a tag's value.
fn push_name(out: &mut String, name: &str) {
    for c in name.chars() {
        match c {
            ',' | '=' | ' ' => {
                out.push('\\');
                out.push(c);
            }
            '\\' | '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "%{:02X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use influxdb_line_protocol::{EscapedStr, FieldValue, ParsedLine, parse_lines};
    use proptest::prelude::*;

    use super::*;

    fn encode(tag: &str, string: &str, float: f64) -> String {
        let mut out = String::new();
        Line::new(&mut out, "m")
            .tag("t", tag)
            .string("s", string)
            .float("f", float)
            .end(7);
        out
    }

    /// What a tag's value is read back as.
    fn as_tag(s: &str) -> String {
        let hidden = |c: char| c.is_ascii_control() || c == '\\';
        s.chars()
            .map(|c| match c {
                c if hidden(c) => format!("%{:02X}", u32::from(c)),
                c => c.to_string(),
            })
            .collect()
    }

    fn parse(text: &str) -> Vec<ParsedLine<'_>> {
        parse_lines(text).map(Result::unwrap).collect()
    }

    #[test]
    fn a_plain_point() {
        assert_eq!(encode("a", "b", 0.5), "m,t=a s=\"b\",f=0.5 7\n");
    }

    #[test]
    fn what_would_break_out() {
        assert_eq!(
            encode("a\nm2 f=1 ", "", 1.0),
            "m,t=a%0Am2\\ f\\=1\\  s=\"\",f=1 7\n"
        );
        assert_eq!(encode("a\\", "a\\", 1.0), "m,t=a%5C s=\"a\\\\\",f=1 7\n");
        assert_eq!(encode("", "\"", f64::NAN), "m s=\"\\\"\" 7\n");
    }

    #[test]
    fn a_point_without_fields_is_taken_back() {
        let mut out = "before\n".to_owned();
        Line::new(&mut out, "m")
            .tag("t", "x")
            .float("f", f64::INFINITY)
            .seconds("d", None)
            .end(1);
        assert_eq!(out, "before\n");
    }

    #[test]
    fn numbers_at_their_ends() {
        let mut out = String::new();
        Line::new(&mut out, "m")
            .integer("i", u64::MAX)
            .end(u64::MAX);
        assert_eq!(out, "m i=9223372036854775807i 9223372036854775806\n");
    }

    proptest! {
        #[test]
        fn any_string_is_one_point_and_reads_back(
            tag in any::<String>(),
            string in any::<String>(),
            float in any::<f64>(),
            hostile in "[\\\\\\n\\r \",=a%#]{0,12}",
        ) {
            for (tag, string) in [(&tag, &string), (&hostile, &hostile), (&tag, &hostile)] {
                let text = encode(tag, string, float);
                let lines = parse(&text);
                prop_assert_eq!(lines.len(), 1, "{:?}", text);
                let line = &lines[0];
                prop_assert_eq!(line.timestamp, Some(7));
                match line.tag_value("t") {
                    Some(value) => prop_assert_eq!(value.as_str(), as_tag(tag)),
                    None => prop_assert!(tag.is_empty()),
                }
                let expected = FieldValue::String(EscapedStr::from(string.as_str()));
                prop_assert_eq!(line.field_value("s"), Some(&expected));
                match line.field_value("f") {
                    Some(FieldValue::F64(got)) => prop_assert_eq!(got.to_bits(), float.to_bits()),
                    other => prop_assert!(other.is_none() && !float.is_finite()),
                }
            }
        }
    }
}
