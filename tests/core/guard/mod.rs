//! The guard, by the life it leads: who takes part, what stops a feature, what the account says.

mod branch;
mod breaker;
mod light;
mod outcomes;
mod rollout;
mod settings;
mod tally;

use std::sync::Arc;

use _accel::core::clock::ManualClock;
use _accel::core::guard::Guard;
use _accel::core::guard::settings::Settings;
use _accel::core::guard::ticket::{Path, Ticket};

pub const SECOND_NS: u64 = 1_000_000_000;
pub const NO_LABELS: [&str; 0] = [];

pub fn settings(mode: &str, percent: f64, verify_percent: f64) -> Settings {
    Settings::parse(mode, percent, verify_percent, vec![], vec![]).unwrap()
}

pub fn targeting(percent: f64, include: &[&str], exclude: &[&str]) -> Settings {
    let list = |labels: &[&str]| labels.iter().map(ToString::to_string).collect();
    Settings::parse("on", percent, 0.0, list(include), list(exclude)).unwrap()
}

/// A guard on a clock that stands until it is moved.
pub struct Bench {
    pub guard: Guard,
    pub clock: Arc<ManualClock>,
}

impl Bench {
    pub fn new(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::at(7 * SECOND_NS));
        let guard = Guard::new("feature", 1, clock.clone());
        guard.configure(settings);
        Self { guard, clock }
    }

    pub fn on() -> Self {
        Self::new(settings("on", 100.0, 0.0))
    }

    pub fn admit(&self) -> Ticket {
        self.guard.admit(self.guard.next_unit(), NO_LABELS)
    }

    pub fn path(&self) -> Path {
        self.admit().path()
    }

    pub fn fail(&self) {
        self.guard.failed(self.admit(), "ValueError", false, true);
    }

    pub fn fail_times(&self, times: u32) {
        (0..times).for_each(|_| self.fail());
    }

    pub fn wait_s(&self, seconds: u64) {
        self.clock.advance_ns(seconds * SECOND_NS);
    }

    pub fn state(&self) -> &'static str {
        self.guard.status().breaker.state
    }

    pub fn python(&self, reason: &str) -> u64 {
        let calls = self.guard.status().calls;
        calls.python.get(reason).copied().unwrap_or(0)
    }
}
