//! Functions on plain data.

use super::errors::{Declined, declined};
use crate::core::{accounting, image, python_text};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// See `_accel.pyi`.
#[pyfunction]
pub fn format_tools(tools: &Bound<'_, PyAny>) -> PyResult<String> {
    accounting::format_tools(tools).map_err(declined)
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn image_dimensions(data: &Bound<'_, PyAny>) -> PyResult<(u32, u32)> {
    let Ok(data) = data.cast_exact::<PyString>() else {
        return Err(Declined::new_err("not a str"));
    };
    // Of a text beyond ASCII this would make CPython keep a second copy.
    if !data
        .call_method0(pyo3::intern!(data.py(), "isascii"))?
        .is_truthy()?
    {
        return Err(Declined::new_err("not strict base64"));
    }
    image::dimensions(data.to_str()?).map_err(declined)
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn str_chars(mapping: &Bound<'_, PyAny>, fields: &Bound<'_, PyAny>) -> PyResult<usize> {
    let Ok(mapping) = mapping.cast_exact::<PyDict>() else {
        return Err(Declined::new_err("not a dict"));
    };
    let Ok(fields) = fields.extract::<Vec<String>>() else {
        return Err(Declined::new_err("odd constants"));
    };
    let mut chars = 0;
    for field in fields {
        if let Some(value) = mapping.get_item(field)? {
            chars += python_text::str_chars(&value).map_err(declined)?;
        }
    }
    Ok(chars)
}
