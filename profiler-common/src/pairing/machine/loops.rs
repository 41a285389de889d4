//! The loops of the state machine, by name.
//!
//! The kernel repeats a step by a helper that is given a function; before 5.17 it has
//! none, and each step is a function that the verifier checks by itself. Either way a
//! step finds everything in what it is given, and keeps nothing from one to the next.

use core::ops::ControlFlow;

use super::finish;
use super::reading::advance;
use super::writing::answer;
use crate::limits::{MAX_BUFFERS, MAX_STEPS, MAX_WAITING};
use crate::pairing::conn::{Conn, SlotState};
use crate::pairing::env::Env;

/// Which loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// Through the bytes that were read.
    Read,
    /// Through the buffers of a write that may answer several requests.
    Answers,
    /// Through the requests that wait when the connection closes.
    Close,
}

impl Loop {
    /// After as many steps it is given up.
    #[must_use]
    pub const fn times(self) -> u32 {
        match self {
            Self::Read => MAX_STEPS,
            Self::Answers => MAX_BUFFERS,
            Self::Close => MAX_WAITING,
        }
    }

    /// One step.
    #[inline(always)]
    pub fn step<E: Env>(self, env: &mut E, conn: &mut Conn) -> ControlFlow<()> {
        match self {
            Self::Read => advance(env, conn),
            Self::Answers => answer(env, conn),
            Self::Close => {
                if conn.cur.state == SlotState::Empty {
                    return ControlFlow::Break(());
                }
                finish(env, conn);
                ControlFlow::Continue(())
            }
        }
    }
}
