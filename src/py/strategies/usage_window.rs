//! The deployment with the fewest tokens in its own counter of the minute.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use super::candidates::{Candidates, Tokens};
use super::deployment::{Deployment, Unset};
use super::generator::Generator;
use super::number::float;
use super::stop::{Read, Stop, told};

/// Keys of counters with what they count, in the order of the deployments.
#[derive(FromPyObject)]
pub struct Counters<'py>(Bound<'py, PyAny>, Bound<'py, PyAny>);

/// As read from a list or tuple.
fn items<'py>(values: &Bound<'py, PyAny>) -> Read<Vec<Bound<'py, PyAny>>> {
    if let Ok(values) = values.cast_exact::<PyList>() {
        return Ok(values.iter().collect());
    }
    let values = values.cast_exact::<PyTuple>();
    Ok(values.map_err(|_| Stop::NotOurs)?.iter().collect())
}

/// A counter must be its deployment's: LiteLLM goes by what stands in front of the first colon of a key.
fn belongs(key: &Bound<'_, PyAny>, deployment: &Deployment<'_>) -> Read<()> {
    let key = key.cast_exact::<PyString>().map_err(|_| Stop::NotOurs)?;
    // Texts that are no UTF-8 are LiteLLM's.
    let (Ok(key), Ok(id)) = (key.to_str(), deployment.id.to_str()) else {
        return Err(Stop::NotOurs);
    };
    let prefix = key.split(':').next();
    (prefix == Some(id)).then_some(()).ok_or(Stop::NotOurs)
}

impl<'py> Counters<'py> {
    /// What each deployment's counter says; `None` where it does not exist.
    fn read(self, candidates: &Candidates<'py>) -> Read<Vec<Option<f64>>> {
        let (keys, values) = (items(&self.0)?, items(&self.1)?);
        if keys.len() != candidates.all.len() || values.len() != keys.len() {
            return Err(Stop::NotOurs);
        }
        let counted = keys.iter().zip(values).zip(&candidates.all);
        counted
            .map(|((key, value), deployment)| {
                belongs(key, deployment)?;
                Ok(if value.is_none() {
                    None
                } else {
                    Some(float(&value)?)
                })
            })
            .collect()
    }
}

fn choose<'py>(
    deployments: &Bound<'py, PyAny>,
    tokens_used: Counters<'py>,
    requests: Counters<'py>,
    tokens: Tokens<'py>,
    getrandbits: &Bound<'py, PyAny>,
) -> Read<Option<Bound<'py, PyAny>>> {
    let candidates = Candidates::read(deployments, Unset::Null)?;
    if candidates.share_ids() {
        return Err(Stop::NotOurs);
    }
    let used = tokens_used.read(&candidates)?;
    let requests = requests.read(&candidates)?;
    let tokens = candidates.tokens(tokens)?;
    let mut lowest = f64::INFINITY;
    let mut best = Vec::new();
    for ((candidate, used), made) in candidates.all.iter().zip(used).zip(requests) {
        let used = used.unwrap_or(0.0);
        let full = made.is_some_and(|made| made + 1.0 >= candidate.rpm);
        if used + tokens > candidate.tpm || full {
            continue;
        }
        if used < lowest {
            lowest = used;
            best.clear();
        }
        // NaN is never the lowest. Infinite counts are equal to where LiteLLM begins.
        if used <= lowest {
            best.push(candidate);
        }
    }
    let chosen = Generator(getrandbits).choice(&best)?;
    Ok(chosen.map(|chosen| chosen.object.clone().into_any()))
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn lowest_window_usage<'py>(
    deployments: &Bound<'py, PyAny>,
    tokens_used: Counters<'py>,
    requests: Counters<'py>,
    tokens: Tokens<'py>,
    getrandbits: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let chosen = choose(deployments, tokens_used, requests, tokens, getrandbits);
    told(deployments.py(), chosen)
}
