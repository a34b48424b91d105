//! Decides whether a call goes native; knows nothing of what it guards.
//!
//! One [`Guard`] per feature. Each call asks [`Guard::admit`] once and reports one outcome with the [`Ticket`] it got.
//! Everything here may be called from any thread; admission takes no lock that anyone waits for.

pub mod breaker;
pub mod circuit;
pub mod latency;
pub mod light;
pub mod rollout;
pub mod settings;
pub mod tally;
pub mod ticket;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::breaker::{Breaker, BreakerStatus, Pass};
use self::circuit::Cause;
use self::latency::Latency;
use self::rollout::Rollout;
use self::settings::{Settings, SharedSettings};
use self::tally::{Calls, Reason, Tally};
use self::ticket::{Path, Ticket};
use super::clock::Clock;

/// The gate before one feature's native path: settings, breaker and account.
///
/// A feature with several seams has one [`Guard::branch`] for each: all decide as one, and each keeps an account of
/// its own beside the feature's.
pub struct Guard {
    gate: Arc<Gate>,
    tally: Arc<Tally>,
    /// Of a branch: the account of the whole feature.
    whole: Option<Arc<Tally>>,
}

/// What all branches of a feature decide by.
struct Gate {
    feature: String,
    rollout: Rollout,
    settings: SharedSettings,
    breaker: Breaker,
    clock: Arc<dyn Clock>,
    units: AtomicU64,
}

/// A guard as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The settings in force.
    pub settings: Settings,
    /// The breaker.
    pub breaker: BreakerStatus,
    /// Who answered, and why.
    pub calls: Calls,
    /// Of native answers that were not compared: admission to answer.
    pub native_latency: Latency,
    /// Of calls that were sent to Python and reported their end.
    pub python_latency: Latency,
}

