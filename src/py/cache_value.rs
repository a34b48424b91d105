//! What `InMemoryCache` says of values: whether one fits, and whether one is JSON.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString};

use super::cache_store::number;

/// Whether `json.loads` may read a text that begins so; of every other it raises.
pub fn begins_as_json(text: &str) -> bool {
    let begin = text.trim_start_matches([' ', '\t', '\n', '\r']).as_bytes();
    matches!(
        begin.first(),
        Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'N' | b'I')
    )
}

/// Whether `check_value_size` says yes; `None` if LiteLLM must judge.
pub fn fits(value: &Bound<'_, PyAny>, max_item_kib: f64) -> PyResult<Option<bool>> {
    if value.is_exact_instance_of::<PyInt>() {
        return Ok(number(value).map(|_| true));
    }
    if value.is_exact_instance_of::<PyFloat>() || value.is_instance_of::<PyBool>() {
        return Ok(Some(true));
    }
    if let Ok(text) = value.cast_exact::<PyString>() {
        #[expect(clippy::cast_precision_loss, reason = "a length is far below 2^53")]
        let chars = text.len()? as f64;
        if chars < max_item_kib * 1_024.0 {
            return Ok(Some(true));
        }
    } else if value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>()
        || value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
    {
        return Ok(None);
    }
    let size = value.call_method0(pyo3::intern!(value.py(), "__sizeof__"));
    let Some(bytes) = size.ok().and_then(|size| size.extract::<f64>().ok()) else {
        return Ok(None);
    };
    Ok(Some(bytes / 1_024.0 <= max_item_kib))
}
