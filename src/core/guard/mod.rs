//! Decides whether a call goes native; knows nothing of what it guards.
//!
//! One [`Guard`] per feature. Each call asks [`Guard::admit`] once and reports one outcome with the [`Ticket`] it got.
//! Everything here may be called from any thread; admission takes no lock that anyone waits for.

pub mod breaker;
pub mod circuit;
pub mod latency;
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
pub struct Guard {
    feature: String,
    rollout: Rollout,
    settings: SharedSettings,
    breaker: Breaker,
    tally: Tally,
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
            feature: feature.to_owned(),
            rollout: Rollout::new(seed, feature),
            settings: SharedSettings::default(),
            breaker: Breaker::default(),
            tally: Tally::default(),
            clock,
            units: AtomicU64::new(0),
        }
    }

    /// The feature's name.
    #[must_use]
    pub fn feature(&self) -> &str {
        &self.feature
    }

    /// Replaces the settings at once.
    pub fn configure(&self, settings: Settings) {
        self.settings.replace(settings);
    }

    /// A fresh unit for a call that has no identity. Neighbours fall into unrelated buckets.
    #[must_use]
    pub fn next_unit(&self) -> u64 {
        self.units.fetch_add(1, Ordering::Relaxed)
    }

    /// The unit's bucket in `0..100_000`, the same in every process that has the same seed.
    #[must_use]
    pub fn bucket(&self, unit: u64) -> u32 {
        self.rollout.bucket(unit)
    }

    /// True while the mode is off, and then the call is tallied. Saves the caller finding out a unit.
    #[must_use]
    pub fn bypassed(&self) -> bool {
        let off = self.settings.is_off();
        if off {
            self.tally.python(Reason::Off);
        }
        off
    }

    /// Decides which way a call goes. `labels` (key, alias, model) are only looked at if lists of labels are set.
    pub fn admit<L: AsRef<str>>(&self, unit: u64, labels: impl IntoIterator<Item = L>) -> Ticket {
        let now_ns = self.clock.now_ns();
        self.route(unit, labels, now_ns).unwrap_or_else(|reason| {
            self.tally.python(reason);
            Ticket::new(Path::Python, false, 0, now_ns)
        })
    }

    fn route<L: AsRef<str>>(
        &self,
        unit: u64,
        labels: impl IntoIterator<Item = L>,
        now_ns: u64,
    ) -> Result<Ticket, Reason> {
        let choice = self.settings.choose(&self.rollout, unit, labels)?;
        // Asked last: a trial slot must go to a call that will use it.
        let Pass {
            epoch,
            trial,
            shadow,
        } = self.breaker.admit(now_ns)?;
        // A unit may stand for a key with all its calls; mixed with the time, the sample is one of calls.
        let path = if choice.shadow || shadow {
            Path::Shadow
        } else if self.rollout.verifies(choice.verify, unit ^ now_ns) {
            Path::Verify
        } else {
            Path::Native
        };
        Ok(Ticket::new(path, trial, epoch, now_ns))
    }

    /// Native answered.
    pub fn handled(&self, ticket: Ticket) {
        let now_ns = self.clock.now_ns();
        match ticket.path() {
            Path::Native | Path::Verify => {
                self.tally.native();
                self.tally.native_latency.record(ticket.elapsed_ns(now_ns));
            }
            Path::Shadow => self.tally.python(Reason::Shadow),
            Path::Python => {}
        }
        self.breaker.succeeded(ticket, false, now_ns);
    }

    /// Native said "not mine" before any effect, and Python answers. `reason` comes from a small, fixed set and never
    /// from users' text.
    pub fn declined(&self, ticket: Ticket, reason: &str) {
        if ticket.path() != Path::Python {
            self.tally.declined(reason);
            self.breaker.release(ticket, self.clock.now_ns());
        }
    }

    /// Native broke. `kind` names the defect (an exception's class) and never holds users' text. `panic` opens the
    /// breaker at once. `replayed`: Python answers in its place; false where an effect forbids that and the error
    /// goes to the caller.
    pub fn failed(&self, ticket: Ticket, kind: &str, panic: bool, replayed: bool) {
        match ticket.path() {
            Path::Python => return,
            Path::Shadow => self.tally.python(Reason::Shadow),
            Path::Native | Path::Verify if replayed => self.tally.python(Reason::Failed),
            Path::Native | Path::Verify => {}
        }
        self.tally.failed(kind);
        let now_ns = self.clock.now_ns();
        if panic {
            self.breaker.distrust(Cause::Panic, ticket, now_ns);
        } else {
            self.breaker.failed(ticket, now_ns);
        }
    }

    /// Native and Python answered. A difference opens the breaker at once, and Python's value is the one that counts.
    pub fn compared(&self, ticket: Ticket, equal: bool) {
        match ticket.path() {
            Path::Python => return,
            Path::Shadow => self.tally.python(Reason::Shadow),
            Path::Native | Path::Verify if equal => self.tally.native(),
            Path::Native | Path::Verify => self.tally.python(Reason::Mismatch),
        }
        self.tally.compared(equal);
        let now_ns = self.clock.now_ns();
        if equal {
            self.breaker.succeeded(ticket, true, now_ns);
        } else {
            self.breaker.distrust(Cause::Mismatch, ticket, now_ns);
        }
    }

    /// A call that [`Self::admit`] sent to Python has ended. For any other ticket the same as [`Self::abandoned`].
    pub fn answered_by_python(&self, ticket: Ticket) {
        if ticket.path() == Path::Python {
            let elapsed_ns = ticket.elapsed_ns(self.clock.now_ns());
            self.tally.python_latency.record(elapsed_ns);
        } else {
            self.abandoned(ticket);
        }
    }

    /// The call was cut off. It proves nothing of native.
    pub fn abandoned(&self, ticket: Ticket) {
        if ticket.path() != Path::Python {
            self.tally.abandoned();
            self.breaker.release(ticket, self.clock.now_ns());
        }
    }

    /// Closes the breaker and forgets its history, a latched one included. Counters stay.
    pub fn reset_errors(&self) {
        self.breaker.reset();
    }

    /// Everything about this guard, as it is now.
    #[must_use]
    pub fn status(&self) -> Status {
        let (native_latency, python_latency) = self.tally.latencies();
        Status {
            settings: self.settings.get(),
            breaker: self.breaker.status(self.clock.now_ns()),
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
            .field("feature", &self.feature)
            .finish_non_exhaustive()
    }
}
