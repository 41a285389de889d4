//! How a batch lies in a segment file.
//!
//! | bytes | hold |
//! |---|---|
//! | 0..7 | `WSGISPL` |
//! | 7 | `w`: it waits; `d`: it was delivered (written in place, so not part of the sum) |
//! | 8..12 | CRC-32 of all that follows |
//! | 12..16 | length of the lines as stored, bytes |
//! | 16..24 | its number: batches are numbered through, oldest first |
//! | 24..32 | its points |
//! | 32.. | the lines, as gzip makes them |
//!
//! Numbers are little-endian.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

const MAGIC: &[u8; 7] = b"WSGISPL";
const WAITS: u8 = b'w';
/// State of what was delivered.
pub(super) const DELIVERED: u8 = b'd';
/// Where the state is, from the record's start.
pub(super) const STATE_AT: u64 = 7;
const HEADER: usize = 32;

/// Longest text of one record, bytes: batches are of a megabyte at most.
const LONGEST: u64 = 64 << 20;

/// A whole record that was found in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it begins, bytes.
    pub(super) start: u64,
    /// Header and lines, bytes.
    pub(super) length: usize,
    pub(super) number: u64,
    pub(super) points: u64,
    pub(super) waits: bool,
}

/// What a segment holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) records: Vec<Found>,
    /// Stretches that are no record: a write that was cut off, or a damaged disk.
    pub(super) damaged: u64,
    /// Where the last whole record ends, bytes.
    pub(super) end: u64,
}

/// The record of these lines.
pub(super) fn encode(number: u64, points: u64, lines: &str) -> io::Result<Vec<u8>> {
    let mut record = Vec::with_capacity(HEADER + lines.len() / 8);
    record.extend_from_slice(MAGIC);
    record.push(WAITS);
    record.extend_from_slice(&[0; HEADER - 8]);
    let mut gzip = GzEncoder::new(record, Compression::fast());
    gzip.write_all(lines.as_bytes())?;
    let mut record = gzip.finish()?;
    let length = u32::try_from(record.len() - HEADER).map_err(io::Error::other)?;
    record[12..16].copy_from_slice(&length.to_le_bytes());
    record[16..24].copy_from_slice(&number.to_le_bytes());
    record[24..32].copy_from_slice(&points.to_le_bytes());
    let sum = crc32fast::hash(&record[12..]);
    record[8..12].copy_from_slice(&sum.to_le_bytes());
    Ok(record)
}

/// The lines of a record; `None` if it is damaged.
pub(super) fn lines(record: &[u8]) -> Option<String> {
    let found = at(record, 0)?;
    let stored = record.get(HEADER..found.length)?;
    let mut lines = String::new();
    let mut gzip = GzDecoder::new(stored).take(LONGEST);
    gzip.read_to_string(&mut lines).ok()?;
    Some(lines)
}

/// Finds the records of a segment, whatever else is in it.
pub(super) fn scan(segment: &[u8]) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    while at < segment.len() {
        if let Some(found) = self::at(segment, at) {
            at += found.length;
            scan.end = at as u64;
            scan.records.push(found);
        } else {
            scan.damaged += 1;
            match next(segment, at + 1) {
                Some(next) => at = next,
                None => break,
            }
        }
    }
    scan
}

/// The next place at which a whole record begins.
fn next(segment: &[u8], from: usize) -> Option<usize> {
    let rest = segment.get(from..)?;
    let mut begins = rest.windows(MAGIC.len()).enumerate();
    begins
        .find(|(n, begin)| begin == MAGIC && at(segment, from + n).is_some())
        .map(|(n, _)| from + n)
}

fn at(segment: &[u8], start: usize) -> Option<Found> {
    let record = segment.get(start..)?;
    let (header, stored) = record.split_at_checked(HEADER)?;
    if !header.starts_with(MAGIC) {
        return None;
    }
    let length = u32::from_le_bytes(header[12..16].try_into().ok()?) as usize;
    if length > stored.len() {
        return None;
    }
    let length = HEADER + length;
    let sum = u32::from_le_bytes(header[8..12].try_into().ok()?);
    (crc32fast::hash(&record[12..length]) == sum).then_some(Found {
        start: start as u64,
        length,
        number: u64::from_le_bytes(header[16..24].try_into().ok()?),
        points: u64::from_le_bytes(header[24..32].try_into().ok()?),
        // Anything else is a torn state: sent once more rather than never.
        waits: header[7] != DELIVERED,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(texts: &[String]) -> Vec<u8> {
        let numbered = (0..).zip(texts);
        let records = numbered.map(|(n, text)| encode(n, n + 1, text).unwrap());
        records.flatten().collect()
    }

    #[test]
    fn a_record_is_what_was_put_in() {
        let record = encode(7, 3, "a\nb\nc\n").unwrap();
        assert_eq!(lines(&record).unwrap(), "a\nb\nc\n");
        let scan = scan(&record);
        assert_eq!(
            scan.records,
            [Found {
                start: 0,
                length: record.len(),
                number: 7,
                points: 3,
                waits: true
            }]
        );
        assert_eq!((scan.damaged, scan.end), (0, record.len() as u64));
    }

    #[test]
    fn the_delivered_are_told_apart() {
        let mut record = encode(7, 3, "a\n").unwrap();
        record[STATE_AT as usize] = DELIVERED;
        assert!(!scan(&record).records[0].waits);
    }

    proptest! {
        #[test]
        fn a_torn_tail_costs_the_last_record_alone(
            texts in prop::collection::vec("[a-z]{0,80}", 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = segment(&texts);
            let last = scan(&whole).records.last().copied().unwrap();
            let cut = last.start as usize + cut.index(last.length);
            let scan = scan(&whole[..cut]);
            prop_assert_eq!(scan.records.len(), texts.len() - 1);
            prop_assert_eq!(scan.damaged, u64::from(cut > last.start as usize));
            prop_assert_eq!(scan.end, last.start);
        }

        #[test]
        fn a_damaged_byte_costs_one_record(
            texts in prop::collection::vec("[a-z]{0,80}", 1..8),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let mut segment = segment(&texts);
            let whole = scan(&segment).records;
            let at = at.index(segment.len());
            segment[at] ^= flip;
            let found = scan(&segment);
            let hit = |record: &&Found| {
                let offset = (at as u64).wrapping_sub(record.start);
                offset < record.length as u64 && offset != STATE_AT
            };
            let spared: Vec<u64> =
                whole.iter().filter(|record| !hit(record)).map(|record| record.number).collect();
            let numbers: Vec<u64> = found.records.iter().map(|record| record.number).collect();
            prop_assert_eq!(&numbers, &spared);
            prop_assert_eq!(found.damaged, (whole.len() - spared.len()) as u64);
        }

        #[test]
        fn noise_is_no_record(noise in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(scan(&noise).records.is_empty());
        }
    }
}
