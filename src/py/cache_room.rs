//! Room in a cache: what leaves, by the heap that LiteLLM's own code uses too, and what is put.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::cache_store::{CacheStore, PyCell, number, text_key};
use crate::core::limits::cell::{Cell, Number};

/// How a cache makes room: what it takes from the instance, once for several operations.
pub struct Room<'py> {
    heap: Bound<'py, PyList>,
    pub max_items: usize,
    pub default_ttl_s: f64,
    /// Values up to this size fit whatever they are; see `check_value_size`.
    pub max_item_kib: f64,
}

impl<'py> Room<'py> {
    /// Whether the cache is switched on at all.
    pub fn keeps_anything(&self) -> bool {
        self.max_items > 0
    }

    /// `None` if the instance has a setting that LiteLLM must judge.
    pub fn of(attributes: &Bound<'py, PyDict>) -> PyResult<Option<Self>> {
        let py = attributes.py();
        let heap = attributes.get_item(pyo3::intern!(py, "expiration_heap"))?;
        let max_items = attributes.get_item(pyo3::intern!(py, "max_size_in_memory"))?;
        let default_ttl = attributes.get_item(pyo3::intern!(py, "default_ttl"))?;
        let max_item = attributes.get_item(pyo3::intern!(py, "max_size_per_item"))?;
        let (Some(Ok(heap)), Some(max_items), Some(default_ttl_s), Some(max_item_kib)) = (
            heap.map(Bound::cast_into_exact::<PyList>),
            max_items.and_then(|value| match number(&value)? {
                Number::Int(items) => Some(items),
                _ => None,
            }),
            default_ttl.and_then(|value| seconds(&value)),
            max_item.and_then(|value| seconds(&value)),
        ) else {
            return Ok(None);
        };
        let room = Self {
            heap,
            max_items: usize::try_from(max_items).unwrap_or(0),
            default_ttl_s,
            max_item_kib,
        };
        // A limit below one kilobyte is judged by the length of a number's text.
        Ok((max_items >= 0 && room.max_item_kib >= 1.0).then_some(room))
    }
}

/// `heapq`'s functions, which keep the order of expiry times.
pub struct Heap {
    push: Py<PyAny>,
    pop: Py<PyAny>,
}

impl Heap {
    pub fn new(heapq: &Bound<'_, PyModule>) -> PyResult<Self> {
        Ok(Self {
            push: heapq.getattr("heappush")?.unbind(),
            pop: heapq.getattr("heappop")?.unbind(),
        })
    }

    /// `evict_cache`. What left is put into `removed`, to be dropped by the caller when no lock is held. False if the
    /// heap is not LiteLLM's, or is empty while the cache is full: LiteLLM's own code must go on, or raise.
    pub fn evict(
        &self,
        py: Python<'_>,
        store: &CacheStore,
        room: &Room<'_>,
        now_s: f64,
        removed: &mut Vec<PyCell>,
    ) -> PyResult<bool> {
        let mut by_force = false;
        loop {
            let (full, unlisted) = {
                let mut content = store.lock();
                removed.extend(content.outside.displaced.drain(..).map(Cell::Object));
                let unlisted = std::mem::take(&mut content.outside.unlisted);
                (content.cells() >= room.max_items, unlisted)
            };
            for (at_s, key) in unlisted {
                self.list(&room.heap, at_s, &PyString::new(py, &key))?;
            }
            if by_force && !full {
                return Ok(true);
            }
            if room.heap.is_empty() {
                return Ok(!full);
            }
            let Some((at_s, key)) = first(&room.heap)? else {
                return Ok(false);
            };
            let key = text_key(&key);
            {
                let mut content = store.lock();
                let current = key.and_then(|key| content.expiry(key));
                let outdated = current != Some(at_s);
                if !outdated && at_s > now_s {
                    if !full {
                        return Ok(true);
                    }
                    // From here on LiteLLM looks no further than to the next free place.
                    by_force = true;
                }
                if let Some(key) = key.filter(|_| !outdated) {
                    removed.extend(content.remove(key));
                }
            }
            self.pop.bind(py).call1((&room.heap,))?;
        }
    }

    fn list(&self, heap: &Bound<'_, PyList>, at_s: f64, key: &Bound<'_, PyString>) -> PyResult<()> {
        let push = self.push.bind(heap.py());
        push.call1((heap, (at_s, key))).map(drop)
    }

    /// `set_cache` of a value whose size was judged. False: nothing was put, and LiteLLM must.
    #[expect(clippy::too_many_arguments, reason = "they are one call's")]
    pub fn put(
        &self,
        store: &CacheStore,
        room: &Room<'_>,
        key: &Bound<'_, PyString>,
        value: PyCell,
        ttl_s: f64,
        now_s: f64,
        removed: &mut Vec<PyCell>,
    ) -> PyResult<bool> {
        let py = key.py();
        let text = key.to_str()?;
        let reserved = store.lock().is_reserved(text);
        if reserved {
            removed.extend(store.lock().make_room(text, now_s));
        } else if !self.evict(py, store, room, now_s, removed)? {
            return Ok(false);
        }
        let expiry = {
            let mut content = store.lock();
            removed.extend(content.put_cell(text, value));
            let anew = content.may_expire_anew(text, now_s);
            anew.then(|| {
                content.put_expiry(text, now_s + ttl_s);
                now_s + ttl_s
            })
        };
        if let Some(at_s) = expiry.filter(|_| !reserved) {
            self.list(&room.heap, at_s, key)?;
        }
        Ok(true)
    }
}

/// The root of the heap: when, and whose.
fn first<'py>(heap: &Bound<'py, PyList>) -> PyResult<Option<(f64, Bound<'py, PyAny>)>> {
    let Ok(entry) = heap.get_item(0)?.cast_into_exact::<PyTuple>() else {
        return Ok(None);
    };
    if entry.len() != 2 {
        return Ok(None);
    }
    let at = entry.get_item(0)?;
    let Ok(at) = at.cast_exact::<PyFloat>() else {
        return Ok(None);
    };
    Ok(Some((at.value(), entry.get_item(1)?)))
}

/// Seconds (or kilobytes) that are exactly an `int` or a `float`.
pub fn seconds(value: &Bound<'_, PyAny>) -> Option<f64> {
    let plain = value.is_exact_instance_of::<PyFloat>() || value.is_exact_instance_of::<PyInt>();
    let seconds = if plain { value.extract().ok() } else { None };
    // With one that is no number the heap has no order.
    seconds.filter(|seconds: &f64| !seconds.is_nan())
}
