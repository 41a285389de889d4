//! A run of any length in so many steps: when there is no room for a further one, each
//! two become one.

/// What can be joined with what follows it.
pub trait Join {
    /// Adds the step that comes next.
    fn join(&mut self, next: &Self);
}

/// Steps in time, all of so many windows but for the last.
#[derive(Clone, Debug)]
pub struct Timeline<T> {
    steps: Vec<T>,
    most: usize,
    /// Windows a step.
    windows: u64,
    /// Windows in the last.
    begun: u64,
}

impl<T: Join> Timeline<T> {
    /// With room for `most` steps, which is two at least.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            steps: Vec::new(),
            most,
            windows: 1,
            begun: 0,
        }
    }

    /// Adds a window.
    pub fn push(&mut self, window: T) {
        if self.begun < self.windows
            && let Some(last) = self.steps.last_mut()
        {
            last.join(&window);
            self.begun += 1;
            return;
        }
        if self.steps.len() >= self.most {
            self.halve();
            return self.push(window);
        }
        // As many as there are, not twice: what it may take is the bound.
        self.steps
            .reserve_exact(GROWTH.min(self.most - self.steps.len()));
        self.steps.push(window);
        self.begun = 1;
    }

    fn halve(&mut self) {
        let mut halved: Vec<T> = Vec::with_capacity(self.most.div_ceil(2));
        let mut begins = true;
        for step in self.steps.drain(..) {
            match halved.last_mut() {
                Some(last) if !begins => last.join(&step),
                _ => halved.push(step),
            }
            begins = !begins;
        }
        // An odd one at the end has room for as much again.
        self.begun = if begins {
            2 * self.windows
        } else {
            self.windows
        };
        self.windows *= 2;
        self.steps = halved;
    }

    /// The steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[T] {
        &self.steps
    }

    /// Windows a step: another number means that all steps are others.
    #[must_use]
    pub const fn windows(&self) -> u64 {
        self.windows
    }
}

/// Room is made for so many steps at a time.
const GROWTH: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// First and last window.
    #[derive(Clone, Debug, PartialEq)]
    struct Stretch(u64, u64);

    impl Join for Stretch {
        fn join(&mut self, next: &Self) {
            assert_eq!(self.1 + 1, next.0, "in order, none left out");
            self.1 = next.1;
        }
    }

    proptest! {
        #[test]
        fn every_window_is_in_it_once(most in 2_usize..9, count in 0_u64..300) {
            let mut line = Timeline::new(most);
            for window in 0..count {
                line.push(Stretch(window, window));
                prop_assert!(line.steps().len() <= most);
            }
            let mut next = 0;
            for (index, step) in line.steps().iter().enumerate() {
                prop_assert_eq!(step.0, next);
                if index + 1 < line.steps().len() {
                    prop_assert_eq!(step.1 + 1 - step.0, line.windows());
                }
                next = step.1 + 1;
            }
            prop_assert_eq!(next, count);
        }
    }

    #[test]
    fn keeps_each_window_while_there_is_room() {
        let mut line = Timeline::new(4);
        for window in 0..4 {
            line.push(Stretch(window, window));
        }
        assert_eq!((line.steps().len(), line.windows()), (4, 1));
        line.push(Stretch(4, 4));
        assert_eq!(line.steps(), [Stretch(0, 1), Stretch(2, 3), Stretch(4, 4)]);
        assert_eq!(line.windows(), 2);
    }
}
