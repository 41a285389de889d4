//! Lines of an access log, counted from where it was.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// Time without a new line after which the last one is there: Apache writes a line
/// after the answer.
const QUIET: Duration = Duration::from_secs(1);

/// The same before anything is counted, when there were a few at most.
const SETTLED: Duration = Duration::from_millis(200);

/// The longest that it is waited for a log to be quiet: another client may ask.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it looks.
const TICK: Duration = Duration::from_millis(20);

/// A log, read from the end that it had.
pub struct AccessLog {
    path: PathBuf,
    /// How far it was read, bytes.
    position: u64,
    lines: u64,
}

impl AccessLog {
    /// From its end on, once that stands still.
    pub fn from_its_end(path: PathBuf) -> Result<Self> {
        let began = Instant::now();
        let (mut position, mut since) = (size(&path)?, Instant::now());
        while since.elapsed() < SETTLED && began.elapsed() < PATIENCE {
            thread::sleep(TICK);
            let now = size(&path)?;
            if now != position {
                (position, since) = (now, Instant::now());
            }
        }
        Ok(Self {
            path,
            position,
            lines: 0,
        })
    }

    /// The lines since, once there are as many as expected, or come no more.
    pub fn lines(mut self, expected: u64) -> Result<u64> {
        let mut since = Instant::now();
        while self.lines < expected && since.elapsed() < QUIET {
            let before = self.lines;
            self.read()?;
            if self.lines > before {
                since = Instant::now();
            }
            thread::sleep(TICK);
        }
        // More than expected would be a finding as well.
        self.read()?;
        Ok(self.lines)
    }

    fn read(&mut self) -> Result<()> {
        let name = self.path.display();
        let context = || format!("reading the access log {name}");
        ensure!(
            size(&self.path)? >= self.position,
            "the access log {name} was cut or rotated while it was counted"
        );
        let mut file =
            BufReader::with_capacity(1 << 16, File::open(&self.path).with_context(context)?);
        file.seek(SeekFrom::Start(self.position))
            .with_context(context)?;
        let mut line = Vec::new();
        while file.read_until(b'\n', &mut line).with_context(context)? > 0 {
            if line.last() != Some(&b'\n') {
                // It is being written.
                break;
            }
            self.lines += 1;
            self.position += line.len() as u64;
            line.clear();
        }
        Ok(())
    }
}

fn size(path: &PathBuf) -> Result<u64> {
    let log = std::fs::metadata(path)
        .with_context(|| format!("looking at the access log {}", path.display()))?;
    Ok(log.len())
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn whole_lines_since_then_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "old\n").unwrap();
        let log = AccessLog::from_its_end(path.clone()).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        let writer = thread::spawn(move || {
            for part in ["a\nb", "\nc\n", "torn"] {
                file.write_all(part.as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(50));
            }
        });
        assert_eq!(log.lines(3).unwrap(), 3);
        writer.join().unwrap();
        let late = AccessLog::from_its_end(path.clone()).unwrap();
        assert_eq!(late.lines(1).unwrap(), 0);
        let cut = AccessLog::from_its_end(path.clone()).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(cut.lines(1).unwrap_err().to_string().contains("rotated"));
    }
}
