//! Commands to Redis as bytes on the wire.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};

/// As redis-py cuts a command into pieces; a longer one is its affair.
const LONGEST_BYTES: usize = 6000;

fn bulk(packed: &mut Vec<u8>, data: &[u8]) {
    packed.push(b'$');
    packed.extend_from_slice(data.len().to_string().as_bytes());
    packed.extend_from_slice(b"\r\n");
    packed.extend_from_slice(data);
    packed.extend_from_slice(b"\r\n");
}

/// One value as redis-py encodes it; whether it is plain data.
fn value(packed: &mut Vec<u8>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if let Ok(text) = value.cast_exact::<PyString>() {
        // What UTF-8 does not spell is an error of redis-py's.
        let Ok(text) = text.to_str() else {
            return Ok(false);
        };
        bulk(packed, text.as_bytes());
    } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        bulk(packed, bytes.as_bytes());
    } else if let Ok(number) = value.cast_exact::<PyInt>() {
        match number.extract::<i64>() {
            Ok(number) => bulk(packed, number.to_string().as_bytes()),
            Err(_) => bulk(packed, number.repr()?.to_str()?.as_bytes()),
        }
    } else if let Ok(number) = value.cast_exact::<PyFloat>() {
        bulk(packed, number.repr()?.to_str()?.as_bytes());
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn items<'py>(sequence: &Bound<'py, PyAny>) -> Option<Vec<Bound<'py, PyAny>>> {
    if let Ok(list) = sequence.cast_exact::<PyList>() {
        return Some(list.iter().collect());
    }
    let tuple = sequence.cast_exact::<PyTuple>().ok()?;
    Some(tuple.iter().collect())
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn evalsha<'py>(
    py: Python<'py>,
    sha: &str,
    keys: &Bound<'py, PyAny>,
    values: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let (Some(keys), Some(values)) = (items(keys), items(values)) else {
        return Ok(None);
    };
    let mut packed = Vec::with_capacity(1024);
    packed.push(b'*');
    let parts = 3 + keys.len() + values.len();
    packed.extend_from_slice(parts.to_string().as_bytes());
    packed.extend_from_slice(b"\r\n$7\r\nEVALSHA\r\n");
    bulk(&mut packed, sha.as_bytes());
    bulk(&mut packed, keys.len().to_string().as_bytes());
    for one in keys.iter().chain(&values) {
        if !value(&mut packed, one)? || packed.len() >= LONGEST_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(PyBytes::new(py, &packed)))
}
