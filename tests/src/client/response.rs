//! Responses, taken from the bytes of a connection.

use anyhow::{Context, Result};

/// A whole response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its body, without chunking.
    pub body: Vec<u8>,
    /// Its bytes on the wire, head and chunking included.
    pub wire_bytes: usize,
}

enum Framing {
    None,
    Length(usize),
    Chunked,
    ToEnd,
}

impl Response {
    /// The response at the start of `bytes` and its length, once it is complete.
    /// `ended` says that there will be no more bytes.
    pub(super) fn parse(bytes: &[u8], method: &str, ended: bool) -> Result<Option<(Self, usize)>> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(start) = head.parse(bytes).context("response head")? else {
            return Ok(None);
        };
        let status = head.code.context("a response without status")?;
        let framing = framing(status, method, head.headers)?;
        let Some((body, length)) = body(&bytes[start..], &framing, ended)? else {
            return Ok(None);
        };
        let wire_bytes = start + length;
        Ok(Some((
            Self {
                status,
                body,
                wire_bytes,
            },
            wire_bytes,
        )))
    }

    /// Whether it is a 1xx.
    #[must_use]
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn framing(status: u16, method: &str, headers: &[httparse::Header<'_>]) -> Result<Framing> {
    if method == "HEAD" || status < 200 || status == 204 || status == 304 {
        return Ok(Framing::None);
    }
    let header = |name: &str| {
        headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
    };
    if header("transfer-encoding")
        .is_some_and(|header| header.value.eq_ignore_ascii_case(b"chunked"))
    {
        return Ok(Framing::Chunked);
    }
    let Some(length) = header("content-length") else {
        return Ok(Framing::ToEnd);
    };
    Ok(Framing::Length(
        str::from_utf8(length.value)?
            .parse()
            .context("Content-Length")?,
    ))
}

fn body(bytes: &[u8], framing: &Framing, ended: bool) -> Result<Option<(Vec<u8>, usize)>> {
    Ok(match *framing {
        Framing::None => Some((Vec::new(), 0)),
        Framing::Length(length) => bytes.get(..length).map(|body| (body.to_vec(), length)),
        Framing::Chunked => chunks(bytes)?,
        Framing::ToEnd => ended.then(|| (bytes.to_vec(), bytes.len())),
    })
}

fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let parsed = httparse::parse_chunk_size(&bytes[at..]);
        let parsed = parsed.map_err(|_| anyhow::anyhow!("not a chunk at byte {at}"))?;
        let httparse::Status::Complete((start, size)) = parsed else {
            return Ok(None);
        };
        let (start, size) = (at + start, usize::try_from(size)?);
        let Some(chunk) = bytes.get(start..start + size + 2) else {
            return Ok(None);
        };
        body.extend_from_slice(&chunk[..size]);
        at = start + size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str, method: &str) -> Response {
        let bytes = text.as_bytes();
        let (response, length) = Response::parse(bytes, method, false)
            .expect("HTTP")
            .expect("a whole response");
        assert_eq!(length, bytes.len());
        response
    }

    #[test]
    fn chunked_body() {
        let response = whole(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            "GET",
        );
        assert_eq!(response.body, b"abcde");
    }

    #[test]
    fn head_has_no_body() {
        assert!(
            whole("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD")
                .body
                .is_empty()
        );
    }

    #[test]
    fn waits_for_the_rest() {
        let partial = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc";
        assert!(
            Response::parse(partial, "GET", false)
                .expect("HTTP")
                .is_none()
        );
    }
}
