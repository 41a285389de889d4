//! From what the kernel saw to the [model](crate::model).

pub mod route;
#[cfg(test)]
pub(crate) mod sample;
