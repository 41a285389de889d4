//! A larger share of the CPU where there are too few.

use rustix::process::{getpriority_process, setpriority_process};

/// The nice value. Of a CPU that 25 busy processes share, 0 is good for 4 %, this for
/// 27 %; what is taken of it is little (docs/journal/2026-11-21-user-space.md).
const NICE: i32 = -10;

/// Asks for it, for this thread and those that it starts from here on: records that
/// are not taken out of the ring buffer in time are lost. Without `CAP_SYS_NICE`, or
/// where somebody chose another value, all stays as it is.
pub fn raise_priority() {
    if getpriority_process(None) == Ok(0) {
        let _ = setpriority_process(None, NICE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_left_alone() {
        // Of this thread alone: that is what the kernel makes of a process's own number.
        let nice = std::thread::spawn(|| {
            let before = getpriority_process(None).unwrap();
            setpriority_process(None, before + 1).unwrap();
            raise_priority();
            (before + 1, getpriority_process(None).unwrap())
        });
        let (chosen, now) = nice.join().unwrap();
        assert_eq!(now, if chosen == 0 { NICE } else { chosen });
    }
}
