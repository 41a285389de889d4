//! The options of the web page and the report.

#![expect(
    clippy::doc_markdown,
    reason = "help is read in a terminal, not as Markdown"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::options::OUTPUTS;
use super::{Listen, Secret};

/// Where the page is if nothing else is said.
const ADDRESS: &str = "127.0.0.1:8300";

/// The variable for the token.
const TOKEN: &str = "WSGIPROBE_WEB_TOKEN";

/// Who knows nothing of it must not guess it.
const SHORTEST_TOKEN: usize = 16;

#[derive(Debug, Args)]
pub(super) struct Pictures {
    /// Web page at this address: PORT or HOST:PORT, 127.0.0.1:8300 if none is given; beyond this
    /// host only with a token
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = ADDRESS,
          help_heading = OUTPUTS)]
    pub web: Option<Listen>,

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
    /// As it was named.
    pub listen: Listen,
    /// What that means; the first that can be had is taken.
    pub addresses: Vec<SocketAddr>,
    /// What it asks for.
    pub token: Option<Secret>,
}

impl Pictures {
    /// The page, if there is to be one. `environment` looks up variables with secrets.
    pub(super) fn web(
        &self,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Web>, String> {
        let Some(listen) = &self.web else {
            return match self.web_token_file {
                Some(_) => Err("--web-token-file needs --web: what is it the token of?".into()),
                None => Ok(None),
            };
        };
        let addresses = listen.addresses().map_err(|error| {
            format!("--web {listen}: cannot listen there: {error}; choose another address or port")
        })?;
        let token = self.token(environment)?;
        let local = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
        if token.is_none() && !addresses.iter().all(local) {
            return Err(format!(
                "--web {listen} can be reached from other hosts, so it takes a token: give \
                 --web-token-file FILE or the variable {TOKEN}, or listen on {ADDRESS} and \
                 reach it through a tunnel (ssh -L)"
            ));
        }
        Ok(Some(Web {
            listen: listen.clone(),
            addresses,
            token,
        }))
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
            web: web.map(|text| text.parse().unwrap()),
            web_token_file: None,
            report: None,
        }
    }

    fn web(at: &str, token: Option<&str>) -> Result<Option<Web>, String> {
        pictures(Some(at)).web(&|name| token.filter(|_| name == TOKEN).map(str::to_owned))
    }

    #[test]
    fn a_name_is_looked_up() {
        let local = web("localhost:9", None).unwrap().unwrap();
        assert!(local.addresses.iter().all(|address| address.port() == 9));
        let message = web("nowhere.invalid:9", None).unwrap_err();
        assert!(message.contains("nowhere.invalid:9"), "{message}");
    }

    #[test]
    fn beyond_this_host_it_takes_a_token() {
        for at in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1"] {
            let message = web(at, None).unwrap_err();
            assert!(message.contains("--web-token-file") && message.contains(TOKEN));
            let guarded = web(at, Some("0123456789abcdef")).unwrap().unwrap();
            assert!(guarded.token.is_some());
        }
        for at in [
            "1",
            "127.0.0.1:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
            "localhost:1",
        ] {
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
