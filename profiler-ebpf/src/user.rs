//! Where the bytes of a read or write lie in the caller's memory.

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use profiler_common::environ::IoVec;

/// Buffers of one read that are followed. Servers read into one; `readv` and
/// `recvmsg` users rarely into more than two.
const READ_BUFFERS: u32 = 4;

/// How they are laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Layout {
    /// `address` is the one buffer.
    Flat = 0,
    /// `address` is an array of `count` `struct iovec`.
    Vector,
    /// File contents (`sendfile`, `splice`): there is no user memory.
    BodyOnly,
    /// Out of reach: io_uring and calls that are not known.
    Opaque,
}

/// The buffers of one call.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Buffers {
    address: u64,
    count: u32,
    layout: Layout,
}

impl Buffers {
    pub const BODY_ONLY: Self = Self::new(0, 0, Layout::BodyOnly);
    pub const OPAQUE: Self = Self::new(0, 0, Layout::Opaque);

    const fn new(address: u64, count: u32, layout: Layout) -> Self {
        Self {
            address,
            count,
            layout,
        }
    }

    pub const fn flat(address: u64) -> Self {
        Self::new(address, 1, Layout::Flat)
    }

    pub const fn vector(address: u64, count: u64) -> Self {
        Self::new(address, count as u32, Layout::Vector)
    }

    /// `struct user_msghdr` (include/linux/socket.h): `msg_iov` is at byte 16,
    /// `msg_iovlen` at 24.
    #[inline(always)]
    pub fn message(address: u64) -> Self {
        match read::<IoVec>(address + 16) {
            Some(vector) => Self::vector(vector.base, vector.len),
            None => Self::OPAQUE,
        }
    }

    /// How many there are.
    #[inline(always)]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Address of the `index`th `struct iovec`, if there is such an array.
    #[inline(always)]
    pub fn vector_address(&self, index: u32) -> Option<u64> {
        let inside = self.layout == Layout::Vector && index < self.count;
        inside.then(|| self.address + u64::from(index) * size_of::<IoVec>() as u64)
    }

    /// The first two buffers of a vector.
    #[inline(always)]
    pub fn first_two(&self) -> Option<[IoVec; 2]> {
        let enough = self.layout == Layout::Vector && self.count >= 2;
        if enough { read(self.address) } else { None }
    }

    /// Address of the one buffer, if there is but one.
    #[inline(always)]
    pub fn flat_address(&self) -> Option<u64> {
        (self.layout == Layout::Flat).then_some(self.address)
    }

    #[inline(always)]
    pub fn is_opaque(&self) -> bool {
        self.layout == Layout::Opaque
    }

    /// Address and length of the `index`th buffer; the length of a flat one is
    /// not known and given as `u64::MAX`.
    #[inline(always)]
    pub fn get(&self, index: u32) -> Option<(u64, u64)> {
        if index >= self.count {
            return None;
        }
        if self.layout == Layout::Flat {
            return Some((self.address, u64::MAX));
        }
        let vector = read::<IoVec>(self.address + u64::from(index) * 16)?;
        Some((vector.base, vector.len))
    }

    /// Address of the byte at `pos` and how many follow it contiguously.
    #[inline(always)]
    pub fn locate(&self, pos: u32) -> Option<(u64, u64)> {
        if self.layout == Layout::Flat {
            return Some((self.address + u64::from(pos), u64::MAX));
        }
        let mut before = u64::from(pos);
        for index in 0..READ_BUFFERS {
            let (base, len) = self.get(index)?;
            if before < len {
                return Some((base + before, len - before));
            }
            before -= len;
        }
        None
    }
}

/// Reads a value of user memory.
#[inline(always)]
pub fn read<T: Copy>(address: u64) -> Option<T> {
    let mut value = core::mem::MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes all of the value or fails.
    unsafe {
        let ret = bpf_probe_read_user(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address as *const _,
        );
        (ret == 0).then(|| value.assume_init())
    }
}

/// Copies `len & MASK` bytes of user memory.
///
/// # Safety
///
/// `to` must be valid for writes of `MASK` bytes; the verifier checks it.
#[inline(always)]
pub unsafe fn copy<const MASK: u32>(to: *mut u8, len: u32, address: u64) -> bool {
    // SAFETY: by the contract above.
    unsafe { bpf_probe_read_user(to.cast(), masked::<MASK>(len), address as *const _) == 0 }
}

/// `value & MASK`, kept although the compiler knows that it changes nothing: the
/// verifier does not remember what bounded the value before.
#[inline(always)]
pub fn masked<const MASK: u32>(value: u32) -> u32 {
    core::hint::black_box(value) & MASK
}
