//! Which requests get spans: the slow and the failed, so many a second.

use super::settings::Settings;
use super::spans::failed;
use crate::model::Request;

const SECOND: u64 = 1_000_000_000;

/// Picks them.
#[derive(Debug)]
pub(super) struct Picker {
    slow_ns: u64,
    most: u32,
    /// The second that is counted, since the epoch, and how many it had.
    second: (u64, u32),
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Picked {
    /// It gets its spans.
    Yes,
    /// It was neither slow nor failed.
    No,
    /// It would, but there were too many.
    TooMany,
}

impl Picker {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            slow_ns: u64::try_from(settings.slow.as_nanos()).unwrap_or(u64::MAX),
            most: settings.spans,
            second: (0, 0),
        }
    }

    pub(super) fn pick(&mut self, request: &Request) -> Picked {
        let slow = request.times.duration.is_some_and(|ns| ns >= self.slow_ns);
        if self.most == 0 || !(slow || failed(request)) {
            return Picked::No;
        }
        let second = request.end_unix_ns / SECOND;
        // They end in another order than they come in: an earlier second is this one.
        if second > self.second.0 {
            self.second = (second, 0);
        }
        if self.second.1 >= self.most {
            return Picked::TooMany;
        }
        self.second.1 += 1;
        Picked::Yes
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings;
    use super::Picked::{No, TooMany, Yes};
    use super::*;
    use crate::request::sample;

    #[test]
    fn the_slow_and_the_failed_so_many_a_second() {
        let mut picker = Picker::new(&settings());
        let quick = sample::request("/");
        let mut slow = quick.clone();
        slow.times.duration = Some(2 * SECOND);
        let mut failed = quick.clone();
        failed.status = Some(500);
        let mut later = failed.clone();
        later.end_unix_ns += SECOND;
        let given = [&quick, &slow, &failed, &slow, &quick, &later];
        let became = given.map(|request| picker.pick(request));
        assert_eq!(became, [No, Yes, Yes, TooMany, No, Yes]);
    }
}
