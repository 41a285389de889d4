//! Who may vouch for a server, where that is said in a file.

use std::error::Error as _;
use std::fs;
use std::path::Path;

use reqwest::Certificate;

/// The certificates of a PEM file, one at least.
pub(super) struct Authorities {
    /// As they are.
    pub(super) pem: Vec<u8>,
    /// As the HTTP client takes them.
    pub(super) certificates: Vec<Certificate>,
}

/// Reads them; the error is in words, without the file's name.
pub(super) fn read(file: &Path) -> Result<Authorities, String> {
    let pem = fs::read(file).map_err(|error| error.to_string())?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| {
        let inner = error.source().map(ToString::to_string);
        inner.unwrap_or_else(|| error.to_string())
    })?;
    if certificates.is_empty() {
        return Err("there is no certificate in it".into());
    }
    Ok(Authorities { pem, certificates })
}
