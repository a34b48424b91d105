//! The breaker's state machine: plain data, no locks. Time comes in as an argument; half-open follows from time,
//! there is no timer.
//!
//! ```text
//! closed ── 10 failures in 60 s ──► open ── its time is over ──► half-open ── enough trials succeed ──► closed
//!   └─────── panic, mismatch ───────► ▲                              │
//!                                     └────── any failure: twice the time, up to 10 min
//! a second panic or mismatch opening since the last reset ──► latched, until reset
//! ```
//!
//! **Late outcomes.** Every opening and every reset starts a new *epoch*, and a ticket knows the one it was admitted
//! in. Only outcomes of the present epoch count, so no call from before an opening can close the breaker or open it
//! again. In the half-open state only trials belong to the present epoch, and a success counts only while the trial
//! still holds its slot. One thing is wider: a panic or a mismatch is evidence whenever it arrives, unless the call
//! was admitted before the last such opening or reset, which has answered for it already.

use std::collections::VecDeque;

use super::ticket::Ticket;

const SECOND_NS: u64 = 1_000_000_000;

/// Failures within [`WINDOW_NS`] that open the breaker.
pub const FAILURES_TO_OPEN: usize = 10;
/// How long a failure is remembered.
pub const WINDOW_NS: u64 = 60 * SECOND_NS;
/// How long the first opening lasts; each opening in a row doubles it.
pub const OPEN_NS: u64 = 30 * SECOND_NS;
/// How long an opening lasts at most.
pub const OPEN_MAX_NS: u64 = 600 * SECOND_NS;
/// Trials that must succeed after failures.
pub const TRIALS: u32 = 3;
/// Trials that must be equal to Python after a panic or a mismatch.
pub const EQUAL_TRIALS: u32 = 100;
/// Trials under way at once.
pub const TRIALS_IN_FLIGHT: usize = 3;
/// A trial without an outcome gives up its slot after this time.
pub const TRIAL_EXPIRES_NS: u64 = 60 * SECOND_NS;

/// What opened the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Too many failures: native says itself that it does not work.
    Failures,
    /// A panic: nothing that native says can be trusted.
    Panic,
    /// An answer that differs from Python's.
    Mismatch,
}

impl Cause {
    /// The name in status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Panic => "panic",
            Self::Mismatch => "mismatch",
        }
    }

    /// Whether native may answer nobody until it was compared.
    const fn is_distrust(self) -> bool {
        !matches!(self, Self::Failures)
    }

    /// Trials that must succeed before it closes.
    #[must_use]
    pub const fn trials_needed(self) -> u32 {
        if self.is_distrust() {
            EQUAL_TRIALS
        } else {
            TRIALS
        }
    }
}

/// Where the breaker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls pass. Holds when the latest failures happened.
    Closed {
        /// At most [`FAILURES_TO_OPEN`], oldest first.
        failures_ns: VecDeque<u64>,
    },
    /// No call passes before `until_ns`.
    Open {
        /// What opened it.
        cause: Cause,
        /// When trials may begin.
        until_ns: u64,
    },
    /// A few calls at a time pass as trials.
    HalfOpen {
        /// What opened it.
        cause: Cause,
        /// Trials that succeeded.
        succeeded: u32,
        /// When each trial under way began.
        slots_ns: Vec<u64>,
    },
    /// No call passes until a reset.
    Latched {
        /// What opened it.
        cause: Cause,
    },
}

/// What the breaker says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Pass.
    Pass,
    /// Pass as a trial; `shadow`: Python must answer.
    Trial {
        /// Whether Python must answer and native only be compared.
        shadow: bool,
    },
    /// Do not pass.
    Refused,
}

/// The breaker's whole state, for one thread at a time.
#[derive(Clone, Debug)]
pub struct Circuit {
    state: State,
    epoch: u64,
    /// Panics and mismatches of calls admitted before this epoch are answered for.
    distrust_epoch: u64,
    /// A panic or a mismatch has opened it since the last reset; the next one latches.
    distrusted: bool,
    openings_in_a_row: u32,
    times_opened: u64,
}

impl Default for Circuit {
    fn default() -> Self {
        Self {
            state: closed(),
            epoch: 0,
            distrust_epoch: 0,
            distrusted: false,
            openings_in_a_row: 0,
            times_opened: 0,
        }
    }
}

fn closed() -> State {
    State::Closed {
        failures_ns: VecDeque::new(),
    }
}

impl Circuit {
    /// The present epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Openings since the last reset.
    #[must_use]
    pub fn times_opened(&self) -> u64 {
        self.times_opened
    }

