//! What one request is to be charged, and LiteLLM's answer to it.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList};

use super::descriptor::{Descriptor, Kind, response};
use super::errors::declined;
use super::memory_cache::MemoryCaches;
use super::shelf::{Shelf, with_shelf};
use crate::core::limits::window::{Charge, Charged, Pair, charge_all};

/// Charges that are all made, or none.
pub struct Charges<'a, 'py> {
    window_s: i64,
    made: Vec<Charge>,
    whose: Vec<(&'a Descriptor<'py>, Kind)>,
}

impl<'a, 'py> Charges<'a, 'py> {
    /// None yet. `window_s` holds for descriptors that name no window.
    pub fn new(window_s: i64) -> Self {
        Self {
            window_s,
            made: Vec::new(),
            whose: Vec::new(),
        }
    }

    /// So many tokens under every descriptor that limits them.
    pub fn of_tokens(
        descriptors: &'a [Descriptor<'py>],
        tokens: i64,
        window_s: i64,
    ) -> PyResult<Self> {
        let mut charges = Self::new(window_s);
        for descriptor in descriptors {
            if let Some(limit) = descriptor.tokens {
                charges.add(descriptor, Kind::Tokens, limit, tokens)?;
            }
        }
        Ok(charges)
    }

    pub fn add(
        &mut self,
        descriptor: &'a Descriptor<'py>,
        kind: Kind,
        limit: i64,
        increment: i64,
    ) -> PyResult<()> {
        let window_s = descriptor.window_s.unwrap_or(self.window_s);
        let pair = Pair {
            window: descriptor.cell("window")?,
            counter: descriptor.cell(kind.name())?,
        };
        self.made.push(Charge {
            pair,
            limit,
            increment,
            ttl_s: window_s,
            window_s,
        });
        self.whose.push((descriptor, kind));
        Ok(())
    }

    /// Makes them in a cache; answers with a `RateLimitResponse` as `atomic_check_and_increment_by_n` does.
    pub fn make(
        &self,
        caches: &MemoryCaches,
        cache: &Bound<'py, PyAny>,
        now_s: i64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = cache.py();
        if self.made.is_empty() {
            return response(py, false, &PyList::empty(py));
        }
        let charged = with_shelf(caches, cache, |shelf| self.apply(shelf, now_s))?;
        self.tell(py, charged)
    }

    /// Makes them; declines before any effect.
    pub fn apply(&self, cache: &mut Shelf<'_, 'py>, now_s: i64) -> PyResult<Charged> {
        charge_all(cache, &self.made, now_s).map_err(declined)
    }

    /// The `RateLimitResponse` to what came of them.
    pub fn tell(&self, py: Python<'py>, charged: Charged) -> PyResult<Bound<'py, PyDict>> {
        let statuses = PyList::empty(py);
        let all = self.made.iter().zip(&self.whose);
        let counts = match charged {
            Charged::Over { index, current } => {
                for (charge, (descriptor, kind)) in all.skip(index).take(1) {
                    let remaining = (charge.limit - current).max(0);
                    statuses.append(descriptor.status(true, charge.limit, remaining, *kind)?)?;
                }
                return response(py, true, &statuses);
            }
            Charged::All(counts) => counts,
        };
        let mut windows = Vec::with_capacity(counts.len());
        for ((charge, (descriptor, kind)), (count, began_s)) in all.zip(counts) {
            let remaining = (charge.limit - count).max(0);
            statuses.append(descriptor.status(false, charge.limit, remaining, *kind)?)?;
            windows.push((charge.pair.counter.as_str(), began_s.to_string(), "local"));
        }
        let response = response(py, false, &statuses)?;
        let windows = PyFrozenSet::new(py, windows)?;
        response.set_item(pyo3::intern!(py, "reservation_windows"), windows)?;
        Ok(response)
    }
}
