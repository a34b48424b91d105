//! `get_cache`, `set_cache` and `increment_cache` of LiteLLM's `InMemoryCache`, on a native store.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyString};

use super::bindings::Bindings;
use super::cache_room::{Heap, Room, seconds};
use super::cache_store::{CacheStore, Found, cell, number, text_key};
use super::cache_value::{begins_as_json, fits};
use super::cache_view::CacheView;
use super::wall_clock::WallClock;
use crate::core::limits::cell::{Cell, Number};

/// Attributes that `InMemoryCache.__init__` makes. One more may be an override of a method.
const ATTRIBUTES: usize = 8;

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct MemoryCaches {
    class: Py<PyAny>,
    names: Py<Bindings>,
    methods: Vec<Py<PyString>>,
    clock: WallClock,
    heap: Heap,
    loads: Py<PyAny>,
}

/// An instance whose content is native and whose methods are LiteLLM's own.
pub struct Opened<'py> {
    attributes: Bound<'py, PyDict>,
    view: Bound<'py, CacheView>,
}

impl<'py> Opened<'py> {
    pub fn store(&self) -> &CacheStore {
        self.view.get().store()
    }

    pub fn attributes(&self) -> &Bound<'py, PyDict> {
        &self.attributes
    }

    fn attribute(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.attributes.get_item(name)
    }
}

impl MemoryCaches {
    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    /// The instance if its content is native and its methods are LiteLLM's; not whether the helpers are.
    fn view<'py>(&self, cache: &Bound<'py, PyAny>) -> PyResult<Option<Opened<'py>>> {
        let py = cache.py();
        if !cache.get_type().is(&self.class) {
            return Ok(None);
        }
        let Ok(attributes) = cache
            .getattr(pyo3::intern!(py, "__dict__"))?
            .cast_into_exact::<PyDict>()
        else {
            return Ok(None);
        };
        if attributes.len() != ATTRIBUTES {
            for method in &self.methods {
                if attributes.contains(method)? {
                    return Ok(None);
                }
            }
        }
        let cells = attributes.get_item(pyo3::intern!(py, "cache_dict"))?;
        let Some(Ok(view)) = cells.map(Bound::cast_into_exact::<CacheView>) else {
            return Ok(None);
        };
        let opened = Opened { attributes, view };
        Ok(opened.store().is_plain(py).then_some(opened))
    }

    /// Whether the other mapping is the same store's, and LiteLLM's helpers are its own.
    fn is_whole(&self, opened: &Opened<'_>) -> PyResult<bool> {
        let py = opened.attributes.py();
        let expiries = opened.attribute(pyo3::intern!(py, "ttl_dict"))?;
        let Some(Ok(expiries)) = expiries.map(Bound::cast_into_exact::<CacheView>) else {
            return Ok(false);
        };
        Ok(opened.view.get().is_pair(expiries.get()) && self.names.get().hold(py))
    }

    /// The instance if native code may work on it.
    pub fn open<'py>(&self, cache: &Bound<'py, PyAny>) -> PyResult<Option<Opened<'py>>> {
        match self.view(cache)? {
            Some(opened) if self.is_whole(&opened)? => Ok(Some(opened)),
            _ => Ok(None),
        }
    }

    pub fn now_s(&self, opened: &Opened<'_>) -> PyResult<Option<f64>> {
        let py = opened.attributes.py();
        match opened.attribute(pyo3::intern!(py, "_clock"))? {
            Some(clock) => self.clock.read(&clock),
            None => Ok(None),
        }
    }

    /// What a look-up finds, `None` of Python's included; `None` of ours where LiteLLM must look.
    fn found<'py>(&self, opened: &Opened<'py>, key: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = opened.attributes.py();
        let none = || Ok(Some(py.None().into_bound(py)));
        let store = opened.store();
        let (found, expires) = {
            let content = store.lock();
            let Some(cell) = content.cell(key) else {
                return none();
            };
            (Found::new(py, cell), content.expiry(key).is_some())
        };
        if !self.is_whole(opened)? {
            return Ok(None);
        }
        if expires {
            let Some(now_s) = self.now_s(opened)? else {
                return Ok(None);
            };
            let removed = store.lock().remove_expired(key, now_s);
            if removed.is_some() {
                return none();
            }
        }
        self.parsed(found.read(py)?).map(Some)
    }

    /// What `json.loads` makes of a text, or the value itself where that raises.
    fn parsed<'py>(&self, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        let may_be_json = match value.cast::<PyString>() {
            Ok(text) => text.to_str().is_ok_and(begins_as_json),
            Err(_) => value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>(),
        };
        if !may_be_json {
            return Ok(value);
        }
        match self.loads.bind(py).call1((&value,)) {
            Err(error) if error.is_instance_of::<PyException>(py) => Ok(value),
            parsed => parsed,
        }
    }
}