impl Guard {
    /// A guard for `feature` that is off until configured. `seed` shuffles the rollout; equal in all processes that
    /// shall agree.
    #[must_use]
    pub fn new(feature: &str, seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            gate: Arc::new(Gate {
                feature: feature.to_owned(),
                rollout: Rollout::new(seed, feature),
                settings: SharedSettings::default(),
                breaker: Breaker::default(),
                clock,
                units: AtomicU64::new(0),
            }),
            tally: Arc::default(),
            whole: None,
        }
    }

    /// The guard of one seam: settings, breaker and units are this feature's, the account is its own and goes into
    /// the feature's too. A branch of a branch is one more branch of the feature: the account between them has no
    /// part in it.
    #[must_use]
    pub fn branch(&self) -> Self {
        Self {
            gate: Arc::clone(&self.gate),
            tally: Arc::default(),
            whole: Some(Arc::clone(self.whole.as_ref().unwrap_or(&self.tally))),
        }
    }

    fn note(&self, write: impl Fn(&Tally)) {
        write(&self.tally);
        if let Some(whole) = &self.whole {
            write(whole);
        }
    }

    /// The feature's name.
    #[must_use]
    pub fn feature(&self) -> &str {
        &self.gate.feature
    }

    /// Replaces the settings at once.
    pub fn configure(&self, settings: Settings) {
        self.gate.settings.replace(settings);
    }

    /// A fresh unit for a call that has no identity. Neighbours fall into unrelated buckets.
    #[must_use]
    pub fn next_unit(&self) -> u64 {
        self.gate.units.fetch_add(1, Ordering::Relaxed)
    }

    /// The unit's bucket in `0..100_000`, the same in every process that has the same seed.
    #[must_use]
    pub fn bucket(&self, unit: u64) -> u32 {
        self.gate.rollout.bucket(unit)
    }

    /// True while the mode is off, and then the call is tallied. Saves the caller finding out a unit.
    #[must_use]
    pub fn bypassed(&self) -> bool {
        let off = self.gate.settings.is_off();
        if off {
            self.note(|tally| tally.python(Reason::Off));
        }
        off
    }

    /// Whether the breaker is not closed, for a caller who must not begin anything without a ticket then.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.gate.breaker.is_interrupted()
    }

    /// Decides which way a call goes. `labels` (key, alias, model) are only looked at if lists of labels are set.
    pub fn admit<L: AsRef<str>>(&self, unit: u64, labels: impl IntoIterator<Item = L>) -> Ticket {
        self.admit_at(unit, labels, self.now_ns())
    }

    /// The guard's time, for [`Self::admit_at`].
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.gate.clock.now_ns()
    }

    /// [`Self::admit`] at a time that was read for several calls together.
    pub fn admit_at<L: AsRef<str>>(
        &self,
        unit: u64,
        labels: impl IntoIterator<Item = L>,
        now_ns: u64,
    ) -> Ticket {
        self.route(unit, labels, now_ns).unwrap_or_else(|reason| {
            self.note(|tally| tally.python(reason));
            Ticket::new(Path::Python, false, 0, now_ns)
        })
    }

    fn route<L: AsRef<str>>(
        &self,
        unit: u64,
        labels: impl IntoIterator<Item = L>,
        now_ns: u64,
    ) -> Result<Ticket, Reason> {
        let choice = self
            .gate
            .settings
            .choose(&self.gate.rollout, unit, labels)?;
        // Asked last: a trial slot must go to a call that will use it.
        let Pass {
            epoch,
            trial,
            shadow,
        } = self.gate.breaker.admit(now_ns)?;
        // A unit may stand for a key with all its calls; mixed with the time, the sample is one of calls.
        let path = if choice.shadow || shadow {
            Path::Shadow
        } else if self.gate.rollout.verifies(choice.verify, unit ^ now_ns) {
            Path::Verify
        } else {
            Path::Native
        };
        Ok(Ticket::new(path, trial, epoch, now_ns))
    }

    /// Native answered.
    pub fn handled(&self, ticket: Ticket) {
        let now_ns = self.now_ns();
        if matches!(ticket.path(), Path::Native | Path::Verify) {
            let elapsed_ns = ticket.elapsed_ns(now_ns);
            self.note(|tally| tally.native_latency.record(elapsed_ns));
        }
        self.handled_at(ticket, now_ns);
    }

    /// [`Self::handled`] for calls so short that reading the clock for each would cost more than they: no latency is
    /// taken.
    pub fn handled_at(&self, ticket: Ticket, now_ns: u64) {
        match ticket.path() {
            Path::Native | Path::Verify => self.note(Tally::native),
            Path::Shadow => self.note(|tally| tally.python(Reason::Shadow)),
            Path::Python => {}
        }
        self.gate.breaker.succeeded(ticket, false, now_ns);
    }

    /// Native said "not mine" before any effect, and Python answers. `reason` comes from a small, fixed set and never
    /// from users' text.
    pub fn declined(&self, ticket: Ticket, reason: &str) {
        if ticket.path() != Path::Python {
            self.note(|tally| tally.declined(reason));
            self.gate.breaker.release(ticket, self.now_ns());
        }
    }

    /// Native broke. `kind` names the defect (an exception's class) and never holds users' text. `panic` opens the
    /// breaker at once. `replayed`: Python answers in its place; false where an effect forbids that and the error
    /// goes to the caller.
    pub fn failed(&self, ticket: Ticket, kind: &str, panic: bool, replayed: bool) {
        match ticket.path() {
            Path::Python => return,
            Path::Shadow => self.note(|tally| tally.python(Reason::Shadow)),
            Path::Native | Path::Verify if replayed => {
                self.note(|tally| tally.python(Reason::Failed));
            }
            Path::Native | Path::Verify => {}
        }
        self.note(|tally| tally.failed(kind));
        let now_ns = self.now_ns();
        if panic {
            self.gate.breaker.distrust(Cause::Panic, ticket, now_ns);
        } else {
            self.gate.breaker.failed(ticket, now_ns);
        }
    }

    /// Native and Python answered. A difference opens the breaker at once, and Python's value is the one that counts.
    pub fn compared(&self, ticket: Ticket, equal: bool) {
        match ticket.path() {
            Path::Python => return,
            Path::Shadow => self.note(|tally| tally.python(Reason::Shadow)),
            Path::Native | Path::Verify if equal => self.note(Tally::native),
            Path::Native | Path::Verify => self.note(|tally| tally.python(Reason::Mismatch)),
        }
        self.note(|tally| tally.compared(equal));
        let now_ns = self.now_ns();
        if equal {
            self.gate.breaker.succeeded(ticket, true, now_ns);
        } else {
            self.gate.breaker.distrust(Cause::Mismatch, ticket, now_ns);
        }
    }

    /// A call that [`Self::admit`] sent to Python has ended. For any other ticket the same as [`Self::abandoned`].
    pub fn answered_by_python(&self, ticket: Ticket) {
        if ticket.path() == Path::Python {
            let elapsed_ns = ticket.elapsed_ns(self.now_ns());
            self.note(|tally| tally.python_latency.record(elapsed_ns));
        } else {
            self.abandoned(ticket);
        }
    }

    /// The call was cut off. It proves nothing of native.
    pub fn abandoned(&self, ticket: Ticket) {
        if ticket.path() != Path::Python {
            self.note(Tally::abandoned);
            self.gate.breaker.release(ticket, self.now_ns());
        }
    }

    /// Closes the breaker and forgets its history, a latched one included. Counters stay.
    pub fn reset_errors(&self) {
        self.gate.breaker.reset();
    }

    /// Everything about this guard, as it is now.
    #[must_use]
    pub fn status(&self) -> Status {
        let (native_latency, python_latency) = self.tally.latencies();
        Status {
            settings: self.gate.settings.get(),
            breaker: self.gate.breaker.status(self.now_ns()),
            calls: self.tally.calls(),
            native_latency,
            python_latency,
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Guard")
            .field("feature", &self.gate.feature)
            .finish_non_exhaustive()
    }
}
