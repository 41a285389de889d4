//! From what the kernel saw to the [model](crate::model).

pub mod patterns;
pub mod route;
#[cfg(test)]
pub(crate) mod sample;
