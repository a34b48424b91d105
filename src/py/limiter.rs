//! LiteLLM's v3 limiter in memory, one call for each of its steps.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::admission::{Admission, Question};
use super::asked::Asked;
use super::charges::Charges;
use super::counted::whole_seconds;
use super::descriptor::{Descriptor, Kind, int, response, string};
use super::errors::declined;
use super::memory_cache::MemoryCaches;
use super::shelf::with_shelf;
use crate::core::limits::cell::Number;
use crate::core::limits::counters::Counters;
use crate::core::limits::gauge;
use crate::core::limits::window::{self, Charged};

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
        let descriptors = Descriptor::all(descriptors)?;
        let asked = Asked::new(&descriptors, skip_tokens)?;
        with_shelf(self.0.get(), cache, |shelf| {
            let (over, statuses) = asked.take(shelf, slot, now_s, window_s, uncharged)?;
            response(cache.py(), over, &statuses)
        })
    }

    /// `admit` and, where it lets the request in, `reserve`, with nothing between them. The second is `None` where
    /// the request is refused before, or where LiteLLM must reserve: what the first did stays done.
    #[expect(clippy::too_many_arguments, reason = "they are one request's")]
    fn admit_reserving<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        descriptors: &Bound<'py, PyAny>,
        now_s: f64,
        window_s: i64,
        slot: &str,
        uncharged: bool,
        tokens: i64,
    ) -> PyResult<(Bound<'py, PyDict>, Option<Bound<'py, PyDict>>)> {
        let py = cache.py();
        let descriptors = Descriptor::all(descriptors)?;
        let asked = Asked::new(&descriptors, true)?;
        let charges = Charges::of_tokens(&descriptors, tokens, window_s)?;
        with_shelf(self.0.get(), cache, |shelf| {
            let (over, statuses) = asked.take(shelf, slot, now_s, window_s, uncharged)?;
            let response = response(py, over, &statuses)?;
            if over {
                return Ok((response, None));
            }
            let Ok(made) = charges.apply(shelf, whole_seconds(now_s)) else {
                return Ok((response, None));
            };
            if uncharged && matches!(made, Charged::Over { .. }) {
                asked.take_back(shelf, window_s);
            }
            Ok((response, Some(charges.tell(py, made)?)))
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
        let asked = Asked::new(&descriptors, skip_tokens)?;
        with_shelf(self.0.get(), cache, |shelf| {
            asked.take_back(shelf, window_s);
            Ok(())
        })
    }

    /// Tokens under every descriptor that limits them, but for the kinds in `except_`.
    fn reserve<'py>(
        &self,
        cache: &Bound<'py, PyAny>,
        descriptors: &Bound<'py, PyAny>,
        tokens: &Bound<'py, PyAny>,
        now_s: i64,
        window_s: i64,
        except_: Vec<String>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (mut descriptors, tokens) = (Descriptor::all(descriptors)?, int(tokens)?);
        descriptors.retain(|one| {
            let key = one.key.to_str().unwrap_or_default();
            !except_.iter().any(|kind| kind == key)
        });
        Charges::of_tokens(&descriptors, tokens, window_s)?.make(self.0.get(), cache, now_s)
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

    fn give_back(
        &self,
        cache: &Bound<'_, PyAny>,
        keys: Vec<Bound<'_, PyAny>>,
        slot: &str,
    ) -> PyResult<()> {
        let keys: Vec<String> = keys.iter().map(string).collect::<PyResult<_>>()?;
        with_shelf(self.0.get(), cache, |shelf| {
            gauge::give_back(shelf, &keys, slot).map_err(declined)
        })
    }

    /// Keeps what Redis tells of gauges, as LiteLLM does: how many are in flight, and not which.
    fn keep_gauges(
        &self,
        cache: &Bound<'_, PyAny>,
        keys: Vec<String>,
        left: &Bound<'_, PyList>,
    ) -> PyResult<()> {
        let left: Vec<i64> = left
            .iter()
            .map(|count| int(&count))
            .collect::<PyResult<_>>()?;
        with_shelf(self.0.get(), cache, |shelf| {
            for (key, count) in keys.iter().zip(left) {
                shelf.write(key, Number::Int(count.max(0)), gauge::SLOT_TTL_S);
            }
            Ok(())
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
        tokens: Option<Bound<'py, PyAny>>,
        except_: Vec<String>,
        uncharged: bool,
    ) -> PyResult<Admission> {
        let tokens = tokens.map(|tokens| int(&tokens)).transpose()?;
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

    fn add(
        &self,
        cache: &Bound<'_, PyAny>,
        amounts: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
    ) -> PyResult<()> {
        let amounts: Vec<(String, i64)> = amounts
            .iter()
            .map(|(key, amount)| Ok((string(key)?, int(amount)?)))
            .collect::<PyResult<_>>()?;
        with_shelf(self.0.get(), cache, |shelf| {
            let ttl_s = shelf.default_ttl_s();
            window::add(shelf, &amounts, ttl_s).map_err(declined)
        })
    }
}
