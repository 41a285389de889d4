//! As whom to write.
//!
//! A token or password that was put right in its file is taken from there once the server
//! has refused the old one. The file is opened by its name, so that it may have been replaced;
//! where that is not allowed any more, as privileges were given up, what was opened at
//! the start is read again, which shows what was written into it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};

use super::settings::{Settings, SettingsError, Target};
use crate::cli::Secret;

/// No secret is longer, bytes.
const LONGEST: usize = 64 << 10;

/// They never show themselves.
#[derive(Clone)]
pub(super) struct Credentials {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    file: Option<Held>,
    now: Mutex<Now>,
}

/// The file of the secret, as it was opened at the start.
struct Held {
    path: PathBuf,
    file: File,
}

struct Now {
    authorization: Option<Authorization>,
    /// What the file held when it was last used.
    secret: Option<Secret>,
}

#[derive(Clone)]
pub(super) enum Authorization {
    /// User and password; `reqwest` encodes them.
    Basic(String, Option<String>),
    Token(HeaderValue),
}

impl Credentials {
    /// The file, too, is opened here, with the rights that there are at the start.
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let authorization = authorization(settings)?;
        let path = settings.secret_file.clone();
        // It was read a moment ago: what cannot be opened any more is not read again.
        let file = path.and_then(|path| open(&path).ok().map(|file| Held { path, file }));
        let secret = file.as_ref().and_then(Held::read);
        let now = Now {
            authorization,
            secret,
        };
        let shared = Shared {
            settings: settings.clone(),
            file,
            now: Mutex::new(now),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Adds them.
    pub(super) fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.shared.now().authorization {
            Some(Authorization::Basic(user, password)) => {
                request.basic_auth(user, password.as_ref())
            }
            Some(Authorization::Token(token)) => request.header(AUTHORIZATION, token),
            None => request,
        }
    }

    /// Looks into the file again, if there is one. Returns whether it holds another secret,
    /// which is used from then on.
    pub(super) async fn renew(&self) -> bool {
        let shared = Arc::clone(&self.shared);
        if shared.file.is_none() {
            return false;
        }
        let renewed = tokio::task::spawn_blocking(move || shared.renew());
        renewed.await.unwrap_or(false)
    }

    #[cfg(test)]
    pub(super) fn authorization(&self) -> Option<Authorization> {
        self.shared.now().authorization.clone()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl Shared {
    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self) -> bool {
        let Some(secret) = self.file.as_ref().and_then(Held::read) else {
            return false;
        };
        let mut now = self.now();
        if now.secret.as_ref() == Some(&secret) {
            return false;
        }
        let mut settings = self.settings.clone();
        settings.target = settings.target.with_secret(secret.reveal());
        // What no request can hold is none.
        let Ok(authorization) = authorization(&settings) else {
            return false;
        };
        *now = Now {
            authorization,
            secret: Some(secret),
        };
        true
    }
}

impl Held {
    /// What is in it; `None` if that is no secret, or not to be had: it may just be written.
    fn read(&self) -> Option<Secret> {
        let named = open(&self.path).and_then(|file| {
            let mut text = String::new();
            file.take(LONGEST as u64).read_to_string(&mut text)?;
            Ok(text)
        });
        let text = named.or_else(|_| self.read_held()).ok()?;
        Secret::new(&text).ok()
    }

    fn read_held(&self) -> io::Result<String> {
        let mut bytes = vec![0; LONGEST];
        let length = self.file.read_at(&mut bytes, 0)?;
        bytes.truncate(length);
        String::from_utf8(bytes).map_err(io::Error::other)
    }
}

/// A regular file: a pipe gives its secret once, and may be waited for in vain.
fn open(path: &std::path::Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

fn authorization(settings: &Settings) -> Result<Option<Authorization>, SettingsError> {
    let token = match &settings.target {
        Target::V1 { .. } | Target::V3 { token: None, .. } => None,
        Target::V2 { token, .. } => Some(format!("Token {token}")),
        Target::V3 { token, .. } => token.as_ref().map(|token| format!("Bearer {token}")),
    };
    if let Some(token) = token {
        let value = HeaderValue::from_str(&token);
        let mut value = value.map_err(|_| SettingsError::Token)?;
        value.set_sensitive(true);
        return Ok(Some(Authorization::Token(value)));
    }
    let basic = settings.basic_auth();
    Ok(basic.map(|(user, password)| Authorization::Basic(user, password)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn held(path: &std::path::Path) -> Held {
        Held {
            path: path.to_owned(),
            file: open(path).unwrap(),
        }
    }

    fn text(held: &Held) -> Option<String> {
        held.read().map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn a_file_is_followed_however_it_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "one\n").unwrap();
        let held = held(&path);
        assert_eq!(text(&held).as_deref(), Some("one"));
        fs::write(&path, "").unwrap();
        assert_eq!(text(&held), None, "it is just being written");
        fs::write(&path, "two\n").unwrap();
        assert_eq!(text(&held).as_deref(), Some("two"));
        let new = dir.path().join("new");
        fs::write(&new, "three").unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(text(&held).as_deref(), Some("three"));
    }

    #[test]
    fn what_cannot_be_opened_any_more_is_read_as_it_was_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "one").unwrap();
        let mut held = held(&path);
        held.path = dir.path().join("elsewhere");
        fs::write(&path, "two").unwrap();
        assert_eq!(text(&held).as_deref(), Some("two"));
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        assert!(open(&path).is_err());
    }
}
