//! The environs that one thread of Apache sends to daemons: of each the same names are
//! kept as reading all of it finds, whatever the thread remembers of those before.
//!
//! Input: environs; each how much of it can be read, and its strings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use profiler_common::environ::{self, Hints, IoVec, Search, Write};
use profiler_common::limits::{MAX_ENVIRON, NAME_CAP};
use under_fuzz::input::Input;

/// By their place in `Names`.
const NAMES: [&str; 3] = [
    "mod_wsgi.process_group\0",
    "mod_wsgi.application_group\0",
    "SCRIPT_NAME\0",
];

/// One `writev`.
#[derive(Default)]
struct Environ {
    /// Address and bytes of each buffer.
    buffers: Vec<(u64, Vec<u8>)>,
    /// How many of them can be read.
    readable: usize,
    kept: [Vec<u8>; 3],
}

impl Environ {
    fn made_of(input: &mut Input) -> Self {
        let mut environ = Self::default();
        environ.buffers.extend([(1, vec![0; 8]), (2, vec![0; 8])]);
        let mut names = NAMES.iter().enumerate();
        for _ in 0..input.byte() % 32 {
            let kind = input.byte();
            // In the order in which mod_wsgi adds them, or not at all.
            let (address, key) = match (kind % 4, names.clone().next()) {
                (0, Some((place, name))) => {
                    names.next();
                    // Literals; of another module where it was loaded anew.
                    let module = u64::from(kind >> 6) << 32;
                    (module + 0x1000 + place as u64, name.as_bytes().to_vec())
                }
                (1, _) => {
                    names.next();
                    continue;
                }
                // A header's, which may be as long as a name's.
                _ => {
                    let length = usize::from(kind >> 2) % 32;
                    (0x9000 + u64::from(kind), header(input.bytes(length)))
                }
            };
            let length = usize::from(input.byte()) % 100;
            let mut value = input.bytes(length).to_vec();
            value.push(0);
            environ.buffers.push((address, key));
            environ.buffers.push((0xa000 + u64::from(kind), value));
        }
        let unreadable = usize::from(input.byte().saturating_sub(200));
        environ.readable = environ.buffers.len().saturating_sub(unreadable);
        environ
    }

    /// What reading all that can be read finds.
    fn names(&self) -> [Vec<u8>; 3] {
        let (pairs, _) = self.buffers[..self.readable].as_chunks::<2>();
        NAMES.map(|name| {
            let mut found = pairs.iter().filter(|[key, _]| key.1 == name.as_bytes());
            let value = found.next().map_or(&b"\0"[..], |[_, value]| &value.1);
            value[..(value.len() - 1).min(NAME_CAP)].to_vec()
        })
    }
}

fn header(name: &[u8]) -> Vec<u8> {
    [b"HTTP_", name, b"\0"].concat()
}

impl Write for Environ {
    fn count(&self) -> u32 {
        self.buffers.len() as u32
    }

    fn buffer(&mut self, index: u32) -> Option<IoVec> {
        let readable = &self.buffers[..self.readable];
        let (base, bytes) = readable.get(index as usize)?;
        Some(IoVec {
            base: *base,
            len: bytes.len() as u64,
        })
    }

    fn start(&mut self, address: u64) -> Option<[u64; 2]> {
        let (_, bytes) = self.buffers.iter().find(|buffer| buffer.0 == address)?;
        // Behind a short key is something else.
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0xee);
        let word = |at| u64::from_le_bytes(std::array::from_fn(|index| byte(at + index)));
        Some([word(0), word(8)])
    }

    fn keep(&mut self, place: usize, address: u64, len: u32) -> bool {
        assert!((1..=NAME_CAP as u32).contains(&len));
        let of_value = |at: &usize| self.buffers[at - 1].1 == NAMES[place].as_bytes();
        let values = (3..self.buffers.len()).step_by(2).filter(of_value);
        let mut values = values.filter(|at| self.buffers[*at].0 == address);
        let value = values.next().expect("the value of that name");
        self.kept[place] = self.buffers[value].1[..len as usize].to_vec();
        true
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let mut hints = Hints::default();
    while !input.is_empty() {
        let mut sent = Environ::made_of(&mut input);
        if !environ::look_again(&mut sent, &hints) {
            let mut search = Search::START;
            for _ in 0..MAX_ENVIRON {
                if search.step(&mut sent, &mut hints).is_break() {
                    break;
                }
            }
        }
        assert_eq!(sent.kept, sent.names());
    }
});
