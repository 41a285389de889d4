//! The server that is measured: one that runs already, or one that is started for it.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};

use super::interrupt::Interrupt;
use super::load::{Page, is_worth_it, probe};
use super::places;
use super::process::{Group, tail};
use super::variant::Variant;

/// The longest that a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest that it is asked whether somebody listens.
const LOOK: Duration = Duration::from_millis(500);

/// A server that answers.
pub struct Server {
    page: Page,
    pids: Vec<u32>,
    /// What the places in the variant's settings stand for.
    known: Vec<(&'static str, String)>,
    started: Option<Started>,
}

/// One that was started here. It ends when dropped.
struct Started {
    group: Group,
    log: std::path::PathBuf,
}

impl Server {
    /// The one of these processes.
    pub fn running(url: &str, headers: &[(HeaderName, HeaderValue)], pids: &[u32]) -> Result<Self> {
        let page = Page::new(url, headers)?;
        let status = probe(&page).with_context(|| {
            format!("{url} does not answer: is the server of --pid the one of --url?")
        })?;
        is_worth_it(&page, status)?;
        Ok(Self {
            page,
            pids: pids.to_vec(),
            known: Vec::new(),
            started: None,
        })
    }

    /// Starts a variant's own, with its logs in that folder, and waits until it answers.
    pub fn start(
        variant: &Variant,
        command: &[String],
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        logs: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let port = free_port()?.to_string();
        let known = vec![("port", port), ("dir", logs.display().to_string())];
        let page = Page::new(&places::placed(url, &known), headers)?;
        ensure_free(page.address(), &variant.name)?;
        let environment: Vec<_> = variant
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), places::placed(value, &known)))
            .collect();
        let log = logs.join("server.log");
        let group = Group::start(&places::place(command, &known), &environment, &log)?;
        let mut server = Self {
            page,
            pids: vec![group.pid()],
            known,
            started: Some(Started { group, log }),
        };
        let status = server.wait_until_it_answers(&variant.name, interrupt)?;
        is_worth_it(&server.page, status)
            .with_context(|| format!("the server of {}", variant.name))?;
        Ok(server)
    }

    /// The page that is asked for.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Its processes: these and all that descend from them.
    #[must_use]
    pub fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// A setting of the variant with `{port}` and `{dir}` in their places.
    #[must_use]
    pub fn placed(&self, text: &str) -> String {
        places::placed(text, &self.known)
    }

    /// Fails with the end of its log if it has ended.
    pub fn check(&mut self) -> Result<()> {
        match &mut self.started {
            Some(started) => {
                if let Some(status) = started.group.ended()? {
                    bail!("the server ended with {status}:\n{}", started.tail());
                }
            }
            None => {
                for pid in &self.pids {
                    ensure!(
                        Path::new(&format!("/proc/{pid}")).exists(),
                        "the server's process {pid} is gone"
                    );
                }
            }
        }
        Ok(())
    }

    fn wait_until_it_answers(&mut self, name: &str, interrupt: &Interrupt) -> Result<StatusCode> {
        let page = self.page.clone();
        let url = page.url().to_owned();
        interrupt
            .wait_for("its first answer", PATIENCE, || {
                self.check().with_context(|| {
                    "it has to stay in the foreground (apache2 -DFOREGROUND, mod_wsgi-express \
                     start-server) and to listen where {port} says"
                })?;
                let status = probe(&page).ok();
                // It says itself that it is not there yet.
                Ok(status.filter(|status| *status != StatusCode::SERVICE_UNAVAILABLE))
            })
            .with_context(|| {
                let said = self.started.as_ref().map(Started::tail).unwrap_or_default();
                format!("the server of {name} does not answer at {url}:\n{said}")
            })
    }
}

impl Started {
    fn tail(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        let tail = tail(&String::from_utf8_lossy(&said));
        if tail.is_empty() {
            "    (it said nothing)".into()
        } else {
            tail
        }
    }
}

/// A loopback port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

/// Fails if somebody listens there already: that would be measured instead.
fn ensure_free(address: SocketAddr, name: &str) -> Result<()> {
    if TcpStream::connect_timeout(&address, LOOK).is_ok() {
        bail!(
            "somebody listens on {address} already, where the server of {name} is to: stop \
             that one, or put {{port}} into the command and into --url for a free port"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let message = ensure_free(address, "bare").unwrap_err().to_string();
        assert!(message.contains(&address.to_string()) && message.contains("{port}"));
        drop(listener);
        ensure_free(address, "bare").unwrap();
    }
}
