//! The slots of requests in flight under one gauge.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// Slot names and when each was taken, in seconds of the limiter's clock.
///
/// LiteLLM copies and filters its `dict` at each request, which takes 3 ms at 1,000 in flight; here taking, giving
/// back and counting are O(log n), for the oldest slots leave first.
#[derive(Debug, Default)]
pub struct Slots {
    held: HashMap<Box<str>, Held>,
    /// Oldest first; entries of slots that were given back are dropped when they come up.
    by_age: BinaryHeap<Aged>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    taken_s: f64,
    /// Its place among the others, as in a `dict`.
    place: u64,
}

#[derive(Debug)]
struct Aged {
    taken_s: f64,
    place: u64,
    slot: Box<str>,
}

impl Ord for Aged {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest, and the oldest is wanted. A not-a-number is in flight at no time, so it comes
        // before the oldest and is the first to be looked at.
        let is_none = self.taken_s.is_nan().cmp(&other.taken_s.is_nan());
        (is_none.then(other.taken_s.total_cmp(&self.taken_s))).then(other.place.cmp(&self.place))
    }
}

impl PartialOrd for Aged {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Aged {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Aged {}

impl Slots {
    /// How many are held, those taken before `cutoff_s` too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether a slot is held.
    #[must_use]
    pub fn is_held(&self, slot: &str) -> bool {
        self.held.contains_key(slot)
    }

    /// Slots that were taken at `cutoff_s` or later. What is older counts no more, but is still there.
    pub fn in_flight(&mut self, cutoff_s: f64) -> usize {
        while self
            .by_age
            .peek()
            .is_some_and(|oldest| !self.is_current(oldest))
        {
            self.by_age.pop();
        }
        // `>=` of a not-a-number is false for each, as it is in Python.
        match self.by_age.peek() {
            Some(oldest) if oldest.taken_s >= cutoff_s => self.held.len(),
            _ => self
                .held
                .values()
                .filter(|held| held.taken_s >= cutoff_s)
                .count(),
        }
    }

    fn is_current(&self, aged: &Aged) -> bool {
        let held = self.held.get(&aged.slot);
        held.is_some_and(|held| held.place == aged.place)
    }

    /// Forgets what was taken before `cutoff_s`.
    pub fn prune(&mut self, cutoff_s: f64) {
        while let Some(oldest) = self.by_age.peek() {
            let current = self.is_current(oldest);
            if current && oldest.taken_s >= cutoff_s {
                break;
            }
            if let Some(Aged { slot, .. }) = self.by_age.pop()
                && current
            {
                self.held.remove(&slot);
            }
        }
    }

    /// Takes a slot. One that is held already keeps its place among the others.
    pub fn take(&mut self, slot: &str, now_s: f64) {
        let place = self.held.get(slot).map_or(self.next, |held| held.place);
        if place != self.next {
            // Its old entry must not pass for the new one.
            self.by_age.retain(|aged| aged.place != place);
        }
        self.next += 1;
        let taken_s = now_s;
        self.held.insert(slot.into(), Held { taken_s, place });
        let slot = slot.into();
        self.by_age.push(Aged {
            taken_s,
            place,
            slot,
        });
    }

    /// Gives a slot back; false if it was not held.
    pub fn give_back(&mut self, slot: &str) -> bool {
        let held = self.held.remove(slot).is_some();
        // Entries of slots given back wait in the heap for their turn; they must not outnumber those in flight.
        if self.by_age.len() > 2 * self.held.len() + 16 {
            let held = &self.held;
            self.by_age.retain(|aged| {
                held.get(&aged.slot)
                    .is_some_and(|slot| slot.place == aged.place)
            });
        }
        held
    }

    /// Slots and times, in the order in which they were taken.
    #[must_use]
    pub fn in_order(&self) -> Vec<(&str, f64)> {
        let mut all: Vec<_> = self.held.iter().collect();
        all.sort_unstable_by_key(|(_, held)| held.place);
        all.into_iter()
            .map(|(slot, held)| (&**slot, held.taken_s))
            .collect()
    }
}
