//! The content of one `InMemoryCache`: numbers and slots natively, everything else as Python references.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString};

use crate::core::limits::cell::{Cell, Number, canonical_digits};
use crate::core::limits::slots::Slots;
use crate::core::limits::store::Store;

/// A value as Python gave it, or what became of it.
pub type PyCell = Cell<Py<PyAny>>;

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct CacheStore {
    /// Shared with those who count without Python; see `core::limits::detached`.
    pub content: Arc<Mutex<Store<Py<PyAny>>>>,
    /// What has no place in the store: keys that are no text, expiry times that are no float.
    other_cells: Py<PyDict>,
    other_expiries: Py<PyDict>,
}

/// A key as the store has it; `None` if it is no text, or one that is not Unicode.
pub fn text_key<'a>(key: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    key.cast::<PyString>().ok()?.to_str().ok()
}

/// A number if it is exactly one that the store keeps as such.
pub fn number(value: &Bound<'_, PyAny>) -> Option<Number> {
    if value.is_exact_instance_of::<PyInt>() {
        value.extract().ok().map(Number::Int)
    } else if let Ok(float) = value.cast_exact::<PyFloat>() {
        Some(Number::Float(float.value()))
    } else if let Ok(text) = value.cast_exact::<PyString>() {
        text.to_str()
            .ok()
            .and_then(canonical_digits)
            .map(Number::Digits)
    } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        let text = std::str::from_utf8(bytes.as_bytes()).ok();
        text.and_then(canonical_digits).map(Number::Bytes)
    } else {
        None
    }
}

pub fn cell(value: &Bound<'_, PyAny>) -> PyCell {
    number(value).map_or_else(|| Cell::Object(value.clone().unbind()), Cell::Number)
}

/// A value taken from under the lock. Python's objects are made of it after the lock is free: making one may run the
/// garbage collector, and with it anybody's code.
pub enum Found {
    Number(Number),
    Slots(Vec<(String, f64)>),
    Object(Py<PyAny>),
}

impl Found {
    pub fn new(py: Python<'_>, cell: &PyCell) -> Self {
        match cell {
            Cell::Number(number) => Self::Number(*number),
            Cell::Slots(slots) => Self::Slots(
                (slots.in_order().into_iter())
                    .map(|(slot, taken_s)| (slot.to_owned(), taken_s))
                    .collect(),
            ),
            Cell::Object(object) => Self::Object(object.clone_ref(py)),
        }
    }

    /// The value as it was put.
    pub fn raw(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Number(Number::Digits(value)) => {
                Ok(PyString::new(py, &value.to_string()).into_any())
            }
            Self::Number(Number::Bytes(value)) => {
                Ok(PyBytes::new(py, value.to_string().as_bytes()).into_any())
            }
            other => other.read(py),
        }
    }

    /// The value as a look-up gives it, but for texts that are JSON: those are objects, and the caller's to read.
    pub fn read(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Number(Number::Int(value) | Number::Digits(value) | Number::Bytes(value)) => {
                Ok(value.into_pyobject(py)?.into_any())
            }
            Self::Number(Number::Float(value)) => Ok(PyFloat::new(py, value).into_any()),
            Self::Slots(slots) => {
                let dict = PyDict::new(py);
                for (slot, taken_s) in slots {
                    dict.set_item(slot, taken_s)?;
                }
                Ok(dict.into_any())
            }
            Self::Object(object) => Ok(object.into_bound(py)),
        }
    }
}

/// The slots that a `dict` stands for, if it is exactly one of texts and numbers.
pub fn dict_slots(value: &Bound<'_, PyAny>) -> Option<Slots> {
    let dict = value.cast_exact::<PyDict>().ok()?;
    let mut slots = Slots::default();
    for (slot, taken) in dict.iter() {
        let is_number = taken.is_exact_instance_of::<PyFloat>()
            || (taken.is_instance_of::<PyInt>() && !taken.is_instance_of::<PyBool>());
        let slot = slot.cast_exact::<PyString>().ok().filter(|_| is_number)?;
        slots.take(slot.to_str().ok()?, taken.extract().ok()?);
    }
    Some(slots)
}

impl CacheStore {
    /// Nothing may be done under the lock that makes or drops a Python object, an error included: either may run the
    /// garbage collector and with it anybody's code, which may come back for the lock.
    pub fn lock(&self) -> MutexGuard<'_, Store<Py<PyAny>>> {
        // A panic in here would have been a defect of ours in plain memory operations; the content is whole.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps those who count without Python away until the answer is dropped.
    pub fn turn(&self) -> Turn<'_> {
        self.lock().outside.begin_turn();
        Turn(self)
    }

    /// Whether everything that is kept is in the store.
    pub fn is_plain(&self, py: Python<'_>) -> bool {
        self.other_cells.bind(py).is_empty() && self.other_expiries.bind(py).is_empty()
    }

    pub fn other_cells<'py>(&self, py: Python<'py>) -> &Bound<'py, PyDict> {
        self.other_cells.bind(py)
    }

    pub fn other_expiries<'py>(&self, py: Python<'py>) -> &Bound<'py, PyDict> {
        self.other_expiries.bind(py)
    }
}

/// A step of several readings and writings.
pub struct Turn<'a>(&'a CacheStore);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().outside.end_turn();
    }
}

#[pymethods]
impl CacheStore {
    #[new]
    pub fn new(py: Python<'_>) -> Self {
        Self {
            content: Arc::default(),
            other_cells: PyDict::new(py).unbind(),
            other_expiries: PyDict::new(py).unbind(),
        }
    }

    #[pyo3(signature = (items))]
    fn reserve(&self, items: Option<usize>) -> Vec<(f64, String)> {
        let freed = self.lock().reserve(items);
        freed
            .into_iter()
            .map(|(at_s, key)| (at_s, (*key).to_owned()))
            .collect()
    }

    fn reserved(&self) -> Option<(usize, usize, u64)> {
        let content = self.lock();
        content
            .reserved()
            .map(|room| (room.items, room.capacity, room.evicted))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.other_cells)?;
        visit.call(&self.other_expiries)?;
        // Waits for who counts without the GIL, which is a matter of microseconds. To pass would be wrong: the collector
        // asks several times, and what is visited once and then not looks like garbage. It never waits for itself, for
        // nothing that may run the collector is done under the lock.
        let content = self.lock();
        for cell in content.values() {
            if let Cell::Object(object) = cell {
                visit.call(object)?;
            }
        }
        for object in &content.outside.displaced {
            visit.call(object)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        // Dropped after the lock is free: an object's end runs code.
        let content = std::mem::take(&mut *self.lock());
        drop(content);
    }
}
