//! What a chat request is taken to need before anybody has counted it.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};

/// Python's floats hold every integer below it, and LiteLLM reads caps by way of one.
const EXACT: i64 = 1 << 53;

/// A number of the request's: `Ok(None)` where there is none, `Err(())` where LiteLLM must read it.
fn number(
    data: &Bound<'_, PyDict>,
    name: &Bound<'_, PyString>,
) -> PyResult<Result<Option<i64>, ()>> {
    let Some(value) = data.get_item(name)?.filter(|value| !value.is_none()) else {
        return Ok(Ok(None));
    };
    let Ok(value) = value.cast_exact::<PyInt>() else {
        return Ok(Err(()));
    };
    match value.extract::<i64>() {
        Ok(value) if -EXACT < value && value < EXACT => Ok(Ok(Some(value))),
        _ => Ok(Err(())),
    }
}

/// Characters of all messages; `None` where they are more than texts.
fn characters(data: &Bound<'_, PyDict>) -> PyResult<Option<i64>> {
    let py = data.py();
    let messages = data.get_item(pyo3::intern!(py, "messages"))?;
    let Some(messages) = messages.and_then(|messages| messages.cast_into_exact::<PyList>().ok())
    else {
        return Ok(None);
    };
    if messages.is_empty() {
        return Ok(None);
    }
    let mut characters = 0;
    for message in &messages {
        let Ok(message) = message.cast_exact::<PyDict>() else {
            return Ok(None);
        };
        let results = message.get_item(pyo3::intern!(py, "search_results"))?;
        if results.is_some_and(|results| !results.is_none()) {
            return Ok(None);
        }
        let content = message.get_item(pyo3::intern!(py, "content"))?;
        let Some(content) = content.filter(|content| !content.is_none()) else {
            continue;
        };
        match content.cast_exact::<PyString>() {
            Ok(text) => characters += i64::try_from(text.len()?).unwrap_or(i64::MAX),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(characters))
}

/// See `_accel.pyi`.
#[pyfunction]
#[pyo3(signature = (data, chars_per_token, baseline, floor))]
pub fn chat_tokens(
    data: &Bound<'_, PyDict>,
    chars_per_token: i64,
    baseline: i64,
    floor: i64,
) -> PyResult<Option<i64>> {
    let py = data.py();
    let (cap, newer_cap) = (
        number(data, pyo3::intern!(py, "max_tokens"))?,
        number(data, pyo3::intern!(py, "max_completion_tokens"))?,
    );
    let (several, best_of) = (
        number(data, pyo3::intern!(py, "n"))?,
        number(data, pyo3::intern!(py, "best_of"))?,
    );
    let (Ok(cap), Ok(newer_cap), Ok(several), Ok(best_of)) = (cap, newer_cap, several, best_of)
    else {
        return Ok(None);
    };
    let cap = cap.max(newer_cap);
    if cap.is_none() && floor < baseline {
        return Ok(None);
    }
    let Some(characters) = characters(data)? else {
        return Ok(None);
    };
    let input = if characters > 0 {
        characters
            .checked_div(chars_per_token)
            .map(|tokens| tokens.max(1))
    } else {
        Some(0)
    };
    let Some(input) = input else {
        return Ok(None);
    };
    let output = match cap {
        Some(cap) => cap,
        None if characters == 0 => 0,
        None => input.max(floor),
    };
    let candidates = several.unwrap_or(1).max(best_of.unwrap_or(1)).max(1);
    Ok(output
        .checked_mul(candidates)
        .and_then(|output| output.checked_add(input)))
}
