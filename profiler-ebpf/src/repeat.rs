//! Loops: with `bpf_loop`, or before 5.17 without.

#[cfg(not(feature = "old-kernels"))]
pub use new::{environ, pairing, pieces};
#[cfg(feature = "old-kernels")]
pub use old::{environ, pairing, pieces};

#[cfg(not(feature = "old-kernels"))]
mod new {
    use core::ops::ControlFlow;

    use aya_ebpf::helpers::generated::bpf_loop;
    use profiler_common::limits::{MAX_ENVIRON, PATH_MAX, PATH_PIECE};
    use profiler_common::pairing::conn::{Conn, Slot};
    use profiler_common::pairing::machine::Loop;

    use crate::environ::Looking;
    use crate::op::Op;

    /// Does steps of one of the state machine's loops; false if it was given up.
    #[inline(always)]
    pub fn pairing(op: &mut Op, conn: &mut Conn, what: Loop) -> bool {
        struct Work<'a>(&'a mut Op, &'a mut Conn);
        let times = what.times();
        let mut work = Work(op, conn);
        // A step must not capture anything, not even which it is.
        match what {
            Loop::Read => steps(times, &mut work, |work| Loop::Read.step(work.0, work.1)),
            Loop::Answers => steps(times, &mut work, |work| Loop::Answers.step(work.0, work.1)),
            Loop::Close => steps(times, &mut work, |work| Loop::Close.step(work.0, work.1)),
        }
    }

    /// Copies a path.
    #[inline(always)]
    pub fn pieces(op: &mut Op, slot: &mut Slot) {
        struct Copying<'a>(&'a mut Op, &'a mut Slot);
        const PIECES: u32 = (PATH_MAX / PATH_PIECE) as u32 + 8;
        let mut copying = Copying(op, slot);
        steps(PIECES, &mut copying, |copying| copying.0.piece(copying.1));
    }

    /// Looks through an environ.
    #[inline(always)]
    pub fn environ(looking: &mut Looking) {
        steps(MAX_ENVIRON, looking, Looking::step);
    }

    /// Calls `step` until it breaks, at most `times`; false if it never broke.
    #[inline(always)]
    fn steps<S, F>(times: u32, state: &mut S, _step: F) -> bool
    where
        F: Fn(&mut S) -> ControlFlow<()> + Copy,
    {
        const { assert!(size_of::<F>() == 0, "a step must not capture anything") };
        unsafe extern "C" fn trampoline<S, F>(_index: u32, state: *mut S) -> i64
        where
            F: Fn(&mut S) -> ControlFlow<()> + Copy,
        {
            // SAFETY: F is zero-sized and one of it exists: `_step` below. The
            // state is the one given to `bpf_loop`, alive while that runs.
            let (step, state) = unsafe { (core::mem::zeroed::<F>(), &mut *state) };
            i64::from(step(state).is_break())
        }
        // SAFETY: the callback has the signature that `bpf_loop` calls
        // (kernel/bpf/bpf_iter.c): u32 index, pointer to the state.
        let ran = unsafe {
            bpf_loop(
                times,
                trampoline::<S, F> as *mut _,
                (&raw mut *state).cast(),
                0,
            )
        };
        ran < i64::from(times)
    }
}

/// The verifier goes through a loop turn by turn. What a turn does is in a function with
/// a linkage that makes the verifier check it once, by itself, whoever calls it: a turn
/// then costs it a dozen instructions. Such a function takes no pointers (before 5.12),
/// so it finds what it works on anew.
#[cfg(feature = "old-kernels")]
mod old {
    use profiler_common::pairing::conn::{Conn, Slot};
    use profiler_common::pairing::machine::Loop;

    use crate::environ::{Looking, Sent};
    use crate::maps::OPS;
    use crate::op::Op;
    use crate::{blobs, conns, tasks};

    /// Turns of each loop; each leaves a branch that the verifier has to come back to,
    /// of which it allows 8192. Apache reads 8,000 bytes: at 7 steps a chunk enough for
    /// chunks of 22 bytes.
    const READ: u32 = 2048;
    const ANSWERS: u32 = 256;
    const CLOSE: u32 = 256;
    const PIECES: u32 = 140;
    const ENVIRON: u32 = 256;

    #[inline(always)]
    pub fn pairing(op: &mut Op, conn: &mut Conn, what: Loop) -> bool {
        let place = op.place as u32;
        shared(op);
        shared(conn);
        let broke = match what {
            Loop::Read => turns(READ, || read_step(place)),
            Loop::Answers => turns(ANSWERS, || answers_step(place)),
            Loop::Close => turns(CLOSE, || close_step(place)),
        };
        shared(op);
        shared(conn);
        broke
    }

    #[inline(always)]
    pub fn pieces(op: &mut Op, slot: &mut Slot) {
        let place = op.place as u32;
        shared(op);
        shared(slot);
        turns(PIECES, || piece_step(place));
        shared(op);
        shared(slot);
    }

    #[inline(always)]
    pub fn environ(looking: &mut Looking) {
        let place = looking.sent.op.place as u32;
        shared(looking.sent.op);
        shared(looking.sent.blob);
        shared(looking.hints);
        turns(ENVIRON, || environ_step(place));
        shared(looking.sent.op);
        shared(looking.sent.blob);
        shared(looking.hints);
    }

    /// The steps reach the same by pointers of their own: nothing of it may be kept in
    /// registers across a loop.
    #[inline(always)]
    fn shared<T>(value: &mut T) {
        core::hint::black_box(core::ptr::from_mut(value));
    }

    #[inline(always)]
    fn turns(times: u32, step: impl Fn() -> u32) -> bool {
        for _ in 0..times {
            if step() != 0 {
                return true;
            }
        }
        false
    }

    // Each is not 0 to end the loop.

    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn read_step(place: u32) -> u32 {
        step(place, Loop::Read)
    }

    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn answers_step(place: u32) -> u32 {
        step(place, Loop::Answers)
    }

    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn close_step(place: u32) -> u32 {
        step(place, Loop::Close)
    }

    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn piece_step(place: u32) -> u32 {
        found(place).map_or(1, |(op, conn)| {
            // A path is only ever that of the request being read.
            u32::from(op.piece(conn.reading()).is_break())
        })
    }

    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn environ_step(place: u32) -> u32 {
        let Some(op) = operation(place) else {
            return 1;
        };
        let (Some(blob), Some((_, task))) = (blobs::in_the_making(op.place), tasks::current())
        else {
            return 1;
        };
        let mut looking = Looking {
            sent: Sent { op, blob },
            hints: &mut task.hints.places,
        };
        u32::from(looking.step().is_break())
    }

    #[inline(always)]
    fn step(place: u32, what: Loop) -> u32 {
        found(place).map_or(1, |(op, conn)| u32::from(what.step(op, conn).is_break()))
    }

    #[inline(always)]
    fn found(place: u32) -> Option<(&'static mut Op, &'static mut Conn)> {
        let op = operation(place)?;
        let conn = conns::find(op.sock).or_else(|| conns::stand_in(op.place))?;
        // SAFETY: a valid map value that only this socket's operations touch.
        Some((op, unsafe { &mut *conn }))
    }

    #[inline(always)]
    fn operation(place: u32) -> Option<&'static mut Op> {
        // SAFETY: this CPU's own value, which the caller does not touch meanwhile.
        Some(unsafe { &mut *OPS.get_ptr_mut(place)? })
    }
}
