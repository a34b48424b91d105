//! The deployment with the fewest tokens in the group's map of the minute.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::candidates::{Candidates, Tokens};
use super::deployment::{Unset, plain};
use super::number::float;
use super::stop::{Read, told};

fn choose<'py>(
    deployments: &Bound<'py, PyAny>,
    tokens_used: Option<&Bound<'py, PyAny>>,
    requests: Option<&Bound<'py, PyAny>>,
    tokens: Tokens<'py>,
) -> Read<Option<Bound<'py, PyAny>>> {
    let candidates = Candidates::read(deployments, Unset::Null)?;
    let tokens = candidates.tokens(tokens)?;
    let used = tokens_used.cloned().map(plain).transpose()?;
    let requests = requests.cloned().map(plain).transpose()?;
    let none = || PyDict::new(deployments.py());
    let matched = candidates.matched(&used.clone().unwrap_or_else(none))?;
    let mut lowest = (f64::INFINITY, None);
    let mut judge = |of, used: f64| {
        let candidate = candidates.get(of)?;
        if used + tokens > candidate.tpm {
            return Ok(());
        }
        if let Some(requests) = &requests
            && let Some(made) = requests.get_item(&candidate.id)?
            && float(&made)? + 1.0 >= candidate.rpm
        {
            return Ok(());
        }
        if used < lowest.0 {
            lowest = (used, Some(of));
        }
        Read::Ok(())
    };
    for (of, used) in matched.entries.into_iter().flatten() {
        judge(of, float(&used)?)?;
    }
    for (_, of) in &matched.absent {
        judge(*of, 0.0)?;
    }
    let chosen = lowest.1.map(|of| candidates.get(of)).transpose()?;
    if let Some(used) = used {
        for (first, _) in matched.absent {
            used.set_item(&candidates.get(first)?.id, 0)?;
        }
    }
    Ok(chosen.map(|chosen| chosen.object.clone().into_any()))
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn lowest_usage<'py>(
    deployments: &Bound<'py, PyAny>,
    tokens_used: Option<&Bound<'py, PyAny>>,
    requests: Option<&Bound<'py, PyAny>>,
    tokens: Tokens<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    told(
        deployments.py(),
        choose(deployments, tokens_used, requests, tokens),
    )
}
