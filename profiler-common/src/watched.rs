//! Which processes are watched, and what user space is told of them.
//!
//! A process is watched because user space named it (a root), because a watched one
//! forked it, or because it executed a program, or listened on a port, that is waited
//! for. Of the last two the kernel tells with a [`Notice`].

use core::mem::size_of;

/// What is kept of a watched thread group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Watched {
    /// What kind of server it is: of the `SERVER_` constants.
    pub server: u32,
    /// The root that it descends from: a thread group's number, which may have ended.
    pub origin: u32,
}

/// The name of a program that is waited for: as `comm`, with zeros behind it
/// (`TASK_COMM_LEN`, include/linux/sched.h).
pub type Name = [u8; 16];

/// A value of the map of ports: watched processes listen there.
pub const PORT_SERVED: u32 = 0;
/// A value of the map of ports: whoever comes to listen there is to be watched.
pub const PORT_WANTED: u32 = 1;

/// [`Notice::what`]: the process has executed a program.
pub const NOTICE_EXEC: u32 = 1;
/// [`Notice::what`]: a watched process has come to listen, or one that is watched for that.
pub const NOTICE_LISTEN: u32 = 2;

/// A record of the ring buffer that is no request: user space should look at that process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Notice {
    /// Of the `NOTICE_` constants.
    pub what: u32,
    /// The thread group.
    pub process: u32,
}

/// Size of [`Notice`] on the wire, bytes; no request's record is that short.
pub const NOTICE_SIZE: usize = size_of::<Notice>();

impl Notice {
    /// The notice in a record, if that is one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks();
        let [what, process] = *words else {
            return None;
        };
        rest.is_empty().then(|| Self {
            what: u32::from_ne_bytes(what),
            process: u32::from_ne_bytes(process),
        })
    }

    /// Its bytes in a record.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; NOTICE_SIZE] {
        // SAFETY: same size; two integers without padding.
        unsafe { core::mem::transmute(self) }
    }
}

const _: () = assert!(size_of::<Watched>() == 8 && NOTICE_SIZE == 8);
const _: () = assert!(NOTICE_SIZE < crate::event::HEADER_SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_told_by_its_length() {
        let notice = Notice {
            what: NOTICE_LISTEN,
            process: 4_711,
        };
        let bytes = notice.to_bytes();
        assert_eq!(Notice::from_bytes(&bytes), Some(notice));
        assert_eq!(Notice::from_bytes(&bytes[..7]), None);
        assert_eq!(Notice::from_bytes(&[0; 12]), None);
        assert_eq!(Notice::from_bytes(&[0; 9]), None);
    }
}
