//! LiteLLM's in-memory cache: values and expiry times under text keys.
//!
//! Two mappings as in `InMemoryCache`, `cache_dict` and `ttl_dict`, each in the order of its insertions; a key may be
//! in one and not in the other. What is taken out is given to the caller, so that nothing is dropped in here: dropping
//! a Python object runs code, which may come back for the same store.

use std::collections::HashMap;
use std::sync::Arc;

use super::cell::Cell;
use super::outside::Outside;
use super::reserved::{Reserved, is_counter_key};

/// The cache's content; not its policy of eviction, which needs the heap that Python keeps.
#[derive(Debug)]
pub struct Store<V> {
    entries: HashMap<Arc<str>, Entry<V>>,
    cells: usize,
    expiries: usize,
    places: u64,
    reserved: Option<Reserved>,
    /// What was done without Python.
    pub outside: Outside<V>,
}

#[derive(Debug)]
struct Entry<V> {
    cell: Option<(u64, Cell<V>)>,
    expiry: Option<(u64, f64)>,
}

impl<V> Default for Store<V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            cells: 0,
            expiries: 0,
            places: 0,
            reserved: None,
            outside: Outside::default(),
        }
    }
}

impl<V> Store<V> {
    /// The value under a key, expired or not.
    #[must_use]
    pub fn cell(&self, key: &str) -> Option<&Cell<V>> {
        self.entries.get(key)?.cell.as_ref().map(|(_, cell)| cell)
    }

    /// The same, to change it in place.
    pub fn cell_mut(&mut self, key: &str) -> Option<&mut Cell<V>> {
        let (_, cell) = self.entries.get_mut(key)?.cell.as_mut()?;
        Some(cell)
    }

    /// Seconds of the cache's clock at which a key expires.
    #[must_use]
    pub fn expiry(&self, key: &str) -> Option<f64> {
        self.entries.get(key)?.expiry.map(|(_, at_s)| at_s)
    }

    /// Puts a value under a key and gives back what was there.
    pub fn put_cell(&mut self, key: &str, cell: Cell<V>) -> Option<Cell<V>> {
        let place = self.next_place();
        let entry = Self::entry(&mut self.entries, key);
        if let Some((_, old)) = &mut entry.cell {
            return Some(std::mem::replace(old, cell));
        }
        entry.cell = Some((place, cell));
        self.count_cells(key, true);
        None
    }

    /// Sets when a key expires.
    pub fn put_expiry(&mut self, key: &str, at_s: f64) {
        let place = self.next_place();
        let entry = Self::entry(&mut self.entries, key);
        if let Some((_, old)) = &mut entry.expiry {
            *old = at_s;
        } else {
            entry.expiry = Some((place, at_s));
            self.expiries += 1;
        }
        if let Some(reserved) = &mut self.reserved
            && is_counter_key(key)
            && let Some((key, _)) = self.entries.get_key_value(key)
        {
            reserved.expires(Arc::clone(key), at_s);
        }
    }

    /// Takes the value under a key.
    pub fn take_cell(&mut self, key: &str) -> Option<Cell<V>> {
        let entry = self.entries.get_mut(key)?;
        let (_, cell) = entry.cell.take()?;
        if entry.expiry.is_none() {
            self.entries.remove(key);
        }
        self.count_cells(key, false);
        Some(cell)
    }

    /// Takes the expiry time of a key.
    pub fn take_expiry(&mut self, key: &str) -> Option<f64> {
        let entry = self.entries.get_mut(key)?;
        let (_, at_s) = entry.expiry.take()?;
        if entry.cell.is_none() {
            self.entries.remove(key);
        }
        self.expiries -= 1;
        Some(at_s)
    }

    /// Takes both, as `_remove_key` does.
    pub fn remove(&mut self, key: &str) -> Option<Cell<V>> {
        self.take_expiry(key);
        self.take_cell(key)
    }

    /// Takes a key that has a value out if it has expired, as `get_cache` does. The outer `Some` says that it had.
    pub fn remove_expired(&mut self, key: &str, now_s: f64) -> Option<Option<Cell<V>>> {
        let entry = self.entries.get(key).filter(|entry| entry.cell.is_some())?;
        let expired = entry.expiry.is_some_and(|(_, at_s)| now_s > at_s);
        expired.then(|| self.remove(key))
    }

    /// Whether a new expiry time may be set: there is none, or it has passed. A live one is never replaced.
    #[must_use]
    pub fn may_expire_anew(&self, key: &str, now_s: f64) -> bool {
        self.expiry(key).is_none_or(|at_s| at_s < now_s)
    }

