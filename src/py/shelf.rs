//! A cache as the limiters use it, with Python's heap beside the native store.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::cache_room::Room;
use super::cache_store::{CacheStore, PyCell, Turn, dict_slots};
use super::errors::Declined;
use super::memory_cache::{MemoryCaches, Opened};
use crate::core::limits::cell::{Cell, Number};
use crate::core::limits::counters::{Counters, Reading};
use crate::core::limits::slots::Slots;

/// One `InMemoryCache` at one moment. An error of Python's own is kept until [`Self::close`].
pub struct Shelf<'a, 'py> {
    py: Python<'py>,
    caches: &'a MemoryCaches,
    store: &'a CacheStore,
    room: Room<'py>,
    now_s: f64,
    /// Dropped at the end, when no lock is held.
    removed: Vec<PyCell>,
    error: Option<PyErr>,
    _turn: Turn<'a>,
}

impl<'a, 'py> Shelf<'a, 'py> {
    /// `None` where LiteLLM must do it.
    pub fn open(
        py: Python<'py>,
        caches: &'a MemoryCaches,
        opened: &'a Opened<'py>,
    ) -> PyResult<Option<Self>> {
        let (Some(room), Some(now_s)) = (Room::of(opened.attributes())?, caches.now_s(opened)?)
        else {
            return Ok(None);
        };
        Ok(room.keeps_anything().then_some(Self {
            py,
            caches,
            store: opened.store(),
            room,
            now_s,
            removed: Vec::new(),
            error: None,
            _turn: opened.store().turn(),
        }))
    }

    pub fn py(&self) -> Python<'py> {
        self.py
    }

    pub fn default_ttl_s(&self) -> f64 {
        self.room.default_ttl_s
    }

    /// Tells what went wrong in Python meanwhile.
    pub fn close(self) -> PyResult<()> {
        self.error.map_or(Ok(()), Err)
    }

    fn put(&mut self, key: &str, cell: PyCell, ttl_s: f64) {
        let key = PyString::new(self.py, key);
        let put = self.caches.heap().put(
            self.store,
            &self.room,
            &key,
            cell,
            ttl_s,
            self.now_s,
            &mut self.removed,
        );
        // A heap that is not LiteLLM's: its own code raises there, which its caller logs, and nothing is put.
        if let Err(error) = put {
            self.error.get_or_insert(error);
        }
    }
}

impl Counters for Shelf<'_, '_> {
    fn read(&mut self, key: &str) -> Reading {
        let gauge = {
            let mut content = self.store.lock();
            if let Some(removed) = content.remove_expired(key, self.now_s) {
                self.removed.extend(removed);
                return Reading::Missing;
            }
            match content.cell(key) {
                None => return Reading::Missing,
                Some(Cell::Number(number)) => return Reading::Number(*number),
                Some(Cell::Slots(_)) => return Reading::Slots,
                Some(Cell::Object(object)) => object.clone_ref(self.py),
            }
        };
        // A gauge that LiteLLM's own code wrote.
        match dict_slots(gauge.bind(self.py)) {
            Some(slots) => {
                let cell = Cell::Slots(Box::new(slots));
                self.removed.extend(self.store.lock().put_cell(key, cell));
                Reading::Slots
            }
            None => Reading::Other,
        }
    }

    fn write(&mut self, key: &str, value: Number, ttl_s: f64) {
        self.put(key, Cell::Number(value), ttl_s);
    }

    fn slots<T>(&mut self, key: &str, look: impl FnOnce(&mut Slots) -> T) -> Option<T> {
        match self.store.lock().cell_mut(key) {
            Some(Cell::Slots(slots)) => Some(look(slots)),
            _ => None,
        }
    }

    fn write_slots(&mut self, key: &str, ttl_s: f64, change: impl FnOnce(&mut Slots)) {
        let mut slots = match self.store.lock().cell_mut(key) {
            // The key keeps its place while room is made.
            Some(Cell::Slots(slots)) => std::mem::take(slots),
            _ => Box::default(),
        };
        change(&mut slots);
        self.put(key, Cell::Slots(slots), ttl_s);
    }
}

fn not_ours() -> PyErr {
    Declined::new_err("a cache whose content is not native")
}

/// Opens the cache, does one step and tells of errors that Python's own code raised meanwhile.
pub fn with_shelf<'py, T>(
    caches: &MemoryCaches,
    cache: &Bound<'py, PyAny>,
    step: impl FnOnce(&mut Shelf<'_, 'py>) -> PyResult<T>,
) -> PyResult<T> {
    let opened = caches.open(cache)?.ok_or_else(not_ours)?;
    let mut shelf = Shelf::open(cache.py(), caches, &opened)?.ok_or_else(not_ours)?;
    let done = step(&mut shelf)?;
    shelf.close()?;
    Ok(done)
}
