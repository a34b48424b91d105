//! The numeric cells of a cache for callers without the GIL: the interface by which a later step serves limited keys.
//!
//! # Contract
//! [`step`] runs one step of the limiter ([`count_one`], [`charge_all`], [`take`], [`give_back`], [`add`]) on the same
//! cells that LiteLLM and the seams use, under one holding of the store's lock: the steps of two threads never mix. It
//! neither calls Python nor waits for it, and holds the lock for microseconds.
//!
//! Who may call: any thread, with or without the GIL, that knows three things of the `InMemoryCache`: its
//! `max_size_in_memory`, that its `_clock` is LiteLLM's own (whose time it gives), and that nothing on it is overridden.
//! Not a child that was forked while another thread may have been in here: its copy of the lock stays held.
//!
//! What it declines, before anything is changed:
//! - while a step is under way with Python at hand, which reads, lets go of the lock and writes ([`Outside::is_turn`]);
//! - a cell that is an object, a gauge that LiteLLM's own code wrote among them: the seams make slots of it;
//! - new keys without free room: eviction is by the heap, which is Python's. Counters with room of their own
//!   ([`Store::reserve`]) need no heap;
//! - when so many expiry times wait to be listed in that heap that Python seems not to come any more.
//!
//! What it cannot see: LiteLLM's own code that reads and writes under its `asyncio.Lock`. Whoever sends a key here must
//! know that the steps on that key are seams: window, gauge, reservation and `increment_cache` are.
//!
//! What has expired under other keys stays until the next operation with Python; a look-up of it finds nothing.
//!
//! [`count_one`]: super::window::count_one
//! [`charge_all`]: super::window::charge_all
//! [`add`]: super::window::add
//! [`take`]: super::gauge::take
//! [`give_back`]: super::gauge::give_back
//! [`Outside::is_turn`]: super::outside::Outside::is_turn

use std::sync::{Mutex, PoisonError};

use super::cell::{Cell, Number};
use super::counters::{Counters, Reading};
use super::slots::Slots;
use super::store::Store;
use crate::core::value::Unhandled;

/// How many expiry times may wait to be listed in Python's heap.
pub const MAX_UNLISTED: usize = 100_000;

const IN_TURN: Unhandled = Unhandled("a step of the cache is under way");
const NO_ROOM: Unhandled = Unhandled("a cache without free room");
const UNHEARD: Unhandled = Unhandled("a cache that Python has left alone");

/// What the caller knows of a cache.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Seconds of the cache's clock.
    pub now_s: f64,
    /// Its `max_size_in_memory`; with 0 it keeps nothing, and every step is declined.
    pub max_items: usize,
}

/// A cache's cells during one [`step`].
#[derive(Debug)]
pub struct Detached<'a, V> {
    store: &'a mut Store<V>,
    now_s: f64,
}

/// Runs one step that may write under `keys`, and under no others.
///
/// # Errors
/// Why it was declined, or whatever `run` said; nothing was changed, provided that `run` declines so.
pub fn step<'k, V, T>(
    content: &Mutex<Store<V>>,
    terms: Terms,
    keys: impl IntoIterator<Item = &'k str>,
    run: impl FnOnce(&mut Detached<'_, V>) -> Result<T, Unhandled>,
) -> Result<T, Unhandled> {
    let mut store = content.lock().unwrap_or_else(PoisonError::into_inner);
    if store.outside.is_turn() {
        return Err(IN_TURN);
    }
    let (mut listed, mut new) = (0, 0);
    for key in keys {
        if !store.is_reserved(key) {
            listed += 1;
            // A key given twice counts twice, which only declines earlier.
            new += usize::from(store.cell(key).is_none());
        }
    }
    if terms.max_items == 0 || store.cells() + new > terms.max_items {
        return Err(NO_ROOM);
    }
    if store.outside.unlisted.len() + listed > MAX_UNLISTED {
        return Err(UNHEARD);
    }
    run(&mut Detached {
        store: &mut store,
        now_s: terms.now_s,
    })
}

impl<V> Detached<'_, V> {
    fn displace(&mut self, cells: impl IntoIterator<Item = Cell<V>>) {
        for cell in cells {
            if let Cell::Object(object) = cell {
                self.store.outside.displaced.push(object);
            }
        }
    }

    fn put(&mut self, key: &str, cell: Cell<V>, ttl_s: f64) {
        let reserved = self.store.is_reserved(key);
        if reserved {
            let removed = self.store.make_room(key, self.now_s);
            self.displace(removed);
        }
        let old = self.store.put_cell(key, cell);
        self.displace(old);
        if self.store.may_expire_anew(key, self.now_s) {
            let at_s = self.now_s + ttl_s;
            self.store.put_expiry(key, at_s);
            if !reserved {
                self.store.outside.unlisted.push((at_s, key.into()));
            }
        }
    }
}

impl<V> Counters for Detached<'_, V> {
    fn read(&mut self, key: &str) -> Reading {
        if let Some(removed) = self.store.remove_expired(key, self.now_s) {
            self.displace(removed);
            return Reading::Missing;
        }
        match self.store.cell(key) {
            None => Reading::Missing,
            Some(Cell::Number(number)) => Reading::Number(*number),
            Some(Cell::Slots(_)) => Reading::Slots,
            Some(Cell::Object(_)) => Reading::Other,
        }
    }

    fn write(&mut self, key: &str, value: Number, ttl_s: f64) {
        self.put(key, Cell::Number(value), ttl_s);
    }

    fn slots<T>(&mut self, key: &str, look: impl FnOnce(&mut Slots) -> T) -> Option<T> {
        match self.store.cell_mut(key) {
            Some(Cell::Slots(slots)) => Some(look(slots)),
            _ => None,
        }
    }

    fn write_slots(&mut self, key: &str, ttl_s: f64, change: impl FnOnce(&mut Slots)) {
        let mut slots = match self.store.cell_mut(key) {
            Some(Cell::Slots(slots)) => std::mem::take(slots),
            _ => Box::default(),
        };
        change(&mut slots);
        self.put(key, Cell::Slots(slots), ttl_s);
    }
}
