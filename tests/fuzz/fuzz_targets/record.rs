//! The event decoder: any bytes are a request or an error, and a request says what
//! the record said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use profiler_common::event::{HEADER_SIZE, Outcome, RequestHeader};
use profiler_common::intern::{BLOB_WORDS, Blob};
use under_fuzz::ingest::Decoder;
use under_fuzz::probe::Blobs;
use under_fuzz::request::patterns::Patterns;
use under_fuzz::request::route::Router;

/// Every second hash is there, and means anything.
struct Any;

impl Blobs for Any {
    fn blob(&self, hash: u64) -> Option<Blob> {
        (hash & 1 == 0).then(|| [hash.rotate_left(17); BLOB_WORDS])
    }
}

fuzz_target!(|data: &[u8]| {
    let decoded = Decoder::new(Router::new(4, Patterns::default())).decode(data, &Any);
    let Some((bytes, path)) = data.split_first_chunk::<HEADER_SIZE>() else {
        assert!(decoded.is_err());
        return;
    };
    let header = RequestHeader::from_bytes(bytes);
    assert_eq!(&header.to_bytes(), bytes);
    let whole = path.len() >= usize::from(header.path_len);
    let outcome = Outcome::from_wire(header.outcome);
    let version = matches!(header.version, 0 | 9..=19);
    let Ok(request) = decoded else {
        let family = matches!(header.family, 2 | 10);
        assert!(!whole || outcome.is_none() || !version || !family);
        return;
    };
    assert!(whole && version);
    assert_eq!(Some(request.outcome), outcome);
    assert_eq!(request.status.unwrap_or(0), header.status);
    assert_eq!(request.path.is_some(), header.path_len > 0);
    for text in [
        request.path.as_deref(),
        request.method.as_deref(),
        Some(&*request.route),
    ] {
        let text = text.unwrap_or_default();
        assert!(!text.contains(char::is_control), "{text:?}");
    }
});