#[pymethods]
impl MemoryCaches {
    #[new]
    fn new(
        class: Py<PyAny>,
        names: Py<Bindings>,
        methods: Vec<Py<PyString>>,
        clock: Py<PyAny>,
        time: &Bound<'_, PyModule>,
        heapq: &Bound<'_, PyModule>,
        json: &Bound<'_, PyModule>,
    ) -> PyResult<Self> {
        Ok(Self {
            class,
            names,
            methods,
            clock: WallClock::new(clock, time)?,
            heap: Heap::new(heapq)?,
            loads: json.getattr("loads")?.unbind(),
        })
    }

    /// `get_cache`; `NotImplemented` where LiteLLM must answer.
    #[pyo3(signature = (cache, /, key, **_others))]
    fn get<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        key: &Bound<'py, PyAny>,
        _others: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = cache.py();
        if let Some(opened) = self.view(cache)?
            && let Some(key) = text_key(key)
            && let Some(found) = self.found(&opened, key)?
        {
            return Ok(found);
        }
        Ok(py.NotImplemented().into_bound(py))
    }

    /// `set_cache`, which answers nothing; `NotImplemented` where LiteLLM must do it.
    #[pyo3(signature = (cache, /, key, value, *, ttl=None, **_others))]
    fn set<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
        _others: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let py = cache.py();
        let done = self.stored(cache, key, value, ttl)?;
        Ok(if done { py.None() } else { py.NotImplemented() })
    }

    /// `increment_cache`; `NotImplemented` where LiteLLM must do it.
    #[pyo3(signature = (cache, /, key, value, *, ttl=None, **_others))]
    fn increment<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
        _others: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = cache.py();
        let sum = self.incremented(cache, key, value, ttl)?;
        match sum {
            Some(sum) => Found::Number(sum).read(py),
            None => Ok(py.NotImplemented().into_bound(py)),
        }
    }
}

impl MemoryCaches {
    fn stored<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<bool> {
        let (Some(opened), Ok(key)) = (self.open(cache)?, key.cast_exact::<PyString>()) else {
            return Ok(false);
        };
        let Some(room) = Room::of(&opened.attributes)?.filter(|_| key.to_str().is_ok()) else {
            return Ok(false);
        };
        if room.max_items == 0 {
            return Ok(true);
        }
        let ttl_s = ttl.map_or(Some(room.default_ttl_s), seconds);
        let fits = fits(value, room.max_item_kib)?;
        let (Some(ttl_s), Some(true), Some(now_s)) = (ttl_s, fits, self.now_s(&opened)?) else {
            return Ok(false);
        };
        let mut removed = Vec::new();
        self.heap.put(
            opened.store(),
            &room,
            key,
            cell(value),
            ttl_s,
            now_s,
            &mut removed,
        )
    }

    fn incremented<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Number>> {
        let py = cache.py();
        let (Some(opened), Ok(key)) = (self.open(cache)?, key.cast_exact::<PyString>()) else {
            return Ok(None);
        };
        let Some(room) = Room::of(&opened.attributes)?.filter(|_| key.to_str().is_ok()) else {
            return Ok(None);
        };
        let ttl_s = ttl.map_or(Some(room.default_ttl_s), seconds);
        let (Some(ttl_s), Some(now_s), false) = (ttl_s, self.now_s(&opened)?, room.max_items == 0)
        else {
            return Ok(None);
        };
        // LiteLLM's own code may be between its reading and its writing, in another thread.
        let lock = opened.attribute(pyo3::intern!(py, "_increment_lock"))?;
        let Some(lock) = lock else { return Ok(None) };
        if lock
            .call_method0(pyo3::intern!(py, "locked"))?
            .is_truthy()?
        {
            return Ok(None);
        }
        let store = opened.store();
        let text = key.to_str()?;
        let mut removed = Vec::new();
        let _turn = store.turn();
        let before = {
            let mut content = store.lock();
            removed.extend(content.remove_expired(text, now_s).flatten());
            match content.cell(text) {
                None => Number::Int(0),
                Some(Cell::Number(number)) => *number,
                Some(_) => return Ok(None),
            }
        };
        let Some(sum) = number(value).and_then(|more| before.plus(more)) else {
            return Ok(None);
        };
        let put = self.heap.put(
            store,
            &room,
            key,
            Cell::Number(sum),
            ttl_s,
            now_s,
            &mut removed,
        )?;
        Ok(put.then_some(sum))
    }
}
