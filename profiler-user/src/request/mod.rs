//! Stub: another branch has the real one.
