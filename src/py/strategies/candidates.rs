//! The deployments to choose from, and what is counted of each by its id.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use rustc_hash::FxHashMap;

use super::deployment::{Deployment, Unset, plain, text};
use super::number::float;
use super::stop::{Read, Stop};

pub struct Candidates<'py> {
    pub all: Vec<Deployment<'py>>,
    /// By the hash that Python has for the id; of several with one id the last, as LiteLLM finds them.
    by_id: FxHashMap<isize, usize>,
}

/// What counts the request's tokens, and whether it need not be asked where no limit could use them.
#[derive(FromPyObject)]
pub struct Tokens<'py>(Bound<'py, PyAny>, bool);

/// What the entries of LiteLLM's map are counted of.
pub struct Matched<'py> {
    /// In the order of the map: the candidate and its entry; `None` where nobody has the id any more.
    pub entries: Vec<Option<(usize, Bound<'py, PyAny>)>>,
    /// Ids that have no entry: the candidate whose id becomes the key, and the candidate that it is counted of.
    pub absent: Vec<(usize, usize)>,
}

impl<'py> Candidates<'py> {
    pub fn read(deployments: &Bound<'py, PyAny>, unset: Unset) -> Read<Self> {
        let deployments = deployments
            .cast_exact::<PyList>()
            .map_err(|_| Stop::NotOurs)?;
        let mut candidates = Self {
            all: Vec::with_capacity(deployments.len()),
            by_id: FxHashMap::with_capacity_and_hasher(
                deployments.len(),
                rustc_hash::FxBuildHasher,
            ),
        };
        for deployment in deployments {
            let deployment = Deployment::read(deployment, unset)?;
            let before = candidates
                .by_id
                .insert(deployment.id.hash()?, candidates.all.len());
            if let Some(before) = before.and_then(|before| candidates.all.get(before)) {
                same(&before.id, &deployment.id)?;
            }
            candidates.all.push(deployment);
        }
        Ok(candidates)
    }

    pub fn get(&self, at: usize) -> Read<&Deployment<'py>> {
        self.all.get(at).ok_or(Stop::NotOurs)
    }

    /// Whether two have the same id.
    pub fn share_ids(&self) -> bool {
        self.by_id.len() < self.all.len()
    }

    fn find(&self, id: &Bound<'py, PyString>) -> Read<Option<usize>> {
        let Some(&at) = self.by_id.get(&id.hash()?) else {
            return Ok(None);
        };
        same(&self.get(at)?.id, id)?;
        Ok(Some(at))
    }

    pub fn matched(&self, map: &Bound<'py, PyDict>) -> Read<Matched<'py>> {
        let mut entries = Vec::with_capacity(map.len());
        let mut present = vec![false; self.all.len()];
        for (id, entry) in map {
            let at = self.find(&text(id)?)?;
            if let Some(present) = at.and_then(|at| present.get_mut(at)) {
                *present = true;
            }
            entries.push(at.map(|at| (at, entry)));
        }
        let mut absent = Vec::new();
        for (first, deployment) in self.all.iter().enumerate() {
            let of = if self.share_ids() {
                self.find(&deployment.id)?.ok_or(Stop::NotOurs)?
            } else {
                first
            };
            if let Some(present) = present.get_mut(of).filter(|present| !**present) {
                *present = true;
                absent.push((first, of));
            }
        }
        Ok(Matched { entries, absent })
    }

    /// Tokens of the request; 0 where they need not be counted.
    pub fn tokens(&self, Tokens(count, skippable): Tokens<'py>) -> Read<f64> {
        let unused = |tpm: f64| tpm.is_nan() || tpm == f64::INFINITY;
        if skippable && self.all.iter().all(|candidate| unused(candidate.tpm)) {
            return Ok(0.0);
        }
        float(&count.call0()?)
    }
}

/// Of one hash almost always means equal; where it does not, LiteLLM tells them apart.
fn same(one: &Bound<'_, PyString>, other: &Bound<'_, PyString>) -> Read<()> {
    let equal = one.is(other) || one.as_any().eq(other.as_any())?;
    equal.then_some(()).ok_or(Stop::NotOurs)
}

/// Tokens and requests that an entry of LiteLLM's map counts in the minute.
pub fn in_minute(entry: &Bound<'_, PyDict>, minute: &Bound<'_, PyString>) -> Read<(f64, f64)> {
    let py = entry.py();
    let Some(counts) = entry.get_item(minute)? else {
        return Ok((0.0, 0.0));
    };
    let counts = plain(counts)?;
    let count = |name| match counts.get_item(name)? {
        Some(count) => float(&count),
        None => Ok(0.0),
    };
    Ok((
        count(pyo3::intern!(py, "tpm"))?,
        count(pyo3::intern!(py, "rpm"))?,
    ))
}

/// The entry that LiteLLM makes for the minute of an id that it meets for the first time.
pub fn nothing<'py>(entry: &Bound<'py, PyDict>, minute: &Bound<'py, PyString>) -> PyResult<()> {
    let py = entry.py();
    let counts = PyDict::new(py);
    counts.set_item(pyo3::intern!(py, "tpm"), 0)?;
    counts.set_item(pyo3::intern!(py, "rpm"), 0)?;
    entry.set_item(minute, counts)
}
