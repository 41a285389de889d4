//! The state, once, and server-sent events: what each window changes (HTML Living
//! Standard, 9.2). Both for a bounded number of readers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::sync::broadcast::Receiver;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::report::Shared;

/// Who may watch at a time.
const READERS: usize = 16;

/// Who may take the state at a time: some 2 MB of JSON each.
const TAKERS: usize = 4;

/// So often something is sent: a reader that is gone shows.
const ALIVE: Duration = Duration::from_secs(15);

/// Places for readers.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    events: Arc<Semaphore>,
    state: Arc<Semaphore>,
}

impl Default for Readers {
    fn default() -> Self {
        Self {
            events: Arc::new(Semaphore::new(READERS)),
            state: Arc::new(Semaphore::new(TAKERS)),
        }
    }
}

struct Reader {
    changes: Receiver<Bytes>,
    greeted: bool,
    _place: OwnedSemaphorePermit,
}

/// The state as it is; `None` if there are too many who take it.
pub(super) fn state(
    shared: &Shared,
    readers: &Readers,
) -> Option<UnsyncBoxBody<Bytes, Infallible>> {
    let place = Arc::clone(&readers.state).try_acquire_owned().ok()?;
    let json: Bytes = shared.state().ok()?.into();
    // It is asked for what comes next once this is on its way: then the place is free.
    let once = stream::unfold(Some((json, place)), |left| async {
        let (json, place) = left?;
        let next = (!json.is_empty()).then(|| (Bytes::new(), place))?;
        Some((Ok(Frame::data(json)), Some(next)))
    });
    Some(StreamBody::new(once).boxed_unsync())
}

/// A stream of what happens from here on; `None` if there are too many. It ends with
/// the run, and where the reader falls behind: it may begin anew.
pub(super) fn stream(
    shared: &Shared,
    readers: &Readers,
) -> Option<UnsyncBoxBody<Bytes, Infallible>> {
    let reader = Reader {
        changes: shared.changes(),
        greeted: false,
        _place: Arc::clone(&readers.events).try_acquire_owned().ok()?,
    };
    let frames = stream::unfold(reader, |mut reader| async {
        let bytes = reader.next().await?;
        Some((Ok(Frame::data(bytes)), reader))
    });
    Some(StreamBody::new(frames).boxed_unsync())
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            // The head goes out with the first bytes, and with it the browser knows.
            return Some(Bytes::from_static(b"retry: 2000\n\n"));
        }
        match timeout(ALIVE, self.changes.recv()).await {
            // JSON has no line breaks.
            Ok(Ok(json)) => Some([b"data: ", &json[..], b"\n\n"].concat().into()),
            Ok(Err(_)) => None,
            Err(_) => Some(Bytes::from_static(b":\n\n")),
        }
    }
}
