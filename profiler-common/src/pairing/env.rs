//! The small trait behind which the kernel stands.

use super::conn::{Conn, Slot};
use super::machine::Loop;
pub use super::view::{View, Word};
use crate::stats::Counter;

/// What the state machine asks of its surroundings during one operation.
///
/// Positions count from the start of the data that was just read.
pub trait Env {
    /// Time of the operation, `CLOCK_MONOTONIC` ns.
    fn now(&self) -> u64;

    /// Thread group and thread that performed it.
    fn task(&self) -> (u32, u32);

    /// What kind of server that is: of the `SERVER_` constants.
    fn server(&self) -> u8;

    /// The root process that it descends from.
    fn origin(&self) -> u32;

    /// Sees to it that the view holds the byte at `pos`, and as many behind it as may
    /// be; false if they cannot be read.
    fn reach(&mut self, pos: u32) -> bool;

    /// What can be looked at now.
    fn view(&self) -> View<'_>;

    /// Bytes at `pos`: none if they cannot be read.
    #[inline(always)]
    fn word(&mut self, pos: u32) -> Word {
        if self.reach(pos) {
            self.view().word(pos)
        } else {
            Word { bits: 0, len: 0 }
        }
    }

    /// Zeroes a header. The kernel has no `memset`, and a loop of stores would be
    /// verified byte by byte.
    fn clear(&mut self, slot: &mut Slot);

    /// Copies a slot: the kernel has no `memcpy` either.
    fn copy(&mut self, from: &Slot, to: &mut Slot);

    /// Appends bytes of the data to the method; what is over the cap is cut and
    /// flagged.
    fn append_method(&mut self, slot: &mut Slot, pos: u32, len: u32);

    /// Appends bytes of the data to the path, moving it to the long-path map
    /// when it outgrows the slot; what finds no room is cut and flagged.
    fn append_path(&mut self, slot: &mut Slot, pos: u32, len: u32);

    /// Frees what the slot holds outside itself.
    fn discard(&mut self, slot: &mut Slot);

    /// Hands the finished request to user space, or counts it as lost.
    fn emit(&mut self, slot: &mut Slot);

    /// Puts a request into the connection's queue; false if there is no room.
    fn push(&mut self, place: u32, slot: &Slot) -> bool;

    /// Takes the request at `place` out of the queue.
    fn pop(&mut self, place: u32, into: &mut Slot) -> bool;

    /// First 16 bytes of the `index`th buffer of the write under way and the
    /// buffer's length; `None` past the last or where it is out of reach.
    fn buffer_start(&mut self, index: u32) -> Option<([u64; 2], u64)>;

    /// Whether the write under way ends with a chunk's closing CRLF in a buffer of
    /// its own, which Apache writes after every chunk but the last.
    fn leaves_chunk_open(&mut self) -> bool;

    /// Adds one to a counter.
    fn count(&mut self, counter: Counter);

    /// Does steps of a loop until one breaks it; false if none did in
    /// [`Loop::times`]. The kernel needs a helper for what would be a `while` elsewhere.
    fn repeat(&mut self, conn: &mut Conn, what: Loop) -> bool;
}
