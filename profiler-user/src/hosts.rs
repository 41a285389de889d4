//! Where names of hosts are looked up by a binary that brings its own C library.

/// Leaves a static binary the two ways that are built into the C library: `/etc/hosts`,
/// and the DNS servers of `/etc/resolv.conf`.
///
/// `/etc/nsswitch.conf` may name others (`resolve`, `mymachines`), which are libraries of
/// the host. They would be loaded, and with them a second C library of whatever version the
/// host has; where none is, as in an image made from nothing, the look-up could end there.
/// To be called before there are other threads.
pub fn own_ways_only() {
    #[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
    {
        unsafe extern "C" {
            /// glibc's nss.h (nss/nss_database.c): the services of a database, for this process.
            fn __nss_configure_lookup(
                database: *const libc::c_char,
                services: *const libc::c_char,
            ) -> libc::c_int;
        }
        // SAFETY: both are strings that end with a zero and are copied; no other thread
        // looks anything up yet.
        unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
    }
}
