//! Values of options that clap does not parse by itself.

use std::time::Duration;

use bytesize::ByteSize;

const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_hours(1);

/// A page, as small as the kernel makes them: a dozen requests.
const SMALLEST_RING: u64 = 4 << 10;
const LARGEST_RING: u64 = 1 << 30;

/// Some 100 requests.
const SMALLEST_FILE: u64 = 64 << 10;
/// 16 segments of 2 MiB: a batch is of 1 MiB at most, and never larger compressed.
const SMALLEST_SPOOL: ByteSize = ByteSize::mib(32);

/// A time above zero, e.g. `30s`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than 0s".into()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!(
            "{error}; give a number and a unit, e.g. 500ms, 30s, 5m"
        )),
    }
}

/// A length of the aggregation window.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
        Ok(interval)
    } else {
        Err("must be between 100ms and 1h".into())
    }
}

/// A time that may be none, an hour at most.
pub(super) fn jitter(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(jitter) if jitter <= LONGEST_INTERVAL => Ok(jitter),
        Ok(_) => Err("must be 1h or less".into()),
        Err(error) => Err(format!("{error}; give a number and a unit, e.g. 5s, or 0s")),
    }
}

/// A node's name: a DNS subdomain (RFC 1123), as Kubernetes asks for. It becomes part of a
/// selector, which other characters would change.
pub(super) fn node(text: &str) -> Result<String, String> {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    if (1..=253).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.into());
    }
    Err("a node's name has a to z, 0 to 9, - and ., and 253 of them at most".into())
}

/// A size of a file that is worth having.
pub(super) fn file_bytes(text: &str) -> Result<u64, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| "give a number and a unit, e.g. 500KiB, 100MiB".to_owned())?;
    if size.as_u64() < SMALLEST_FILE {
        return Err("must be 64KiB or more".into());
    }
    Ok(size.as_u64())
}

/// A size that a BPF ring buffer can have: a power of two, whole pages.
pub(super) fn ring_bytes(text: &str) -> Result<u32, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| "give a number and a unit, e.g. 512KiB, 4MiB".to_owned())?;
    let bytes = size.as_u64();
    if !(SMALLEST_RING..=LARGEST_RING).contains(&bytes) {
        return Err("must be between 4KiB and 1GiB".into());
    }
    if !bytes.is_power_of_two() {
        // MB is 10^6 bytes and so never fits.
        let next = ByteSize(bytes.next_power_of_two());
        return Err(format!(
            "must be a power of two, e.g. {}",
            next.display().iec()
        ));
    }
    Ok(bytes as u32)
}

/// A size that a spool can have: each of its 16 segments has to hold a batch.
pub(super) fn spool_bytes(text: &str) -> Result<u64, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| "give a number and a unit, e.g. 256MiB, 2GiB".to_owned())?;
    if size < SMALLEST_SPOOL {
        return Err(format!(
            "must be at least {}",
            SMALLEST_SPOOL.display().iec()
        ));
    }
    Ok(size.as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_two() {
        assert_eq!(ring_bytes("4MiB"), Ok(4 << 20));
        assert_eq!(ring_bytes("65536"), Ok(65_536));
        assert!(ring_bytes("4MB").unwrap_err().contains("4.0 MiB"));
        assert!(ring_bytes("1KiB").is_err());
        assert!(ring_bytes("2GiB").is_err());
        assert!(ring_bytes("lots").is_err());
    }

    #[test]
    fn files_have_a_size() {
        assert_eq!(file_bytes("1MiB"), Ok(1 << 20));
        assert!(file_bytes("1KiB").unwrap_err().contains("64KiB"));
        assert!(file_bytes("big").is_err());
    }

    #[test]
    fn a_spool_holds_its_batches() {
        assert_eq!(spool_bytes("1GiB"), Ok(1 << 30));
        assert_eq!(spool_bytes("32MiB"), Ok(32 << 20));
        assert!(spool_bytes("32MB").unwrap_err().contains("32.0 MiB"));
        assert!(spool_bytes("much").is_err());
    }

    #[test]
    fn times_have_a_unit_and_a_range() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(duration("30").is_err());
        assert_eq!(interval("100ms"), Ok(SHORTEST_INTERVAL));
        assert!(interval("99ms").is_err());
        assert!(interval("61m").is_err());
    }
}
