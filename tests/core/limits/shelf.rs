//! A cache over the native store with a heap beside it, as Python's side has it.

use _accel::core::limits::cell::{Cell, Number};
use _accel::core::limits::counters::{Counters, Reading};
use _accel::core::limits::slots::Slots;
use _accel::core::limits::store::Store;

use super::reference::{Cache, Value};

/// The store, the heap and what `InMemoryCache` has besides.
pub struct Shelf {
    pub store: Store<u32>,
    pub heap: Vec<(f64, String)>,
    pub max_items: usize,
    pub now_s: f64,
}

impl Shelf {
    pub fn new(max_items: usize, now_s: f64) -> Self {
        Self {
            store: Store::default(),
            heap: Vec::new(),
            max_items,
            now_s,
        }
    }

    fn evict(&mut self) {
        // As `MemoryCaches::evict` does it with Python's heap.
        loop {
            let full = self.store.cells() >= self.max_items;
            self.heap
                .sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            let Some((at_s, key)) = self.heap.first().cloned() else {
                return;
            };
            let outdated = self.store.expiry(&key) != Some(at_s);
            if !outdated && at_s > self.now_s && !full {
                return;
            }
            if !outdated {
                self.store.remove(&key);
            }
            self.heap.remove(0);
        }
    }

    pub fn put(&mut self, key: &str, cell: Cell<u32>, ttl_s: f64) {
        if self.store.is_reserved(key) {
            self.store.make_room(key, self.now_s);
        } else {
            self.evict();
        }
        self.store.put_cell(key, cell);
        if self.store.may_expire_anew(key, self.now_s) {
            self.store.put_expiry(key, self.now_s + ttl_s);
            self.heap.push((self.now_s + ttl_s, key.to_owned()));
        }
    }
}

impl Counters for Shelf {
    fn read(&mut self, key: &str) -> Reading {
        self.store.remove_expired(key, self.now_s);
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
        let mut slots = (self.slots(key, std::mem::take)).unwrap_or_default();
        change(&mut slots);
        self.put(key, Cell::Slots(Box::new(slots)), ttl_s);
    }
}

/// A cell as the reference has it.
pub fn value(cell: &Cell<u32>) -> Value {
    match cell {
        Cell::Number(Number::Int(value)) => Value::Int(*value),
        Cell::Number(Number::Float(value)) => Value::Float(*value),
        Cell::Number(Number::Digits(value) | Number::Bytes(value)) => {
            Value::Text(value.to_string())
        }
        Cell::Slots(slots) => Value::Dict(
            (slots.in_order().into_iter())
                .map(|(slot, at)| (slot.to_owned(), at))
                .collect(),
        ),
        Cell::Object(object) => Value::Object(*object),
    }
}

/// Every value and expiry time is the same in both.
pub fn assert_same(store: &Store<u32>, cache: &Cache) {
    let mut keys: Vec<_> = store.cell_keys().iter().map(ToString::to_string).collect();
    keys.sort();
    let expected: Vec<_> = cache.values.keys().cloned().collect();
    assert_eq!(keys, expected);
    assert_eq!(store.cells(), expected.len());
    for (key, expected) in &cache.values {
        assert_eq!(&value(store.cell(key).unwrap()), expected, "{key}");
    }
    let mut keys: Vec<_> = store
        .expiry_keys()
        .iter()
        .map(ToString::to_string)
        .collect();
    keys.sort();
    let expected: Vec<_> = cache.ttl_dict.keys().cloned().collect();
    assert_eq!(keys, expected);
    assert_eq!(store.expiries(), expected.len());
    for (key, at_s) in &cache.ttl_dict {
        assert_eq!(store.expiry(key), Some(*at_s), "{key}");
    }
}
