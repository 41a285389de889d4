//! Conversations between a client and a server that behaves like Apache, made up
//! at random, and what a profiler must report of them.
//!
//! - [`request`], [`response`]: what the two sides say.
//! - [`server`]: when the server reads and writes.
//! - [`oracle`]: what must come out.
//! - [`nonsense`]: what neither side would do.
//! - [`framing`]: heads alone, and what they say of the body.

pub mod framing;
pub mod nonsense;
pub mod oracle;
mod part;
pub mod request;
pub mod response;
pub mod server;

use proptest::collection::vec;
use proptest::prelude::*;

use request::{Request, request};
use response::{Response, response};

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// The server closes it.
    Close,
    /// A write fails with this errno, then the server closes it.
    WriteFails(i64),
    /// From now on reads return this: 0, or a negative errno.
    ReadsGive(i64),
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct Talk {
    pub exchanges: Vec<(Request, Response)>,
    /// How much each read brings at most, over and over.
    pub cuts: Vec<usize>,
    /// The server's whims, over and over; 0 is the plain course.
    pub dice: Vec<u8>,
    /// How many unanswered requests the client sends.
    pub ahead: usize,
    /// After how many operations the connection ends.
    pub patience: usize,
    pub ending: Ending,
}

impl Talk {
    /// Whether an answer takes the connection out of HTTP.
    pub fn upgrades(&self) -> bool {
        self.exchanges
            .iter()
            .any(|(request, response)| response.upgrades(request))
    }
}

/// How a stream of bytes may be cut into reads.
pub fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        vec(1..12_usize, 1..8),
        vec(1..300_usize, 1..8),
        vec(4000..9000_usize, 1..4),
    ]
}

pub fn talk() -> impl Strategy<Value = Talk> {
    let ending = prop_oneof![
        2 => Just(Ending::Close),
        1 => prop_oneof![Just(-32), Just(-104)].prop_map(Ending::WriteFails),
        1 => Just(Ending::ReadsGive(0)),
        1 => Just(Ending::ReadsGive(-104)),
    ];
    let patience = prop_oneof![1 => 0..60_usize, 1 => Just(usize::MAX)];
    let dice = prop_oneof![Just(vec![0]), vec(any::<u8>(), 1..64)];
    (
        vec((request(), response()), 1..6),
        cuts(),
        dice,
        1..6_usize,
        patience,
        ending,
    )
        .prop_map(|(exchanges, cuts, dice, ahead, patience, ending)| Talk {
            exchanges,
            cuts,
            dice,
            ahead,
            patience,
            ending,
        })
}
