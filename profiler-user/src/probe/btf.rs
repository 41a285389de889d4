//! Finds where members lie in the running kernel's structures.
//!
//! Rust's eBPF programs carry no CO-RE relocations, and aya keeps its BTF types
//! to itself; the one crate that shows them is under the LGPL, which would bind
//! a statically linked binary. The little needed here follows
//! Documentation/bpf/btf.rst, sections 2 and 2.2.

use aya::{Btf, BtfError, Endianness};

/// Why a member could not be found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel was built without `CONFIG_DEBUG_INFO_BTF`, or it is unreadable.
    #[error("{path}: {source}")]
    Unreadable {
        /// Where the kernel's BTF should be.
        path: &'static str,
        /// Why it is not.
        source: std::io::Error,
    },
    /// Not in the format that the kernel documents.
    #[error("the kernel's BTF is malformed")]
    Malformed,
    /// The structure or member is not there.
    #[error("the kernel's BTF has no {0}.{1}")]
    Missing(&'static str, &'static str),
}

/// Where the kernel shows its types.
pub const PATH: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;

// Kinds (include/uapi/linux/btf.h).
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const FWD: u32 = 7;
const TYPEDEF: u32 = 8;
const INT: u32 = 1;
const FUNC: u32 = 12;
const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const DECL_TAG: u32 = 17;
const ENUM64: u32 = 19;

/// The kernel's types.
pub struct Types {
    data: Vec<u8>,
    /// Where the strings begin.
    strings: usize,
    /// Where each type begins, by id; 0 is void.
    places: Vec<u32>,
    /// Where each structure and union begins.
    composites: Vec<u32>,
    /// The id of each function's type, and of each type's other name.
    functions: Vec<u32>,
    typedefs: Vec<u32>,
}

/// A type that programs are loaded with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A function.
    Function(String),
    /// A `typedef`.
    Typedef(String),
}

impl Types {
    /// Reads the running kernel's types.
    pub fn of_kernel() -> Result<Self, Error> {
        let data =
            std::fs::read(PATH).map_err(|source| Error::Unreadable { path: PATH, source })?;
        Self::parse(data).ok_or(Error::Malformed)
    }

    fn parse(data: Vec<u8>) -> Option<Self> {
        if data.get(..2)? != MAGIC.to_ne_bytes() {
            return None;
        }
        let header = word(&data, 4)? as usize;
        if header < HEADER {
            return None;
        }
        let begin = header + word(&data, 8)? as usize;
        let end = begin + word(&data, 12)? as usize;
        let strings = header + word(&data, 16)? as usize;
        let mut places = vec![0];
        let (mut composites, mut functions, mut typedefs) = (vec![], vec![], vec![]);
        let mut at = begin;
        while at < end {
            let info = word(&data, at + 4)?;
            let entries = (info & 0xffff) as usize;
            let (place, id) = (at as u32, places.len() as u32);
            places.push(place);
            match kind(info) {
                STRUCT | UNION => composites.push(place),
                FUNC => functions.push(id),
                TYPEDEF => typedefs.push(id),
                _ => {}
            }
            at += 12
                + match kind(info) {
                    INT | VAR | DECL_TAG => 4,
                    ARRAY => 12,
                    STRUCT | UNION | DATASEC | ENUM64 => entries * 12,
                    ENUM | FUNC_PROTO => entries * 8,
                    _ => 0,
                };
        }
        Some(Self {
            data,
            strings,
            places,
            composites,
            functions,
            typedefs,
        })
    }

    /// Byte offset of a member, members of anonymous members included.
    pub fn offset(&self, structure: &'static str, member: &'static str) -> Result<u32, Error> {
        self.composites(structure)
            .find_map(|at| self.member(at, member))
            .map(|bits| bits / 8)
            .ok_or(Error::Missing(structure, member))
    }

    /// Size of a structure or union, bytes.
    pub fn size(&self, structure: &'static str) -> Result<u32, Error> {
        self.composites(structure)
            .next()
            .and_then(|at| word(&self.data, at + 8))
            .ok_or(Error::Missing(structure, "size"))
    }

