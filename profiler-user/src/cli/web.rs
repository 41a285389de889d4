//! The options of the web page and the report.

#![expect(
    clippy::doc_markdown,
    reason = "help is read in a terminal, not as Markdown"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::Secret;
use super::options::OUTPUTS;

/// Where the page is if nothing else is said.
const ADDRESS: &str = "127.0.0.1:8300";

/// The variable for the token.
const TOKEN: &str = "WSGIPROBE_WEB_TOKEN";

/// Who knows nothing of it must not guess it.
const SHORTEST_TOKEN: usize = 16;

#[derive(Debug, Args)]
pub(super) struct Pictures {
    /// Web page at this address, 127.0.0.1:8300 if none is given; beyond this host only with
    /// a token
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = ADDRESS,
          value_parser = address, help_heading = OUTPUTS)]
    pub web: Option<SocketAddr>,

    /// File with the token that the page asks for; otherwise WSGIPROBE_WEB_TOKEN from the
    /// environment
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OUTPUTS)]
    pub web_token_file: Option<PathBuf>,

    /// The run's pictures as one HTML file, at the end
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OUTPUTS)]
    pub report: Option<PathBuf>,
}

/// Where a page is served, and to whom.
#[derive(Debug)]
pub struct Web {
    /// Its address.
    pub address: SocketAddr,
    /// What it asks for.
    pub token: Option<Secret>,
}

/// `ADDR`: an address with a port, a port, or `localhost:PORT`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = |port: &str| {
        port.parse()
            .ok()
            .map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)))
    };
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    text.parse().ok().or_else(|| local(port)).ok_or_else(|| {
        format!("give an address and a port, e.g. {ADDRESS} or [::1]:8300, or a port alone")
    })
}

impl Pictures {
    /// The page, if there is to be one. `environment` looks up variables with secrets.
    pub(super) fn web(
        &self,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Web>, String> {
        let Some(address) = self.web else {
            return match self.web_token_file {
                Some(_) => Err("--web-token-file needs --web: what is it the token of?".into()),
                None => Ok(None),
            };
        };
        let token = self.token(environment)?;
        if token.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(format!(
                "--web {address} can be reached from other hosts, so it takes a token: give \
                 --web-token-file FILE or the variable {TOKEN}, or listen on {ADDRESS} and \
                 reach it through a tunnel (ssh -L)"
            ));
        }
        Ok(Some(Web { address, token }))
    }

    fn token(
        &self,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Secret>, String> {
        let (from, token) = match &self.web_token_file {
            Some(path) => (named(path), Secret::read(path)),
            None => match environment(TOKEN) {
                Some(text) => (TOKEN.to_owned(), Secret::new(&text)),
                None => return Ok(None),
            },
        };
        let token = token.map_err(|problem| format!("{from}: {problem}"))?;
        if token.reveal().len() < SHORTEST_TOKEN {
            return Err(format!(
                "{from}: a token of less than {SHORTEST_TOKEN} characters can be guessed; make \
                 one with: openssl rand -hex 16"
            ));
        }
        Ok(Some(token))
    }
}

fn named(path: &Path) -> String {
    format!("--web-token-file {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(web: Option<&str>) -> Pictures {
        Pictures {
            web: web.map(|text| address(text).unwrap()),
            web_token_file: None,
            report: None,
        }
    }

    fn web(at: &str, token: Option<&str>) -> Result<Option<Web>, String> {
        pictures(Some(at)).web(&|name| token.filter(|_| name == TOKEN).map(str::to_owned))
    }

    #[test]
    fn addresses_may_be_short() {
        let local = SocketAddr::from(([127, 0, 0, 1], 9));
        for text in ["9", "localhost:9", "127.0.0.1:9"] {
            assert_eq!(address(text), Ok(local));
        }
        assert!(address("[::1]:9").unwrap().is_ipv6());
        assert!(address("here").unwrap_err().contains(ADDRESS));
    }

    #[test]
    fn beyond_this_host_it_takes_a_token() {
        for at in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1"] {
            let message = web(at, None).unwrap_err();
            assert!(message.contains("--web-token-file") && message.contains(TOKEN));
            let guarded = web(at, Some("0123456789abcdef")).unwrap().unwrap();
            assert!(guarded.token.is_some());
        }
        for at in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(web(at, None).unwrap().unwrap().token.is_none());
        }
        assert!(pictures(None).web(&|_| None).unwrap().is_none());
    }

    #[test]
    fn a_token_cannot_be_guessed() {
        let message = web("0.0.0.0:1", Some("short")).unwrap_err();
        assert!(
            message.contains("openssl rand") && !message.contains("short "),
            "{message}"
        );
        let mut pictures = pictures(None);
        pictures.web_token_file = Some("x".into());
        assert!(pictures.web(&|_| None).unwrap_err().contains("--web"));
    }
}
