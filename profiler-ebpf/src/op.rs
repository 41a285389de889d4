//! One read or write on a watched connection: the kernel behind the pairing.

use core::ops::ControlFlow;

use aya_ebpf::bindings::{BPF_ANY, BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use profiler_common::environ::{IoVec, Search};
use profiler_common::event::{FLAG_METHOD_TRUNCATED, FLAG_PATH_TRUNCATED, HEADER_SIZE};
use profiler_common::limits::{METHOD_CAP, PATH_INLINE, PATH_MAX, PATH_PIECE};
use profiler_common::pairing::conn::{Conn, Slot};
use profiler_common::pairing::env::Env;
use profiler_common::pairing::machine::Loop;
use profiler_common::pairing::view::{VIEW_BYTES, VIEW_WORDS, View};
use profiler_common::stats::Counter;

use crate::arch::Syscall;
use crate::config::setting;
use crate::daemon::{self, Next};
use crate::maps::{EVENTS, LONG_PATHS, LONG_ZERO, Place, QUEUE, RequestKey, copy_slot, count};
use crate::repeat;
use crate::user::{self, Buffers, masked};

/// Bytes looked at together: all ones, to serve as a mask.
const WINDOW_BYTES: u32 = VIEW_BYTES;
/// Words of the window through which a read's bytes are looked at.
const WINDOW_WORDS: usize = VIEW_WORDS;
/// Behind the window, for the last piece that is copied out of it.
const SLACK_WORDS: usize = 8;
const PIECE: u32 = PATH_PIECE as u32;

/// The operation under way. It lies in a map, not on the stack: see
/// `profiler_common::pairing::scan::Cursor`.
#[repr(C)]
pub struct Op {
    /// Address of the `struct sock`.
    pub sock: u64,
    /// `CLOCK_MONOTONIC`, ns.
    pub now: u64,
    /// As `bpf_get_current_pid_tgid` gives it.
    pub task: u64,
    /// Where the bytes are.
    pub buffers: Buffers,
    /// Whose operation it is.
    pub place: Place,
    /// How many were read or written.
    pub len: u32,
    /// Position of the window's first byte.
    pub window_start: u32,
    /// Position past its last.
    pub window_end: u32,
    /// The socket's file descriptor; all ones where that was not looked at.
    pub descriptor: u32,
    /// How far the search for names has come.
    pub search: Search,
    /// Bytes sent to user space since it was last looked how much waits there.
    unasked: u32,
    /// What kind of server it is: of the `SERVER_` constants.
    pub server: u32,
    /// The root that it descends from.
    pub origin: u32,
    /// Next byte of a path to copy.
    copy_pos: u32,
    /// Bytes of it still to copy.
    copy_left: u32,
    /// What [`full_barrier`](crate::kernel::full_barrier) works on.
    pub fence: u64,
    /// Part of the data, copied here to be looked at.
    window: [u64; WINDOW_WORDS],
    /// So that the verifier can bound what is copied out of the window.
    slack: [u64; SLACK_WORDS],
}

/// Where bytes are: an address in the caller's memory or, if that is 0, in the window,
/// so far from its start.
struct Source {
    address: u64,
    offset: u32,
}

impl Op {
    /// Tells it where the bytes are, and how many.
    #[inline(always)]
    pub fn fill(&mut self, call: Syscall, ret: i64) {
        self.descriptor = call.descriptor;
        self.buffers = call.buffers;
        self.len = ret as u32;
        self.window_start = 0;
        self.window_end = 0;
    }

    #[inline(always)]
    fn key(&self, number: u32) -> RequestKey {
        RequestKey {
            sock: self.sock,
            number,
            zero: 0,
        }
    }

    /// Moves the window so that it begins at `pos`.
    #[inline(always)]
    fn refill(&mut self, pos: u32) -> bool {
        let Some((address, contiguous)) = self.buffers.locate(pos) else {
            return false;
        };
        let mut len = self.len - pos;
        if u64::from(len) > contiguous {
            len = contiguous as u32;
        }
        if len > WINDOW_BYTES {
            len = WINDOW_BYTES;
        }
        // SAFETY: the window holds WINDOW_BYTES and one more.
        if !unsafe { user::copy::<WINDOW_BYTES>(self.window.as_mut_ptr().cast(), len, address) } {
            count(self.place, Counter::OpaqueIo);
            return false;
        }
        let behind = self.window.as_mut_ptr().cast::<u8>();
        // SAFETY: the window holds WINDOW_BYTES and this one more.
        unsafe { *behind.add(masked::<WINDOW_BYTES>(len) as usize) = b'\n' };
        self.window_start = pos;
        self.window_end = pos + len;
        true
    }

    /// The `index`th `struct iovec` of a vector. The window holds many of them at a
    /// time, and nothing else during an operation that calls this.
    #[inline(always)]
    pub fn vector(&mut self, index: u32) -> Option<IoVec> {
        const VECTORS: u32 = WINDOW_WORDS as u32 / 2;
        let address = self.buffers.vector_address(index)?;
        if index < self.window_start || index >= self.window_end {
            let mut many = self.buffers.count() - index;
            if many >= VECTORS {
                many = VECTORS - 1;
            }
            let to = self.window.as_mut_ptr().cast();
            // SAFETY: the window holds WINDOW_BYTES and one more.
            if !unsafe { user::copy::<WINDOW_BYTES>(to, many * 16, address) } {
                count(self.place, Counter::OpaqueIo);
                return None;
            }
            self.window_start = index;
            self.window_end = index + many;
        }
        let at = ((index - self.window_start) * 2) as usize & (WINDOW_WORDS - 2);
        Some(IoVec {
            base: self.window[at],
            len: self.window[at + 1],
        })
    }

    /// Address and length of the `index`th buffer; the length of a flat one is not known
    /// and given as `u64::MAX`.
    #[inline(always)]
    pub fn buffer(&mut self, index: u32) -> Option<(u64, u64)> {
        match self.buffers.flat_address() {
            Some(address) => (index == 0).then_some((address, u64::MAX)),
            None => self.vector(index).map(|IoVec { base, len }| (base, len)),
        }
    }

    /// Copies `len & MASK` bytes of the data from `pos` on: out of the window if they are
    /// there, which costs less.
    ///
    /// # Safety
    ///
    /// `to` must be valid for writes of `MASK` bytes; the verifier checks it.
    #[inline(always)]
    unsafe fn copy_out<const MASK: u32>(&self, to: *mut u8, len: u32, from: &Source) -> bool {
        const { assert!(MASK as usize <= SLACK_WORDS * 8) };
        // SAFETY: by the contract above; behind the window is MASK's slack.
        unsafe {
            if from.address != 0 {
                return user::copy::<MASK>(to, len, from.address);
            }
            let window: *const u8 = self.window.as_ptr().cast();
            let from = window.add(masked::<WINDOW_BYTES>(from.offset) as usize);
            bpf_probe_read_kernel(to.cast(), masked::<MASK>(len), from.cast()) == 0
        }
    }

    /// Where the bytes from `pos` on can be copied from, and how many at a time.
    #[inline(always)]
    fn source(&self, pos: u32) -> Option<(Source, u64)> {
        if pos >= self.window_start && pos < self.window_end {
            let left = u64::from(self.window_end - pos);
            let offset = pos - self.window_start;
            return Some((Source { address: 0, offset }, left));
        }
        let (address, contiguous) = self.buffers.locate(pos)?;
        Some((Source { address, offset: 0 }, contiguous))
    }

    /// Moves a path to the long-path map.
    #[inline(always)]
    fn lengthen(&self, slot: &mut Slot) -> bool {
        let key = self.key(slot.seq);
        let Some(zero) = LONG_ZERO.get_ptr(0) else {
            return false;
        };
        // SAFETY: a valid map value, never written.
        if LONG_PATHS
            .insert(key, unsafe { &*zero }, u64::from(BPF_ANY))
            .is_err()
        {
            if slot.header.flags & FLAG_PATH_TRUNCATED == 0 {
                count(self.place, Counter::LongPathFull);
            }
            return false;
        }
        let Some(record) = LONG_PATHS.get_ptr_mut(key) else {
            return false;
        };
        // SAFETY: a valid map value that only this connection's operations touch.
        let record = unsafe { &mut *record };
        let to = record.path.as_mut_ptr().cast();
        // SAFETY: both paths hold that much.
        unsafe { bpf_probe_read_kernel(to, PATH_INLINE as u32, slot.path.as_ptr().cast()) };
        slot.long_path = true;
        true
    }

    /// The next piece of the path that `append_path` is about.
    #[inline(always)]
    pub fn piece(&mut self, slot: &mut Slot) -> ControlFlow<()> {
        if self.copy_left == 0 {
            return ControlFlow::Break(());
        }
        let took = self.append_piece(slot, self.copy_pos, self.copy_left);
        self.copy_pos += took;
        self.copy_left -= took;
        if took == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Copies one piece of the path; how much was taken, 0 where there is no room.
    #[inline(always)]
    fn append_piece(&self, slot: &mut Slot, pos: u32, wanted: u32) -> u32 {
        let Some((source, contiguous)) = self.source(pos) else {
            return 0;
        };
        let at = usize::from(slot.header.path_len);
        let mut len = wanted.min(PIECE);
        if u64::from(len) > contiguous {
            len = contiguous as u32;
        }
        if !slot.long_path && at >= PATH_INLINE && !self.lengthen(slot) {
            return 0;
        }
        let (to, room) = if slot.long_path {
            let Some(record) = LONG_PATHS.get_ptr_mut(self.key(slot.seq)) else {
                return 0;
            };
            let at = at & PATH_MAX;
            // SAFETY: a valid map value, and inside its path.
            let to = unsafe { (&raw mut (*record).path).cast::<u8>().add(at) };
            (to, PATH_MAX - at)
        } else {
            // Compared anew: older verifiers forget what `at` was compared with above.
            let at = core::hint::black_box(at);
            if at >= PATH_INLINE {
                return 0;
            }
            // SAFETY: inside the path.
            (unsafe { slot.path.as_mut_ptr().add(at) }, PATH_INLINE - at)
        };
        if room == 0 {
            return 0;
        }
        len = len.min(room as u32);
        // SAFETY: either path has PATH_PIECE bytes of slack.
        if !unsafe { self.copy_out::<PIECE>(to, len, &source) } {
            return 0;
        }
        slot.header.path_len += len as u16;
        len
    }
}

/// Records on their way to user space.
impl Op {
    /// Hands over a record whose path lives in the long-path map.
    #[inline(always)]
    fn emit_long(&mut self, slot: &Slot) -> bool {
        let Some(record) = LONG_PATHS.get_ptr_mut(self.key(slot.seq)) else {
            return false;
        };
        // SAFETY: a valid map value that only this connection's operations touch.
        unsafe {
            let to = (&raw mut (*record).header).cast();
            bpf_probe_read_kernel(to, HEADER_SIZE as u32, (&raw const slot.header).cast());
        }
        let len = masked::<{ PATH_MAX as u32 }>(u32::from(slot.header.path_len));
        self.send(record.cast_const().cast(), HEADER_SIZE + len as usize)
    }

    /// Sends `len` bytes. User space looks by itself ten times a second, and is
    /// woken only when much has gathered: a wake-up costs more than the record. Whether
    /// it has, too, is asked only now and then.
    #[inline(always)]
    fn send(&mut self, record: *const u8, len: usize) -> bool {
        const LOOKS: u32 = 64;
        let much = setting!(wake_bytes);
        self.unasked += len as u32;
        let mut flags = BPF_RB_NO_WAKEUP;
        if self.unasked > much / LOOKS {
            self.unasked = 0;
            if EVENTS.query(u64::from(BPF_RB_AVAIL_DATA)) > u64::from(much) {
                flags = BPF_RB_FORCE_WAKEUP;
            }
        }
        // SAFETY: header and path are contiguous in one map value (asserted in
        // profiler-common), and the callers bound `len` by it.
        let bytes = unsafe { core::slice::from_raw_parts(record, len) };
        EVENTS.output::<[u8]>(bytes, u64::from(flags)).is_ok()
    }
}

impl Env for Op {
    #[inline(always)]
    fn now(&self) -> u64 {
        self.now
    }

    #[inline(always)]
    fn task(&self) -> (u32, u32) {
        ((self.task >> 32) as u32, self.task as u32)
    }

    #[inline(always)]
    fn server(&self) -> u8 {
        self.server as u8
    }

    #[inline(always)]
    fn origin(&self) -> u32 {
        self.origin
    }

    #[inline(always)]
    fn reach(&mut self, pos: u32) -> bool {
        let inside = pos >= self.window_start && pos < self.window_end;
        inside || self.refill(pos)
    }

    #[inline(always)]
    fn view(&self) -> View<'_> {
        View {
            words: &self.window,
            start: self.window_start,
            end: self.window_end,
        }
    }

    #[inline(always)]
    fn clear(&mut self, slot: &mut Slot) {
        let words = (&raw mut slot.header).cast::<u64>();
        for index in 0..HEADER_SIZE / 8 {
            // SAFETY: inside the header, which is aligned like its first field. Volatile,
            // or LLVM makes it a `memset` byte by byte.
            unsafe { words.add(index).write_volatile(0) };
        }
    }

    #[inline(always)]
    fn copy(&mut self, from: &Slot, to: &mut Slot) {
        copy_slot(from, to);
    }

    #[inline(always)]
    fn append_method(&mut self, slot: &mut Slot, pos: u32, len: u32) {
        let at = slot.header.method_len as usize;
        let Some((source, _)) = self.source(pos) else {
            return;
        };
        let room = METHOD_CAP.saturating_sub(at) as u32;
        let mut take = len;
        if take > room {
            take = room;
            slot.header.flags |= FLAG_METHOD_TRUNCATED;
        }
        if at < METHOD_CAP && take > 0 {
            let base = (&raw mut *slot).cast::<u8>();
            let inside = masked::<{ METHOD_CAP as u32 - 1 }>(at as u32) as usize;
            // SAFETY: at + take <= METHOD_CAP by `room`; what the verifier can
            // prove, at + take < 3 * METHOD_CAP, is still inside the slot.
            let copied = unsafe {
                let to = base.add(core::mem::offset_of!(Slot, header.method) + inside);
                self.copy_out::<{ 2 * METHOD_CAP as u32 - 1 }>(to, take, &source)
            };
            if copied {
                slot.header.method_len += take as u8;
            }
        }
    }

    #[inline(always)]
    fn append_path(&mut self, slot: &mut Slot, pos: u32, len: u32) {
        self.copy_pos = pos;
        self.copy_left = len;
        repeat::pieces(self, slot);
        if self.copy_left > 0 && slot.header.flags & FLAG_PATH_TRUNCATED == 0 {
            slot.header.flags |= FLAG_PATH_TRUNCATED;
            count(self.place, Counter::PathTruncated);
        }
    }

    #[inline(always)]
    fn discard(&mut self, slot: &mut Slot) {
        if slot.long_path {
            // Nothing to do if it is gone already.
            let _ = LONG_PATHS.remove(self.key(slot.seq));
            slot.long_path = false;
        }
    }

    #[inline(always)]
    fn emit(&mut self, slot: &mut Slot) {
        if slot.far_end != 0
            && let Next::Wait = daemon::join(self, slot)
        {
            return;
        }
        let sent = if slot.long_path {
            self.emit_long(slot)
        } else {
            let len = masked::<0xff>(u32::from(slot.header.path_len));
            self.send((&raw const *slot).cast(), HEADER_SIZE + len as usize)
        };
        self.discard(slot);
        let counter = if sent {
            Counter::Emitted
        } else {
            Counter::RingFull
        };
        count(self.place, counter);
    }

    #[inline(always)]
    fn push(&mut self, place: u32, slot: &Slot) -> bool {
        QUEUE
            .insert(self.key(place), slot, u64::from(BPF_ANY))
            .is_ok()
    }

    #[inline(always)]
    fn pop(&mut self, place: u32, into: &mut Slot) -> bool {
        let key = self.key(place);
        let Some(waiting) = QUEUE.get_ptr(key) else {
            return false;
        };
        copy_slot(waiting, into);
        let _ = QUEUE.remove(key);
        true
    }

    #[inline(always)]
    fn buffer_start(&mut self, index: u32) -> Option<([u64; 2], u64)> {
        let (address, len) = self.buffer(index)?;
        let len = len.min(u64::from(self.len));
        let mut start = [0_u64; 2];
        let to: *mut u8 = start.as_mut_ptr().cast();
        // SAFETY: `start` holds 16 bytes.
        let copied = unsafe {
            if len >= 16 {
                user::copy::<16>(to, 16, address)
            } else {
                user::copy::<15>(to, len as u32, address)
            }
        };
        if !copied {
            count(self.place, Counter::OpaqueIo);
        }
        Some((start, len))
    }

    #[inline(always)]
    fn leaves_chunk_open(&mut self) -> bool {
        match self.vector(self.buffers.count().wrapping_sub(1)) {
            Some(IoVec { base, len: 2 }) => user::read(base) == Some(*b"\r\n"),
            _ => false,
        }
    }

    #[inline(always)]
    fn count(&mut self, counter: Counter) {
        count(self.place, counter);
    }

    #[inline(always)]
    fn repeat(&mut self, conn: &mut Conn, what: Loop) -> bool {
        repeat::pairing(self, conn, what)
    }
}
