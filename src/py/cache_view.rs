//! `cache_dict` and `ttl_dict` of an `InMemoryCache` whose content is native.

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::{PyDict, PyFloat, PyString};

use super::cache_store::{CacheStore, Found, cell, text_key};

/// See `_accel.pyi`.
#[pyclass(frozen, mapping, module = "accel._accel")]
pub struct CacheView {
    store: Py<CacheStore>,
    expiries: bool,
}

impl CacheView {
    pub fn store(&self) -> &CacheStore {
        self.store.get()
    }

    /// Whether the two are the `cache_dict` and the `ttl_dict` of one store.
    pub fn is_pair(&self, expiries: &Self) -> bool {
        self.store.is(&expiries.store) && !self.expiries && expiries.expiries
    }

    fn others<'py>(&self, py: Python<'py>) -> &Bound<'py, PyDict> {
        if self.expiries {
            self.store().other_expiries(py)
        } else {
            self.store().other_cells(py)
        }
    }

    fn find<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(text) = text_key(key) {
            if self.expiries {
                let at_s = self.store().lock().expiry(text);
                if let Some(at_s) = at_s {
                    return Ok(Some(PyFloat::new(py, at_s).into_any()));
                }
            } else {
                let found = (self.store().lock().cell(text)).map(|cell| Found::new(py, cell));
                if let Some(found) = found {
                    return found.raw(py).map(Some);
                }
            }
        }
        self.others(py).get_item(key)
    }

    fn take<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(text) = text_key(key) {
            // Taken before it is made an object, so that nobody changes it in between.
            if self.expiries {
                let at_s = self.store().lock().take_expiry(text);
                if let Some(at_s) = at_s {
                    return Ok(Some(PyFloat::new(py, at_s).into_any()));
                }
            } else {
                let cell = self.store().lock().take_cell(text);
                if let Some(cell) = cell {
                    return Found::new(py, &cell).raw(py).map(Some);
                }
            }
        }
        let Some(found) = self.others(py).get_item(key)? else {
            return Ok(None);
        };
        self.others(py).del_item(key)?;
        Ok(Some(found))
    }

    fn as_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let keys = {
            let content = self.store().lock();
            if self.expiries {
                content.expiry_keys()
            } else {
                content.cell_keys()
            }
        };
        for key in keys {
            let key = PyString::new(py, &key).into_any();
            if let Some(value) = self.find(py, &key)? {
                dict.set_item(key, value)?;
            }
        }
        dict.update(self.others(py).as_mapping())?;
        Ok(dict)
    }
}

#[pymethods]
impl CacheView {
    #[new]
    fn new(store: Py<CacheStore>, expiries: bool) -> Self {
        Self { store, expiries }
    }

    #[getter(store)]
    fn store_object(&self, py: Python<'_>) -> Py<CacheStore> {
        self.store.clone_ref(py)
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.find(py, key)?
            .ok_or_else(|| PyKeyError::new_err((key.clone().unbind(),)))
    }

    fn __setitem__(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        // Hashed first: an unhashable key raises, whatever it is.
        let known_elsewhere = self.others(py).contains(key)?;
        match text_key(key).filter(|_| !known_elsewhere) {
            Some(text) if !self.expiries => {
                let cell = cell(value);
                let old = self.store().lock().put_cell(text, cell);
                drop(old);
            }
            Some(text) if value.is_exact_instance_of::<PyFloat>() => {
                let at_s = value.extract()?;
                self.store().lock().put_expiry(text, at_s);
            }
            _ => {
                if let Some(text) = text_key(key) {
                    self.store().lock().take_expiry(text);
                }
                self.others(py).set_item(key, value)?;
            }
        }
        Ok(())
    }

    fn __delitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.take(py, key)? {
            Some(_) => Ok(()),
            None => Err(PyKeyError::new_err((key.clone().unbind(),))),
        }
    }

    fn __contains__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<bool> {
        Ok(self.find(py, key)?.is_some())
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        let content = self.store().lock();
        let texts = if self.expiries {
            content.expiries()
        } else {
            content.cells()
        };
        texts + self.others(py).len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.as_dict(py)?.keys().try_iter()?.into_any())
    }

    fn __reversed__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let keys = self.as_dict(py)?.keys();
        keys.reverse()?;
        Ok(keys.try_iter()?.into_any())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.as_dict(py)?.repr()?.to_string())
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        match other.cast::<Self>() {
            Ok(other) => self.as_dict(py)?.eq(other.get().as_dict(py)?),
            Err(_) => self.as_dict(py)?.eq(other),
        }
    }

    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.find(py, key)?.or(default))
    }

    #[pyo3(signature = (key, *default))]
    fn pop<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        default: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.take(py, key)? {
            Some(found) => Ok(found),
            None => (default.into_iter().next())
                .ok_or_else(|| PyKeyError::new_err((key.clone().unbind(),))),
        }
    }

    fn setdefault<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        default: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(found) = self.find(py, key)? {
            return Ok(found);
        }
        self.__setitem__(py, key, &default)?;
        Ok(default)
    }

    #[pyo3(signature = (*others, **more))]
    fn update(
        &self,
        py: Python<'_>,
        others: Vec<Bound<'_, PyAny>>,
        more: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let dict = PyDict::new(py);
        for other in others {
            dict.call_method1("update", (other,))?;
        }
        if let Some(more) = more {
            dict.update(more.as_mapping())?;
        }
        for (key, value) in dict.iter() {
            self.__setitem__(py, &key, &value)?;
        }
        Ok(())
    }

    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        for key in self.as_dict(py)?.keys().iter() {
            self.take(py, &key)?;
        }
        Ok(())
    }

    /// Of the content as it is now; unlike a dict's it does not change with it.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.as_dict(py)?.call_method0("keys")
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.as_dict(py)?.call_method0("values")
    }

    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.as_dict(py)?.call_method0("items")
    }

    fn popitem<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let item = self.as_dict(py)?.call_method0("popitem")?;
        self.take(py, &item.get_item(0)?)?;
        Ok(item)
    }

    fn __or__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.as_dict(py)?.call_method1("__or__", (other,))
    }

    fn __ror__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.as_dict(py)?.call_method1("__ror__", (other,))
    }

    fn __ior__(&self, py: Python<'_>, other: Bound<'_, PyAny>) -> PyResult<()> {
        self.update(py, vec![other], None)
    }

    fn __copy__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.as_dict(py)
    }

    fn __deepcopy__<'py>(
        &self,
        py: Python<'py>,
        memo: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let deepcopy = py.import("copy")?.getattr("deepcopy")?;
        deepcopy.call1((self.as_dict(py)?, memo))
    }

    fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.as_dict(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}
