//! `wsgiprobe compare`: is it faster, and what does an instrument cost?

pub mod recordings;