    /// Whether every call passes.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// Where it stands at `now_ns`.
    pub fn state(&mut self, now_ns: u64) -> &State {
        match &mut self.state {
            State::Open { cause, until_ns } if now_ns >= *until_ns => {
                self.state = State::HalfOpen {
                    cause: *cause,
                    succeeded: 0,
                    slots_ns: Vec::with_capacity(TRIALS_IN_FLIGHT),
                };
            }
            State::HalfOpen { slots_ns, .. } => {
                slots_ns.retain(|start_ns| now_ns.saturating_sub(*start_ns) < TRIAL_EXPIRES_NS);
            }
            _ => {}
        }
        &self.state
    }

    /// Whether a call that starts at `now_ns` may pass. A trial takes a slot.
    pub fn admit(&mut self, now_ns: u64) -> Admission {
        self.state(now_ns);
        match &mut self.state {
            State::Closed { .. } => Admission::Pass,
            State::HalfOpen {
                cause,
                succeeded,
                slots_ns,
            } if slots_ns.len() < TRIALS_IN_FLIGHT
                && (slots_ns.len() as u64) < u64::from(cause.trials_needed() - *succeeded) =>
            {
                slots_ns.push(now_ns);
                Admission::Trial {
                    shadow: cause.is_distrust(),
                }
            }
            _ => Admission::Refused,
        }
    }

    /// A call ended well; `compared`: its answer was found equal to Python's.
    pub fn succeeded(&mut self, ticket: Ticket, compared: bool, now_ns: u64) {
        if !self.release(ticket, now_ns) {
            return;
        }
        if let State::HalfOpen {
            cause, succeeded, ..
        } = &mut self.state
            && (compared || !cause.is_distrust())
        {
            *succeeded += 1;
            if *succeeded >= cause.trials_needed() {
                self.state = closed();
                self.openings_in_a_row = 0;
            }
        }
    }

    /// Frees the slot of a trial that proves nothing. True if it held one.
    pub fn release(&mut self, ticket: Ticket, now_ns: u64) -> bool {
        self.state(now_ns);
        let State::HalfOpen { slots_ns, .. } = &mut self.state else {
            return false;
        };
        // A slot is known by its start: two trials of one instant are interchangeable, and those of an earlier
        // half-open time began before this one.
        let start_ns = now_ns.saturating_sub(ticket.elapsed_ns(now_ns));
        let slot = slots_ns.iter().position(|slot_ns| *slot_ns == start_ns);
        slot.map(|index| slots_ns.swap_remove(index)).is_some()
    }

    /// A call failed.
    pub fn failed(&mut self, ticket: Ticket, now_ns: u64) {
        if ticket.epoch(self.epoch) != self.epoch {
            return;
        }
        match &mut self.state {
            State::Closed { failures_ns } => {
                if failures_ns.len() == FAILURES_TO_OPEN {
                    failures_ns.pop_front();
                }
                failures_ns.push_back(now_ns);
                let oldest_ns = failures_ns.front().copied().unwrap_or(now_ns);
                if failures_ns.len() == FAILURES_TO_OPEN
                    && now_ns.saturating_sub(oldest_ns) <= WINDOW_NS
                {
                    self.open(Cause::Failures, now_ns);
                }
            }
            State::HalfOpen { cause, .. } => {
                let cause = *cause; // after a mismatch the trials stay in shadow
                self.open(cause, now_ns);
            }
            State::Open { .. } | State::Latched { .. } => {}
        }
    }

    /// A call panicked or answered wrongly.
    pub fn distrust(&mut self, cause: Cause, ticket: Ticket, now_ns: u64) {
        let latched = matches!(self.state, State::Latched { .. });
        if latched || ticket.epoch(self.epoch) < self.distrust_epoch {
            return;
        }
        self.open(cause, now_ns);
        if self.distrusted {
            self.state = State::Latched { cause };
        }
        self.distrusted = true;
        self.distrust_epoch = self.epoch;
    }

    /// Closes and forgets, calls under way included.
    pub fn reset(&mut self) {
        let epoch = self.epoch + 1;
        *self = Self {
            epoch,
            distrust_epoch: epoch,
            ..Self::default()
        };
    }

    fn open(&mut self, cause: Cause, now_ns: u64) {
        let open_ns = OPEN_NS
            .checked_shl(self.openings_in_a_row)
            .unwrap_or(OPEN_MAX_NS)
            .min(OPEN_MAX_NS);
        self.epoch += 1;
        self.times_opened += 1;
        self.openings_in_a_row = (self.openings_in_a_row + 1).min(16);
        self.state = State::Open {
            cause,
            until_ns: now_ns.saturating_add(open_ns),
        };
    }
}
