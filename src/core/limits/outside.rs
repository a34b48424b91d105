//! What was done to a cache without Python, and is still to be told to it.

use std::sync::Arc;

/// Notes between those who have Python at hand and those who have not. They lie in the store, under its lock.
#[derive(Debug)]
pub struct Outside<V> {
    /// Expiry times that Python's heap does not list yet, so that nothing else would evict these keys.
    pub unlisted: Vec<(f64, Arc<str>)>,
    /// Objects that had to leave. They are dropped where Python is at hand, for their end runs code.
    pub displaced: Vec<V>,
    turns: usize,
}

impl<V> Default for Outside<V> {
    fn default() -> Self {
        Self {
            unlisted: Vec::new(),
            displaced: Vec::new(),
            turns: 0,
        }
    }
}

impl<V> Outside<V> {
    /// A step of several readings and writings begins, between which the store's lock is free.
    pub fn begin_turn(&mut self) {
        self.turns += 1;
    }

    /// It has ended.
    pub fn end_turn(&mut self) {
        // A store that the garbage collector cleared meanwhile begins anew.
        self.turns = self.turns.saturating_sub(1);
    }

    /// Whether such a step is under way: what it has read must not be changed now.
    #[must_use]
    pub fn is_turn(&self) -> bool {
        self.turns > 0
    }
}
