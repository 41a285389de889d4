//! The watch of this node's pods: a list, then what changes, for as long as the run is.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::StreamExt;
use k8s_openapi::api::core::v1;
use kube::Api;
use kube::core::ApiResource;
use kube::runtime::watcher::{self, Config, Event};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::access::{Access, Error, Reached};
use super::directory::{Directory, Full};
use super::pod::{Pod, Told};
use super::teller::{Teller, Trouble};

/// The kubelet's clients wait as long at most between two attempts.
const LAST_DELAY: Duration = Duration::from_secs(30);
/// Of somebody else's answer no more than this is told, characters.
const WORDS: usize = 300;

/// How patient it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Before the second attempt.
    pub(super) first_delay: Duration,
    /// A watch that ran for so long works.
    pub(super) settled: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_secs(1),
            settled: Duration::from_secs(3),
        }
    }
}

/// What it takes.
pub(super) struct Watch {
    pub(super) access: Access,
    /// Its name in Kubernetes.
    pub(super) node: String,
    pub(super) directory: Arc<Directory>,
    pub(super) teller: Teller,
    pub(super) pace: Pace,
    /// Where it runs.
    pub(super) there: Handle,
}

/// Why a watch ended.
struct End {
    trouble: Trouble,
    /// It happens to watches that work: nothing to be told, if the next one starts.
    ordinary: bool,
}

impl Watch {
    /// Follows the pods until it is dropped.
    pub(super) async fn run(mut self, first: Result<Reached, Error>) {
        let mut reached = first;
        let mut delays = self.delays();
        loop {
            let end = match &reached {
                Ok(reached) => {
                    self.teller.at(&reached.server);
                    let client = reached.client.clone();
                    self.follow(client, &mut delays).await
                }
                Err(error) => End {
                    trouble: Trouble {
                        status: None,
                        words: shortened(&error.to_string()),
                    },
                    ordinary: false,
                },
            };
            if !end.ordinary {
                self.teller.away(&end.trouble);
            }
            sleep(delays.next().unwrap_or(LAST_DELAY)).await;
            // Certificates and passwords are read once: they may have been renewed. Those
            // that cannot be read any more (privileges are gone) stay as they were.
            let again = self.access.reach(&self.there).await;
            if again.is_ok() || reached.is_err() {
                reached = again;
            }
        }
    }

    /// Lists and watches until something goes wrong. What `kube` would pick up again by
    /// itself after an error is begun anew: of a server that is back it tells nothing until
    /// a pod changes, and a node's pods are few.
    async fn follow(&mut self, client: kube::Client, delays: &mut ExponentialBackoff) -> End {
        let pods = ApiResource::erase::<v1::Pod>(&());
        let pods: Api<Told> = Api::all_with(client, &pods);
        // From the server's cache, where it has an index by node: a list of the newest
        // would read the pods of the whole cluster from its data base.
        let config = Config::default()
            .fields(&format!("spec.nodeName={}", self.node))
            .any_semantic();
        let mut events = std::pin::pin!(watcher::watcher(pods, config));
        let (mut listed, mut settled) = (false, false);
        loop {
            let event = if listed && !settled {
                let Ok(event) = timeout(self.pace.settled, events.next()).await else {
                    settled = true;
                    self.settle(delays);
                    continue;
                };
                event
            } else {
                events.next().await
            };
            let event = match event {
                Some(Ok(event)) => event,
                Some(Err(error)) => return end(&error, settled),
                // It never ends by itself.
                None => return over(),
            };
            if matches!(event, Event::Apply(_) | Event::Delete(_)) && !settled {
                settled = true;
                self.settle(delays);
            }
            listed |= matches!(event, Event::InitDone);
            if self.take(event) == Err(Full) {
                self.teller.full();
            }
        }
    }

    fn take(&self, event: Event<Told>) -> Result<(), Full> {
        match event {
            Event::Init => self.directory.begin(),
            Event::InitApply(told) => {
                return Pod::new(told).map_or(Ok(()), |pod| self.directory.listed(pod));
            }
            Event::InitDone => self.directory.end(),
            Event::Apply(told) => {
                return Pod::new(told).map_or(Ok(()), |pod| self.directory.apply(pod));
            }
            Event::Delete(told) => {
                if let Some(pod) = Pod::new(told) {
                    self.directory.remove(pod);
                }
            }
        }
        Ok(())
    }

    fn settle(&mut self, delays: &mut ExponentialBackoff) {
        self.teller.back();
        *delays = self.delays();
    }

    fn delays(&self) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(self.pace.first_delay)
            .with_max_delay(LAST_DELAY)
            // The API server's return is noticed by all nodes at once.
            .with_jitter()
            .without_max_times()
            .build()
    }
}

fn over() -> End {
    End {
        trouble: Trouble {
            status: None,
            words: "the watch has ended".into(),
        },
        ordinary: true,
    }
}

fn end(error: &watcher::Error, settled: bool) -> End {
    let (status, words) = match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            said(error)
        }
        watcher::Error::WatchFailed(error) => said(error),
        watcher::Error::WatchError(status) => of_status(status),
        watcher::Error::NoResourceVersion => (None, error.to_string()),
    };
    let mid = matches!(
        error,
        watcher::Error::WatchFailed(_) | watcher::Error::WatchError(_)
    );
    End {
        // 410: it was away for longer than the server remembers what changed.
        ordinary: status == Some(410) || (mid && settled),
        trouble: Trouble {
            status,
            words: shortened(&words),
        },
    }
}

fn said(error: &kube::Error) -> (Option<u16>, String) {
    match error {
        kube::Error::Api(status) => of_status(status),
        other => (None, innermost(other)),
    }
}

fn of_status(status: &kube::core::Status) -> (Option<u16>, String) {
    let code = status.code;
    let words = match (status.reason.as_str(), status.message.as_str()) {
        ("", message) => format!("{code}: {message}"),
        (reason, "") => format!("{code} {reason}"),
        (reason, message) => format!("{code} {reason}: {message}"),
    };
    (Some(code), words)
}

/// What is at the bottom of an error: there the system says what is wrong.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn shortened(words: &str) -> String {
    let mut shortened: String = words.chars().take(WORDS).collect();
    if shortened.len() < words.len() {
        shortened.push_str("...");
    }
    shortened
}
