//! Room of their own for the limiter's counters.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Whether a key is one that the limiter makes: `{scope:value}:window` and its counters.
#[must_use]
pub fn is_counter_key(key: &str) -> bool {
    key.starts_with('{')
        && key.rsplit_once("}:").is_some_and(|(_, kind)| {
            matches!(
                kind,
                "window" | "requests" | "tokens" | "max_parallel_requests"
            )
        })
}

/// Seconds that can be ordered: none is a not-a-number.
#[derive(Clone, Copy, Debug)]
struct Seconds(f64);

impl Ord for Seconds {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Seconds {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Seconds {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Seconds {}

/// The counters' part of a cache: how many there may be, and which leaves first.
#[derive(Debug)]
pub struct Reserved {
    /// How many items there may be.
    pub capacity: usize,
    /// How many there are.
    pub items: usize,
    /// How many had to leave before their time.
    pub evicted: u64,
    by_expiry: BinaryHeap<Reverse<(Seconds, Arc<str>)>>,
}

impl Reserved {
    /// Room for `capacity` items.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            items: 0,
            evicted: 0,
            by_expiry: BinaryHeap::new(),
        }
    }

    /// Notes when an item expires.
    pub fn expires(&mut self, key: Arc<str>, at_s: f64) {
        self.by_expiry.push(Reverse((Seconds(at_s), key)));
    }

    /// The item that leaves next, by a note that may be outdated.
    #[must_use]
    pub fn next(&self) -> Option<(f64, &Arc<str>)> {
        (self.by_expiry.peek()).map(|Reverse((Seconds(at_s), key))| (*at_s, key))
    }

    /// Drops the note of the item that leaves next.
    pub fn forget_next(&mut self) {
        self.by_expiry.pop();
    }
}
