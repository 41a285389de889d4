//! Every capacity of the kernel side, in one place, with the reason for it.

/// Bytes of a method token that are kept. The longest registered one is
/// `UPDATEREDIRECTREF` with 17 (IANA HTTP Method Registry).
pub const METHOD_CAP: usize = 32;

/// Bytes of a path kept inside the connection's own map entry. Longer paths
/// take an entry of the long-path map.
pub const PATH_INLINE: usize = 192;

/// Bytes of a path kept at all. Apache refuses request lines over 8190 bytes
/// (`LimitRequestLine`), so a default server never reaches it.
pub const PATH_MAX: usize = 8192;

/// Bytes copied to a path at a time: the slack each path array needs so that
/// the verifier can bound offset plus length.
pub const PATH_PIECE: usize = 64;
