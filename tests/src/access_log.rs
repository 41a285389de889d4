//! The access log: the ground truth, one [`Entry`] for each request that Apache
//! knows of.
//!
//! Found by trying (2.4, all MPMs), and relied on below:
//! - `%I` counts bytes that Apache only looked at ahead, 1 or 2 of them, once more.
//!   It does so whenever the next bytes are there already when it asks: nearly
//!   always in a pipeline, now and then on any kept connection, and where the
//!   application left the body unread. So `%I` bounds the true size, see
//!   [`Entry::may_have_received`]; the truth is what the client sent.
//! - `%D` runs from the end of the request line to this entry. An unread
//!   request body is drained in between, after the response went out. Of a
//!   queued request of a pipeline it runs from when Apache turned to it, long
//!   after its bytes were read.
//! - A connection that times out inside its request line, or that sends bytes
//!   without a newline, is logged as `-` with status 408 although nothing was
//!   answered: no request, see [`Entry::is_request`].
//! - A client that hangs up leaves `%X` = `X` if a write failed; the status is
//!   the one that Apache meant to send.

mod file;

use anyhow::{Context, Result, bail};

pub use self::file::AccessLog;

/// Apache's `LogFormat` for [`Entry::parse`]. `%r` is last, and the fields from
/// the client are escaped by Apache, so a tab in them is no separator.
pub const FORMAT: &str = "%{usec}t\\t%D\\t%>s\\t%I\\t%O\\t%X\\t%{remote}p\\t%P\\t%m\\t%r";

/// Bytes that `%I` may have too many.
const LOOK_AHEAD: u64 = 2;

/// What Apache logged of one request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When the request line had been read: microseconds since the epoch.
    pub start_us: u64,
    /// From then to the entry: microseconds (`%D`).
    pub duration_us: u64,
    /// Final status (`%>s`).
    pub status: u16,
    /// Bytes received (`%I`).
    pub request_bytes: u64,
    /// Bytes sent (`%O`).
    pub response_bytes: u64,
    /// The client was gone before the response was (`%X`).
    pub aborted: bool,
    /// The client's port.
    pub client_port: u16,
    /// The Apache child.
    pub pid: u32,
    /// Method token, if there was a request line.
    pub method: Option<String>,
    /// Path as sent, without query, if there was a request line.
    pub path: Option<String>,
}

impl Entry {
    /// One line of the log.
    pub fn parse(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.splitn(10, '\t').collect();
        let &[
            start,
            duration,
            status,
            received,
            sent,
            connection,
            port,
            pid,
            method,
            request,
        ] = fields.as_slice()
        else {
            bail!("not an access log line: {line:?}");
        };
        let target = Some(unescape(request))
            .filter(|_| method != "-")
            .and_then(|line| target_path(&line));
        Ok(Self {
            start_us: start.parse().context("start")?,
            duration_us: duration.parse().context("duration")?,
            status: status.parse().context("status")?,
            request_bytes: received.parse().context("bytes received")?,
            response_bytes: sent.parse().context("bytes sent")?,
            aborted: connection == "X",
            client_port: port.parse().context("client port")?,
            pid: pid.parse().context("pid")?,
            method: target.is_some().then(|| method.to_owned()),
            path: target,
        })
    }

    /// Whether the request can have been of that size.
    #[must_use]
    pub fn may_have_received(&self, bytes: u64) -> bool {
        (bytes..=bytes + LOOK_AHEAD).contains(&self.request_bytes)
    }

    /// Whether there was a request at all: something that was answered.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.method.is_some() || self.response_bytes > 0
    }
}

/// The path of a request line, as the contract has it.
fn target_path(line: &[u8]) -> Option<String> {
    let line = printable(line);
    let mut words = line.split(' ');
    let (_method, target) = (words.next()?, words.next()?);
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').map_or("/", |at| &rest[at..])
        }
        _ => target,
    };
    Some(target.split('?').next()?.to_owned())
}

/// Bytes that are not UTF-8 appear as `%XX`, as in wsgiprobe's own output.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
    }
    text
}

/// Undoes Apache's escapes: `\"`, `\\`, `\t` and the like, `\xhh`.
fn unescape(field: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let escaped = if byte == b'\\' {
            rest.split_first()
        } else {
            None
        };
        let Some((&kind, tail)) = escaped else {
            out.push(byte);
            continue;
        };
        rest = tail;
        out.push(match kind {
            b'b' => 8,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'x' => {
                let digits = rest.get(..2).and_then(|hex| str::from_utf8(hex).ok());
                rest = rest.get(2..).unwrap_or_default();
                digits
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok())
                    .unwrap_or(b'?')
            }
            other => other,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(method: &str, request: &str) -> Entry {
        let line = format!("1000\t250\t200\t84\t174\t+\t41234\t77\t{method}\t{request}");
        Entry::parse(&line).expect("a log line")
    }

    #[test]
    fn takes_a_line_apart() {
        let entry = entry("GET", "GET /hello/1?q=2 HTTP/1.1");
        assert_eq!(
            (entry.start_us, entry.duration_us, entry.status),
            (1000, 250, 200)
        );
        assert_eq!((entry.request_bytes, entry.response_bytes), (84, 174));
        assert_eq!((entry.client_port, entry.pid), (41234, 77));
        assert_eq!(entry.path.as_deref(), Some("/hello/1"));
        assert!(!entry.aborted && entry.is_request());
    }

    #[test]
    fn undoes_the_escapes() {
        let entry = entry("GET", r#"GET /q\"\\,=\xc3\xa9\xff%41 HTTP/1.1"#);
        assert_eq!(entry.path.as_deref(), Some("/q\"\\,=é%FF%41"));
    }

    #[test]
    fn reduces_targets_to_paths() {
        let path = |target: &str| entry("GET", &format!("GET {target} HTTP/1.1")).path;
        assert_eq!(path("http://x:80/abs?q=1").as_deref(), Some("/abs"));
        assert_eq!(path("http://x").as_deref(), Some("/"));
        assert_eq!(path("*").as_deref(), Some("*"));
        assert_eq!(path("/a?u=http://x/y").as_deref(), Some("/a"));
    }

    #[test]
    fn a_timed_out_line_is_no_request() {
        let line = "1000\t12\t408\t11\t0\t-\t41234\t77\t-\t-";
        assert!(!Entry::parse(line).expect("a log line").is_request());
    }
}
