//! Stub: another branch has the real one.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::allow_attributes
)]

use crate::model::Request;

#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct Error;

pub struct Decoder;

impl Decoder {
    pub fn new(_routes_cap: usize) -> Self {
        Self
    }
    pub fn decode(&mut self, _record: &[u8]) -> Result<Request, Error> {
        Err(Error)
    }
}
