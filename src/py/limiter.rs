//! LiteLLM's v3 limiter in memory, one call for each of its steps.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::admission::{Admission, Question};
use super::charges::Charges;
use super::counted::{Counted, judged, known, whole_seconds};
use super::descriptor::{Descriptor, Kind, int, response};
use super::errors::declined;
use super::gauged::Gauged;
use super::memory_cache::MemoryCaches;
use super::shelf::with_shelf;
use crate::core::limits::gauge;
use crate::core::limits::window;

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct Limiter(Py<MemoryCaches>);

#[pymethods]
#[expect(
    clippy::needless_pass_by_value,
    reason = "they are PyO3's to hand over"
)]
impl Limiter {
    #[new]
    fn new(caches: Py<MemoryCaches>) -> Self {
        Self(caches)
    }

    /// With `uncharged` what the windows were charged is taken back where the request is refused.
    #[expect(clippy::too_many_arguments, reason = "they are one request's")]
    fn admit<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        descriptors: &Bound<'py, PyAny>,
        now_s: f64,
        window_s: i64,
        skip_tokens: bool,
        slot: &str,
        uncharged: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = cache.py();
        let descriptors = Descriptor::all(descriptors)?;
        let counted = Counted::all(&descriptors, skip_tokens)?;
        let pairs: Vec<_> = counted.iter().map(|one| one.pair.clone()).collect();
        let gauged = Gauged::all(&descriptors)?;
        with_shelf(self.0.get(), cache, |shelf| {
            // Judged before the windows are charged: afterwards nothing may decline.
            gauge::count(shelf, gauged.keys(), now_s).map_err(declined)?;
            let known = known(shelf, &counted)?;
            // Seen as they are, whatever has become of their window: LiteLLM looks at them first.
            let (over, statuses) = judged(py, &counted, known.into_iter())?;
            if over {
                return response(py, true, &statuses);
            }
            let now = whole_seconds(now_s);
            let counts = window::count_one(shelf, &pairs, now, window_s).map_err(declined)?;
            let counts = counts.into_iter().map(|(_, count)| Some(count));
            let (over, statuses) = judged(py, &counted, counts)?;
            let full = !over && gauged.take(shelf, slot, now_s, &statuses)?;
            if uncharged && (over || full) {
                window::take_back(shelf, &pairs, window_s);
            }
            response(py, over || full, &statuses)
        })
    }

    /// Takes back what the windows were charged by `admit`.
    fn take_back(
        &self,
        cache: &Bound<'_, PyAny>,
        descriptors: &Bound<'_, PyAny>,
        window_s: i64,
        skip_tokens: bool,
    ) -> PyResult<()> {
        let descriptors = Descriptor::all(descriptors)?;
        let counted = Counted::all(&descriptors, skip_tokens)?;
        let pairs: Vec<_> = counted.iter().map(|one| one.pair.clone()).collect();
        with_shelf(self.0.get(), cache, |shelf| {
            window::take_back(shelf, &pairs, window_s);
            Ok(())
        })
    }

    /// Tokens under every descriptor that limits them, but for the kinds in `except_`.
    fn reserve<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        descriptors: &Bound<'py, PyAny>,
        tokens: i64,
        now_s: i64,
        window_s: i64,
        except_: Vec<String>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mut descriptors = Descriptor::all(descriptors)?;
        descriptors.retain(|one| {
            let key = one.key.to_str().unwrap_or_default();
            !except_.iter().any(|kind| kind == key)
        });
        let mut charges = Charges::new(window_s);
        for descriptor in &descriptors {
            if let Some(limit) = descriptor.tokens {
                charges.add(descriptor, Kind::Tokens, limit, tokens)?;
            }
        }
        charges.make(self.0.get(), cache, now_s)
    }

    fn charge<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        descriptors: &Bound<'py, PyAny>,
        increments: &Bound<'py, PyList>,
        now_s: i64,
        window_s: i64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let descriptors = Descriptor::all(descriptors)?;
        let mut charges = Charges::new(window_s);
        for (descriptor, increments) in descriptors.iter().zip(increments.iter()) {
            let limits = [
                (Kind::Requests, descriptor.requests),
                (Kind::Tokens, descriptor.tokens),
            ];
            let increments = increments.cast_into_exact::<PyDict>()?;
            for (kind, limit) in limits {
                let increment = match increments.get_item(kind.name())? {
                    Some(increment) if !increment.is_none() => int(&increment)?,
                    _ => 0,
                };
                if let Some(limit) = limit.filter(|_| increment >= 0) {
                    charges.add(descriptor, kind, limit, increment)?;
                }
            }
        }
        charges.make(self.0.get(), cache, now_s)
    }

    fn give_back(&self, cache: &Bound<'_, PyAny>, keys: Vec<String>, slot: &str) -> PyResult<()> {
        with_shelf(self.0.get(), cache, |shelf| {
            gauge::give_back(shelf, &keys, slot).map_err(declined)
        })
    }

    /// The admission of one request on Redis. `tokens` are to be reserved under the descriptors in `reserving`.
    #[expect(clippy::too_many_arguments, reason = "they are one request's")]
    fn ask<'py>(
        &self,
        py: Python<'py>,
        cache: Bound<'py, PyAny>,
        windowed: Bound<'py, PyAny>,
        reserving: Bound<'py, PyAny>,
        now_s: f64,
        window_s: i64,
        skip_tokens: bool,
        slot: String,
        tokens: Option<i64>,
        except_: Vec<String>,
        uncharged: bool,
    ) -> PyResult<Admission> {
        let question = Question {
            cache,
            windowed,
            reserving,
            except: except_,
            now_s,
            window_s,
            skip_tokens,
            slot,
            tokens,
            uncharged,
        };
        Admission::ask(py, &self.0, question)
    }

    fn add(&self, cache: &Bound<'_, PyAny>, amounts: Vec<(String, i64)>) -> PyResult<()> {
        with_shelf(self.0.get(), cache, |shelf| {
            let ttl_s = shelf.default_ttl_s();
            window::add(shelf, &amounts, ttl_s).map_err(declined)
        })
    }
}