    /// How many values there are, those in room of their own not counted.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// How many expiry times there are.
    #[must_use]
    pub fn expiries(&self) -> usize {
        self.expiries
    }

    /// Keys that have a value, in the order in which they got one.
    #[must_use]
    pub fn cell_keys(&self) -> Vec<Arc<str>> {
        self.keys_by(|entry| entry.cell.as_ref().map(|(place, _)| *place))
    }

    /// Keys that have an expiry time, in the order in which they got one.
    #[must_use]
    pub fn expiry_keys(&self) -> Vec<Arc<str>> {
        self.keys_by(|entry| entry.expiry.map(|(place, _)| place))
    }

    /// Every value, in no order.
    pub fn values(&self) -> impl Iterator<Item = &Cell<V>> {
        self.entries
            .values()
            .filter_map(|entry| entry.cell.as_ref().map(|(_, cell)| cell))
    }

    /// Whether a key has room of its own.
    #[must_use]
    pub fn is_reserved(&self, key: &str) -> bool {
        self.reserved.is_some() && is_counter_key(key)
    }

    /// What is kept in room of its own; `None` without such room.
    #[must_use]
    pub fn reserved(&self) -> Option<&Reserved> {
        self.reserved.as_ref()
    }

    /// Gives the limiter's counters room of their own for `capacity` items, or with `None` takes it away. Answers when
    /// each of them expires if they go back among the others, where they must be evicted by that.
    pub fn reserve(&mut self, capacity: Option<usize>) -> Vec<(f64, Arc<str>)> {
        if let (Some(reserved), Some(capacity)) = (&mut self.reserved, capacity) {
            reserved.capacity = capacity;
            return Vec::new();
        }
        let counters: Vec<_> = (self.entries.iter())
            .filter(|(key, _)| is_counter_key(key))
            .map(|(key, entry)| (Arc::clone(key), entry.cell.is_some(), entry.expiry))
            .collect();
        let items = counters.iter().filter(|(_, is_cell, _)| *is_cell).count();
        let expiries = (counters.into_iter())
            .filter_map(|(key, _, expiry)| expiry.map(|(_, at_s)| (at_s, key)));
        match capacity {
            Some(capacity) => {
                let mut reserved = Reserved::new(capacity);
                reserved.items = items;
                expiries.for_each(|(at_s, key)| reserved.expires(key, at_s));
                self.cells -= items;
                self.reserved = Some(reserved);
                Vec::new()
            }
            None if self.reserved.take().is_some() => {
                self.cells += items;
                expiries.collect()
            }
            None => Vec::new(),
        }
    }

    /// Makes room for a counter that is about to be put: what has expired leaves, then, if there is no room left for a
    /// new key, whatever expires first.
    pub fn make_room(&mut self, key: &str, now_s: f64) -> Vec<Cell<V>> {
        let mut removed = Vec::new();
        let is_new = self.cell(key).is_none();
        while let Some(reserved) = &mut self.reserved
            && let Some((at_s, next)) = reserved.next()
        {
            let next = Arc::clone(next);
            let full = is_new && reserved.items >= reserved.capacity;
            let current = (self.entries.get(&next)).and_then(|entry| entry.expiry);
            let outdated = current.is_none_or(|(_, current_s)| current_s.total_cmp(&at_s).is_ne());
            let expired = at_s <= now_s;
            if !outdated && !expired && !full {
                break;
            }
            reserved.forget_next();
            if !outdated {
                reserved.evicted += u64::from(!expired);
                removed.extend(self.remove(&next));
            }
        }
        removed
    }

    fn entry<'a>(entries: &'a mut HashMap<Arc<str>, Entry<V>>, key: &str) -> &'a mut Entry<V> {
        // Looked up first by the text, so that a key that is there costs no allocation.
        let key: Arc<str> = match entries.get_key_value(key) {
            Some((known, _)) => Arc::clone(known),
            None => key.into(),
        };
        entries.entry(key).or_insert(Entry {
            cell: None,
            expiry: None,
        })
    }

    fn count_cells(&mut self, key: &str, more: bool) {
        let counted = match &mut self.reserved {
            Some(reserved) if is_counter_key(key) => &mut reserved.items,
            _ => &mut self.cells,
        };
        *counted = if more { *counted + 1 } else { *counted - 1 };
    }

    fn next_place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    fn keys_by(&self, place: impl Fn(&Entry<V>) -> Option<u64>) -> Vec<Arc<str>> {
        let mut keys: Vec<_> = (self.entries.iter())
            .filter_map(|(key, entry)| Some((place(entry)?, Arc::clone(key))))
            .collect();
        keys.sort_unstable_by_key(|(place, _)| *place);
        keys.into_iter().map(|(_, key)| key).collect()
    }
}
