//! Several limits of one request, all or nothing.

use super::keyed::Keyed;
use super::quota::{Quota, Verdict, Window};

/// One limit that a request must pass.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// Whose limit; the keys of one request differ from each other.
    pub key: &'a str,
    /// The limit.
    pub quota: Quota,
    /// What the request spends of it.
    pub cost: u64,
}

/// The windows of all keys, of one algorithm. One thread at a time; the border holds a lock.
#[derive(Debug)]
pub struct Limits<W> {
    store: Keyed<W>,
}

impl<W: Window> Limits<W> {
    /// No key yet; at most `capacity` keys later.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            store: Keyed::new(capacity),
        }
    }

    /// How many keys are kept.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.store.len()
    }

    /// What `admit` would decide, in the order of the checks; changes nothing.
    #[must_use]
    pub fn weigh(&self, checks: &[Check<'_>], now_ms: u64) -> Vec<Verdict> {
        let new = W::default();
        checks
            .iter()
            .map(|check| {
                let window = self.store.get(check.key).unwrap_or(&new);
                window.weigh(&check.quota, check.cost, now_ms)
            })
            .collect()
    }

    /// Charges every check if all of them fit, and none otherwise. The answers stand in the order of the checks;
    /// admitted is who sees `fits` in all of them.
    ///
    /// A concurrency gauge takes part by standing between `weigh` and this under one lock: nothing is charged before
    /// it has said yes, and nothing can have changed after.
    pub fn admit(&mut self, checks: &[Check<'_>], now_ms: u64) -> Vec<Verdict> {
        let verdicts = self.weigh(checks, now_ms);
        if !verdicts.iter().all(|verdict| verdict.fits) {
            return verdicts;
        }
        checks
            .iter()
            .map(|check| {
                let Check { key, quota, cost } = check;
                self.store.change(key, now_ms, |window| {
                    let mark = window.charge(quota, *cost, now_ms);
                    Verdict {
                        fits: true,
                        retry_after_ms: 0,
                        mark,
                        ..window.weigh(quota, 0, now_ms)
                    }
                })
            })
            .collect()
    }

    /// Corrects what was charged at `mark`; without a mark `delta`, if positive, is charged now. Answers whether
    /// anything changed hands: a reservation that has left the window takes nothing back.
    pub fn settle(
        &mut self,
        key: &str,
        quota: &Quota,
        mark: Option<u64>,
        delta: i64,
        now_ms: u64,
    ) -> bool {
        let correct = |window: &mut W| match (mark, u64::try_from(delta)) {
            (Some(mark), _) => window.settle(quota, mark, delta, now_ms),
            (None, Ok(cost)) => {
                window.charge(quota, cost, now_ms);
                true
            }
            (None, Err(_)) => false,
        };
        if delta > 0 {
            self.store.change(key, now_ms, correct)
        } else {
            self.store.get_mut(key).is_some_and(correct)
        }
    }
}
