//! What a record names by hash: read from the kernel once, then remembered.

use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::HashMap;
use profiler_common::event::AF_UNIX;
use profiler_common::intern;

use super::{address, target};
use crate::model::Names;
use crate::probe::Blobs;

/// Those that were looked up already. Bounded by the kernel's map.
#[derive(Default)]
pub struct Known {
    names: HashMap<u64, Arc<Names>>,
    peers: HashMap<u64, Arc<str>>,
}

impl Known {
    /// mod_wsgi's names of that hash.
    pub fn names(&mut self, hash: u64, blobs: &impl Blobs) -> Option<Arc<Names>> {
        if hash == 0 {
            return None;
        }
        if let Some(known) = self.names.get(&hash) {
            return Some(Arc::clone(known));
        }
        let names = intern::Names::from_blob(&blobs.blob(hash)?);
        let names = Arc::new(Names {
            process_group: text(&names.process_group),
            application_group: text(&names.application_group),
            script_name: text(&names.script_name),
        });
        self.names.insert(hash, Arc::clone(&names));
        Some(names)
    }

    /// The peer of that hash, in words.
    pub fn peer(&mut self, hash: u64, blobs: &impl Blobs) -> Option<Arc<str>> {
        if hash == 0 {
            return None;
        }
        if let Some(known) = self.peers.get(&hash) {
            return Some(Arc::clone(known));
        }
        let peer: Arc<str> = in_words(&intern::Peer::from_blob(&blobs.blob(hash)?))?.into();
        self.peers.insert(hash, Arc::clone(&peer));
        Some(peer)
    }
}

/// `127.0.0.1:5432`, `[::1]:5432`, `unix:/run/postgresql/.s.PGSQL.5432`; abstract
/// UNIX names with an `@`, as other tools show them.
fn in_words(peer: &intern::Peer) -> Option<String> {
    if peer.family != AF_UNIX {
        return address(peer.family, peer.addr, peer.port)
            .as_ref()
            .map(SocketAddr::to_string);
    }
    Some(match peer.path.split_first() {
        Some((0, [0, ..])) | None => "unix:".into(),
        Some((0, name)) => format!("unix:@{}", text(name)),
        Some(_) => format!("unix:{}", text(&peer.path)),
    })
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    target::printable(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use profiler_common::intern::{BLOB_WORDS, Blob, PEER_PATH};

    struct Given(Vec<u8>);

    impl Blobs for Given {
        fn blob(&self, hash: u64) -> Option<Blob> {
            let mut bytes = [0; BLOB_WORDS * 8];
            bytes[..self.0.len()].copy_from_slice(&self.0);
            let mut blob = [0; BLOB_WORDS];
            for (word, bytes) in blob.iter_mut().zip(bytes.chunks_exact(8)) {
                *word = u64::from_ne_bytes(bytes.try_into().unwrap());
            }
            (hash != 404).then_some(blob)
        }
    }

    fn peer(addr: &[u8], port: u16, family: u16, path: &[u8]) -> Given {
        let mut bytes = vec![0; 24];
        bytes[..addr.len()].copy_from_slice(addr);
        bytes[16..18].copy_from_slice(&port.to_ne_bytes());
        bytes[18..20].copy_from_slice(&family.to_ne_bytes());
        bytes.extend_from_slice(path);
        bytes.resize(24 + PEER_PATH, 0);
        Given(bytes)
    }

    #[test]
    fn words_a_peer() {
        let word = |given: &Given| Known::default().peer(1, given).map(|peer| peer.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            word(&peer(&[10, 0, 0, 7], 5432, 2, b"")),
            some("10.0.0.7:5432")
        );
        assert_eq!(word(&peer(&[0; 16], 1, 10, b"")), some("[::]:1"));
        assert_eq!(word(&peer(&[], 0, 1, b"/run/x\0y")), some("unix:/run/x"));
        assert_eq!(word(&peer(&[], 0, 1, b"\0name")), some("unix:@name"));
        assert_eq!(word(&peer(&[], 0, 1, b"")), some("unix:"));
        assert_eq!(word(&peer(&[], 0, 77, b"")), None);
    }

    #[test]
    fn reads_the_names_once() {
        let mut bytes = b"app".to_vec();
        bytes.resize(64, 0);
        bytes.extend_from_slice(b"localhost:8000|/x");
        bytes.resize(128, 0);
        bytes.extend_from_slice(&[b's'; 64]);
        let given = Given(bytes);
        let mut known = Known::default();
        assert_eq!(known.names(0, &given), None);
        assert_eq!(known.names(404, &given), None);
        let names = known.names(5, &given).unwrap();
        assert_eq!(names.process_group, "app");
        assert_eq!(names.application_group, "localhost:8000|/x");
        assert_eq!(names.script_name.len(), 64);
        assert!(Arc::ptr_eq(
            &names,
            &known.names(5, &Given(Vec::new())).unwrap()
        ));
    }
}
