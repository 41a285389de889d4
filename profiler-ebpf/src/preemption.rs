//! Not being preempted.
//!
//! While a thread is put off in the middle of a program, the kernel skips the same
//! program for all others on that CPU (`recursion_misses`), and what they do is not seen.
//! Where the kernel preempts programs it also lets them forbid it (`bpf_preempt_disable`,
//! since 6.10). aya knows no calls of kernel functions: the loader finds these by their
//! number and puts in the kernel's, or nothing.

use profiler_common::config::Hung;

/// From here on no other thread takes over.
#[inline(always)]
pub fn off(hung: Hung) {
    call(hung.preemption_off());
}

/// From here on another one may.
#[inline(always)]
pub fn on(hung: Hung) {
    call(hung.preemption_on());
}

#[inline(always)]
fn call(number: usize) {
    // SAFETY: not called as such: the loader replaces the call instruction.
    unsafe {
        let function: unsafe extern "C" fn() = core::mem::transmute(number);
        function();
    }
}
