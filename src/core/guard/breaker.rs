//! The breaker that many threads share: one atomic load while closed, a short lock otherwise.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use super::circuit::{Admission, Cause, Circuit, State};
use super::tally::Reason;
use super::ticket::Ticket;

/// Set in the word while calls do not simply pass; the epoch stands above it.
const INTERRUPTED: u64 = 1;

/// Stops calls to native code that fails, and lets it prove itself again. See [`super::circuit`] for the rules.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Epoch and [`INTERRUPTED`] together, so that a ticket's epoch fits the state it was admitted in.
    word: AtomicU64,
    circuit: Mutex<Circuit>,
}

/// A call that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// For the ticket.
    pub epoch: u64,
    /// For the ticket: the call is a trial, and must report an outcome or be released.
    pub trial: bool,
    /// Python must answer and native only be compared.
    pub shadow: bool,
}

/// The breaker as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerStatus {
    /// `closed`, `open`, `half_open` or `latched`.
    pub state: &'static str,
    /// What opened it; `None` while closed.
    pub opened_by: Option<Cause>,
    /// Openings since the last reset.
    pub times_opened: u64,
    /// Until trials begin, rounded up; `None` unless open.
    pub retry_in_ms: Option<u64>,
    /// `None` unless half-open.
    pub trials: Option<Trials>,
}

/// How a half-open breaker's trials go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trials {
    /// Succeeded so far.
    pub succeeded: u32,
    /// To succeed in all before it closes.
    pub needed: u32,
    /// Under way.
    pub in_flight: usize,
}

impl Breaker {
    /// Whether calls do not simply pass: open, half-open or latched.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.word.load(Ordering::Acquire) & INTERRUPTED != 0
    }

    /// The epoch, while every call passes.
    #[must_use]
    pub fn epoch_if_closed(&self) -> Option<u64> {
        let word = self.word.load(Ordering::Acquire);
        (word & INTERRUPTED == 0).then_some(word >> 1)
    }

    /// The present epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.word.load(Ordering::Acquire) >> 1
    }

    /// Whether a call that starts at `now_ns` may pass. Never waits.
    ///
    /// # Errors
    /// [`Reason::Breaker`], or [`Reason::Busy`] if it is not closed and another thread is in it.
    pub fn admit(&self, now_ns: u64) -> Result<Pass, Reason> {
        let word = self.word.load(Ordering::Acquire);
        if word & INTERRUPTED == 0 {
            return Ok(Pass {
                epoch: word >> 1,
                trial: false,
                shadow: false,
            });
        }
        let mut circuit = match self.circuit.try_lock() {
            Ok(circuit) => circuit,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Reason::Busy),
        };
        let (trial, shadow) = match circuit.admit(now_ns) {
            Admission::Pass => (false, false),
            Admission::Trial { shadow } => (true, shadow),
            Admission::Refused => return Err(Reason::Breaker),
        };
        Ok(Pass {
            epoch: circuit.epoch(),
            trial,
            shadow,
        })
    }

    /// A call ended well; `compared`: its answer was found equal to Python's.
    pub fn succeeded(&self, ticket: Ticket, compared: bool, now_ns: u64) {
        if ticket.is_trial() {
            self.change(|circuit| circuit.succeeded(ticket, compared, now_ns));
        }
    }

    /// A call ended without proving anything.
    pub fn release(&self, ticket: Ticket, now_ns: u64) {
        if ticket.is_trial() {
            self.change(|circuit| {
                circuit.release(ticket, now_ns);
            });
        }
    }

    /// A call failed.
    pub fn failed(&self, ticket: Ticket, now_ns: u64) {
        self.change(|circuit| circuit.failed(ticket, now_ns));
    }

    /// A call panicked or answered wrongly.
    pub fn distrust(&self, cause: Cause, ticket: Ticket, now_ns: u64) {
        self.change(|circuit| circuit.distrust(cause, ticket, now_ns));
    }

    /// Closes and forgets, calls under way included.
    pub fn reset(&self) {
        self.change(Circuit::reset);
    }

    /// The breaker at `now_ns`.
    #[must_use]
    pub fn status(&self, now_ns: u64) -> BreakerStatus {
        self.change(|circuit| {
            let times_opened = circuit.times_opened();
            let status = BreakerStatus {
                state: "closed",
                opened_by: None,
                times_opened,
                retry_in_ms: None,
                trials: None,
            };
            match circuit.state(now_ns) {
                State::Closed { .. } => status,
                State::Open { cause, until_ns } => BreakerStatus {
                    state: "open",
                    opened_by: Some(*cause),
                    retry_in_ms: Some(until_ns.saturating_sub(now_ns).div_ceil(1_000_000)),
                    ..status
                },
                State::HalfOpen {
                    cause,
                    succeeded,
                    slots_ns,
                } => BreakerStatus {
                    state: "half_open",
                    opened_by: Some(*cause),
                    trials: Some(Trials {
                        succeeded: *succeeded,
                        needed: cause.trials_needed(),
                        in_flight: slots_ns.len(),
                    }),
                    ..status
                },
                State::Latched { cause } => BreakerStatus {
                    state: "latched",
                    opened_by: Some(*cause),
                    ..status
                },
            }
        })
    }

    /// The only way to the circuit that may change what the word says.
    fn change<R>(&self, change: impl FnOnce(&mut Circuit) -> R) -> R {
        let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut circuit);
        let interrupted = if circuit.is_closed() { 0 } else { INTERRUPTED };
        self.word
            .store(circuit.epoch() << 1 | interrupted, Ordering::Release);
        result
    }
}