    /// Whether the kernel has that function.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        self.function(name).is_some()
    }

    /// The id of that function's type.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<u32> {
        self.find(&self.functions, name)
    }

    /// BTF in which these have the kernel's ids, and all else is nameless: what aya
    /// needs to load programs, for a tenth of the time and memory of the whole.
    pub fn excerpt(&self, wanted: &[Named]) -> Result<Btf, BtfError> {
        let mut types: Vec<[u32; 3]> = Vec::new();
        let mut strings = vec![0];
        for named in wanted {
            let (kind, name, id) = match named {
                Named::Function(name) => (FUNC, name, self.function(name)),
                Named::Typedef(name) => (TYPEDEF, name, self.find(&self.typedefs, name)),
            };
            // Without it aya finds it missing, and says so.
            let Some(id) = id else { continue };
            let place = id as usize - 1;
            if types.len() <= place {
                types.resize(place + 1, [0, FWD << 24, 0]);
            }
            types[place] = [strings.len() as u32, kind << 24, 0];
            strings.extend(name.bytes().chain([0]));
        }
        let length = (types.len() * 12) as u32;
        let first = u32::from(MAGIC) | 1 << 16;
        let first = if cfg!(target_endian = "big") {
            first.rotate_left(16)
        } else {
            first
        };
        let header = [
            first,
            HEADER as u32,
            0,
            length,
            length,
            strings.len() as u32,
        ];
        let words = header.iter().chain(types.as_flattened());
        let mut data: Vec<u8> = words.flat_map(|word| word.to_ne_bytes()).collect();
        data.extend(strings);
        Btf::parse(&data, Endianness::default())
    }

    /// The id, of these, of that name.
    fn find(&self, ids: &[u32], name: &str) -> Option<u32> {
        let place = |id: u32| self.places[id as usize] as usize;
        ids.iter()
            .copied()
            .find(|id| self.name_is(place(*id), name))
    }

    /// Where the structures and unions of that name begin.
    fn composites(&self, name: &'static str) -> impl Iterator<Item = usize> {
        let all = self.composites.iter().map(|at| *at as usize);
        all.filter(move |at| self.name_is(*at, name))
    }

    /// Bit offset of a member within the structure at `at`.
    fn member(&self, at: usize, wanted: &str) -> Option<u32> {
        let info = word(&self.data, at + 4)?;
        let has_bitfields = info >> 31 != 0;
        (0..(info & 0xffff) as usize).find_map(|index| {
            let entry = at + 12 + index * 12;
            let mut bits = word(&self.data, entry + 8)?;
            if has_bitfields {
                bits &= 0x00ff_ffff;
            }
            if self.name_is(entry, wanted) {
                return Some(bits);
            }
            if word(&self.data, entry)? != 0 {
                return None;
            }
            let inner = *self.places.get(word(&self.data, entry + 4)? as usize)? as usize;
            if !self.is_composite(inner) {
                return None;
            }
            self.member(inner, wanted).map(|inside| bits + inside)
        })
    }

    fn is_composite(&self, at: usize) -> bool {
        word(&self.data, at + 4).is_some_and(|info| matches!(kind(info), STRUCT | UNION))
    }

    /// Whether the entry at `at`, which begins with its name, has that name.
    fn name_is(&self, at: usize, wanted: &str) -> bool {
        let Some(name) = word(&self.data, at) else {
            return false;
        };
        self.data
            .get(self.strings + name as usize..)
            .and_then(|rest| rest.strip_prefix(wanted.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    }
}

fn kind(info: u32) -> u32 {
    (info >> 24) & 0x1f
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_never_moved() {
        let types = Types::of_kernel().expect("this kernel has BTF");
        // The first members of `struct sock_common`, unchanged since 3.x.
        for (member, offset) in [("skc_daddr", 0), ("skc_num", 14), ("skc_family", 16)] {
            assert_eq!(types.offset("sock_common", member).expect(member), offset);
        }
        assert!(types.offset("sock", "no_such_member").is_err());
        assert!(types.offset("no_such_struct", "x").is_err());
        assert_eq!(types.size("iovec").expect("iovec"), 16);
        assert!(types.size("no_such_struct").is_err());
        assert!(types.has_function("inet_sendmsg"));
        assert!(!types.has_function("inet_sendms"));
    }

    #[test]
    fn an_excerpt_keeps_ids() {
        let types = Types::of_kernel().expect("this kernel has BTF");
        let sends = Named::Function("inet_sendmsg".into());
        let forks = Named::Typedef("btf_trace_sched_process_fork".into());
        let missing = Named::Function("inet_sendms".into());
        let excerpt = types
            .excerpt(&[sends, missing, forks])
            .expect("well-formed");
        let excerpt = Types::parse(excerpt.to_bytes()).expect("well-formed");
        let fork = "btf_trace_sched_process_fork";
        let id = |types: &Types| types.find(&types.typedefs, fork).expect("a typedef");
        assert_eq!(id(&excerpt), id(&types));
        let sendmsg = types.function("inet_sendmsg");
        assert!(sendmsg.is_some());
        assert_eq!(excerpt.function("inet_sendmsg"), sendmsg);
        for absent in ["inet_sendms", "inet_recvmsg"] {
            assert!(!excerpt.has_function(absent));
        }
    }

    #[test]
    fn refuses_what_is_not_btf() {
        assert!(Types::parse(vec![]).is_none());
        assert!(Types::parse(vec![0; 64]).is_none());
        let mut cut = std::fs::read(PATH).expect("this kernel has BTF");
        cut.truncate(1 << 16);
        assert!(Types::parse(cut).is_none());
    }
}
