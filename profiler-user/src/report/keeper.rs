//! The output that keeps the history, on the outputs' thread: the main one hands over
//! what it has anyway, and goes on.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::history::{History, Origin};
use crate::sinks::{Delivered, Finish, Notices, Sink};
use crate::summary::Summary;
use crate::tick::{About, Tick};

/// Windows that wait for the outputs' thread; those that come when it is full are
/// missing in the history, and told.
const WAITING: usize = 256;

/// Changes that a reader may be behind.
const BEHIND: usize = 16;

/// How long readers have at the end to take the last account.
const LAST_WORDS: Duration = Duration::from_millis(300);

enum Message {
    Begin(Arc<About>),
    Tick(Arc<Tick>),
    Notice(String),
    End(Arc<Summary>, oneshot::Sender<()>),
}

/// The history, for those who read it.
#[derive(Clone, Debug)]
pub struct Shared {
    history: Arc<Mutex<History>>,
    changes: broadcast::Sender<Bytes>,
}

impl Shared {
    fn new() -> Self {
        Self {
            history: Arc::default(),
            changes: broadcast::Sender::new(BEHIND),
        }
    }

    /// Everything so far, as JSON.
    pub fn state(&self) -> serde_json::Result<Vec<u8>> {
        self.lock().state(Origin::Live)
    }

    /// What each window changes from here on, as JSON.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Bytes> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        // Figures, whole after every step: nothing is left half done.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self) {
        if self.changes.receiver_count() == 0 {
            return;
        }
        if let Ok(json) = self.lock().change() {
            let _ = self.changes.send(json.into());
        }
    }

    async fn fill(self, mut inbox: mpsc::Receiver<Message>) {
        while let Some(message) = inbox.recv().await {
            match message {
                Message::Begin(about) => self.lock().begin(about),
                Message::Tick(tick) => {
                    self.lock().push(&tick);
                    self.publish();
                }
                Message::Notice(text) => self.lock().notice(now_ms(), &text),
                Message::End(summary, done) => {
                    self.lock().end(&summary);
                    self.publish();
                    if self.changes.receiver_count() > 0 {
                        tokio::time::sleep(LAST_WORDS).await;
                    }
                    // Who asked may have lost patience.
                    let _ = done.send(());
                }
            }
        }
    }
}

/// Fills a history, and writes the report of it.
#[derive(Debug)]
pub struct Keeper {
    to: mpsc::Sender<Message>,
    shared: Shared,
    /// Where the report goes, opened before the run.
    report: Option<(PathBuf, File)>,
    missed: u64,
    notices: Notices,
}

impl Keeper {
    /// Starts it there.
    #[must_use]
    pub fn start(there: &Handle, report: Option<(PathBuf, File)>, notices: Notices) -> Self {
        let (to, inbox) = mpsc::channel(WAITING);
        let shared = Shared::new();
        there.spawn(shared.clone().fill(inbox));
        Self {
            to,
            shared,
            report,
            missed: 0,
            notices,
        }
    }

    /// The history that it fills.
    #[must_use]
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }
}

impl Sink for Keeper {
    fn begin(&mut self, about: &Arc<About>) {
        let _ = self.to.try_send(Message::Begin(Arc::clone(about)));
    }

    fn tick(&mut self, tick: &Arc<Tick>) {
        if self.to.try_send(Message::Tick(Arc::clone(tick))).is_err() {
            if self.missed == 0 {
                let text = "the page and the report miss intervals: there was no time for them";
                let _ = self.notices.send(text.into());
            }
            self.missed += 1;
        }
    }

    fn notice(&mut self, text: &str) {
        let _ = self.to.try_send(Message::Notice(text.to_owned()));
    }

    fn finish(self: Box<Self>, summary: &Arc<Summary>, patience: Duration) -> Finish {
        let (done, told) = oneshot::channel();
        let last = Message::End(Arc::clone(summary), done);
        Box::pin(async move {
            let all = async {
                self.to.send(last).await.ok()?;
                told.await.ok()
            };
            let whole = matches!(tokio::time::timeout(patience, all).await, Ok(Some(())));
            self.written(whole)
        })
    }
}

impl Keeper {
    fn written(self, whole: bool) -> Delivered {
        let missed = match self.missed {
            0 => String::new(),
            missed => format!(", {missed} intervals missed"),
        };
        let history = self.shared.lock();
        let requests = history.requests();
        let Some((path, mut file)) = self.report else {
            return Delivered {
                text: format!("{requests} requests to the web page{missed}"),
                failed: self.missed > 0 || !whole,
            };
        };
        let written = super::page(&history, Origin::Run).and_then(|page| {
            file.write_all(page.as_bytes())?;
            file.flush()
        });
        match written {
            Ok(()) => Delivered {
                text: format!(
                    "a report of {requests} requests to {}{missed}",
                    path.display()
                ),
                failed: self.missed > 0 || !whole,
            },
            Err(error) => Delivered {
                text: format!("the report {} is not whole: {error}", path.display()),
                failed: true,
            },
        }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis() as u64)
}
