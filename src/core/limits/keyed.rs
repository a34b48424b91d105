//! Keys and their windows, at most so many.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::quota::Window;

/// Expired keys that a new key looks for, so that memory follows traffic without a pass over everything.
const LOOKS: usize = 2;

/// How long an expired key stays where there is room: a clock may be set back a little.
const GRACE_MS: u64 = 60_000;

/// A bounded map. Where it is full, the key that expires first is forgotten: expired ones before live ones.
#[derive(Debug)]
pub struct Keyed<W> {
    windows: HashMap<Arc<str>, W>,
    /// One entry for each key, with its expiry when it was last looked at. That only moves on, but for refunds.
    order: BinaryHeap<Reverse<(u64, Arc<str>)>>,
    capacity: usize,
}

impl<W: Window> Keyed<W> {
    /// An empty map of at most `capacity` keys, at least 1.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            windows: HashMap::new(),
            order: BinaryHeap::new(),
            capacity: capacity.max(1),
        }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// The key's window, if there is one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&W> {
        self.windows.get(key)
    }

    /// The key's window, to change, if there is one.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut W> {
        self.windows.get_mut(key)
    }

    /// Changes the key's window, a new one if there was none.
    pub fn change<R>(&mut self, key: &str, now_ms: u64, change: impl FnOnce(&mut W) -> R) -> R {
        if let Some(window) = self.windows.get_mut(key) {
            return change(window);
        }
        let mut window = W::default();
        let result = change(&mut window);
        self.make_room(now_ms);
        let key: Arc<str> = Arc::from(key);
        self.order
            .push(Reverse((window.expires_ms(), Arc::clone(&key))));
        self.windows.insert(key, window);
        result
    }

    fn make_room(&mut self, now_ms: u64) {
        let long_ago_ms = now_ms.saturating_sub(GRACE_MS);
        for _ in 0..LOOKS {
            if self
                .order
                .peek()
                .is_some_and(|Reverse((seen_ms, _))| *seen_ms <= long_ago_ms)
            {
                self.forget_first(long_ago_ms);
            }
        }
        while self.windows.len() >= self.capacity && !self.order.is_empty() {
            self.forget_first(u64::MAX);
        }
    }

    /// Forgets the first key if its expiry is what it was and not after `latest_ms`; else puts it where it belongs.
    fn forget_first(&mut self, latest_ms: u64) {
        let Some(Reverse((seen_ms, key))) = self.order.pop() else {
            return;
        };
        let expires_ms = self.windows.get(&key).map_or(0, Window::expires_ms);
        if expires_ms <= seen_ms && expires_ms <= latest_ms {
            self.windows.remove(&key);
        } else {
            self.order.push(Reverse((expires_ms, key)));
        }
    }
}
