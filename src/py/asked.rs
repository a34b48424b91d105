//! The windows and gauges of one request, counted and taken in memory.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::counted::{Counted, judged, known, whole_seconds};
use super::descriptor::Descriptor;
use super::errors::declined;
use super::gauged::Gauged;
use super::shelf::Shelf;
use crate::core::limits::gauge;
use crate::core::limits::window::{self, Pair};

/// What a request's descriptors ask for.
pub struct Asked<'a, 'py> {
    counted: Vec<Counted<'a, 'py>>,
    pairs: Vec<Pair>,
    gauged: Gauged<'a, 'py>,
}

impl<'a, 'py> Asked<'a, 'py> {
    /// With `skip_tokens` limits of tokens are not counted here.
    pub fn new(descriptors: &'a [Descriptor<'py>], skip_tokens: bool) -> PyResult<Self> {
        let counted = Counted::all(descriptors, skip_tokens)?;
        Ok(Self {
            pairs: counted.iter().map(|one| one.pair.clone()).collect(),
            counted,
            gauged: Gauged::all(descriptors)?,
        })
    }

    /// Windows, then gauges; whether one of them refuses, and their statuses. Declines before any effect.
    pub fn take(
        &self,
        cache: &mut Shelf<'_, 'py>,
        slot: &str,
        now_s: f64,
        window_s: i64,
        uncharged: bool,
    ) -> PyResult<(bool, Bound<'py, PyList>)> {
        let py = cache.py();
        // Judged before the windows are charged: afterwards nothing may decline.
        gauge::count(cache, self.gauged.keys(), now_s).map_err(declined)?;
        let known = known(cache, &self.counted)?;
        // Seen as they are, whatever has become of their window: LiteLLM looks at them first.
        let (over, statuses) = judged(py, &self.counted, known.into_iter())?;
        if over {
            return Ok((true, statuses));
        }
        let now = whole_seconds(now_s);
        let counts = window::count_one(cache, &self.pairs, now, window_s).map_err(declined)?;
        let counts = counts.into_iter().map(|(_, count)| Some(count));
        let (over, statuses) = judged(py, &self.counted, counts)?;
        let full = !over && self.gauged.take(cache, slot, now_s, &statuses)?;
        if uncharged && (over || full) {
            self.take_back(cache, window_s);
        }
        Ok((over || full, statuses))
    }

    /// Takes back what the windows were charged.
    pub fn take_back(&self, cache: &mut Shelf<'_, 'py>, window_s: i64) {
        window::take_back(cache, &self.pairs, window_s);
    }
}
