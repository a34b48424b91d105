//! The cheapest admission, for calls that are shorter than [`Guard::admit`] and its outcome together.
//!
//! It answers the one common case at once: on, for everybody, without lists, breaker closed, and nowhere in the
//! process is LiteLLM's own answer wanted. Anything else is for the ordinary protocol to decide and to tally. Neither
//! a clock is read nor a latency taken.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Guard;
use super::tally::Tally;
use super::ticket::{Path, Ticket};

/// How many calls are under way in this process inside which LiteLLM's own code must answer.
///
/// Who is inside one of them is told by a context that only Python can look into, which takes longer than the calls
/// that ask here. So while there is any, nobody passes lightly.
#[derive(Debug, Default)]
pub struct Scopes(AtomicU64);

impl Scopes {
    /// One more is under way.
    pub fn enter(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// One of them has ended. Each `enter` must have exactly one.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether there is any.
    #[must_use]
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }
}

/// What [`Guard::admit_lightly`] says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Native answers, and the call is tallied so. If it does not after all: [`Guard::withdraw`].
    Passed,
    /// Native answers and is compared: a ticket as [`Guard::admit`] gives it.
    Verify(Ticket),
    /// Not decided and not tallied: `bypassed` and `admit` must be asked.
    Undecided,
}

impl Guard {
    /// Decides on a call, if it is the common case. Waits for nobody.
    #[must_use]
    pub fn admit_lightly(&self, scopes: &Scopes) -> Light {
        let Some(verify) = self.gate.settings.verified_of_all() else {
            return Light::Undecided;
        };
        if scopes.any() {
            return Light::Undecided;
        }
        let Some(epoch) = self.gate.breaker.epoch_if_closed() else {
            return Light::Undecided;
        };
        // A sample by the running number, not by time: reading a clock costs as much as all of this.
        if !verify.is_none() && self.gate.rollout.verifies(verify, self.next_unit()) {
            return Light::Verify(Ticket::new(Path::Verify, false, epoch, self.now_ns()));
        }
        self.note(Tally::native);
        Light::Passed
    }

    /// Takes back that a call which passed lightly was answered natively, and gives the ticket with which to report
    /// what happened instead.
    #[must_use]
    pub fn withdraw(&self) -> Ticket {
        self.note(Tally::withdraw_native);
        Ticket::new(
            Path::Native,
            false,
            self.gate.breaker.epoch(),
            self.now_ns(),
        )
    }
}
