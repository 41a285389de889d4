//! The state machine that turns reads and writes on a socket into requests.
//!
//! - [`conn`]: what is kept per connection, as it lies in the kernel's map.
//! - [`scan`]: follows the bytes a client sends: request line, framing, body.
//! - [`machine`]: pairs requests with responses and decides when one is over.
//! - [`view`]: the bytes of a read that can be looked at together.
//! - [`mod@env`]: the small trait behind which the kernel stands.
//!
//! The rules, in one place:
//!
//! 1. The key is the socket, never the thread.
//! 2. A request counts as seen when its request line is complete, or when the
//!    server answers something that was no request line.
//! 3. A response is over when the server reads again, shuts down or closes; not
//!    while a write would block, nor while the request's own body is being read.
//! 4. Requests read ahead of their answers wait in order; a status line at the
//!    start of a write begins the next one's answer.
//! 5. What cannot be followed is counted, and following resumes with the first
//!    read after the next answer.

pub mod conn;
pub mod env;
pub mod machine;
pub mod scan;
pub mod swar;
pub mod view;
