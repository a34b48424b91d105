//! The account of what happened: who answered, and why.
//!
//! `python` counts the calls that were left to Python, each under one reason. A call that native failed and Python
//! answered is in `failed` and in `python["failed"]`; a verified call that differed is in `mismatched` and in
//! `python["mismatch"]`, for Python's value is what the caller got; a shadow call is in `python["shadow"]`
//! whatever native did, except that a decline keeps its own name, `python["declined: …"]`, since what native would
//! decline is what a shadow run is to find out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::latency::{Histogram, Latency};

/// Distinct declines, and distinct failures, that are counted apart.
pub const NAMES: usize = 64;
/// The longest name that is counted apart, in bytes.
pub const NAME_BYTES: usize = 64;
/// Stands for what is beyond [`NAMES`] or [`NAME_BYTES`].
pub const OTHER: &str = "other";

/// Why the guard left a call to Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The mode is off.
    Off,
    /// The unit is not in the percentage.
    Percent,
    /// A label is in `exclude`.
    Excluded,
    /// The breaker is open, latched, or has enough trials under way.
    Breaker,
    /// Settings or breaker are being changed by another thread at this moment.
    Busy,
    /// Python answers and native is compared.
    Shadow,
    /// Native failed.
    Failed,
    /// Native answered something else.
    Mismatch,
}

const REASONS: [Reason; 8] = [
    Reason::Off,
    Reason::Percent,
    Reason::Excluded,
    Reason::Breaker,
    Reason::Busy,
    Reason::Shadow,
    Reason::Failed,
    Reason::Mismatch,
];

impl Reason {
    /// The name in status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Percent => "percent",
            Self::Excluded => "excluded",
            Self::Breaker => "breaker",
            Self::Busy => "busy",
            Self::Shadow => "shadow",
            Self::Failed => "failed",
            Self::Mismatch => "mismatch",
        }
    }
}

/// Counts by name, for names that features choose. Bounded: a name made from a request must not fill the memory.
#[derive(Debug, Default)]
struct Names(Mutex<BTreeMap<String, u64>>);

impl Names {
    fn add(&self, name: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(name) {
            *count += 1;
            return;
        }
        let fits = counts.len() < NAMES && name.len() <= NAME_BYTES;
        let name = if fits { name } else { OTHER };
        *counts.entry(name.to_owned()).or_default() += 1;
    }

    fn get(&self) -> BTreeMap<String, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Counters of one feature. Every method may be called from any thread.
#[derive(Debug, Default)]
pub struct Tally {
    native: AtomicU64,
    python: [AtomicU64; REASONS.len()],
    declined: Names,
    failed: Names,
    mismatched: AtomicU64,
    verified: AtomicU64,
    abandoned: AtomicU64,
    /// Of native answers, from admission to [`super::Guard::handled`].
    pub native_latency: Histogram,
    /// Of calls sent to Python, from admission to [`super::Guard::answered_by_python`].
    pub python_latency: Histogram,
}

/// A copy of the counters. They are read one after the other, so calls that end meanwhile may be in one and not yet
/// in another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls whose answer came from native.
    pub native: u64,
    /// Calls left to Python, by reason; a feature's own as `declined: …`.
    pub python: BTreeMap<String, u64>,
    /// Native failures by kind, panics included.
    pub failed: BTreeMap<String, u64>,
    /// Comparisons that differed.
    pub mismatched: u64,
    /// Comparisons that were equal.
    pub verified: u64,
    /// Calls sent to native that were cut off and have no answer.
    pub abandoned: u64,
}

impl Tally {
    /// Native answered.
    pub fn native(&self) {
        self.native.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that was counted before its end was not answered by native after all.
    pub fn withdraw_native(&self) {
        self.native.fetch_sub(1, Ordering::Relaxed);
    }

    /// Python answers, for a reason of the guard.
    pub fn python(&self, reason: Reason) {
        if let Some(count) = self.python.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Python answers, for a reason of the feature.
    pub fn declined(&self, reason: &str) {
        self.declined.add(reason);
    }

    /// Native failed.
    pub fn failed(&self, kind: &str) {
        self.failed.add(kind);
    }

    /// Native and Python answered.
    pub fn compared(&self, equal: bool) {
        let count = if equal {
            &self.verified
        } else {
            &self.mismatched
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Nobody answered.
    pub fn abandoned(&self) {
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters as they are now.
    #[must_use]
    pub fn calls(&self) -> Calls {
        let mut python: BTreeMap<String, u64> = self
            .declined
            .get()
            .into_iter()
            .map(|(reason, count)| (format!("declined: {reason}"), count))
            .collect();
        for (reason, count) in REASONS.iter().zip(&self.python) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                python.insert(reason.name().to_owned(), count);
            }
        }
        Calls {
            native: self.native.load(Ordering::Relaxed),
            python,
            failed: self.failed.get(),
            mismatched: self.mismatched.load(Ordering::Relaxed),
            verified: self.verified.load(Ordering::Relaxed),
            abandoned: self.abandoned.load(Ordering::Relaxed),
        }
    }

    /// Latencies of native answers and of calls sent to Python.
    #[must_use]
    pub fn latencies(&self) -> (Latency, Latency) {
        (self.native_latency.latency(), self.python_latency.latency())
    }
}
