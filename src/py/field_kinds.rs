//! Which dicts a model of pydantic's takes as they are.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use rustc_hash::FxHashMap;

const NONE: u16 = 1;
const BOOL: u16 = 2;
const INT: u16 = 4;
const FLOAT: u16 = 8;
const STR: u16 = 16;
const DICT: u16 = 32;
const STRS: u16 = 64;
const LIST: u16 = 128;
const DATETIME: u16 = 256;
/// Declared so, a value is not looked at.
const ANY: u16 = 512;

/// Nested deeper than this it is for pydantic.
const DEEPEST: usize = 20;

/// What a value is; 0: nothing known. `datetime` is the class of that name.
fn kind(value: &Bound<'_, PyAny>, datetime: &Py<PyAny>, depth: usize) -> u16 {
    if value.is_none() {
        NONE
    } else if let Ok(text) = value.cast_exact::<PyString>() {
        // One with half a surrogate pair is no text to pydantic.
        if text.to_str().is_ok() { STR } else { 0 }
    } else if value.is_exact_instance_of::<PyInt>() {
        // One that is too large for a float is for pydantic.
        if value.extract::<i64>().is_ok() {
            INT
        } else {
            0
        }
    } else if value.is_exact_instance_of::<PyBool>() {
        BOOL
    } else if value.is_exact_instance_of::<PyFloat>() {
        FLOAT
    } else if value.get_type().is(datetime) {
        DATETIME
    } else if depth == 0 {
        0
    } else if let Ok(dict) = value.cast_exact::<PyDict>() {
        let plain = dict.iter().all(|(key, value)| {
            kind(&key, datetime, 0) == STR && kind(&value, datetime, depth - 1) != 0
        });
        if plain { DICT } else { 0 }
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        let (mut plain, mut texts) = (true, true);
        for value in list {
            match kind(&value, datetime, depth - 1) {
                0 => plain = false,
                STR => {}
                _ => texts = false,
            }
        }
        match (plain, texts) {
            (true, true) => STRS | LIST,
            (true, false) => LIST,
            _ => 0,
        }
    } else {
        0
    }
}

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct FieldKinds {
    kinds: FxHashMap<String, u16>,
    required: Vec<Py<PyString>>,
    datetime: Py<PyAny>,
}

#[pymethods]
impl FieldKinds {
    #[classattr]
    const NONE: u16 = NONE;
    #[classattr]
    const BOOL: u16 = BOOL;
    #[classattr]
    const INT: u16 = INT;
    #[classattr]
    const FLOAT: u16 = FLOAT;
    #[classattr]
    const STR: u16 = STR;
    #[classattr]
    const DICT: u16 = DICT;
    #[classattr]
    const STRS: u16 = STRS;
    #[classattr]
    const LIST: u16 = LIST;
    #[classattr]
    const DATETIME: u16 = DATETIME;
    #[classattr]
    const ANY: u16 = ANY;

    #[new]
    fn new(kinds: HashMap<String, u16>, required: Vec<Py<PyString>>, datetime: Py<PyAny>) -> Self {
        Self {
            kinds: kinds.into_iter().collect(),
            required,
            datetime,
        }
    }

    fn fit(&self, fields: &Bound<'_, PyAny>) -> bool {
        let Ok(fields) = fields.cast_exact::<PyDict>() else {
            return false;
        };
        let py = fields.py();
        fields.iter().all(|(name, value)| {
            let Some(name) = name
                .cast_exact::<PyString>()
                .ok()
                .and_then(|name| name.to_str().ok())
            else {
                return false;
            };
            // What the model does not declare it takes as it is.
            let taken = self.kinds.get(name).copied().unwrap_or(!ANY);
            taken == ANY || taken & kind(&value, &self.datetime, DEEPEST) != 0
        }) && self
            .required
            .iter()
            .all(|name| fields.contains(name.bind(py)).unwrap_or(false))
    }

    fn is_plain(&self, value: &Bound<'_, PyAny>) -> bool {
        kind(value, &self.datetime, DEEPEST) != 0
    }
}
