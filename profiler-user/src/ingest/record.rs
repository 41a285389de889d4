//! A ring-buffer record's bytes, checked.

use std::borrow::Cow;
use std::mem::offset_of;

use profiler_common::event::{HEADER_SIZE, RequestHeader};

use super::Error;

/// The header, and the path that follows it.
pub fn split(record: &[u8]) -> Result<(RequestHeader, &[u8]), Error> {
    let short = || Error::Short(record.len());
    let (header, rest) = record
        .split_first_chunk::<HEADER_SIZE>()
        .ok_or_else(short)?;
    let header = RequestHeader::from_bytes(header);
    let path = rest.get(..usize::from(header.path_len)).ok_or_else(short)?;
    Ok((header, path))
}

/// The root process that the record's descends from.
pub fn origin(record: &[u8]) -> Option<u32> {
    let bytes = record.get(offset_of!(RequestHeader, origin)..)?;
    bytes.first_chunk().copied().map(u32::from_ne_bytes)
}

/// The version of the request line; `None` where there was none.
pub fn protocol(version: u8) -> Result<Option<&'static str>, Error> {
    const MINOR: [&str; 10] = [
        "1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9",
    ];
    match version {
        0 => Ok(None),
        9 => Ok(Some("0.9")),
        10..=19 => Ok(Some(MINOR[usize::from(version - 10)])),
        _ => Err(Error::Unknown {
            field: "version",
            value: version.into(),
        }),
    }
}

/// The method token; `None` where there was none.
pub fn method(header: &RequestHeader) -> Option<Cow<'_, str>> {
    let length = usize::from(header.method_len).min(header.method.len());
    (length > 0).then(|| super::target::printable(&header.method[..length]))
}
