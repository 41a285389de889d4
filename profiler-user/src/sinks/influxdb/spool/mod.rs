//! Batches on disk, for a database that is away: bounded, checked, oldest first.
//!
//! A ring of files that are opened once and for all. A batch is appended to
//! one of them; when it is full, the next is emptied for it, and the batches that still
//! waited there are dropped: they are the oldest. A file of which every batch was
//! delivered is cut to nothing. Why no crate does this:
//! `docs/journal/2026-11-21-influx-spool.md`.
//!
//! Every call waits for the disk.

mod folder;
mod record;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use self::folder::Folder;
pub use self::folder::SpoolError;
use super::outbox::Batch;

/// The spool of this run.
#[derive(Debug)]
pub(super) struct Spool {
    folder: Folder,
    segments: Vec<Segment>,
    /// A segment is at most so long, bytes.
    segment_bytes: u64,
    /// The segment that is appended to.
    writing: usize,
    next_number: u64,
    /// The batches that wait, oldest first.
    waiting: VecDeque<Entry>,
    points: u64,
}

/// What lies in a segment file.
#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    /// Bytes in use.
    end: u64,
    /// Batches that wait in it.
    waiting: usize,
    /// Written to since it was last synced.
    dirty: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    segment: usize,
    start: u64,
    length: usize,
    number: u64,
    points: u64,
}

/// What an earlier run left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Points that wait.
    pub(super) points: u64,
    /// Records that cannot be read any more.
    pub(super) damaged: u64,
}

/// What came of appending.
#[derive(Debug)]
pub(super) struct Appended {
    /// The batch's number, if it is in.
    pub(super) number: io::Result<u64>,
    /// Points that were dropped to make room for it.
    pub(super) dropped: u64,
}

/// A batch that waits.
#[derive(Debug)]
pub(super) enum Waiting {
    /// Its number, and what is in it.
    Batch(u64, Batch),
    /// It cannot be read; so many points are lost with it.
    Lost(u64),
}

impl Spool {
    /// Opens the folder, and takes over what an earlier run left there for the same
    /// place. At most so many bytes are kept.
    pub(super) fn open(dir: &Path, bytes: u64, place: &str) -> Result<(Self, Left), SpoolError> {
        let folder = Folder::open(dir)?;
        let mut spool = Self {
            segments: vec![Segment::default(); folder.segments.len()],
            segment_bytes: bytes / folder.segments.len() as u64,
            folder,
            writing: 0,
            next_number: 0,
            waiting: VecDeque::new(),
            points: 0,
        };
        let damaged = spool.take_over();
        let damaged = damaged.map_err(|error| spool.folder.error("cannot read it", error))?;
        spool.folder.is_for(place, spool.points > 0)?;
        let points = spool.points;
        Ok((spool, Left { points, damaged }))
    }

    fn take_over(&mut self) -> io::Result<u64> {
        let (mut damaged, mut entries) = (0, Vec::new());
        for (segment, file) in self.folder.segments.iter().enumerate() {
            let scan = record::scan(&whole(file)?);
            damaged += scan.damaged;
            if let Some(last) = scan.records.last()
                && last.number >= self.next_number
            {
                self.next_number = last.number + 1;
                self.writing = segment;
            }
            let waiting = scan.records.iter().filter(|record| record.waits);
            let before = entries.len();
            entries.extend(waiting.map(|found| Entry {
                segment,
                start: found.start,
                length: found.length,
                number: found.number,
                points: found.points,
            }));
            let state = &mut self.segments[segment];
            state.waiting = entries.len() - before;
            state.end = if state.waiting == 0 { 0 } else { scan.end };
            file.set_len(state.end)?;
        }
        entries.sort_unstable_by_key(|entry| entry.number);
        self.points = entries.iter().map(|entry| entry.points).sum();
        self.waiting = entries.into();
        Ok(damaged)
    }

    /// Appends a batch; it is safe from a power failure once synced.
    pub(super) fn append(&mut self, batch: &Batch) -> Appended {
        let mut dropped = 0;
        let number = self.try_append(batch, &mut dropped);
        Appended { number, dropped }
    }

    fn try_append(&mut self, batch: &Batch, dropped: &mut u64) -> io::Result<u64> {
        let number = self.next_number;
        let record = record::encode(number, batch.points, &batch.lines)?;
        let length = record.len() as u64;
        if length > self.segment_bytes {
            let what = "a batch is larger than a segment of the spool";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        if self.segments[self.writing].end + length > self.segment_bytes {
            let next = (self.writing + 1) % self.segments.len();
            *dropped = self.empty(next)?;
            self.writing = next;
        }
        let file = &self.folder.segments[self.writing];
        let segment = &mut self.segments[self.writing];
        if let Err(error) = file.write_all_at(&record, segment.end) {
            // What is there of it would be taken for damage by the next run. Cutting takes
            // no room, and if it fails all the same, that is all it does.
            let _ = file.set_len(segment.end);
            return Err(error);
        }
        self.waiting.push_back(Entry {
            segment: self.writing,
            start: segment.end,
            length: record.len(),
            number,
            points: batch.points,
        });
        segment.end += length;
        segment.waiting += 1;
        segment.dirty = true;
        self.points += batch.points;
        self.next_number += 1;
        Ok(number)
    }

    /// Empties a segment; says how many points waited there.
    fn empty(&mut self, segment: usize) -> io::Result<u64> {
        self.folder.segments[segment].set_len(0)?;
        self.segments[segment] = Segment::default();
        let before = self.points;
        self.waiting.retain(|entry| {
            if entry.segment == segment {
                self.points -= entry.points;
            }
            entry.segment != segment
        });
        Ok(before - self.points)
    }

    /// Has all that was appended on the disk itself.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let files = self.segments.iter_mut().zip(&self.folder.segments);
        for (segment, file) in files.filter(|(segment, _)| segment.dirty) {
            file.sync_data()?;
            segment.dirty = false;
        }
        Ok(())
    }

    /// Reads the batch that has so many before it; it stays until it is
    /// [`done`](Self::done). What cannot be read is gone with the answer.
    pub(super) fn waiting(&mut self, before: usize) -> Option<Waiting> {
        let entry = *self.waiting.get(before)?;
        let file = &self.folder.segments[entry.segment];
        let mut record = vec![0; entry.length];
        let read = file.read_exact_at(&mut record, entry.start);
        if let Ok(()) = read
            && let Some(lines) = record::lines(&record)
        {
            let points = entry.points;
            return Some(Waiting::Batch(entry.number, Batch { lines, points }));
        }
        self.done(entry.number);
        Some(Waiting::Lost(entry.points))
    }

    /// The batch needs no more delivery. Returns whether it still waited: it may have
    /// been dropped meanwhile.
    pub(super) fn done(&mut self, number: u64) -> bool {
        let Ok(at) = self
            .waiting
            .binary_search_by_key(&number, |entry| entry.number)
        else {
            return false;
        };
        let Some(entry) = self.waiting.remove(at) else {
            return false;
        };
        self.points -= entry.points;
        let file = &self.folder.segments[entry.segment];
        let segment = &mut self.segments[entry.segment];
        segment.waiting -= 1;
        // If either fails, the next run delivers it once more, which changes nothing.
        if segment.waiting > 0 {
            let _ = file.write_all_at(&[record::DELIVERED], entry.start + record::STATE_AT);
        } else if file.set_len(0).is_ok() {
            segment.end = 0;
        }
        true
    }

    /// Points that wait.
    pub(super) const fn points(&self) -> u64 {
        self.points
    }
}

fn whole(file: &File) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
