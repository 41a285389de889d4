//! Who keeps the values: one thread, which takes windows and writes answers.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use tokio::sync::oneshot;

use super::families;
use super::format::Format;
use crate::metrics::Registry;
use crate::tick::{About, Tick};

/// Windows and scrapes that wait: a minute of windows of a second.
const WAITING: usize = 64;

enum Message {
    Begin(Arc<About>),
    Tick(Arc<Tick>),
    Scrape {
        format: Format,
        gzip: bool,
        answer: oneshot::Sender<Bytes>,
    },
}

/// The way to it.
#[derive(Clone)]
pub(super) struct Keeper {
    messages: SyncSender<Message>,
    /// Windows that it had no room for.
    lost: Arc<AtomicU64>,
}

/// What is to be run on a thread of its own.
pub(super) struct Work(Receiver<Message>);

impl Keeper {
    pub(super) fn new() -> (Self, Work) {
        let (messages, inbox) = sync_channel(WAITING);
        let lost = Arc::default();
        (Self { messages, lost }, Work(inbox))
    }

    pub(super) fn begin(&self, about: &Arc<About>) {
        // The first message finds room; without the thread there is no output at all.
        let _ = self.messages.try_send(Message::Begin(Arc::clone(about)));
    }

    /// Says whether it was taken.
    pub(super) fn tick(&self, tick: &Arc<Tick>) -> bool {
        let message = Message::Tick(Arc::clone(tick));
        let taken = self.messages.try_send(message).is_ok();
        self.lost.fetch_add(u64::from(!taken), Ordering::Relaxed);
        taken
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// All values as they stand; `None` if there are none yet, or too many ask.
    pub(super) async fn scrape(&self, format: Format, gzip: bool) -> Option<Bytes> {
        let (answer, answered) = oneshot::channel();
        let message = Message::Scrape {
            format,
            gzip,
            answer,
        };
        match self.messages.try_send(message) {
            Ok(()) => answered.await.ok(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }
}

impl Work {
    /// Until nobody has anything to say any more.
    pub(super) fn run(self) {
        let mut kept: Option<(Arc<About>, Registry)> = None;
        for message in self.0 {
            match (message, &mut kept) {
                (Message::Begin(about), _) => {
                    let registry = Registry::new(&about);
                    kept = Some((about, registry));
                }
                (Message::Tick(tick), Some((_, registry))) => registry.tick(&tick),
                (
                    Message::Scrape {
                        format,
                        gzip,
                        answer,
                    },
                    Some((about, registry)),
                ) => {
                    let body = format.encode(&families::all(about, registry));
                    // Who asked may have gone.
                    let _ = answer.send(if gzip { compressed(&body) } else { body }.into());
                }
                // An answer that is dropped says that there is none.
                (_, None) => {}
            }
        }
    }
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    // Writing to a Vec does not fail.
    let _ = gzip.write_all(body);
    gzip.finish().unwrap_or_default()
}
