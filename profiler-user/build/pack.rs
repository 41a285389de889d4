//! Compresses an object: one of the two is never used, and the other once.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Writes `OBJECT.zz` beside it.
pub fn pack(object: &Path) -> Result<(), String> {
    let explain =
        |error: &dyn std::fmt::Display| format!("cannot pack {}: {error}", object.display());
    let data = fs::read(object).map_err(|error| explain(&error))?;
    let mut name = OsString::from(object);
    name.push(".zz");
    let file = File::create(name).map_err(|error| explain(&error))?;
    let mut encoder = ZlibEncoder::new(file, Compression::best());
    encoder
        .write_all(&data)
        .and_then(|()| encoder.finish())
        .map(drop)
        .map_err(|error| explain(&error))
}
