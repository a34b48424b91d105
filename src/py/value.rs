//! Python objects as plain data: exact built-in types only, for a subclass may do anything.

use crate::core::value::{Text, Value, View};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

/// Exactly a `str`.
pub struct PyText<'py>(pub Bound<'py, PyString>);

impl Text for PyText<'_> {
    fn chars(&self) -> usize {
        self.0.len().unwrap_or(0)
    }

    fn as_str(&self) -> Option<&str> {
        self.0.to_str().ok()
    }
}

impl<'py> Value for Bound<'py, PyAny> {
    type Text = PyText<'py>;

    fn view(&self) -> View<Self> {
        if let Ok(text) = self.cast_exact::<PyString>() {
            View::Text(PyText(text.clone()))
        } else if self.is_exact_instance_of::<PyDict>() {
            View::Map
        } else if self.is_exact_instance_of::<PyList>() {
            View::List
        } else if self.is_none() {
            View::Null
        } else if let Ok(truth) = self.cast_exact::<PyBool>() {
            View::Bool(truth.is_true())
        } else if self.is_exact_instance_of::<PyInt>() || self.is_exact_instance_of::<PyFloat>() {
            View::Number
        } else {
            View::Foreign
        }
    }

    fn items(&self) -> impl Iterator<Item = Self> {
        let mut items = self.cast_exact::<PyList>().ok().map(PyListMethods::iter);
        std::iter::from_fn(move || items.as_mut()?.next())
    }

    fn entries(&self) -> impl Iterator<Item = (Option<PyText<'py>>, Self)> {
        let mut entries = self.cast_exact::<PyDict>().ok().map(PyDictMethods::iter);
        std::iter::from_fn(move || {
            let (key, value) = entries.as_mut()?.next()?;
            Some((key.cast_into_exact().ok().map(PyText), value))
        })
    }

    fn truthy(&self) -> bool {
        self.is_truthy().unwrap_or(false)
    }

    fn shown(&self) -> Option<String> {
        Some(self.str().ok()?.to_str().ok()?.to_owned())
    }

    fn repr_chars(text: &PyText<'py>) -> Option<usize> {
        text.0.repr().ok()?.len().ok()
    }
}
